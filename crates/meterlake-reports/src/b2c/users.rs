//! The number of users: a stock, so that a day without a count of its own has that of the last day before.

use std::collections::BTreeMap;
use std::mem::size_of;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use datafusion::functions_aggregate::expr_fn::max;
use datafusion::logical_expr::{Expr, col};
use meterlake_lake::tables::user_counts::columns;
use meterlake_lake::{Table, TableSnapshot};
use meterlake_model::{Day, TenantId};

use super::{B2cWindow, UserCountDay};
use crate::ReportError;
use crate::memory::{Made, Sources, Weigh, names, rows, text_bytes};
use crate::plan::{collect, date};
use crate::tenant::{self, Columns, wrong};

/// The counts of one tenant's users.
pub(crate) struct UserRows {
    by_day: BTreeMap<Day, UserCountDay>,
    taken: Option<DateTime<Utc>>,
}

/// Rows of a tenant above which the lake is read instead.
const MOST_ROWS: u64 = 50_000;

impl Weigh for UserRows {
    fn bytes(&self) -> usize {
        let row = |row: &UserCountDay| {
            2 * size_of::<UserCountDay>() + 2 * text_bytes(row.alternate_by_provider.keys().map(String::as_str))
        };
        self.by_day.values().map(row).sum()
    }
}

/// All counts of the tenant; none when the lake is to be read.
async fn user_rows(
    sources: Sources<'_>,
    snapshot: &TableSnapshot,
    tenant: TenantId,
) -> Result<Option<Arc<UserRows>>, ReportError> {
    let files = || names(&sources.memory.tenants.of(snapshot, tenant));
    let make = || async {
        if rows(&sources.memory.tenants.of(snapshot, tenant)) > MOST_ROWS {
            return Ok(Made::Not);
        }
        let plan = tenant::rows(snapshot, tenant, None)?.build()?;
        let mut read = UserRows { by_day: BTreeMap::new(), taken: None };
        for batch in collect(sources.engine, plan).await? {
            let values = Columns(&batch);
            for at in 0..batch.num_rows() {
                let row = row(&values, at)?;
                read.by_day.insert(row.day, row);
                read.taken = read.taken.max(values.instant(columns::TAKEN_AT, at)?);
            }
        }
        Ok(Made::Value(read))
    };
    sources.memory.users.get(tenant, snapshot.version(), files, |_| true, make).await
}

/// The days up to `today` whose midnight lies in the window and that have a count, of that day or carried forward.
pub(crate) async fn user_counts(
    sources: Sources<'_>,
    tenant: TenantId,
    window: B2cWindow,
    today: Day,
    pinned: Option<u64>,
) -> Result<Vec<UserCountDay>, ReportError> {
    let Some((first, last)) = window.days() else { return Ok(Vec::new()) };
    let last = last.min(today);
    let snapshot = tenant::snapshot(sources.lake, Table::UserCounts, pinned).await?;
    if let Some(kept) = user_rows(sources, &snapshot, tenant).await? {
        return Ok(carried_forward(&kept.by_day, window, (first, last)));
    }
    let plan = tenant::rows(&snapshot, tenant, None)?.filter(col(columns::DAY).lt_eq(date(last)))?.build()?;
    let mut counted: BTreeMap<Day, UserCountDay> = BTreeMap::new();
    for batch in collect(sources.engine, plan).await? {
        let values = Columns(&batch);
        for at in 0..batch.num_rows() {
            let row = row(&values, at)?;
            counted.insert(row.day, row);
        }
    }
    Ok(carried_forward(&counted, window, (first, last)))
}

fn carried_forward(
    counted: &BTreeMap<Day, UserCountDay>,
    window: B2cWindow,
    (first, last): (Day, Day),
) -> Vec<UserCountDay> {
    let Some(earliest) = counted.keys().next().copied() else { return Vec::new() };
    let mut days = Vec::new();
    let mut next = Some(first.max(earliest)).filter(|day| *day <= last);
    while let Some(day) = next {
        if window.contains(day.midnight())
            && let Some((_, held)) = counted.range(..=day).next_back()
        {
            days.push(UserCountDay { day, ..held.clone() });
        }
        next = day.plus(1).filter(|day| *day <= last);
    }
    days
}

fn row(values: &Columns<'_>, at: usize) -> Result<UserCountDay, ReportError> {
    let providers = values.text(columns::ALTERNATE_BY_PROVIDER, at)?;
    let by_provider = match providers.as_str() {
        "" => BTreeMap::new(),
        text => serde_json::from_str(text).map_err(|error| wrong(columns::ALTERNATE_BY_PROVIDER, &error))?,
    };
    Ok(UserCountDay {
        day: values.day(columns::DAY, at)?,
        total: values.count(columns::TOTAL, at)?,
        other: values.count(columns::OTHER, at)?,
        local: values.count(columns::LOCAL, at)?,
        alternate: values.count(columns::ALTERNATE, at)?,
        alternate_by_provider: by_provider,
    })
}

/// When the tenant's users were last counted; none when never.
pub(crate) async fn last_taken(
    sources: Sources<'_>,
    tenant: TenantId,
    pinned: Option<u64>,
) -> Result<Option<DateTime<Utc>>, ReportError> {
    let snapshot = tenant::snapshot(sources.lake, Table::UserCounts, pinned).await?;
    if let Some(kept) = user_rows(sources, &snapshot, tenant).await? {
        return Ok(kept.taken);
    }
    let newest = [max(col(columns::TAKEN_AT)).alias(columns::TAKEN_AT)];
    let plan = tenant::rows(&snapshot, tenant, None)?.aggregate(Vec::<Expr>::new(), newest)?.build()?;
    let mut taken = None;
    for batch in collect(sources.engine, plan).await?.iter().filter(|batch| batch.num_rows() == 1) {
        taken = taken.max(Columns(batch).instant(columns::TAKEN_AT, 0)?);
    }
    Ok(taken)
}
