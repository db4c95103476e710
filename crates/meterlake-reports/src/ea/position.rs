//! A place in the order of EA usage details.

use datafusion::arrow::array::{Array, ArrayRef, AsArray};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Date32Type, Int64Type};
use datafusion::arrow::record_batch::RecordBatch;
use datafusion::logical_expr::{Expr, col, lit};
use meterlake_lake::charges::columns;
use meterlake_model::{Day, ImportId};

use crate::ReportError;
use crate::plan::date;

/// Where the next page of a walk starts.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(untagged)]
pub enum EaPlace {
    /// After a row of a file: nothing needs to be searched.
    Row(EaRow),
    /// After this place in the order.
    Key(EaPosition),
}

/// A row of a data file, which never changes.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct EaRow {
    /// The file's path under the table's root.
    #[serde(rename = "o")]
    pub file: String,
    /// How many rows of the file come before it.
    #[serde(rename = "n")]
    pub row: u64,
}

/// The place of a row in the order of the answer: its values of [`meterlake_lake::charges::columns::SORT`].
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
pub struct EaPosition {
    /// The day of the charge.
    #[serde(rename = "d")]
    pub usage_date: Day,
    /// The customer, empty when none.
    #[serde(rename = "c", default, skip_serializing_if = "String::is_empty")]
    pub customer_tenant_id: String,
    /// The subscription.
    #[serde(rename = "s")]
    pub subscription_id: String,
    /// The resource.
    #[serde(rename = "r")]
    pub resource_id: String,
    /// The meter.
    #[serde(rename = "m")]
    pub meter_id: String,
    /// The import that brought the row.
    #[serde(rename = "i")]
    pub import_id: ImportId,
    /// The ordinal of the source file in its import.
    #[serde(rename = "f")]
    pub source_file: i64,
    /// The line in the source file.
    #[serde(rename = "l")]
    pub source_line: i64,
}

impl EaPosition {
    /// The place of the last row of a batch that has the columns of the sort order.
    pub(super) fn of_last_row(batch: &RecordBatch) -> Result<Self, ReportError> {
        let row = LastRow(batch);
        let import = row.text(columns::IMPORT_ID)?;
        Ok(Self {
            usage_date: row.day(columns::USAGE_DATE)?,
            customer_tenant_id: row.text(columns::CUSTOMER_TENANT_ID)?,
            subscription_id: row.text(columns::SUBSCRIPTION_ID)?,
            resource_id: row.text(columns::RESOURCE_ID)?,
            meter_id: row.text(columns::METER_ID)?,
            import_id: import.parse().map_err(|error| ReportError::Engine(format!("a row's import: {error}")))?,
            source_file: row.integer(columns::SOURCE_FILE)?,
            source_line: row.integer(columns::SOURCE_LINE)?,
        })
    }

    /// The rows after this place. The first condition says nothing new, but it is one that skips files and pages.
    pub(super) fn passed(&self) -> Expr {
        let keys = [
            (columns::USAGE_DATE, date(self.usage_date)),
            (columns::CUSTOMER_TENANT_ID, lit(self.customer_tenant_id.clone())),
            (columns::SUBSCRIPTION_ID, lit(self.subscription_id.clone())),
            (columns::RESOURCE_ID, lit(self.resource_id.clone())),
            (columns::METER_ID, lit(self.meter_id.clone())),
            (columns::IMPORT_ID, lit(self.import_id.to_string())),
            (columns::SOURCE_FILE, lit(self.source_file)),
            (columns::SOURCE_LINE, lit(self.source_line)),
        ];
        let after = keys.into_iter().rev().fold(lit(false), |rest, (column, value)| {
            let tie = col(column).eq(value.clone()).and(rest);
            col(column).gt(value).or(tie)
        });
        col(columns::USAGE_DATE).gt_eq(date(self.usage_date)).and(after)
    }
}

struct LastRow<'a>(&'a RecordBatch);

impl LastRow<'_> {
    fn value(&self, column: &str, wanted: &DataType) -> Result<ArrayRef, ReportError> {
        let array = self.0.column_by_name(column).filter(|array| !array.is_empty());
        let array = array.ok_or_else(|| ReportError::Engine(format!("no row with a column {column}")))?;
        cast(&array.slice(array.len() - 1, 1), wanted)
            .map_err(|error| ReportError::Engine(format!("{column}: {error}")))
    }

    fn text(&self, column: &str) -> Result<String, ReportError> {
        Ok(self.value(column, &DataType::Utf8)?.as_string::<i32>().value(0).to_owned())
    }

    fn integer(&self, column: &str) -> Result<i64, ReportError> {
        Ok(self.value(column, &DataType::Int64)?.as_primitive::<Int64Type>().value(0))
    }

    fn day(&self, column: &str) -> Result<Day, ReportError> {
        let days = self.value(column, &DataType::Date32)?.as_primitive::<Date32Type>().value(0);
        Day::from_since_epoch(days).ok_or_else(|| ReportError::Engine(format!("{column}: {days} days since 1970")))
    }
}
