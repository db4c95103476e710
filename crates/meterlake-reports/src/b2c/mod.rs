//! The usage reports of an Azure AD B2C tenant: authentications and MFA requests by day or over a window, and the
//! number of users by day.

mod count;
mod daily_rows;
mod day_events;
mod extent;
mod filter;
mod users;
mod window;

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use meterlake_model::{Day, TenantId};
use uuid::Uuid;

pub(crate) use count::daily;
pub(crate) use daily_rows::DailyRows;
pub(crate) use day_events::{DayEvents, next_event};
pub(crate) use extent::{last_covered, period};
pub use filter::{B2cFilter, B2cFilterError};
pub(crate) use users::{UserRows, last_taken, user_counts};
pub use window::B2cWindow;

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum B2cKind {
    /// Billable authentications: successful token issues, by flow.
    Authentication,
    /// Requests of phone MFA, by method.
    Mfa,
}

/// Which MFA requests count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MfaCounts {
    /// Every attempt: each SMS sent and each call made is billed.
    #[default]
    Attempts,
    /// Only those that succeeded.
    Completed,
}

/// What to count, where and when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct B2cDailyRequest {
    /// The tenant.
    pub tenant: TenantId,
    /// When.
    pub window: B2cWindow,
    /// Only this application.
    pub application: Option<Uuid>,
    /// What.
    pub kind: B2cKind,
    /// Which MFA requests count; of no meaning for authentications.
    pub mfa_counts: MfaCounts,
    /// The snapshot of the daily counts to read; the newest when none.
    pub snapshot: Option<u64>,
}

/// The count of a covered day, or of the part of it that lies in the window.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct B2cDay {
    /// The UTC day.
    pub day: Day,
    /// How many.
    pub count: u64,
    /// The same by flow or MFA method, sums to `count`. A flow that does not occur is left out; both methods
    /// (`SmsMfa`, `VoiceMfa`) are always there.
    pub breakdown: BTreeMap<String, u64>,
}

/// The count of a window.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct B2cPeriod {
    /// The earliest activity of the tenant, or of the application, at any time; none when there was none.
    pub start: Option<DateTime<Utc>>,
    /// The latest.
    pub end: Option<DateTime<Utc>>,
    /// How many: the sum of the days.
    pub count: u64,
    /// As in [`B2cDay`].
    pub breakdown: BTreeMap<String, u64>,
}

/// The number of users on a day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserCountDay {
    /// The UTC day.
    pub day: Day,
    /// All users.
    pub total: u64,
    /// Users of the directory who are no B2C users.
    pub other: u64,
    /// Users with a local account.
    pub local: u64,
    /// Users of other identity providers.
    pub alternate: u64,
    /// Those by identity provider, a `.` in its name written `_`; sums to `alternate`.
    pub alternate_by_provider: BTreeMap<String, u64>,
}
