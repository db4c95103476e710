//! A window as a whole, and how far activity and coverage reach.

use chrono::{DateTime, Utc};
use datafusion::functions_aggregate::expr_fn::{max, min};
use datafusion::logical_expr::{Expr, col, lit};
use meterlake_lake::tables::b2c_daily::{COVERAGE, columns};
use meterlake_lake::{Table, TableSnapshot};
use meterlake_model::TenantId;

use super::count::{daily, empty};
use super::daily_rows::daily_rows;
use super::{B2cDailyRequest, B2cPeriod};
use crate::ReportError;
use crate::engine::QueryEngine;
use crate::memory::Sources;
use crate::plan::collect;
use crate::tenant::{self, Columns};

/// The sum of the window's days; none for an application that has nothing in the window.
pub(crate) async fn period(sources: Sources<'_>, request: &B2cDailyRequest) -> Result<Option<B2cPeriod>, ReportError> {
    let snapshot = tenant::snapshot(sources.lake, Table::B2cDaily, request.snapshot).await?;
    let request = B2cDailyRequest { snapshot: Some(snapshot.version()), ..request.clone() };
    let days = daily(sources, &request).await?;
    if request.application.is_some() && days.is_empty() {
        return Ok(None);
    }
    let application = request.application();
    let [start, end] = match daily_rows(sources, &snapshot, request.tenant).await? {
        Some(kept) => kept.extent(application.as_deref()),
        None => {
            let mut rows = col(columns::KIND).not_eq(lit(COVERAGE));
            if let Some(id) = application {
                rows = rows.and(col(columns::APPLICATION_ID).eq(lit(id)));
            }
            let ends = [min(col(columns::FIRST_TIME)).alias(START), max(col(columns::LAST_TIME)).alias(END)];
            extremes(sources.engine, &snapshot, request.tenant, rows, ends, [START, END]).await?
        }
    };
    let mut period = B2cPeriod { start, end, count: 0, breakdown: empty(request.kind) };
    for day in days {
        period.count += day.count;
        for (key, count) in day.breakdown {
            *period.breakdown.entry(key).or_default() += count;
        }
    }
    Ok(Some(period))
}

const START: &str = "earliest";
const END: &str = "latest";

/// The newest covered moment of the tenant; none when nothing is covered.
pub(crate) async fn last_covered(
    sources: Sources<'_>,
    tenant: TenantId,
    pinned: Option<u64>,
) -> Result<Option<DateTime<Utc>>, ReportError> {
    let snapshot = tenant::snapshot(sources.lake, Table::B2cDaily, pinned).await?;
    if let Some(kept) = daily_rows(sources, &snapshot, tenant).await? {
        return Ok(kept.covered_to());
    }
    let rows = col(columns::KIND).eq(lit(COVERAGE));
    let newest = [max(col(columns::COVERED_TO)).alias(END)];
    let [newest] = extremes(sources.engine, &snapshot, tenant, rows, newest, [END]).await?;
    Ok(newest)
}

async fn extremes<const N: usize>(
    engine: &dyn QueryEngine,
    snapshot: &TableSnapshot,
    tenant: TenantId,
    rows: Expr,
    wanted: [Expr; N],
    names: [&str; N],
) -> Result<[Option<DateTime<Utc>>; N], ReportError> {
    let plan = tenant::rows(snapshot, tenant, None)?.filter(rows)?.aggregate(Vec::<Expr>::new(), wanted)?.build()?;
    let mut found = [None; N];
    for batch in collect(engine, plan).await?.iter().filter(|batch| batch.num_rows() == 1) {
        for (value, name) in found.iter_mut().zip(names) {
            *value = Columns(batch).instant(name, 0)?;
        }
    }
    Ok(found)
}
