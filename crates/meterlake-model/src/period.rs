//! Days and billing periods, in UTC.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Datelike, Days, Months, NaiveDate, Utc};

/// Why a text is not a day or a billing period.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PeriodError {
    /// Not a calendar day written `yyyy-MM-dd`.
    #[error("not a day written yyyy-MM-dd: {0:?}")]
    Day(String),
    /// Not a billing period written `yyyyMM`.
    #[error("not a billing period written yyyyMM: {0:?}")]
    Period(String),
    /// The first day lies after the last.
    #[error("{0} is after {1}")]
    Reversed(Day, Day),
}

/// A calendar day in UTC, between the years 1 and 9999.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Day(NaiveDate);

impl Day {
    /// The day of the calendar date, if its year is 1 to 9999.
    #[must_use]
    pub fn new(date: NaiveDate) -> Option<Self> {
        (1..=9999).contains(&date.year()).then_some(Self(date))
    }

    /// The day `year-month-day`, if there is one.
    #[must_use]
    pub fn from_ymd(year: i32, month: u32, day: u32) -> Option<Self> {
        NaiveDate::from_ymd_opt(year, month, day).and_then(Self::new)
    }

    /// The UTC day of an instant.
    #[must_use]
    pub fn of(instant: DateTime<Utc>) -> Self {
        Self(instant.date_naive())
    }

    /// The calendar date.
    #[must_use]
    pub fn date(self) -> NaiveDate {
        self.0
    }

    /// Midnight at the start of the day, UTC.
    #[must_use]
    pub fn midnight(self) -> DateTime<Utc> {
        self.0.and_time(chrono::NaiveTime::MIN).and_utc()
    }

    /// Days since 1970-01-01, as in a `Date32` column.
    #[must_use]
    pub fn since_epoch(self) -> i32 {
        self.0.num_days_from_ce() - 719_163
    }

    /// The day that lies `days` after 1970-01-01, if it is in range.
    #[must_use]
    pub fn from_since_epoch(days: i32) -> Option<Self> {
        NaiveDate::from_num_days_from_ce_opt(days.checked_add(719_163)?).and_then(Self::new)
    }

    /// The day `days` later (earlier when negative), if it is in range.
    #[must_use]
    pub fn plus(self, days: i64) -> Option<Self> {
        let step = Days::new(days.unsigned_abs());
        let moved = if days < 0 { self.0.checked_sub_days(step) } else { self.0.checked_add_days(step) };
        moved.and_then(Self::new)
    }

    /// The same day of the month `months` later, or that month's last day.
    #[must_use]
    pub fn plus_months(self, months: u32) -> Option<Self> {
        self.0.checked_add_months(Months::new(months)).and_then(Self::new)
    }
}

impl FromStr for Day {
    type Err = PeriodError;

    fn from_str(text: &str) -> Result<Self, PeriodError> {
        let well_formed = text.len() == 10
            && text.bytes().enumerate().all(|(i, b)| if i == 4 || i == 7 { b == b'-' } else { b.is_ascii_digit() });
        well_formed
            .then(|| NaiveDate::parse_from_str(text, "%Y-%m-%d").ok())
            .flatten()
            .and_then(Self::new)
            .ok_or_else(|| PeriodError::Day(text.to_owned()))
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}-{:02}", self.0.year(), self.0.month(), self.0.day())
    }
}

impl fmt::Debug for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl serde::Serialize for Day {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for Day {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// Days from `first` to `last`, both inclusive.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, serde::Serialize, serde::Deserialize)]
pub struct DayRange {
    /// The first day.
    pub first: Day,
    /// The last day, not before the first.
    pub last: Day,
}

impl DayRange {
    /// The range from `first` to `last`.
    ///
    /// # Errors
    /// [`PeriodError::Reversed`] when `last` lies before `first`.
    pub fn new(first: Day, last: Day) -> Result<Self, PeriodError> {
        if last < first { Err(PeriodError::Reversed(first, last)) } else { Ok(Self { first, last }) }
    }

    /// Whether the day lies in the range.
    #[must_use]
    pub fn contains(self, day: Day) -> bool {
        self.first <= day && day <= self.last
    }
}

/// The period a charge is billed in, a calendar month written `202411`. Not derived from the day of usage.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BillingPeriod(u32);

impl BillingPeriod {
    /// The period `year`, `month` (years 1 to 9999).
    #[must_use]
    pub fn new(year: i32, month: u32) -> Option<Self> {
        let year = u32::try_from(year).ok().filter(|y| (1..=9999).contains(y))?;
        (1..=12).contains(&month).then_some(Self(year * 100 + month))
    }

    /// The period written as the number `yyyymm`, as in the partition column.
    #[must_use]
    pub fn from_number(number: i32) -> Option<Self> {
        Self::new(number / 100, u32::try_from(number % 100).ok()?)
    }

    /// The calendar month that holds the day.
    #[must_use]
    pub fn containing(day: Day) -> Self {
        let year = u32::try_from(day.0.year()).unwrap_or(1);
        Self(year * 100 + day.0.month())
    }

    /// The number `yyyymm`, as in the partition column.
    #[must_use]
    pub fn number(self) -> i32 {
        i32::try_from(self.0).unwrap_or(i32::MAX)
    }

    /// The first day of the month.
    #[must_use]
    pub fn first_day(self) -> Day {
        Day(NaiveDate::from_ymd_opt(self.number() / 100, self.0 % 100, 1).unwrap_or(NaiveDate::MIN))
    }

    /// The last day of the month.
    #[must_use]
    pub fn last_day(self) -> Day {
        let first = self.first_day().0;
        Day(first.checked_add_months(Months::new(1)).and_then(|d| d.pred_opt()).unwrap_or(first))
    }

    /// The days of the month.
    #[must_use]
    pub fn days(self) -> DayRange {
        DayRange { first: self.first_day(), last: self.last_day() }
    }

    /// The period before.
    #[must_use]
    pub fn previous(self) -> Option<Self> {
        self.first_day().plus(-1).map(Self::containing)
    }

    /// The period after.
    #[must_use]
    pub fn next(self) -> Option<Self> {
        self.last_day().plus(1).map(Self::containing)
    }
}

impl FromStr for BillingPeriod {
    type Err = PeriodError;

    fn from_str(text: &str) -> Result<Self, PeriodError> {
        let number = (text.len() == 6 && text.bytes().all(|b| b.is_ascii_digit())).then(|| text.parse().ok()).flatten();
        number.and_then(Self::from_number).ok_or_else(|| PeriodError::Period(text.to_owned()))
    }
}

impl fmt::Display for BillingPeriod {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:06}", self.0)
    }
}

impl fmt::Debug for BillingPeriod {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl serde::Serialize for BillingPeriod {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for BillingPeriod {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_and_periods() {
        let day: Day = "2024-02-29".parse().unwrap();
        assert_eq!(Day::from_since_epoch(day.since_epoch()), Some(day));
        assert_eq!(day.to_string(), "2024-02-29");
        let period = BillingPeriod::containing(day);
        assert_eq!((period.first_day().to_string(), period.last_day()), ("2024-02-01".to_owned(), day));
        assert_eq!(period.previous().map(|p| p.to_string()).as_deref(), Some("202401"));
        assert_eq!("202412".parse::<BillingPeriod>().unwrap().next().map(BillingPeriod::number), Some(202_501));
        assert_eq!(BillingPeriod::new(9999, 12).unwrap().next(), None);
        for bad in ["2024-2-29", "2023-02-29", "+024-01-01", "0000-01-01", "2024-01-01T"] {
            assert!(bad.parse::<Day>().is_err(), "{bad}");
        }
        for bad in ["202413", "2024", "000001", "20240a", "+20241"] {
            assert!(bad.parse::<BillingPeriod>().is_err(), "{bad}");
        }
    }
}
