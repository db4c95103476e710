//! EA usage details.

use datafusion::arrow::record_batch::RecordBatch;
use datafusion::execution::SendableRecordBatchStream;
use meterlake_lake::Lake;
use meterlake_model::{BillingAccountId, BillingPeriod, Day, ImportId};

use crate::engine::QueryEngine;
use crate::{ReportError, Selection};

/// Which charges of which billing accounts.
#[derive(Clone, Debug)]
pub struct EaRequest {
    /// The billing accounts of the enrolment; their rows are merged in one order.
    pub accounts: Vec<BillingAccountId>,
    /// By billing period or by day.
    pub selection: Selection,
    /// Leaves out purchases, refunds and every other charge whose type is not Usage.
    pub usage_only: bool,
    /// The snapshot to read; the newest when none.
    pub snapshot: Option<u64>,
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

/// A page of rows in order.
#[derive(Clone, Debug)]
pub struct EaPage {
    /// The snapshot that was read; pin it for the next page.
    pub snapshot: u64,
    /// The rows, with the columns that [`crate::ea_columns`] names and those of the lake's sort order.
    pub batches: Vec<RecordBatch>,
    /// Where the next page goes on; none when this is the last one.
    pub next: Option<EaPosition>,
}

pub(crate) async fn page(
    _lake: &Lake,
    _engine: &dyn QueryEngine,
    _request: &EaRequest,
    _after: Option<&EaPosition>,
    _limit: usize,
) -> Result<EaPage, ReportError> {
    todo!()
}

pub(crate) async fn stream(
    _lake: &Lake,
    _engine: &dyn QueryEngine,
    _request: &EaRequest,
) -> Result<(u64, SendableRecordBatchStream), ReportError> {
    todo!()
}

pub(crate) async fn periods(
    _lake: &Lake,
    _engine: &dyn QueryEngine,
    _accounts: &[BillingAccountId],
    _snapshot: Option<u64>,
) -> Result<Vec<BillingPeriod>, ReportError> {
    todo!()
}
