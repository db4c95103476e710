//! What all plans over charges have in common.

use datafusion::arrow::record_batch::RecordBatch;
use datafusion::datasource::provider_as_source;
use datafusion::execution::SendableRecordBatchStream;
use datafusion::functions::expr_fn::lower;
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder, col, lit};
use datafusion::scalar::ScalarValue;
use futures::TryStreamExt;
use meterlake_lake::charges::columns;
use meterlake_lake::{ChargesFile, ChargesSnapshot, Lake, LakeError};
use meterlake_model::{Day, DayRange};

use crate::engine::QueryEngine;
use crate::scope::{self, Scope};
use crate::{ReportError, Selection};

/// The pinned snapshot, or the newest.
pub(crate) async fn snapshot(lake: &Lake, pinned: Option<u64>) -> Result<ChargesSnapshot, ReportError> {
    let Some(version) = pinned else { return Ok(lake.charges().await?) };
    lake.charges_at(version).await.map_err(|error| match error {
        LakeError::NoSuchVersion { version, .. } => ReportError::SnapshotGone(version),
        error => error.into(),
    })
}

/// The charges of the scope in `files`: the start of every plan.
pub(crate) fn charges(
    snapshot: &ChargesSnapshot,
    files: &[ChargesFile],
    scope: &Scope<'_>,
    order: Order,
) -> Result<LogicalPlanBuilder, ReportError> {
    let provider = match order {
        Order::Stored => snapshot.provider_of(files),
        Order::Any => snapshot.unordered_provider_of(files),
    };
    let source = provider_as_source(provider);
    Ok(LogicalPlanBuilder::scan("charges", source, None)?.filter(scope::predicate(scope))?)
}

/// Whether a plan makes use of the order in which charges are stored.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Order {
    /// It does.
    Stored,
    /// It does not: sums.
    Any,
}

/// The files that can hold rows of the scope and the selection.
pub(crate) fn files(snapshot: &ChargesSnapshot, scope: &Scope<'_>, selection: Option<Selection>) -> Vec<ChargesFile> {
    let selected = |file: &&ChargesFile| match selection {
        None => true,
        Some(Selection::Period(period)) => file.period == period,
        Some(Selection::Days(days)) => overlaps(file, days),
    };
    snapshot.files().iter().filter(|file| scope::may_hold(scope, &file.scope)).filter(selected).cloned().collect()
}

/// Whether the file has days of the range.
pub(crate) fn overlaps(file: &ChargesFile, days: DayRange) -> bool {
    file.first_day <= days.last && days.first <= file.last_day
}

/// The rows of the selection.
pub(crate) fn selected(selection: Selection) -> Expr {
    match selection {
        Selection::Period(period) => col(columns::BILLING_PERIOD).eq(lit(period.number())),
        Selection::Days(range) => days(Some(range.first), Some(range.last)).unwrap_or_else(|| lit(true)),
    }
}

/// The rows from the first to the last day, both inclusive; none when both are open.
pub(crate) fn days(first: Option<Day>, last: Option<Day>) -> Option<Expr> {
    let from = first.map(|day| col(columns::USAGE_DATE).gt_eq(date(day)));
    let to = last.map(|day| col(columns::USAGE_DATE).lt_eq(date(day)));
    match (from, to) {
        (Some(from), Some(to)) => Some(from.and(to)),
        (from, to) => from.or(to),
    }
}

/// The day as a literal.
pub(crate) fn date(day: Day) -> Expr {
    Expr::Literal(ScalarValue::Date32(Some(day.since_epoch())), None)
}

/// The rows whose charge type is Usage, in any case.
pub(crate) fn is_usage() -> Expr {
    lower(col(columns::CHARGE_TYPE)).eq(lit("usage"))
}

/// The rows of the marketplace: those of other publishers, in any case.
pub(crate) fn is_marketplace() -> Expr {
    lower(col(columns::PUBLISHER_TYPE)).eq(lit("marketplace"))
}

/// Runs the plan to its end and gives its rows.
pub(crate) async fn collect(engine: &dyn QueryEngine, plan: LogicalPlan) -> Result<Vec<RecordBatch>, ReportError> {
    let stream: SendableRecordBatchStream = engine.run(vec![plan]).await?;
    Ok(stream.try_collect().await?)
}

/// `checked_sum(argument)`.
pub(crate) fn checked_sum(argument: Expr) -> Expr {
    meterlake_lake::checked_sum_udaf().call(vec![argument])
}

/// Keeps the first `rows` rows.
pub(crate) fn keep_first(batches: &mut Vec<RecordBatch>, mut rows: usize) {
    batches.retain_mut(|batch| {
        let keep = rows.min(batch.num_rows());
        rows -= keep;
        *batch = batch.slice(0, keep);
        keep > 0
    });
}
