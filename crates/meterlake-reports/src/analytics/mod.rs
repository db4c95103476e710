//! Azure usage analytics: quantity by any combination of the 13 fields.

mod field;

use datafusion::arrow::record_batch::RecordBatch;
use meterlake_lake::Lake;
use meterlake_model::Day;

pub use field::{AggregationLevel, AnalyticsField, AnalyticsKey, Direction};

use crate::engine::QueryEngine;
use crate::{CustomerScope, ReportError};

/// The output column that holds the summed quantity.
pub const QUANTITY_COLUMN: &str = meterlake_lake::charges::columns::QUANTITY;

/// What to sum and which part of the answer to give.
#[derive(Clone, Debug)]
pub struct AnalyticsRequest {
    /// Whose charges.
    pub customers: CustomerScope,
    /// The caller's filter.
    pub filter: Option<meterlake_filter::Expr>,
    /// The first and the last day, both inclusive, each open when none.
    pub days: (Option<Day>, Option<Day>),
    /// The fields of a row; all 13 when none. A repeated one counts once.
    pub group_by: Option<Vec<AnalyticsField>>,
    /// What the day is truncated to, when it is one of the fields of a row.
    pub aggregation: AggregationLevel,
    /// The order; ties, and everything when it is empty, go by the fields of a row in their order, ascending.
    pub order_by: Vec<(AnalyticsKey, Direction)>,
    /// Rows to leave out at the start.
    pub skip: u64,
    /// Most rows to give.
    pub top: usize,
    /// The snapshot to read; the newest when none.
    pub snapshot: Option<u64>,
    /// The rows of the whole answer, when an earlier page of the same walk has counted them.
    pub total: Option<u64>,
}

/// A part of the answer.
#[derive(Clone, Debug)]
pub struct AnalyticsPage {
    /// The snapshot that was read; pin it for the next page.
    pub snapshot: u64,
    /// The rows of the whole answer.
    pub total: u64,
    /// The rows: a column a field, named [`AnalyticsField::column`], and [`QUANTITY_COLUMN`].
    pub batches: Vec<RecordBatch>,
    /// Whether rows follow.
    pub more: bool,
}

pub(crate) async fn page(
    _lake: &Lake,
    _engine: &dyn QueryEngine,
    _request: &AnalyticsRequest,
) -> Result<AnalyticsPage, ReportError> {
    todo!()
}
