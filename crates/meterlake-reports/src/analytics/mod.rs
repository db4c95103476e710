//! Azure usage analytics: quantity by any combination of the 13 fields.

mod answer;
mod bucket;
mod field;
mod filter;
mod plan;
mod sum;

use datafusion::arrow::array::AsArray;
use datafusion::arrow::datatypes::Int64Type;
use datafusion::arrow::record_batch::RecordBatch;
use datafusion::logical_expr::LogicalPlan;
use meterlake_lake::{ChargesSnapshot, Lake};
use meterlake_model::Day;

pub use field::{AggregationLevel, AnalyticsField, AnalyticsKey, Direction};
pub(crate) use sum::Answers;

use self::plan::Checked;
use self::sum::Ground;
use crate::engine::QueryEngine;
use crate::plan::{collect, keep_first, snapshot};
use crate::{CustomerScope, ReportError};

/// The output column that holds the summed quantity.
pub const QUANTITY_COLUMN: &str = meterlake_lake::charges::columns::QUANTITY;

/// What to sum and which part of the answer to give.
#[derive(Clone, Debug)]
pub struct AnalyticsRequest {
    /// Whose charges.
    pub customers: CustomerScope,
    /// The caller's filter, parsed with [`AnalyticsField::catalogue`].
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
    lake: &Lake,
    engine: &dyn QueryEngine,
    answers: &Answers,
    rollup: bool,
    request: &AnalyticsRequest,
) -> Result<AnalyticsPage, ReportError> {
    let checked = Checked::new(request)?;
    let snapshot = snapshot(lake, request.snapshot).await?;
    let ground = Ground { engine, snapshot: &snapshot, rollup: rollup.then_some(lake) };
    match sum::page(answers, &ground, &checked).await? {
        Some(page) => Ok(page),
        None => planned(engine, &snapshot, &checked).await,
    }
}

/// The page by plans of the engine, which spill: for answers that do not fit into memory.
async fn planned(
    engine: &dyn QueryEngine,
    snapshot: &ChargesSnapshot,
    checked: &Checked<'_>,
) -> Result<AnalyticsPage, ReportError> {
    let request = checked.request();
    let version = snapshot.version();
    let top = request.top.max(1);
    // Counted before anything is skipped, so that a place beyond the end costs no more than the count.
    let mut total = request.total;
    if total.is_none() && request.skip > 0 {
        total = Some(count(engine, checked.total(snapshot)?).await?);
    }
    if let Some(total) = total.filter(|total| request.skip >= *total) {
        return Ok(AnalyticsPage { snapshot: version, total, batches: Vec::new(), more: false });
    }
    let skip = usize::try_from(request.skip).unwrap_or(usize::MAX);
    let mut batches = collect(engine, checked.rows(snapshot, skip, top.saturating_add(1))?).await?;
    let rows: usize = batches.iter().map(RecordBatch::num_rows).sum();
    let more = rows > top;
    keep_first(&mut batches, top);
    let total = match total {
        Some(total) => total,
        // What fits on the first page counts itself.
        None if !more => u64::try_from(rows).unwrap_or(u64::MAX),
        None => count(engine, checked.total(snapshot)?).await?,
    };
    Ok(AnalyticsPage { snapshot: version, total, batches, more })
}

async fn count(engine: &dyn QueryEngine, plan: LogicalPlan) -> Result<u64, ReportError> {
    let batches = collect(engine, plan).await?;
    let counted = batches.iter().find(|batch| batch.num_rows() == 1 && batch.num_columns() == 1);
    let counted = counted.and_then(|batch| batch.column(0).as_primitive_opt::<Int64Type>().map(|count| count.value(0)));
    let counted = counted.and_then(|count| u64::try_from(count).ok());
    counted.ok_or_else(|| ReportError::Engine("a count gave no number".into()))
}
