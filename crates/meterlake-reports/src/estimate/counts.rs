//! What was counted on each day, by application, as the lake holds it.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use datafusion::arrow::datatypes::DataType;
use datafusion::functions_aggregate::expr_fn::{count, min};
use datafusion::logical_expr::{Expr, LogicalPlan, cast, col, lit};
use meterlake_lake::tables::{b2c_daily, b2c_events};
use meterlake_lake::{Lake, Table, TableSnapshot};
use meterlake_model::{Day, DayRange, TenantId};

use super::prices::Meter;
use crate::engine::QueryEngine;
use crate::plan::{collect, date};
use crate::tenant::{self, Columns, instant};
use crate::{MfaCounts, ReportError};

/// Output columns of the plan of users.
const FIRST: &str = "first_seen";
const USERS: &str = "users";

const MICROS_A_DAY: i64 = 86_400_000_000;

/// A day's units of a meter (and MFA method), by application.
pub(super) type Units = BTreeMap<(Meter, String), BTreeMap<String, u64>>;

/// Everything counted over some days.
#[derive(Debug, Default)]
pub(super) struct Counts {
    /// Days that an import covers.
    pub(super) covered: BTreeSet<Day>,
    /// The newest covered moment.
    pub(super) covered_to: Option<DateTime<Utc>>,
    /// Authentications and MFA requests by day; monthly active users by application on the day of the month on which
    /// the application first saw them.
    pub(super) by_application: BTreeMap<Day, Units>,
    /// Monthly active users of the tenant, on the day of the month on which it first saw them.
    pub(super) new_users: BTreeMap<Day, u64>,
}

/// Whose users are told apart.
#[derive(Clone, Copy, PartialEq, Eq)]
enum By {
    Tenant,
    Application,
}

/// Counts the days of the range, which starts with a month.
pub(super) async fn read(
    lake: &Lake,
    engine: &dyn QueryEngine,
    tenant: TenantId,
    range: DayRange,
    mfa_counts: MfaCounts,
    users: bool,
    snapshot: Option<u64>,
) -> Result<(u64, Counts), ReportError> {
    let daily = tenant::snapshot(lake, Table::B2cDaily, snapshot).await?;
    let mut counts = Counts::default();
    for batch in collect(engine, of_days(&daily, tenant, range)?).await? {
        let rows = Columns(&batch);
        for at in 0..batch.num_rows() {
            counts.add(&rows, at, mfa_counts)?;
        }
    }
    if users && let Some(version) = daily.noted(Table::B2cEvents) {
        let events = tenant::snapshot(lake, Table::B2cEvents, Some(version)).await?;
        for by in [By::Tenant, By::Application] {
            for batch in collect(engine, of_users(&events, tenant, range, by)?).await? {
                let rows = Columns(&batch);
                for at in 0..batch.num_rows() {
                    counts.add_users(&rows, at, by)?;
                }
            }
        }
    }
    Ok((daily.version(), counts))
}

fn of_days(daily: &TableSnapshot, tenant: TenantId, range: DayRange) -> Result<LogicalPlan, ReportError> {
    use b2c_daily::columns::DAY;
    let rows = tenant::rows(daily, tenant, Some((range.first, range.last)))?
        .filter(col(DAY).gt_eq(date(range.first)).and(col(DAY).lt_eq(date(range.last))))?;
    Ok(rows.build()?)
}

/// The number of users by the day of each month on which they were first seen.
fn of_users(events: &TableSnapshot, tenant: TenantId, range: DayRange, by: By) -> Result<LogicalPlan, ReportError> {
    use b2c_events::columns::{APPLICATION_ID, KIND, MONTH, SUCCESS, TIME, USER_HASH};
    let end = range.last.plus(1).unwrap_or(range.last).midnight();
    let application = (by == By::Application).then(|| col(APPLICATION_ID));
    let months = col(MONTH)
        .gt_eq(lit(month(range.first)))
        .and(col(MONTH).lt_eq(lit(month(range.last))))
        .and(col(TIME).gt_eq(instant(range.first.midnight())))
        .and(col(TIME).lt(instant(end)));
    let counted = col(KIND).eq(lit(b2c_events::AUTHENTICATION)).and(col(SUCCESS)).and(col(USER_HASH).not_eq(lit("")));
    let user: Vec<Expr> = [col(MONTH), col(USER_HASH)].into_iter().chain(application.clone()).collect();
    let day = cast(col(TIME), DataType::Int64) / lit(MICROS_A_DAY);
    let day = cast(cast(day, DataType::Int32), DataType::Date32);
    let rows = tenant::rows(events, tenant, Some((range.first, range.last)))?
        .filter(months.and(counted))?
        .aggregate(user, [min(col(TIME)).alias(TIME)])?
        .project([day.alias(FIRST)].into_iter().chain(application.clone()))?
        .aggregate([col(FIRST)].into_iter().chain(application), [count(lit(1)).alias(USERS)])?;
    Ok(rows.build()?)
}

fn month(day: Day) -> i32 {
    meterlake_model::BillingPeriod::containing(day).number()
}

impl Counts {
    fn add(&mut self, rows: &Columns<'_>, at: usize, mfa_counts: MfaCounts) -> Result<(), ReportError> {
        use b2c_daily::columns as c;
        let day = rows.day(c::DAY, at)?;
        let (meter, method, column) = match rows.text(c::KIND, at)?.as_str() {
            b2c_daily::COVERAGE => {
                self.covered.insert(day);
                self.covered_to = self.covered_to.max(rows.instant(c::COVERED_TO, at)?);
                return Ok(());
            }
            b2c_events::AUTHENTICATION => (Meter::Authentication, String::new(), c::SUCCESSES),
            b2c_events::MFA => {
                let column = if mfa_counts == MfaCounts::Attempts { c::ATTEMPTS } else { c::SUCCESSES };
                (Meter::Mfa, rows.text(c::MFA_METHOD, at)?, column)
            }
            _ => return Ok(()),
        };
        self.put(day, (meter, method), rows.text(c::APPLICATION_ID, at)?, rows.count(column, at)?);
        Ok(())
    }

    fn add_users(&mut self, rows: &Columns<'_>, at: usize, by: By) -> Result<(), ReportError> {
        let (day, users) = (rows.day(FIRST, at)?, rows.count(USERS, at)?);
        match by {
            By::Tenant => *self.new_users.entry(day).or_default() += users,
            By::Application => {
                let application = rows.text(b2c_events::columns::APPLICATION_ID, at)?;
                self.put(day, (Meter::Mau, String::new()), application, users);
            }
        }
        Ok(())
    }

    fn put(&mut self, day: Day, meter: (Meter, String), application: String, units: u64) {
        if units > 0 {
            *self.by_application.entry(day).or_default().entry(meter).or_default().entry(application).or_default() +=
                units;
        }
    }
}
