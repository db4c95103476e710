//! Counts by day. Whole days come from the daily counts, the days that a window cuts from the events themselves.

use std::collections::BTreeMap;

use datafusion::functions_aggregate::expr_fn::sum;
use datafusion::logical_expr::{Expr, LogicalPlan, cast, col, lit, when};
use meterlake_lake::tables::{b2c_daily, b2c_events};
use meterlake_lake::{Table, TableSnapshot};
use meterlake_model::Day;

use super::daily_rows::daily_rows;
use super::day_events::day_events;
use super::{B2cDailyRequest, B2cDay, B2cKind, B2cWindow, MfaCounts};
use crate::ReportError;
use crate::engine::QueryEngine;
use crate::memory::Sources;
use crate::plan::{collect, date};
use crate::tenant::{self, Columns, instant};

/// Flow or method of an event whose record does not tell.
const OTHER: &str = "other";
/// The methods that are always part of a breakdown.
const METHODS: [&str; 2] = ["SmsMfa", "VoiceMfa"];

/// Output columns of the plans.
const DAY: &str = "counted_day";
const KEY: &str = "counted_key";
const COUNT: &str = "counted";

/// Counts by day and flow or method.
pub(super) type Counts = BTreeMap<(Day, String), u64>;

/// The covered days of the window with their counts. With an application that has none in it, no days.
pub(crate) async fn daily(sources: Sources<'_>, request: &B2cDailyRequest) -> Result<Vec<B2cDay>, ReportError> {
    let Some(range) = request.window.days() else { return Ok(Vec::new()) };
    let snapshot = tenant::snapshot(sources.lake, Table::B2cDaily, request.snapshot).await?;
    let (covered, mut counts) = match daily_rows(sources, &snapshot, request.tenant).await? {
        Some(kept) => (kept.covered(range).to_vec(), kept.counts(request, range)),
        None => (
            covered_days(sources.engine, &snapshot, request, range).await?,
            read(sources.engine, whole_days(&snapshot, request, range)?).await?,
        ),
    };
    let row = |day| (day, B2cDay { day, count: 0, breakdown: empty(request.kind) });
    let mut days: BTreeMap<Day, B2cDay> = covered.into_iter().map(row).collect();
    let cut = [range.0, range.1].into_iter().filter(|day| days.contains_key(day) && !request.window.covers(*day));
    for day in cut {
        counts.retain(|(counted, _), _| *counted != day);
        counts.append(&mut read_events(sources, &snapshot, request, day).await?);
    }
    for ((day, key), count) in counts {
        let Some(row) = days.get_mut(&day).filter(|_| count > 0) else { continue };
        let key = if key.is_empty() { OTHER.to_owned() } else { key };
        row.count += count;
        *row.breakdown.entry(key).or_default() += count;
    }
    if request.application.is_some() && days.values().all(|day| day.count == 0) {
        return Ok(Vec::new());
    }
    Ok(days.into_values().collect())
}

/// The breakdown of nothing.
pub(super) fn empty(kind: B2cKind) -> BTreeMap<String, u64> {
    match kind {
        B2cKind::Authentication => BTreeMap::new(),
        B2cKind::Mfa => METHODS.into_iter().map(|method| (method.to_owned(), 0)).collect(),
    }
}

impl B2cKind {
    /// `kind` in the tables.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Authentication => b2c_events::AUTHENTICATION,
            Self::Mfa => b2c_events::MFA,
        }
    }

    /// The column that it is broken down by, the same in both tables.
    fn key(self) -> &'static str {
        match self {
            Self::Authentication => b2c_daily::columns::FLOW,
            Self::Mfa => b2c_daily::columns::MFA_METHOD,
        }
    }
}

impl B2cDailyRequest {
    /// Whether only events that succeeded count.
    pub(super) fn successes_only(&self) -> bool {
        self.kind == B2cKind::Authentication || self.mfa_counts == MfaCounts::Completed
    }

    /// The application as the tables spell it.
    pub(super) fn application(&self) -> Option<String> {
        self.application.map(|id| id.hyphenated().to_string())
    }

    /// The rows of the kind and application; both tables name these columns alike.
    fn counted(&self) -> Expr {
        let kind = col(b2c_daily::columns::KIND).eq(lit(self.kind.name()));
        match self.application() {
            Some(id) => kind.and(col(b2c_daily::columns::APPLICATION_ID).eq(lit(id))),
            None => kind,
        }
    }
}

fn within((first, last): (Day, Day)) -> Expr {
    col(b2c_daily::columns::DAY).gt_eq(date(first)).and(col(b2c_daily::columns::DAY).lt_eq(date(last)))
}

async fn covered_days(
    engine: &dyn QueryEngine,
    snapshot: &TableSnapshot,
    request: &B2cDailyRequest,
    range: (Day, Day),
) -> Result<Vec<Day>, ReportError> {
    let marker = col(b2c_daily::columns::KIND).eq(lit(b2c_daily::COVERAGE));
    let rows = tenant::rows(snapshot, request.tenant, Some(range))?.filter(marker.and(within(range)))?;
    let plan = rows.project([col(b2c_daily::columns::DAY).alias(b2c_daily::columns::DAY)])?.distinct()?.build()?;
    let mut days = Vec::new();
    for batch in collect(engine, plan).await? {
        let values = Columns(&batch);
        for at in 0..batch.num_rows() {
            days.push(values.day(b2c_daily::columns::DAY, at)?);
        }
    }
    Ok(days)
}

fn whole_days(
    snapshot: &TableSnapshot,
    request: &B2cDailyRequest,
    range: (Day, Day),
) -> Result<LogicalPlan, ReportError> {
    let counted = if request.successes_only() { b2c_daily::columns::SUCCESSES } else { b2c_daily::columns::ATTEMPTS };
    let groups = [col(b2c_daily::columns::DAY).alias(DAY), col(request.kind.key()).alias(KEY)];
    Ok(tenant::rows(snapshot, request.tenant, Some(range))?
        .filter(request.counted().and(within(range)))?
        .aggregate(groups, [sum(col(counted)).alias(COUNT)])?
        .build()?)
}

/// The events of one day that lie in the window, out of the state that the daily counts were made from.
async fn read_events(
    sources: Sources<'_>,
    daily: &TableSnapshot,
    request: &B2cDailyRequest,
    day: Day,
) -> Result<Counts, ReportError> {
    let Some(version) = daily.noted(Table::B2cEvents) else { return Ok(Counts::new()) };
    let events = tenant::snapshot(sources.lake, Table::B2cEvents, Some(version)).await?;
    let whole = B2cWindow::of_days(day, day);
    let (from, until) = (request.window.from.max(whole.from), request.window.until.min(whole.until));
    if let Some(kept) = day_events(sources, &events, request.tenant, day).await? {
        return Ok(kept.counts(request, day, B2cWindow { from, until }));
    }
    let time = || col(b2c_events::columns::TIME);
    let one = match request.successes_only() {
        true => when(col(b2c_events::columns::SUCCESS), lit(1_i64)).otherwise(lit(0_i64))?,
        false => lit(1_i64),
    };
    let groups = [
        cast(date(day), datafusion::arrow::datatypes::DataType::Date32).alias(DAY),
        col(request.kind.key()).alias(KEY),
    ];
    let plan = tenant::rows(&events, request.tenant, Some((day, day)))?
        .filter(request.counted().and(time().gt_eq(instant(from))).and(time().lt(instant(until))))?
        .aggregate(groups, [sum(one).alias(COUNT)])?
        .build()?;
    read(sources.engine, plan).await
}

async fn read(engine: &dyn QueryEngine, plan: LogicalPlan) -> Result<Counts, ReportError> {
    let mut counts = Counts::new();
    for batch in collect(engine, plan).await? {
        let values = Columns(&batch);
        for at in 0..batch.num_rows() {
            let key = (values.day(DAY, at)?, values.text(KEY, at)?);
            *counts.entry(key).or_default() += values.count(COUNT, at)?;
        }
    }
    Ok(counts)
}
