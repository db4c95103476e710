//! EA usage details.

mod chain;
mod export;
mod json;
mod kept;
mod outline;
mod plan;
mod position;

use datafusion::arrow::record_batch::RecordBatch;
use datafusion::execution::SendableRecordBatchStream;
use futures::StreamExt;
use meterlake_lake::{ChargesSnapshot, Lake};
use meterlake_model::{BillingAccountId, BillingPeriod};

pub use export::EaPiece;
pub(crate) use export::{Exporter, csv};
pub(crate) use json::page as json_page;
pub use json::{EaBody, EaJsonPage, EaJsonRequest};
pub use outline::EaOutline;
pub(crate) use outline::{outline, read as read_outline};
pub use position::{EaPlace, EaPosition, EaRow};

use self::plan::Details;
use crate::engine::QueryEngine;
use crate::plan::{files, keep_first, snapshot};
use crate::scope::Scope;
use crate::{ReportError, Selection};

/// Which charges of which billing accounts.
#[derive(Clone, Debug)]
pub struct EaRequest {
    /// The billing accounts of the enrolment; their rows are merged in one order.
    pub accounts: Vec<BillingAccountId>,
    /// By billing period or by day.
    pub selection: Selection,
    /// Leaves out purchases, refunds and every other charge whose type is not Usage, and all of the marketplace.
    pub usage_only: bool,
    /// The snapshot to read; the newest when none.
    pub snapshot: Option<u64>,
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

/// A page seldom needs more than the rest of one month and the start of the next.
const STEPS_AT_A_TIME: usize = 2;

pub(crate) async fn page(
    lake: &Lake,
    engine: &dyn QueryEngine,
    request: &EaRequest,
    after: Option<&EaPosition>,
    limit: usize,
) -> Result<EaPage, ReportError> {
    let snapshot = snapshot(lake, request.snapshot).await?;
    planned_page(&snapshot, engine, request, after, limit).await
}

/// A page by plans that merge the files.
async fn planned_page(
    snapshot: &ChargesSnapshot,
    engine: &dyn QueryEngine,
    request: &EaRequest,
    after: Option<&EaPosition>,
    limit: usize,
) -> Result<EaPage, ReportError> {
    let limit = limit.max(1);
    let details = Details::new(snapshot, request, after);
    let (mut batches, mut rows) = (Vec::new(), 0usize);
    for steps in details.steps().chunks(STEPS_AT_A_TIME) {
        // One row more shows whether there is a next page.
        let mut stream = engine.run(details.plans(steps, Some(limit - rows + 1))?).await?;
        while rows <= limit
            && let Some(batch) = stream.next().await
        {
            let batch = batch?;
            rows += batch.num_rows();
            if batch.num_rows() > 0 {
                batches.push(batch);
            }
        }
        if rows > limit {
            break;
        }
    }
    let more = rows > limit;
    keep_first(&mut batches, limit);
    let next = match batches.last() {
        Some(last) if more => Some(EaPosition::of_last_row(last)?),
        _ => None,
    };
    Ok(EaPage { snapshot: snapshot.version(), batches, next })
}

pub(crate) async fn stream(
    lake: &Lake,
    engine: &dyn QueryEngine,
    request: &EaRequest,
) -> Result<(u64, SendableRecordBatchStream), ReportError> {
    let snapshot = snapshot(lake, request.snapshot).await?;
    let details = Details::new(&snapshot, request, None);
    let plans = details.plans(details.steps(), None)?;
    Ok((snapshot.version(), engine.run(plans).await?))
}

/// Needs no query: account, basis and period of the rows are known of every data file.
pub(crate) async fn periods(
    lake: &Lake,
    accounts: &[BillingAccountId],
    pinned: Option<u64>,
) -> Result<Vec<BillingPeriod>, ReportError> {
    let snapshot = snapshot(lake, pinned).await?;
    let mut periods: Vec<BillingPeriod> = files(&snapshot, &Scope::Accounts(accounts), None)
        .into_iter()
        .filter(|file| file.rows > 0)
        .map(|file| file.period)
        .collect();
    periods.sort_unstable_by(|a, b| b.cmp(a));
    periods.dedup();
    Ok(periods)
}
