//! From batches of totals to typed rows.

use datafusion::arrow::array::{Array, ArrayRef, AsArray, StringArray};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Decimal128Type, Int64Type};
use datafusion::arrow::record_batch::RecordBatch;
use meterlake_lake::charges::columns;
use meterlake_model::Fixed;

use super::TotalsRow;
use super::plan::{ROWS, USD, USD_ROWS};
use crate::ReportError;

/// Appends the rows of the batch.
pub(super) fn read(batch: &RecordBatch, rows: &mut Vec<TotalsRow>) -> Result<(), ReportError> {
    let columns = Columns::of(batch)?;
    for at in 0..batch.num_rows() {
        let has_all_usd = columns.usd_rows.value(at)? == columns.rows.value(at)?;
        rows.push(TotalsRow {
            customer: parse(columns::CUSTOMER_TENANT_ID, columns.customer.value(at))?,
            subscription_id: columns.subscription_id.value(at).to_owned(),
            subscription_name: columns.subscription_name.value(at).to_owned(),
            offer_id: columns.offer_id.value(at).to_owned(),
            meter_id: columns.meter_id.value(at).to_owned(),
            meter_name: columns.meter_name.value(at).to_owned(),
            category: columns.category.value(at).to_owned(),
            subcategory: columns.subcategory.value(at).to_owned(),
            unit: columns.unit.value(at).to_owned(),
            currency: parse(columns::BILLING_CURRENCY, columns.currency.value(at))?,
            cost: columns.cost.value(at)?,
            usd: if has_all_usd { Some(columns.usd.value(at)?) } else { None },
            quantity: columns.quantity.value(at)?,
            latest_import: match columns.latest_import.value(at) {
                "" => None,
                import => Some(parse(columns::IMPORT_ID, import)?),
            },
        });
    }
    Ok(())
}

struct Columns {
    customer: Text,
    subscription_id: Text,
    subscription_name: Text,
    offer_id: Text,
    meter_id: Text,
    meter_name: Text,
    category: Text,
    subcategory: Text,
    unit: Text,
    currency: Text,
    latest_import: Text,
    cost: Decimals,
    usd: Decimals,
    quantity: Decimals,
    usd_rows: Count,
    rows: Count,
}

impl Columns {
    fn of(batch: &RecordBatch) -> Result<Self, ReportError> {
        Ok(Self {
            customer: Text::of(batch, columns::CUSTOMER_TENANT_ID)?,
            subscription_id: Text::of(batch, columns::SUBSCRIPTION_ID)?,
            subscription_name: Text::of(batch, columns::SUBSCRIPTION_NAME)?,
            offer_id: Text::of(batch, columns::OFFER_ID)?,
            meter_id: Text::of(batch, columns::METER_ID)?,
            meter_name: Text::of(batch, columns::METER_NAME)?,
            category: Text::of(batch, columns::METER_CATEGORY)?,
            subcategory: Text::of(batch, columns::METER_SUBCATEGORY)?,
            unit: Text::of(batch, columns::UNIT_OF_MEASURE)?,
            currency: Text::of(batch, columns::BILLING_CURRENCY)?,
            latest_import: Text::of(batch, columns::IMPORT_ID)?,
            cost: Decimals::of(batch, columns::BILLED_COST)?,
            usd: Decimals::of(batch, USD)?,
            quantity: Decimals::of(batch, columns::QUANTITY)?,
            usd_rows: Count::of(batch, USD_ROWS)?,
            rows: Count::of(batch, ROWS)?,
        })
    }
}

/// A column of text; empty throughout when the totals have no such key.
struct Text(Option<StringArray>);

impl Text {
    fn of(batch: &RecordBatch, column: &str) -> Result<Self, ReportError> {
        let Some(array) = batch.column_by_name(column) else { return Ok(Self(None)) };
        let text = cast(array, &DataType::Utf8).map_err(|error| wrong(column, &error))?;
        Ok(Self(Some(text.as_string::<i32>().clone())))
    }

    fn value(&self, at: usize) -> &str {
        self.0.as_ref().filter(|text| text.is_valid(at)).map_or("", |text| text.value(at))
    }
}

/// A column of sums; null, the sum of no values, is zero.
struct Decimals(ArrayRef);

impl Decimals {
    fn of(batch: &RecordBatch, column: &str) -> Result<Self, ReportError> {
        let array = batch.column_by_name(column).ok_or_else(|| wrong(column, &"not there"))?;
        match array.data_type() {
            DataType::Decimal128(_, _) => Ok(Self(array.clone())),
            other => Err(wrong(column, other)),
        }
    }

    fn value<const SCALE: u32>(&self, at: usize) -> Result<Fixed<SCALE>, ReportError> {
        let sums = self.0.as_primitive::<Decimal128Type>();
        if u32::try_from(sums.scale()) != Ok(SCALE) {
            return Err(wrong("a sum", sums.data_type()));
        }
        if sums.is_null(at) {
            return Ok(Fixed::ZERO);
        }
        Fixed::from_unscaled(sums.value(at)).map_err(|error| ReportError::Overflow(error.to_string()))
    }
}

struct Count(ArrayRef);

impl Count {
    fn of(batch: &RecordBatch, column: &str) -> Result<Self, ReportError> {
        batch.column_by_name(column).cloned().map(Self).ok_or_else(|| wrong(column, &"not there"))
    }

    fn value(&self, at: usize) -> Result<i64, ReportError> {
        let counts = self.0.as_primitive_opt::<Int64Type>().ok_or_else(|| wrong("a count", self.0.data_type()))?;
        Ok(counts.value(at))
    }
}

fn parse<T: std::str::FromStr<Err: std::fmt::Display>>(column: &str, text: &str) -> Result<T, ReportError> {
    text.parse().map_err(|error| wrong(column, &error))
}

fn wrong(column: &str, what: &dyn std::fmt::Display) -> ReportError {
    ReportError::Engine(format!("totals, {column}: {what}"))
}
