//! `$filter` of the B2C reports: bounds on `TimeStamp` and one `ApplicationId`, joined by `and`.

use std::sync::LazyLock;

use chrono::{DateTime, Utc};
use meterlake_filter::{
    CompareOp, Expr, Field, FieldCatalogue, FieldKind, FilterError, FilterErrorKind, Limits, Moment, Rules, Value,
};
use uuid::Uuid;

use super::window::{B2cWindow, TICK};

const TIME_STAMP: usize = 0;

static CATALOGUE: LazyLock<FieldCatalogue> = LazyLock::new(|| {
    let fields = vec![
        Field { name: "TimeStamp", kind: FieldKind::Date },
        Field { name: "ApplicationId", kind: FieldKind::Guid },
    ];
    let times = &[CompareOp::Gt, CompareOp::Ge, CompareOp::Lt, CompareOp::Le, CompareOp::Eq];
    FieldCatalogue::new(fields)
        .with_rules(FieldKind::Date, Rules { operators: times, contains: false })
        .with_rules(FieldKind::Guid, Rules { operators: &[CompareOp::Eq], contains: false })
});

/// What a filter asks for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct B2cFilter {
    /// The first instant that satisfies the lower bounds, to the microsecond.
    pub from: Option<DateTime<Utc>>,
    /// The first instant that no longer satisfies the upper bounds, to the microsecond.
    pub until: Option<DateTime<Utc>>,
    /// The application.
    pub application: Option<Uuid>,
}

/// Why a text is no filter of these reports.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum B2cFilterError {
    /// It cannot be read.
    #[error("a filter that can be read: {0}")]
    Malformed(String),
    /// It can be read, but these reports do not take it.
    #[error("a filter that this report takes: {0}")]
    Unsupported(String),
}

impl B2cFilter {
    /// Reads a filter such as `TimeStamp gt 2016-09-20 and TimeStamp lt 2016-10-03`.
    ///
    /// # Errors
    /// [`B2cFilterError`], which says what was expected.
    pub fn parse(text: &str) -> Result<Self, B2cFilterError> {
        let expr = meterlake_filter::parse(text, &CATALOGUE, Limits::default()).map_err(refused)?;
        let mut filter = Self::default();
        filter.narrow(&expr)?;
        Ok(filter)
    }

    fn narrow(&mut self, expr: &Expr) -> Result<(), B2cFilterError> {
        match expr {
            Expr::And(parts) => parts.iter().try_for_each(|part| self.narrow(part)),
            Expr::Compare { field: TIME_STAMP, op, value: Value::Moment(moment) } => {
                self.bound(*op, *moment);
                Ok(())
            }
            Expr::Compare { value: Value::Guid(id), .. } => match self.application.replace(*id) {
                None => Ok(()),
                Some(_) => Err(unsupported("ApplicationId once")),
            },
            Expr::Compare { .. } => Err(B2cFilterError::Malformed("ApplicationId eq a GUID".to_owned())),
            Expr::Or(_) | Expr::Not(_) | Expr::Contains { .. } => Err(unsupported("comparisons joined by 'and'")),
        }
    }

    /// Keeps the narrower of the bounds. A bare date is its midnight, but `eq` means the whole of it.
    fn bound(&mut self, op: CompareOp, moment: Moment) {
        let at = moment.instant();
        let whole = DateTime::from_timestamp_micros(at.timestamp_micros()).unwrap_or(at);
        let (next, reached) = (whole + TICK, if whole == at { whole } else { whole + TICK });
        let (from, until) = match op {
            CompareOp::Gt => (Some(next), None),
            CompareOp::Ge => (Some(reached), None),
            CompareOp::Lt => (None, Some(reached)),
            CompareOp::Le => (None, Some(next)),
            CompareOp::Eq | CompareOp::Ne => match moment {
                Moment::Day(day) => {
                    let window = B2cWindow::of_days(day, day);
                    (Some(window.from), Some(window.until))
                }
                Moment::Instant(_) => (Some(reached), Some(next)),
            },
        };
        self.from = self.from.max(from);
        self.until = match (self.until, until) {
            (Some(held), Some(new)) => Some(held.min(new)),
            (held, new) => held.or(new),
        };
    }

    /// The window: without bounds the last 30 days, with only an upper one the 30 days that end there, with only a
    /// lower one all up to now.
    #[must_use]
    pub fn window(&self, now: DateTime<Utc>) -> B2cWindow {
        match (self.from, self.until) {
            (None, None) => B2cWindow::last_30_days(now),
            (None, Some(until)) => B2cWindow::ending_before(until),
            (Some(from), None) => B2cWindow { from, until: now + TICK },
            (Some(from), Some(until)) => B2cWindow { from, until },
        }
    }
}

fn refused(error: FilterError) -> B2cFilterError {
    match error.kind {
        FilterErrorKind::UnknownField { .. } | FilterErrorKind::NotAllowed { .. } => {
            B2cFilterError::Unsupported(error.to_string())
        }
        _ => B2cFilterError::Malformed(error.to_string()),
    }
}

fn unsupported(expected: &str) -> B2cFilterError {
    B2cFilterError::Unsupported(format!("expected {expected}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    fn window(filter: &str) -> (String, String) {
        let window = B2cFilter::parse(filter).unwrap().window(at("2016-10-20T08:00:00Z"));
        let text = |at: DateTime<Utc>| at.to_rfc3339_opts(chrono::SecondsFormat::AutoSi, true);
        (text(window.from), text(window.until))
    }

    #[test]
    fn windows() {
        for (filter, from, until) in [
            ("TimeStamp gt 2016-10-15", "2016-10-15T00:00:00.000001Z", "2016-10-20T08:00:00.000001Z"),
            (
                "TimeStamp gt 2016-09-20 and TimeStamp lt 2016-10-03",
                "2016-09-20T00:00:00.000001Z",
                "2016-10-03T00:00:00Z",
            ),
            (
                "timestamp GE datetime'2016-09-20T10:00:00' and (TimeStamp le 2016-09-21T10:00:00.5Z)",
                "2016-09-20T10:00:00Z",
                "2016-09-21T10:00:00.500001Z",
            ),
            ("TimeStamp eq 2016-09-20", "2016-09-20T00:00:00Z", "2016-09-21T00:00:00Z"),
            ("TimeStamp eq 2016-09-20T01:00:00Z", "2016-09-20T01:00:00Z", "2016-09-20T01:00:00.000001Z"),
            ("TimeStamp lt 2016-10-03", "2016-09-03T00:00:00Z", "2016-10-03T00:00:00Z"),
            (
                "TimeStamp ge 2016-09-01 and TimeStamp gt 2016-09-02 and TimeStamp lt 2016-10-03 and TimeStamp le 2016-10-01",
                "2016-09-02T00:00:00.000001Z",
                "2016-10-01T00:00:00.000001Z",
            ),
            ("TimeStamp gt 10/15/2016 4:16:19 PM +02:00", "2016-10-15T14:16:19.000001Z", "2016-10-20T08:00:00.000001Z"),
            // As a client sends it that does not encode the plus sign.
            ("TimeStamp gt 10/15/2016 4:16:19 PM  02:00", "2016-10-15T14:16:19.000001Z", "2016-10-20T08:00:00.000001Z"),
            // Finer than the lake keeps: no event can be at such an instant, and the bounds fall between two.
            (
                "TimeStamp gt 2016-09-20T00:00:00.0000004Z and TimeStamp lt 2016-09-20T00:00:00.0000025Z",
                "2016-09-20T00:00:00.000001Z",
                "2016-09-20T00:00:00.000003Z",
            ),
            ("TimeStamp eq 2016-09-20T00:00:00.0000004Z", "2016-09-20T00:00:00.000001Z", "2016-09-20T00:00:00.000001Z"),
            ("ApplicationId eq ada78934-a6da-4e69-b816-10de0d79db1d", "2016-09-21T00:00:00Z", "2016-10-21T00:00:00Z"),
        ] {
            assert_eq!(window(filter), (from.to_owned(), until.to_owned()), "{filter}");
        }
    }

    #[test]
    fn applications() {
        let id = "ada78934-a6da-4e69-b816-10de0d79db1d";
        for literal in [id.to_owned(), id.to_uppercase(), format!("'{id}'"), format!("guid'{id}'")] {
            let filter = B2cFilter::parse(&format!("TimeStamp ge 2016-01-01 and applicationid eq {literal}")).unwrap();
            assert_eq!((filter.application, filter.from), (id.parse().ok(), Some(at("2016-01-01T00:00:00Z"))));
        }
    }

    #[test]
    fn refusals() {
        for malformed in
            ["", "TimeStamp", "TimeStamp gt", "TimeStamp gt x", "ApplicationId eq x", "ApplicationId eq 'x'"]
        {
            assert!(matches!(B2cFilter::parse(malformed), Err(B2cFilterError::Malformed(_))), "{malformed}");
        }
        for unsupported in [
            "TimeStamp ne 2016-10-15",
            "Date gt 2016-10-15",
            "TimeStamp gt 2016-10-15 or TimeStamp lt 2016-10-01",
            "not TimeStamp gt 2016-10-15",
            "ApplicationId ne ada78934-a6da-4e69-b816-10de0d79db1d",
            "contains(ApplicationId,'a')",
            "ApplicationId eq ada78934-a6da-4e69-b816-10de0d79db1d and ApplicationId eq ada78934-a6da-4e69-b816-10de0d79db1d",
        ] {
            assert!(matches!(B2cFilter::parse(unsupported), Err(B2cFilterError::Unsupported(_))), "{unsupported}");
        }
    }

    proptest::proptest! {
        #[test]
        fn nothing_is_too_wild(text in "\\PC{0,60}") {
            let _ = B2cFilter::parse(&text).map(|filter| filter.window(at("2016-10-20T08:00:00Z")).days());
        }

        #[test]
        fn no_instant_is_too_far(year in 1i32..=9999, op in 0usize..5, second in 0i64..86_400) {
            let day = meterlake_model::Day::from_ymd(year, 12, 31).unwrap();
            let op = ["gt", "ge", "lt", "le", "eq"][op];
            let instant = (day.midnight() + chrono::TimeDelta::seconds(second)).format("%Y-%m-%dT%H:%M:%SZ");
            for literal in [day.to_string(), instant.to_string()] {
                let filter = B2cFilter::parse(&format!("TimeStamp {op} {literal}")).unwrap();
                let _ = filter.window(at("2016-10-20T08:00:00Z")).days();
            }
        }
    }
}
