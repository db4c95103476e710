//! A B2C tenant of the enrolment's organisation: what its customers did in 90 days, as Graph and Log Analytics export it.

mod activity;
mod files;
mod users;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use chrono::{DateTime, Utc};
use meterlake_model::{BillingPeriod, Day};
use uuid::Uuid;

use super::draw::Draw;

/// Days of events, today included.
const DAYS: i64 = 90;

/// What [`super::generate_demo`] wrote of the B2C tenant, and what is true of it.
#[derive(Debug, Clone)]
pub struct DemoB2c {
    /// Its tenant id.
    pub tenant_id: Uuid,
    /// Its domain name, which the audit records hold. The enrolment's cost exports charge its second factors, with a
    /// resource of this name.
    pub domain: String,
    /// Audit records: Graph `directoryAudits` pages (gzip) and, for a month in the middle, Log Analytics JSON lines. The
    /// files overlap. They may be imported as one run.
    pub events: Vec<PathBuf>,
    /// Graph `applications`.
    pub applications_file: PathBuf,
    /// Its applications, the most used first.
    pub applications: Vec<DemoApplication>,
    /// Full snapshots of Graph `users` by the day on which they were taken, oldest first.
    pub users: Vec<(Day, PathBuf)>,
    /// First day of events.
    pub first_day: Day,
    /// Last day of events.
    pub last_day: Day,
    /// What happened.
    pub counts: DemoB2cCounts,
}

/// An application that customers sign in to.
#[derive(Debug, Clone)]
pub struct DemoApplication {
    /// Client id.
    pub id: Uuid,
    /// Display name.
    pub name: &'static str,
    /// Whether it can keep a secret.
    pub confidential: bool,
}

/// Events of a kind.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Attempts {
    /// All of them.
    pub attempts: u64,
    /// Those that succeeded.
    pub successes: u64,
}

/// Users by kind of account.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DemoUserCount {
    /// All of them.
    pub total: u64,
    /// With an account of the tenant's own.
    pub local: u64,
    /// With an account elsewhere only.
    pub alternate: u64,
    /// With neither.
    pub other: u64,
    /// Accounts elsewhere, by provider with `_` for `.`.
    pub by_provider: BTreeMap<String, u64>,
}

/// What happened, counted while it was drawn.
#[derive(Debug, Clone, Default)]
pub struct DemoB2cCounts {
    /// Authentications by day, application and flow.
    pub authentications: BTreeMap<(Day, Uuid, &'static str), Attempts>,
    /// Phone MFA by day, application and method (`SmsMfa`, `VoiceMfa`).
    pub mfa: BTreeMap<(Day, Uuid, &'static str), Attempts>,
    /// Distinct users with a successful authentication in a calendar month, of the tenant (none) or an application.
    pub monthly_users: BTreeMap<(BillingPeriod, Option<Uuid>), u64>,
    /// First and last successful authentication, of the tenant (none) or an application.
    pub authenticated: BTreeMap<Option<Uuid>, (DateTime<Utc>, DateTime<Utc>)>,
    /// First and last MFA attempt, of the tenant (none) or an application.
    pub verified: BTreeMap<Option<Uuid>, (DateTime<Utc>, DateTime<Utc>)>,
    /// Users by the day of the snapshot.
    pub users: BTreeMap<Day, DemoUserCount>,
    /// Different audit records in the files, those that nothing counts included.
    pub records: u64,
    /// Audit records in the files, repeated ones as often as they stand there.
    pub records_in_files: u64,
}

impl DemoB2cCounts {
    /// MFA attempts by day.
    pub(super) fn mfa_by_day(&self) -> BTreeMap<Day, u64> {
        let mut days = BTreeMap::new();
        for ((day, ..), count) in &self.mfa {
            *days.entry(*day).or_default() += count.attempts;
        }
        days
    }
}

/// Writes the tenant's files below `dir`.
pub(super) fn write(dir: &Path, today: Day, seed: u64) -> Result<DemoB2c> {
    let first = today.plus(1 - DAYS).context("no day 90 days before")?;
    let mut draw = Draw::new(seed, 5);
    let tenant = activity::Tenant::draw(&mut draw, first, today);
    let mut counts = DemoB2cCounts::default();
    let users = users::write(&dir.join("users"), &tenant, today, &mut draw, &mut counts)?;
    let records = activity::draw(&tenant, first, today, &mut draw, &mut counts)?;
    let events = files::write(&dir.join("audit"), &tenant, &records, first, today, &mut counts)?;
    let applications_file = files::applications(dir, &tenant)?;
    let applications = tenant.applications.iter().map(|a| a.application.clone()).collect();
    Ok(DemoB2c {
        tenant_id: tenant.id,
        domain: tenant.domain.to_owned(),
        events,
        applications_file,
        applications,
        users,
        first_day: first,
        last_day: today,
        counts,
    })
}
