//! Days, weeks and months.

use std::str::FromStr;

use chrono::Datelike as _;
use meterlake_model::{BillingPeriod, Day, DayRange};

/// What a row of an estimate stands for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Granularity {
    /// A UTC day.
    Day,
    /// A week that starts on Monday.
    Week,
    /// A calendar month.
    #[default]
    Month,
}

impl Granularity {
    /// Its name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Day => "day",
            Self::Week => "week",
            Self::Month => "month",
        }
    }

    /// The first day of the row that the day falls in.
    pub(super) fn start(self, day: Day) -> Day {
        match self {
            Self::Day => day,
            Self::Week => day.plus(-i64::from(day.date().weekday().num_days_from_monday())).unwrap_or(day),
            Self::Month => BillingPeriod::containing(day).first_day(),
        }
    }

    /// The last day of the row that starts on this day.
    pub(super) fn end(self, start: Day) -> Day {
        match self {
            Self::Day => start,
            Self::Week => start.plus(6).unwrap_or(start),
            Self::Month => BillingPeriod::containing(start).last_day(),
        }
    }
}

impl FromStr for Granularity {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        [Self::Day, Self::Week, Self::Month]
            .into_iter()
            .find(|known| known.as_str().eq_ignore_ascii_case(text))
            .ok_or_else(|| format!("{text:?} is not a granularity; expected day, week or month"))
    }
}

/// Every day of the range.
pub(super) fn days(range: DayRange) -> impl Iterator<Item = Day> {
    std::iter::successors(Some(range.first), |day| day.plus(1)).take_while(move |day| *day <= range.last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn starts() {
        let day: Day = "2026-11-01".parse().unwrap();
        let start = |granularity: Granularity| {
            (granularity.start(day).to_string(), granularity.end(granularity.start(day)).to_string())
        };
        assert_eq!(start(Granularity::Day), ("2026-11-01".into(), "2026-11-01".into()));
        assert_eq!(start(Granularity::Week), ("2026-10-26".into(), "2026-11-01".into()), "a Sunday");
        assert_eq!(start(Granularity::Month), ("2026-11-01".into(), "2026-11-30".into()));
        assert!("year".parse::<Granularity>().is_err());
    }
}
