//! The five reports and their rows, named exactly as documented.

use std::collections::BTreeMap;

use chrono::{DateTime, SecondsFormat, Utc};
use meterlake_lake::Table;
use meterlake_model::Day;
use meterlake_reports::{B2cDay, B2cKind, B2cPeriod, UserCountDay};

use super::wire::{Cell, Row};

/// A report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Report {
    /// `tenantUserCount`
    Users,
    /// `b2cAuthenticationCountSummary`, `b2cMfaRequestCountSummary`
    Daily(B2cKind),
    /// `b2cAuthenticationCount`, `b2cMfaRequestCount`
    Period(B2cKind),
}

impl Report {
    /// Every report, in the order of the catalogue.
    pub(super) const ALL: [Self; 5] = [
        Self::Users,
        Self::Daily(B2cKind::Authentication),
        Self::Period(B2cKind::Authentication),
        Self::Daily(B2cKind::Mfa),
        Self::Period(B2cKind::Mfa),
    ];

    /// Its name.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Users => "tenantUserCount",
            Self::Daily(B2cKind::Authentication) => "b2cAuthenticationCountSummary",
            Self::Period(B2cKind::Authentication) => "b2cAuthenticationCount",
            Self::Daily(B2cKind::Mfa) => "b2cMfaRequestCountSummary",
            Self::Period(B2cKind::Mfa) => "b2cMfaRequestCount",
        }
    }

    /// The report of that name, in any case.
    pub(super) fn find(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|report| report.name().eq_ignore_ascii_case(name))
    }

    /// The table that its snapshots are of.
    pub(super) const fn table(self) -> Table {
        match self {
            Self::Users => Table::UserCounts,
            Self::Daily(_) | Self::Period(_) => Table::B2cDaily,
        }
    }

    /// The fields of its rows.
    pub(super) const fn fields(self) -> &'static [&'static str] {
        match self {
            Self::Users => &[
                "TimeStamp",
                "TotalUserCount",
                "OtherUserCount",
                "LocalUserCount",
                "AlternateIdUserCount",
                "AlternateIdUserBreakDown",
            ],
            Self::Daily(B2cKind::Authentication) => &["Date", "AuthenticationCount", "AuthFlowTypeBreakDown"],
            Self::Daily(B2cKind::Mfa) => &["Date", "MfaCount", "MfaTypeBreakDown"],
            Self::Period(B2cKind::Authentication) => {
                &["StartTimeStamp", "EndTimeStamp", "AuthenticationCount", "AuthFlowTypeBreakDown"]
            }
            Self::Period(B2cKind::Mfa) => &["StartTimeStamp", "EndTimeStamp", "MfaCount", "MfaTypeBreakDown"],
        }
    }
}

/// The cells of a day's users.
pub(super) fn users(day: UserCountDay) -> Row {
    vec![
        midnight(day.day),
        Cell::Number(day.total),
        Cell::Number(day.other),
        Cell::Number(day.local),
        Cell::Number(day.alternate),
        Cell::BreakDown(day.alternate_by_provider),
    ]
}

/// The cells of a day's count.
pub(super) fn day(day: B2cDay) -> Row {
    vec![midnight(day.day), Cell::Number(day.count), Cell::BreakDown(day.breakdown)]
}

/// The cells of a window's count. Without any activity there is neither an earliest nor a latest one.
pub(super) fn period(period: B2cPeriod) -> Row {
    let instant = |at: Option<DateTime<Utc>>| {
        at.map_or(Cell::Null, |at| Cell::Text(at.to_rfc3339_opts(SecondsFormat::AutoSi, true)))
    };
    let breakdown: BTreeMap<String, u64> = period.breakdown;
    vec![instant(period.start), instant(period.end), Cell::Number(period.count), Cell::BreakDown(breakdown)]
}

fn midnight(day: Day) -> Cell {
    Cell::Text(format!("{day}T00:00:00Z"))
}
