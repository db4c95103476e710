//! The events of one day of a tenant, in memory: a window may cut the day anywhere.

use std::collections::HashMap;
use std::mem::size_of;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use datafusion::logical_expr::{col, lit};
use meterlake_lake::tables::b2c_events::columns;
use meterlake_lake::{Table, TableSnapshot};
use meterlake_model::{Day, TenantId};

use super::count::Counts;
use super::daily_rows::Texts;
use super::window::TICK;
use super::{B2cDailyRequest, B2cKind, B2cWindow};
use crate::ReportError;
use crate::memory::{Made, Sources, Weigh, list_bytes};
use crate::plan::collect;
use crate::tenant::{self, Whole, instant};

/// Events of a day above which the lake is read instead.
const MOST_EVENTS: usize = 100_000;

struct Event {
    time: DateTime<Utc>,
    mfa: bool,
    success: bool,
    application: u32,
    /// Flow or method.
    key: u32,
}

/// The countable events of one day of a tenant, by time.
pub(crate) struct DayEvents {
    events: Vec<Event>,
    texts: Texts,
}

impl Weigh for DayEvents {
    fn bytes(&self) -> usize {
        size_of::<Self>() + list_bytes(&self.events) + self.texts.bytes()
    }
}

/// The events of the tenant on the day; none when the lake is to be read.
pub(super) async fn day_events(
    sources: Sources<'_>,
    snapshot: &TableSnapshot,
    tenant: TenantId,
    day: Day,
) -> Result<Option<Arc<DayEvents>>, ReportError> {
    let files = || {
        let held = sources.memory.tenants.of(snapshot, tenant);
        held.iter().filter(|f| f.first_day <= day && day <= f.last_day).map(|f| Arc::clone(&f.path)).collect()
    };
    let make = || async { read(sources, snapshot, tenant, day).await };
    sources.memory.events.get((tenant, day), snapshot.version(), files, |_| true, make).await
}

/// The first event at or after `at` on the day of the instant before, of any kind and application, in the state that
/// the daily counts were made from; none when there is none, and `at` itself when the day is not kept.
pub(crate) async fn next_event(
    sources: Sources<'_>,
    tenant: TenantId,
    at: DateTime<Utc>,
    pinned: Option<u64>,
) -> Result<Option<DateTime<Utc>>, ReportError> {
    let daily = tenant::snapshot(sources.lake, Table::B2cDaily, pinned).await?;
    let Some(version) = daily.noted(Table::B2cEvents) else { return Ok(None) };
    let events = tenant::snapshot(sources.lake, Table::B2cEvents, Some(version)).await?;
    match day_events(sources, &events, tenant, Day::of(at - TICK)).await? {
        Some(kept) => Ok(kept.next(at)),
        None => Ok(Some(at)),
    }
}

async fn read(
    sources: Sources<'_>,
    snapshot: &TableSnapshot,
    tenant: TenantId,
    day: Day,
) -> Result<Made<DayEvents>, ReportError> {
    let whole = B2cWindow::of_days(day, day);
    let counted = [B2cKind::Authentication, B2cKind::Mfa].map(|kind| lit(kind.name()));
    let wanted =
        [columns::TIME, columns::KIND, columns::APPLICATION_ID, columns::FLOW, columns::MFA_METHOD, columns::SUCCESS];
    let time = || col(columns::TIME);
    let plan = tenant::rows(snapshot, tenant, Some((day, day)))?
        .filter(
            time()
                .gt_eq(instant(whole.from))
                .and(time().lt(instant(whole.until)))
                .and(col(columns::KIND).in_list(counted.to_vec(), false)),
        )?
        .project(wanted.map(col))?
        .limit(0, Some(MOST_EVENTS + 1))?
        .build()?;
    let mut read = DayEvents { events: Vec::new(), texts: Texts::default() };
    for batch in collect(sources.engine, plan).await? {
        if read.events.len() + batch.num_rows() > MOST_EVENTS {
            return Ok(Made::Not);
        }
        let whole = Whole(&batch);
        let (times, kinds) = (whole.instants(columns::TIME)?, whole.texts(columns::KIND)?);
        let applications = whole.texts(columns::APPLICATION_ID)?;
        let (flows, methods) = (whole.texts(columns::FLOW)?, whole.texts(columns::MFA_METHOD)?);
        let successes = whole.flags(columns::SUCCESS)?;
        for at in 0..batch.num_rows() {
            let Some(time) = times.value(at) else { continue };
            let mfa = kinds.value(at) == B2cKind::Mfa.name();
            let application = read.texts.number(applications.value(at))?;
            let key = read.texts.number(if mfa { methods.value(at) } else { flows.value(at) })?;
            read.events.push(Event { time, mfa, success: successes.value(at), application, key });
        }
    }
    read.events.sort_by_key(|event| event.time);
    read.events.shrink_to_fit();
    Ok(Made::Value(read))
}

impl DayEvents {
    /// The time of the first event at or after `at`.
    fn next(&self, at: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let place = self.events.partition_point(|event| event.time < at);
        self.events.get(place).map(|event| event.time)
    }

    /// The counts of the events in the window, which lies within the day.
    pub(super) fn counts(&self, request: &B2cDailyRequest, day: Day, window: B2cWindow) -> Counts {
        let application = match request.application() {
            Some(id) => match self.texts.find(&id) {
                None => return Counts::new(),
                found => found,
            },
            None => None,
        };
        let mut sums: HashMap<u32, u64> = HashMap::new();
        let start = self.events.partition_point(|event| event.time < window.from);
        for event in self.events.iter().skip(start).take_while(|event| event.time < window.until) {
            if event.mfa == (request.kind == B2cKind::Mfa)
                && (event.success || !request.successes_only())
                && application.is_none_or(|id| id == event.application)
            {
                *sums.entry(event.key).or_default() += 1;
            }
        }
        sums.into_iter().map(|(key, sum)| ((day, self.texts.text(key).to_owned()), sum)).collect()
    }
}
