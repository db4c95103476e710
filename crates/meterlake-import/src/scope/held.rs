//! What the lake holds in a data file, split by a selection.

use std::collections::{BTreeMap, BTreeSet};

use arrow::array::{BooleanArray, Date32Array, Decimal128Array, RecordBatch, StringArray};
use datafusion::execution::SendableRecordBatchStream;
use datafusion::prelude::SessionContext;
use futures::TryStreamExt;
use meterlake_lake::charges::columns;
use meterlake_lake::{ChargesFile, ChargesSnapshot, LakeError};
use meterlake_model::ImportId;

use super::access::{column, typed};
use super::claim::Selection;
use super::digest::row_digests;
use super::tally::{Sums, insert};
use crate::ImportError;

/// The rows of a data file on one side of a selection.
#[derive(Clone, Debug, Default)]
pub(crate) struct HeldRows {
    pub(crate) sums: Sums,
    pub(crate) subscriptions: BTreeSet<String>,
    pub(crate) customers: BTreeSet<String>,
    pub(crate) days: BTreeSet<i32>,
    pub(crate) imports: BTreeMap<ImportId, u64>,
}

/// A live data file, split by a selection.
#[derive(Clone, Debug)]
pub(crate) struct HeldFile {
    pub(crate) file: ChargesFile,
    pub(crate) selection: Selection,
    pub(crate) inside: HeldRows,
    pub(crate) outside: HeldRows,
}

/// The columns that decide about a row.
const FACTS: [&str; 6] = [
    columns::USAGE_DATE,
    columns::SUBSCRIPTION_ID,
    columns::CUSTOMER_TENANT_ID,
    columns::IMPORT_ID,
    columns::BILLED_COST,
    columns::EFFECTIVE_COST,
];

/// Streams rows of one data file, all columns when none are named.
pub(crate) async fn read(
    context: &SessionContext,
    snapshot: &ChargesSnapshot,
    file: &ChargesFile,
    names: &[&str],
) -> Result<SendableRecordBatchStream, ImportError> {
    let provider = snapshot.provider_of(std::slice::from_ref(file));
    let mut frame = context.read_table(provider).map_err(LakeError::from)?;
    if !names.is_empty() {
        frame = frame.select_columns(names).map_err(LakeError::from)?;
    }
    Ok(frame.execute_stream().await.map_err(LakeError::from)?)
}

/// Reads a data file and counts its rows inside and outside of the selection.
pub(crate) async fn split(
    context: &SessionContext,
    snapshot: &ChargesSnapshot,
    file: &ChargesFile,
    selection: &Selection,
) -> Result<HeldFile, ImportError> {
    let (inside, outside) = partition(context, snapshot, file, std::slice::from_ref(selection)).await?;
    Ok(HeldFile { file: file.clone(), selection: selection.clone(), inside, outside })
}

/// Counts the rows of a data file that are in one of the selections, and those that are in none.
pub(crate) async fn partition(
    context: &SessionContext,
    snapshot: &ChargesSnapshot,
    file: &ChargesFile,
    selections: &[Selection],
) -> Result<(HeldRows, HeldRows), ImportError> {
    let (mut inside, mut outside) = (HeldRows::default(), HeldRows::default());
    let mut batches = read(context, snapshot, file, &FACTS).await?;
    while let Some(batch) = batches.try_next().await.map_err(LakeError::from)? {
        let batch = typed(&batch)?;
        let facts = Facts::of(&batch)?;
        for row in 0..batch.num_rows() {
            let is_in = selections.iter().any(|s| facts.is_in(row, s));
            let side = if is_in { &mut inside } else { &mut outside };
            side.add(&facts, row)?;
        }
    }
    Ok((inside, outside))
}

/// The digest of the rows inside the selection.
pub(crate) async fn digest(
    context: &SessionContext,
    snapshot: &ChargesSnapshot,
    held: &HeldFile,
) -> Result<u128, ImportError> {
    let mut sum = 0u128;
    let mut batches = read(context, snapshot, &held.file, &[]).await?;
    while let Some(batch) = batches.try_next().await.map_err(LakeError::from)? {
        let batch = typed(&batch)?;
        let facts = Facts::of(&batch)?;
        for (row, digest) in row_digests(&batch)?.into_iter().enumerate() {
            if facts.is_in(row, &held.selection) {
                sum = sum.wrapping_add(digest);
            }
        }
    }
    Ok(sum)
}

/// Which rows of a batch (typed) are in none of the selections and so stay.
pub(crate) fn staying(batch: &RecordBatch, selections: &[Selection]) -> Result<BooleanArray, ImportError> {
    let facts = Facts::of(batch)?;
    Ok((0..batch.num_rows()).map(|row| Some(!selections.iter().any(|s| facts.is_in(row, s)))).collect())
}

struct Facts<'a> {
    day: &'a Date32Array,
    subscription: &'a StringArray,
    customer: &'a StringArray,
    import: &'a StringArray,
    billed: &'a Decimal128Array,
    effective: &'a Decimal128Array,
}

impl<'a> Facts<'a> {
    fn of(batch: &'a RecordBatch) -> Result<Self, ImportError> {
        Ok(Self {
            day: column(batch, columns::USAGE_DATE)?,
            subscription: column(batch, columns::SUBSCRIPTION_ID)?,
            customer: column(batch, columns::CUSTOMER_TENANT_ID)?,
            import: column(batch, columns::IMPORT_ID)?,
            billed: column(batch, columns::BILLED_COST)?,
            effective: column(batch, columns::EFFECTIVE_COST)?,
        })
    }

    fn is_in(&self, row: usize, selection: &Selection) -> bool {
        selection.has_row(self.day.value(row), self.subscription.value(row), self.customer.value(row))
    }
}

impl HeldRows {
    fn add(&mut self, facts: &Facts<'_>, row: usize) -> Result<(), ImportError> {
        self.sums.add_row(facts.billed, facts.effective, row)?;
        self.days.insert(facts.day.value(row));
        insert(&mut self.subscriptions, facts.subscription.value(row));
        insert(&mut self.customers, facts.customer.value(row));
        let text = facts.import.value(row);
        let import: ImportId = text.parse().map_err(|_| LakeError::Corrupt {
            path: "charges".to_owned(),
            reason: format!("{text:?} is not an import id"),
        })?;
        *self.imports.entry(import).or_default() += 1;
        Ok(())
    }

    /// Adds the rows of another file of the same side.
    pub(crate) fn absorb(&mut self, other: &Self) -> Result<(), ImportError> {
        self.sums.add(&other.sums)?;
        self.days.extend(&other.days);
        self.subscriptions.extend(other.subscriptions.iter().cloned());
        self.customers.extend(other.customers.iter().cloned());
        for (import, rows) in &other.imports {
            *self.imports.entry(*import).or_default() += rows;
        }
        Ok(())
    }
}
