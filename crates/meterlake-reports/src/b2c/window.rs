//! The span of time that a report covers.

use chrono::{DateTime, TimeDelta, Utc};
use meterlake_model::Day;

/// Days of a report when no filter says otherwise: today and the 29 before.
const DAYS: i64 = 30;

/// One microsecond: instants in the lake are no finer.
pub(super) const TICK: TimeDelta = TimeDelta::microseconds(1);

/// A span of time, to the microsecond: from the first instant up to, not with, the second. Empty when the second is
/// not after the first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct B2cWindow {
    /// The first instant in it.
    pub from: DateTime<Utc>,
    /// The first instant after it.
    pub until: DateTime<Utc>,
}

impl B2cWindow {
    /// Whole days, both inclusive.
    #[must_use]
    pub fn of_days(first: Day, last: Day) -> Self {
        Self { from: first.midnight(), until: last.midnight() + TimeDelta::days(1) }
    }

    /// The UTC day of `now` and the 29 days before.
    #[must_use]
    pub fn last_30_days(now: DateTime<Utc>) -> Self {
        let today = Day::of(now);
        Self::of_days(days_before(today), today)
    }

    /// 30 days, the last of them the day of the last instant before `until`.
    #[must_use]
    pub fn ending_before(until: DateTime<Utc>) -> Self {
        Self { from: days_before(Day::of(until - TICK)).midnight(), until }
    }

    /// The UTC days that have an instant in it, the first and the last of them; none when it is empty.
    #[must_use]
    pub fn days(&self) -> Option<(Day, Day)> {
        (self.from < self.until).then(|| (Day::of(self.from), Day::of(self.until - TICK)))
    }

    /// Whether the instant is in it.
    #[must_use]
    pub fn contains(&self, instant: DateTime<Utc>) -> bool {
        self.from <= instant && instant < self.until
    }

    /// Whether the whole day is in it.
    #[must_use]
    pub fn covers(&self, day: Day) -> bool {
        self.from <= day.midnight() && day.midnight() + TimeDelta::days(1) <= self.until
    }
}

/// The first of the 30 days that end with `last`.
fn days_before(last: Day) -> Day {
    last.plus(1 - DAYS).or_else(|| Day::from_ymd(1, 1, 1)).unwrap_or(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    #[test]
    fn thirty_days() {
        let window = B2cWindow::last_30_days(at("2016-10-30T12:00:00Z"));
        assert_eq!(window.from, at("2016-10-01T00:00:00Z"));
        assert_eq!(window.until, at("2016-10-31T00:00:00Z"));
        for (until, first) in [
            ("2016-10-03T00:00:00Z", "2016-09-03"),
            ("2016-10-03T00:00:00.000001Z", "2016-09-04"),
            ("2016-10-03T12:00:00Z", "2016-09-04"),
            ("0001-01-03T00:00:00Z", "0001-01-01"),
        ] {
            let window = B2cWindow::ending_before(at(until));
            assert_eq!((window.days().unwrap().0.to_string(), window.until), (first.to_owned(), at(until)));
        }
    }

    #[test]
    fn days_of_a_window() {
        let window = B2cWindow { from: at("2016-10-03T12:00:00Z"), until: at("2016-10-05T00:00:00Z") };
        let (first, last) = window.days().unwrap();
        assert_eq!((first.to_string().as_str(), last.to_string().as_str()), ("2016-10-03", "2016-10-04"));
        assert!(!window.covers(first) && window.covers(last));
        assert!(!window.contains(at("2016-10-05T00:00:00Z")) && window.contains(at("2016-10-03T12:00:00Z")));
        assert_eq!(B2cWindow { from: window.until, until: window.from }.days(), None);
        assert_eq!(B2cWindow { from: window.until, until: window.until }.days(), None);
    }
}
