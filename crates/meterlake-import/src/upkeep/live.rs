//! What the live rows say of the imports that brought them.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, Decimal128Array, Int32Array, RecordBatch, StringArray};
use meterlake_lake::charges::columns;
use meterlake_lake::{LakeError, Table, TableFile};
use meterlake_model::{Fixed, ImportId, Quantity};

use crate::ImportError;
use crate::scope::access::column;
use crate::scope::digest::row_digests;
use crate::scope::tally::{Sums, add_to};

/// A scope and billing period of charges.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Part {
    pub(super) scope: Vec<String>,
    pub(super) period: i32,
}

/// Sums over the live rows of one import in one part.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct LiveCharges {
    pub(super) sums: Sums,
    pub(super) quantity: BTreeMap<String, Quantity>,
    pub(super) digest: u128,
}

/// The live rows of a table by import.
#[derive(Clone, Debug, Default)]
pub(super) struct LiveRows {
    pub(super) by_import: BTreeMap<ImportId, u64>,
    /// Of charges only.
    pub(super) charges: BTreeMap<(Part, ImportId), LiveCharges>,
}

impl LiveRows {
    /// Adds the rows of a batch of a file, as they are stored.
    pub(super) fn add(&mut self, table: Table, file: &TableFile, batch: &RecordBatch) -> Result<(), ImportError> {
        let Some(imports) = batch.column_by_name(columns::IMPORT_ID).filter(|_| table.built_from().is_empty()) else {
            return Ok(());
        };
        let imports = imports.as_any().downcast_ref::<StringArray>().ok_or_else(|| missing(columns::IMPORT_ID))?;
        let mut start = 0;
        while start < batch.num_rows() {
            let text = imports.value(start);
            let same = (start..batch.num_rows()).take_while(|row| imports.value(*row) == text).count();
            let import: ImportId = text.parse().map_err(|_| LakeError::Corrupt {
                path: file.path.to_string(),
                reason: format!("{text:?} is not an import id"),
            })?;
            *self.by_import.entry(import).or_default() += same as u64;
            start += same;
        }
        if table == Table::Charges { self.add_charges(file, batch, imports) } else { Ok(()) }
    }

    fn add_charges(&mut self, file: &TableFile, batch: &RecordBatch, imports: &StringArray) -> Result<(), ImportError> {
        let period = file.partition.unwrap_or(0);
        let part = Part { scope: file.scope.to_vec(), period };
        let whole = with_period(batch, period)?;
        let digests = row_digests(&whole)?;
        let billed: &Decimal128Array = column(&whole, columns::BILLED_COST)?;
        let effective: &Decimal128Array = column(&whole, columns::EFFECTIVE_COST)?;
        let quantities: &Decimal128Array = column(&whole, columns::QUANTITY)?;
        let units: &StringArray = column(&whole, columns::UNIT_OF_MEASURE)?;
        let mut start = 0;
        while start < whole.num_rows() {
            let text = imports.value(start);
            let end = start + (start..whole.num_rows()).take_while(|row| imports.value(*row) == text).count();
            let Ok(import) = text.parse() else { break };
            let live = self.charges.entry((part.clone(), import)).or_default();
            for (row, digest) in digests.iter().enumerate().take(end).skip(start) {
                live.sums.add_row(billed, effective, row)?;
                live.digest = live.digest.wrapping_add(*digest);
                if quantities.is_valid(row) {
                    let value = Fixed::from_unscaled(quantities.value(row))
                        .map_err(|_| ImportError::TotalTooLarge { what: "a single value".to_owned() })?;
                    add_quantity(&mut live.quantity, units.value(row), value)?;
                }
            }
            start = end;
        }
        Ok(())
    }

    /// Adds what was found in another file.
    pub(super) fn absorb(&mut self, other: Self) -> Result<(), ImportError> {
        for (import, rows) in other.by_import {
            *self.by_import.entry(import).or_default() += rows;
        }
        for (key, found) in other.charges {
            let live = self.charges.entry(key).or_default();
            live.sums.add(&found.sums)?;
            live.digest = live.digest.wrapping_add(found.digest);
            for (unit, value) in found.quantity {
                add_quantity(&mut live.quantity, &unit, value)?;
            }
        }
        Ok(())
    }
}

fn add_quantity(sums: &mut BTreeMap<String, Quantity>, unit: &str, value: Quantity) -> Result<(), ImportError> {
    let mut sum = sums.get(unit).copied();
    add_to(&mut sum, Some(value), "quantity")?;
    sums.extend(sum.map(|sum| (unit.to_owned(), sum)));
    Ok(())
}

fn missing(name: &str) -> LakeError {
    LakeError::Rows(format!("column {name} is missing"))
}

/// The batch with all columns of charges: the partition's, and those that a file of an older version lacks.
fn with_period(batch: &RecordBatch, period: i32) -> Result<RecordBatch, ImportError> {
    let schema = columns::schema();
    let arrays = schema.fields().iter().map(|field| -> ArrayRef {
        match batch.column_by_name(field.name()) {
            Some(found) => Arc::clone(found),
            None if field.name() == columns::BILLING_PERIOD => {
                Arc::new(Int32Array::from(vec![period; batch.num_rows()]))
            }
            None => none_of(field.data_type(), batch.num_rows()),
        }
    });
    let arrays = arrays.collect();
    let schema = nullable(&schema);
    Ok(RecordBatch::try_new(schema, arrays).map_err(LakeError::from)?)
}

fn nullable(schema: &arrow::datatypes::Schema) -> arrow::datatypes::SchemaRef {
    let fields = schema.fields().iter().map(|field| field.as_ref().clone().with_nullable(true));
    Arc::new(arrow::datatypes::Schema::new(fields.collect::<Vec<_>>()))
}

fn none_of(kind: &arrow::datatypes::DataType, rows: usize) -> ArrayRef {
    match kind {
        arrow::datatypes::DataType::Utf8 => Arc::new(StringArray::from(vec![""; rows])),
        other => arrow::array::new_null_array(other, rows),
    }
}
