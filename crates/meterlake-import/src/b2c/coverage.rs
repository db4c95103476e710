//! Which tenants and days an import covers.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use meterlake_model::{Day, DayRange, TenantId};

use super::event::day_of;
use crate::Coverage;

/// First and last instant of some records, in microseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Span {
    first: i64,
    last: i64,
}

impl Span {
    pub(crate) const fn of(time: i64) -> Self {
        Self { first: time, last: time }
    }

    pub(crate) fn add(&mut self, time: i64) {
        self.first = self.first.min(time);
        self.last = self.last.max(time);
    }
}

/// The days between the first and the last record of each file. `only` is the tenant of records that name none.
pub(crate) fn seen(files: &[BTreeMap<Option<TenantId>, Span>], only: Option<TenantId>) -> Vec<Coverage> {
    let mut all = Vec::new();
    for (tenant, span) in files.iter().flatten() {
        let Some(tenant_id) = tenant.or(only) else { continue };
        let covered_to = DateTime::from_timestamp_micros(span.last).unwrap_or_default();
        all.push(Coverage { tenant_id, first: day_of(span.first), last: day_of(span.last), covered_to });
    }
    merged(all)
}

/// The days that the user stated, as far as they have passed.
pub(crate) fn stated(tenants: impl Iterator<Item = TenantId>, days: DayRange, now: DateTime<Utc>) -> Vec<Coverage> {
    let covered_to = end_of(days.last).min(now);
    tenants.map(|tenant_id| Coverage { tenant_id, first: days.first, last: days.last, covered_to }).collect()
}

/// Ranges that share a day become one.
fn merged(mut all: Vec<Coverage>) -> Vec<Coverage> {
    all.sort_by_key(|c| (c.tenant_id, c.first, c.last));
    let mut merged: Vec<Coverage> = Vec::new();
    for next in all {
        match merged.last_mut() {
            Some(last) if last.tenant_id == next.tenant_id && next.first <= last.last => {
                last.last = last.last.max(next.last);
                last.covered_to = last.covered_to.max(next.covered_to);
            }
            _ => merged.push(next),
        }
    }
    merged
}

/// Up to when each day is covered, in microseconds, by tenant.
pub(crate) fn markers(coverage: &[Coverage]) -> BTreeMap<TenantId, BTreeMap<Day, i64>> {
    let mut markers: BTreeMap<TenantId, BTreeMap<Day, i64>> = BTreeMap::new();
    for covered in coverage {
        let of_tenant = markers.entry(covered.tenant_id).or_default();
        let mut day = covered.first;
        while day <= covered.last {
            let to = end_of(day).min(covered.covered_to).timestamp_micros();
            of_tenant.entry(day).and_modify(|held| *held = to.max(*held)).or_insert(to);
            let Some(next) = day.plus(1) else { break };
            day = next;
        }
    }
    markers
}

/// The last microsecond of a day.
fn end_of(day: Day) -> DateTime<Utc> {
    day.midnight() + TimeDelta::days(1) - TimeDelta::microseconds(1)
}
