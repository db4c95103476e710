//! A whole answer in order, of which pages are cut.

use std::sync::{Arc, Mutex, PoisonError};

use datafusion::arrow::array::{ArrayRef, Date32Array, Decimal128Array, StringViewArray};
use datafusion::arrow::datatypes::{DataType, Field, Schema};
use datafusion::arrow::error::ArrowError;
use datafusion::arrow::record_batch::RecordBatch;
use meterlake_lake::aggregate::{Aggregated, KeyValues};
use meterlake_model::Quantity;

use super::{AnalyticsField, Direction, QUANTITY_COLUMN};
use crate::ReportError;

/// Rows that are put in order at least, once any are.
const LEAST_SORTED: usize = 4096;

/// All rows of an answer. Those that pages have asked for are in order, and the others come after them.
pub(super) struct Answer {
    fields: Vec<AnalyticsField>,
    /// The values of each field in their order.
    values: Vec<KeyValues>,
    /// For each row, for each field, the place of its value.
    places: Vec<u32>,
    quantities: Vec<i128>,
    by: Vec<(Column, Direction)>,
    order: Mutex<Order>,
}

/// What rows are ordered by.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Column {
    /// The field at this place of a row.
    Field(usize),
    /// The summed quantity.
    Quantity,
}

struct Order {
    rows: Vec<u32>,
    /// So many at the front are in order and stay where they are.
    sorted: usize,
}

impl Answer {
    /// The answer with these sums of quantities, ordered `by` columns that leave no two rows equal.
    ///
    /// # Errors
    /// [`ReportError::Overflow`] when a quantity has more than 38 digits.
    pub(super) fn new(
        fields: Vec<AnalyticsField>,
        sums: Aggregated,
        by: Vec<(Column, Direction)>,
    ) -> Result<Self, ReportError> {
        let quantities = (0..sums.len()).map(|row| {
            let sum = sums.sums(row).first().copied().unwrap_or_default();
            sum.value().ok_or_else(|| ReportError::Overflow(format!("a quantity of {} units", sum.wide())))
        });
        let quantities = quantities.collect::<Result<Vec<i128>, _>>()?;
        let (values, ranks): (Vec<KeyValues>, Vec<Vec<u32>>) =
            fields.iter().zip(&sums.keys).map(|(field, values)| ranked(*field, values)).unzip();
        let mut places = Vec::with_capacity(sums.len() * fields.len());
        for row in 0..sums.len() {
            places.extend(sums.places(row).iter().zip(&ranks).map(|(place, ranks)| ranks[*place as usize]));
        }
        let rows = (0..u32::try_from(sums.len()).map_err(|error| ReportError::Engine(error.to_string()))?).collect();
        Ok(Self { fields, values, places, quantities, by, order: Mutex::new(Order { rows, sorted: 0 }) })
    }

    /// How many rows there are.
    pub(super) fn len(&self) -> usize {
        self.quantities.len()
    }

    /// Bytes of memory that it takes.
    pub(super) fn size(&self) -> usize {
        let values = |values: &KeyValues| match values {
            KeyValues::Texts(texts) => texts.iter().map(|text| text.len() + 32).sum(),
            KeyValues::Days(days) => size_of_val(days.as_slice()),
        };
        self.len() * (size_of::<i128>() + size_of::<u32>() * (1 + self.fields.len()))
            + self.values.iter().map(values).sum::<usize>()
    }

    /// Whether the first `rows` rows are in order already.
    pub(super) fn is_sorted(&self, rows: usize) -> bool {
        self.order.lock().unwrap_or_else(PoisonError::into_inner).sorted >= rows.min(self.len())
    }

    /// Puts the first `rows` rows in order.
    pub(super) fn sort(&self, rows: usize) {
        let mut order = self.order.lock().unwrap_or_else(PoisonError::into_inner);
        let rows = rows.min(self.len());
        if order.sorted >= rows {
            return;
        }
        // More than was asked for, so that a walk over all rows sorts a few times only.
        let end = rows.max(order.sorted.saturating_mul(3)).max(LEAST_SORTED).min(self.len());
        let (first, Order { rows, sorted }) = (order.sorted, &mut *order);
        let unsorted = &mut rows[first..];
        if end < first + unsorted.len() {
            unsorted.select_nth_unstable_by(end - first - 1, |one, other| self.compare(*one, *other));
        }
        unsorted[..end - first].sort_unstable_by(|one, other| self.compare(*one, *other));
        *sorted = end;
    }

    fn compare(&self, one: u32, other: u32) -> std::cmp::Ordering {
        let (one, other) = (one as usize, other as usize);
        let width = self.fields.len();
        for (column, direction) in &self.by {
            let ordering = match column {
                Column::Field(place) => self.places[one * width + place].cmp(&self.places[other * width + place]),
                Column::Quantity => self.quantities[one].cmp(&self.quantities[other]),
            };
            if ordering.is_ne() {
                return if *direction == Direction::Descending { ordering.reverse() } else { ordering };
            }
        }
        std::cmp::Ordering::Equal
    }

    /// The rows from `skip` on, at most `top`, which must be in order.
    ///
    /// # Errors
    /// When a batch cannot be made of them.
    pub(super) fn rows(&self, skip: usize, top: usize) -> Result<RecordBatch, ReportError> {
        let rows: Vec<u32> = {
            let order = self.order.lock().unwrap_or_else(PoisonError::into_inner);
            order.rows.iter().copied().skip(skip).take(top).collect()
        };
        let width = self.fields.len();
        let mut fields = Vec::with_capacity(width + 1);
        let mut arrays: Vec<ArrayRef> = Vec::with_capacity(width + 1);
        for (place, (field, values)) in self.fields.iter().zip(&self.values).enumerate() {
            let at = |row: &u32| self.places[*row as usize * width + place] as usize;
            let array: ArrayRef = match values {
                KeyValues::Texts(texts) => {
                    Arc::new(rows.iter().map(|row| texts.get(at(row))).collect::<StringViewArray>())
                }
                KeyValues::Days(days) => {
                    Arc::new(rows.iter().map(|row| days.get(at(row)).copied()).collect::<Date32Array>())
                }
            };
            fields.push(Field::new(field.column(), array.data_type().clone(), true));
            arrays.push(array);
        }
        let scale = i8::try_from(Quantity::SCALE).unwrap_or(0);
        let quantities = Decimal128Array::from_iter_values(rows.iter().map(|row| self.quantities[*row as usize]));
        let batch = quantities.with_precision_and_scale(38, scale).and_then(|quantities| {
            fields.push(Field::new(QUANTITY_COLUMN, DataType::Decimal128(38, scale), false));
            arrays.push(Arc::new(quantities));
            RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays)
        });
        batch.map_err(|error: ArrowError| ReportError::Engine(error.to_string()))
    }
}

/// The values of a field as they are given, in their order, and for each place of a value its new one.
fn ranked(field: AnalyticsField, values: &KeyValues) -> (KeyValues, Vec<u32>) {
    match values {
        KeyValues::Texts(texts) => {
            let given: Vec<Arc<str>> = match field {
                // Grouped as they are stored, in lower case.
                AnalyticsField::CustomerTenantId => texts.iter().map(|text| text.to_uppercase().into()).collect(),
                _ => texts.clone(),
            };
            let (sorted, ranks) = sorted(&given);
            (KeyValues::Texts(sorted), ranks)
        }
        KeyValues::Days(days) => {
            let (sorted, ranks) = sorted(days);
            (KeyValues::Days(sorted), ranks)
        }
    }
}

fn sorted<T: Ord + Clone>(values: &[T]) -> (Vec<T>, Vec<u32>) {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|one, other| values[*one].cmp(&values[*other]));
    let mut ranks = vec![0; values.len()];
    let mut sorted: Vec<T> = Vec::with_capacity(values.len());
    for place in order {
        if sorted.last() != Some(&values[place]) {
            sorted.push(values[place].clone());
        }
        ranks[place] = u32::try_from(sorted.len() - 1).unwrap_or(u32::MAX);
    }
    (sorted, ranks)
}
