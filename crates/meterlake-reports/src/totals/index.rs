//! The totals of all customers in one selection, in memory: a request looks its customer up.

use std::mem::size_of;
use std::ops::Range;
use std::sync::Arc;

use datafusion::arrow::array::{Array, AsArray, RecordBatch};
use datafusion::arrow::compute::{cast, concat_batches};
use datafusion::arrow::datatypes::{DataType, Field, Schema};
use meterlake_lake::ChargesSnapshot;
use meterlake_lake::charges::columns;
use meterlake_model::CustomerTenantId;

use super::{TotalsBy, TotalsQuery, TotalsRow, plan, rows};
use crate::memory::{Made, Sources, Weigh, list_bytes};
use crate::plan::{collect, files};
use crate::scope::Scope;
use crate::{CustomerScope, ReportError};

/// The totals of all customers in one selection.
pub(crate) struct Index {
    /// The rows as the plan gives them, by customer, texts in their plain form.
    rows: RecordBatch,
    /// The rows of each customer, by customer.
    customers: Vec<(CustomerTenantId, Range<usize>)>,
}

impl Weigh for Index {
    fn bytes(&self) -> usize {
        size_of::<Self>() + self.rows.get_array_memory_size() + list_bytes(&self.customers)
    }
}

/// The index that serves the query; none when the lake is to be read.
pub(super) async fn index(
    sources: Sources<'_>,
    snapshot: &ChargesSnapshot,
    query: &TotalsQuery,
) -> Result<Option<Arc<Index>>, ReportError> {
    if query.subscription.is_some() && query.by == TotalsBy::Customer {
        return Ok(None);
    }
    let named = || {
        let all = files(snapshot, &Scope::Customers(&CustomerScope::All), Some(query.selection));
        all.iter().map(|file| Arc::from(file.path.as_str())).collect()
    };
    let make = || async {
        match read(sources, snapshot, query).await {
            Ok(index) => Ok(index.map_or(Made::Not, Made::Value)),
            // What cannot be told of all customers at once can still be told of one.
            Err(ReportError::Overflow(_) | ReportError::Memory(_)) => Ok(Made::Not),
            Err(error) => Err(error),
        }
    };
    sources.memory.totals.get((query.selection, query.by), snapshot.version(), named, |_| true, make).await
}

async fn read(
    sources: Sources<'_>,
    snapshot: &ChargesSnapshot,
    query: &TotalsQuery,
) -> Result<Option<Index>, ReportError> {
    let all = TotalsQuery { customers: CustomerScope::All, subscription: None, ..query.clone() };
    let batches = collect(sources.engine, plan::sums(snapshot, &all)?).await?;
    let batches = batches.iter().map(plain).collect::<Result<Vec<_>, _>>()?;
    let Some(first) = batches.first() else {
        return Ok(Some(Index { rows: RecordBatch::new_empty(Arc::new(Schema::empty())), customers: Vec::new() }));
    };
    let rows = concat_batches(&first.schema(), &batches).map_err(|error| ReportError::Engine(error.to_string()))?;
    Ok(customers(&rows).map(|customers| Index { rows, customers }))
}

/// The batch with texts in their plain form, which takes no more memory than they have bytes.
fn plain(batch: &RecordBatch) -> Result<RecordBatch, ReportError> {
    let failed = |error| ReportError::Engine(format!("totals: {error}"));
    let (mut fields, mut arrays) = (Vec::new(), Vec::new());
    for (field, array) in batch.schema().fields().iter().zip(batch.columns()) {
        let text = matches!(array.data_type(), DataType::Utf8View | DataType::LargeUtf8 | DataType::Dictionary(_, _));
        let array = if text { cast(array, &DataType::Utf8).map_err(failed)? } else { Arc::clone(array) };
        fields.push(Field::new(field.name(), array.data_type().clone(), field.is_nullable()));
        arrays.push(array);
    }
    RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays).map_err(failed)
}

/// The rows of each customer; none where a customer is spelt in another way than ids are, so that a look-up by id would
/// find what a comparison of texts does not.
fn customers(rows: &RecordBatch) -> Option<Vec<(CustomerTenantId, Range<usize>)>> {
    let column = rows.column_by_name(columns::CUSTOMER_TENANT_ID)?.as_string_opt::<i32>()?;
    let mut customers: Vec<(CustomerTenantId, Range<usize>)> = Vec::new();
    for at in 0..column.len() {
        let text = column.value(at);
        if at > 0 && text == column.value(at - 1) {
            customers.last_mut()?.1.end = at + 1;
            continue;
        }
        let id: CustomerTenantId = text.parse().ok().filter(|id: &CustomerTenantId| id.to_string() == text)?;
        if customers.last().is_some_and(|(last, _)| *last >= id) {
            return None;
        }
        customers.push((id, at..at + 1));
    }
    customers.shrink_to_fit();
    Some(customers)
}

impl Index {
    /// The rows that the query asks for, in the order that the plan gives them.
    pub(super) fn rows(&self, query: &TotalsQuery) -> Result<Vec<TotalsRow>, ReportError> {
        let mut found = Vec::new();
        match &query.customers {
            CustomerScope::All if self.rows.num_columns() > 0 => rows::read(&self.rows, &mut found)?,
            CustomerScope::All => {}
            CustomerScope::These(ids) => {
                let mut ids = ids.clone();
                ids.sort_unstable();
                ids.dedup();
                for id in ids {
                    if let Ok(place) = self.customers.binary_search_by_key(&id, |(customer, _)| *customer) {
                        let range = &self.customers[place].1;
                        rows::read(&self.rows.slice(range.start, range.len()), &mut found)?;
                    }
                }
            }
        }
        if let Some(subscription) = query.subscription.as_ref().map(|id| id.to_lowercase()) {
            found.retain(|row| row.subscription_id == subscription);
        }
        Ok(found)
    }
}
