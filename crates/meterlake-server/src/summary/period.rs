//! The current billing period of a customer, by offer.

use chrono::{DateTime, Datelike, TimeDelta, Utc};
use meterlake_model::{BillingPeriod, Day, DayRange};
use meterlake_reports::Selection;

/// A billing period as the summary selects and shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct UsagePeriod {
    /// What is summed.
    pub(crate) selection: Selection,
    /// The first day.
    start: Day,
    /// What `billingEndDate` shows: the day after the last one for an Azure plan, the last one for MS-AZR-0145P.
    end: Day,
    /// Minutes east of UTC in which the days are shown.
    offset: i32,
}

impl UsagePeriod {
    /// Azure plan: the calendar month, UTC; the end is exclusive.
    pub(crate) fn of_azure_plan(now: DateTime<Utc>) -> Self {
        let period = BillingPeriod::containing(Day::of(now));
        let end = period.next().map_or(period.last_day(), BillingPeriod::first_day);
        Self { selection: Selection::Period(period), start: period.first_day(), end, offset: 0 }
    }

    /// MS-AZR-0145P: a month from `billing_day` on, by the calendar `offset` minutes east of UTC; the end is
    /// inclusive, and usage is selected by day. In a month that is too short the period starts on its last day.
    pub(crate) fn of_0145p(now: DateTime<Utc>, billing_day: u32, offset: i32) -> Self {
        let today = Day::of(now.checked_add_signed(TimeDelta::minutes(i64::from(offset))).unwrap_or(now));
        let month = BillingPeriod::containing(today);
        let this = start_in(month, billing_day);
        let start = match month.previous() {
            Some(previous) if today < this => start_in(previous, billing_day),
            _ => this,
        };
        let next = BillingPeriod::containing(start).next().map(|month| start_in(month, billing_day));
        let end = next.and_then(|day| day.plus(-1)).unwrap_or(start);
        Self { selection: Selection::Days(DayRange { first: start, last: end }), start, end, offset }
    }

    /// `billingStartDate`.
    pub(crate) fn start_text(&self) -> String {
        self.text(self.start)
    }

    /// `billingEndDate`.
    pub(crate) fn end_text(&self) -> String {
        self.text(self.end)
    }

    fn text(&self, day: Day) -> String {
        let sign = if self.offset < 0 { '-' } else { '+' };
        let minutes = self.offset.unsigned_abs();
        format!("{day}T00:00:00{sign}{:02}:{:02}", minutes / 60, minutes % 60)
    }

    /// The first instant of the period.
    pub(crate) fn start(&self) -> DateTime<Utc> {
        let midnight = self.start.midnight();
        midnight.checked_sub_signed(TimeDelta::minutes(i64::from(self.offset))).unwrap_or(midnight)
    }

    /// Days of the period up to and with today, and days in all.
    pub(crate) fn progress(&self, now: DateTime<Utc>) -> (i128, i128) {
        let today = Day::of(now.checked_add_signed(TimeDelta::minutes(i64::from(self.offset))).unwrap_or(now));
        let last = match self.selection {
            Selection::Period(period) => period.last_day(),
            Selection::Days(days) => days.last,
        };
        let days = |until: Day| i128::from(until.since_epoch() - self.start.since_epoch() + 1).max(1);
        (days(today), days(last))
    }

    /// The period that spans both.
    pub(crate) fn spanning(self, other: Self) -> Self {
        let start = if other.start < self.start { other } else { self };
        Self { start: start.start, end: self.end.max(other.end), ..start }
    }
}

/// The day on which the period that begins in the month starts.
fn start_in(month: BillingPeriod, billing_day: u32) -> Day {
    let first = month.first_day();
    let day = billing_day.clamp(1, month.last_day().date().day());
    first.plus(i64::from(day) - 1).unwrap_or(first)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    fn shown(period: UsagePeriod) -> (String, String) {
        (period.start_text(), period.end_text())
    }

    fn pair(start: &str, end: &str) -> (String, String) {
        (start.to_owned(), end.to_owned())
    }

    #[test]
    fn azure_plan_is_the_month() {
        let period = UsagePeriod::of_azure_plan(at("2019-09-30T23:59:59Z"));
        assert_eq!(shown(period), pair("2019-09-01T00:00:00+00:00", "2019-10-01T00:00:00+00:00"));
        assert_eq!(period.selection, Selection::Period("201909".parse().unwrap()));
        assert_eq!(period.progress(at("2019-09-10T00:00:00Z")), (10, 30));
    }

    #[test]
    fn the_documented_0145p_sample() {
        let period = UsagePeriod::of_0145p(at("2016-02-26T09:42:54Z"), 6, -480);
        assert_eq!(shown(period), pair("2016-02-06T00:00:00-08:00", "2016-03-05T00:00:00-08:00"));
        let days = DayRange { first: "2016-02-06".parse().unwrap(), last: "2016-03-05".parse().unwrap() };
        assert_eq!(period.selection, Selection::Days(days));
        assert_eq!(period.start(), at("2016-02-06T08:00:00Z"));
        // Still the 5th in the customer's zone.
        let before = UsagePeriod::of_0145p(at("2016-02-06T07:59:59Z"), 6, -480);
        assert_eq!(shown(before), pair("2016-01-06T00:00:00-08:00", "2016-02-05T00:00:00-08:00"));
    }

    #[test]
    fn short_months() {
        let period = UsagePeriod::of_0145p(at("2023-02-28T12:00:00Z"), 31, 330);
        assert_eq!(shown(period), pair("2023-02-28T00:00:00+05:30", "2023-03-30T00:00:00+05:30"));
        let period = UsagePeriod::of_0145p(at("2023-02-27T12:00:00Z"), 31, 0);
        assert_eq!(shown(period), pair("2023-01-31T00:00:00+00:00", "2023-02-27T00:00:00+00:00"));
    }

    /// Offsets east and west, ends of months, leap days and the turn of the year.
    #[test]
    fn any_day_and_offset() {
        for (now, billing_day, offset, start, end) in [
            ("2024-02-29T12:00:00Z", 1, 0, "2024-02-01T00:00:00+00:00", "2024-02-29T00:00:00+00:00"),
            ("2024-03-01T00:00:00Z", 29, 0, "2024-02-29T00:00:00+00:00", "2024-03-28T00:00:00+00:00"),
            ("2023-03-01T00:00:00Z", 29, 0, "2023-02-28T00:00:00+00:00", "2023-03-28T00:00:00+00:00"),
            ("2024-04-30T12:00:00Z", 31, 345, "2024-04-30T00:00:00+05:45", "2024-05-30T00:00:00+05:45"),
            ("2024-12-31T23:30:00Z", 1, 60, "2025-01-01T00:00:00+01:00", "2025-01-31T00:00:00+01:00"),
            ("2025-01-01T00:30:00Z", 1, -60, "2024-12-01T00:00:00-01:00", "2024-12-31T00:00:00-01:00"),
            ("2025-01-05T23:59:59Z", 6, 0, "2024-12-06T00:00:00+00:00", "2025-01-05T00:00:00+00:00"),
            ("2025-01-06T00:00:00Z", 6, 0, "2025-01-06T00:00:00+00:00", "2025-02-05T00:00:00+00:00"),
            ("2024-11-15T09:59:59Z", 16, 840, "2024-10-16T00:00:00+14:00", "2024-11-15T00:00:00+14:00"),
            ("2024-11-15T10:00:00Z", 16, 840, "2024-11-16T00:00:00+14:00", "2024-12-15T00:00:00+14:00"),
            ("2024-11-15T11:59:59Z", 15, -720, "2024-10-15T00:00:00-12:00", "2024-11-14T00:00:00-12:00"),
            ("2024-11-15T12:00:00Z", 15, -720, "2024-11-15T00:00:00-12:00", "2024-12-14T00:00:00-12:00"),
        ] {
            let period = UsagePeriod::of_0145p(at(now), billing_day, offset);
            assert_eq!(shown(period), pair(start, end), "{now} {billing_day} {offset}");
            let days = DayRange { first: start[..10].parse().unwrap(), last: end[..10].parse().unwrap() };
            assert_eq!(period.selection, Selection::Days(days), "{now}");
        }
        for (now, start, end) in [
            ("2024-12-31T23:59:59Z", "2024-12-01T00:00:00+00:00", "2025-01-01T00:00:00+00:00"),
            ("2024-02-29T00:00:00Z", "2024-02-01T00:00:00+00:00", "2024-03-01T00:00:00+00:00"),
        ] {
            assert_eq!(shown(UsagePeriod::of_azure_plan(at(now))), pair(start, end));
        }
    }
}
