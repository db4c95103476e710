//! Date and date-time literals.

use std::fmt;

use chrono::{DateTime, NaiveDate, SecondsFormat, TimeDelta, Utc, Weekday};
use meterlake_model::Day;

/// A point in time as a filter writes it. That it was a bare date is kept, so that a report can take it for that whole
/// day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Moment {
    /// A bare date.
    Day(Day),
    /// A date-time; without a zone it is UTC. Kept to the nanosecond.
    Instant(DateTime<Utc>),
}

impl Moment {
    /// The instant; of a bare date, its midnight UTC.
    #[must_use]
    pub fn instant(self) -> DateTime<Utc> {
        match self {
            Self::Day(day) => day.midnight(),
            Self::Instant(instant) => instant,
        }
    }

    /// The UTC day that holds it.
    #[must_use]
    pub fn day(self) -> Day {
        match self {
            Self::Day(day) => day,
            Self::Instant(instant) => Day::of(instant),
        }
    }

    /// Reads a literal: `2016-10-15`, an ISO 8601 date-time or the US style `11/15/2018 4:16:19 PM +02:00`. Years 1 to
    /// 9999.
    ///
    /// Of ISO 8601: calendar dates, week dates (`2016-W41-6`) and days of the year (`2016-289`), extended or basic; `T`
    /// or a blank before the time; hours alone, with minutes, with seconds; a fraction of the last of them behind `.` or
    /// `,`; `24:00` and leap seconds, each the instant after; with or without zone. Digits beyond the nanosecond are cut
    /// off.
    ///
    /// An offset that lost its `+` on the way (in a URL a plus sign means a blank) is understood as positive.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        // The date has no blank and no T; whatever follows is the time.
        let date_end = text.find(|c: char| c.is_whitespace() || matches!(c, 'T' | 't')).unwrap_or(text.len());
        let day = parse_date(&text[..date_end])?;
        let Some(separator) = text[date_end..].chars().next() else {
            return Some(Self::Day(day));
        };
        let (time, zone) = split_zone(text[date_end + separator.len_utf8()..].trim())?;
        let instant = day
            .midnight()
            .checked_add_signed(parse_time(time)?)?
            .checked_sub_signed(TimeDelta::seconds(parse_zone(zone)?))?;
        Day::new(instant.date_naive()).map(|_| Self::Instant(instant))
    }
}

impl fmt::Display for Moment {
    /// `2016-10-15`, or `2016-10-15T12:00:00Z` with as many decimals as needed.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Day(day) => write!(f, "{day}"),
            Self::Instant(instant) => f.write_str(&instant.to_rfc3339_opts(SecondsFormat::AutoSi, true)),
        }
    }
}

/// A day in one of the forms that [`Moment::parse`] names.
fn parse_date(text: &str) -> Option<Day> {
    if let [month, day, year] = text.split('/').collect::<Vec<_>>()[..] {
        return Day::from_ymd(i32::try_from(digits(year, 4, 4)?).ok()?, digits(month, 1, 2)?, digits(day, 1, 2)?);
    }
    let basic = !text.contains('-');
    let (year, rest) = text.split_at_checked(4)?;
    let year = i32::try_from(digits(year, 4, 4)?).ok()?;
    let rest = if basic { rest } else { rest.strip_prefix('-')? };
    let (rest, week_date) = match rest.strip_prefix(['W', 'w']) {
        Some(rest) => (rest, true),
        None => (rest, false),
    };
    if !week_date && rest.len() == 3 {
        return NaiveDate::from_yo_opt(year, digits(rest, 3, 3)?).and_then(Day::new);
    }
    let (middle, last) = if basic { rest.split_at_checked(2)? } else { rest.split_once('-')? };
    let middle = digits(middle, 2, 2)?;
    if week_date {
        let weekday = Weekday::try_from(u8::try_from(digits(last, 1, 1)?.checked_sub(1)?).ok()?).ok()?;
        return NaiveDate::from_isoywd_opt(year, middle, weekday).and_then(Day::new);
    }
    Day::from_ymd(year, middle, digits(last, 2, 2)?)
}

/// The minus sign of typography, which ISO 8601 prefers to the hyphen.
pub(crate) const MINUS: char = '\u{2212}';

/// Splits what follows the date into time (with AM or PM) and zone.
fn split_zone(text: &str) -> Option<(&str, &str)> {
    if let Some(time) = text.strip_suffix(['Z', 'z']) {
        return Some((time.trim_end(), "Z"));
    }
    if let Some(at) = text.rfind(['+', '-', MINUS]) {
        return Some((text[..at].trim_end(), &text[at..]));
    }
    // A last word with digits only and a colon, after another one, is an offset whose plus became a blank.
    if let Some(at) = text.rfind(char::is_whitespace)
        && text[at..].trim().bytes().all(|b| b.is_ascii_digit() || b == b':')
    {
        return Some((text[..at].trim_end(), text[at..].trim()));
    }
    Some((text, ""))
}

/// Seconds east of UTC: nothing, `Z`, `+02:00`, `+0200`, `+02`.
fn parse_zone(zone: &str) -> Option<i64> {
    if zone.is_empty() || zone == "Z" {
        return Some(0);
    }
    let (sign, rest) = match zone.strip_prefix(['-', MINUS]) {
        Some(rest) => (-1, rest),
        None => (1, zone.strip_prefix('+').unwrap_or(zone)),
    };
    let (hours, minutes) = match rest.split_once(':') {
        Some((hours, minutes)) => (digits(hours, 1, 2)?, digits(minutes, 2, 2)?),
        None if rest.len() == 4 && rest.is_ascii() => (digits(&rest[..2], 2, 2)?, digits(&rest[2..], 2, 2)?),
        None => (digits(rest, 1, 2)?, 0),
    };
    (hours <= 23 && minutes <= 59).then(|| sign * i64::from(hours * 3600 + minutes * 60))
}

/// The time since midnight: `16:16`, `16:16:19`, `16:16:19.123`, `161619`, `16:16.5`, `4:16:19 PM`, and `24:00` for the
/// end of the day.
fn parse_time(text: &str) -> Option<TimeDelta> {
    let upper = text.to_ascii_uppercase();
    let (clock, half) = match (upper.strip_suffix("AM"), upper.strip_suffix("PM")) {
        (Some(clock), _) => (clock.trim_end(), Some(0)),
        (_, Some(clock)) => (clock.trim_end(), Some(12)),
        _ => (upper.as_str(), None),
    };
    let (whole, fraction) = clock.split_once(['.', ',']).unwrap_or((clock, "0"));
    let mut parts = [0u32; 3];
    let count = if whole.contains(':') {
        let written: Vec<&str> = whole.split(':').collect();
        if !(2..=3).contains(&written.len()) {
            return None;
        }
        for (index, part) in written.iter().enumerate() {
            parts[index] = digits(part, if index == 0 { 1 } else { 2 }, 2)?;
        }
        written.len()
    } else if matches!(whole.len(), 2 | 4 | 6) && whole.is_ascii() {
        for (index, part) in parts.iter_mut().take(whole.len() / 2).enumerate() {
            *part = digits(&whole[index * 2..index * 2 + 2], 2, 2)?;
        }
        whole.len() / 2
    } else {
        return None;
    };
    let nanoseconds = parse_fraction(fraction)? * [3600, 60, 1][count - 1];
    let [hour, minute, second] = parts;
    let hour = match half {
        Some(shift) if (1..=12).contains(&hour) => hour % 12 + shift,
        Some(_) => return None,
        None => hour,
    };
    let end_of_day = (hour, minute, second, nanoseconds) == (24, 0, 0, 0);
    let leap_second = (minute, second) == (59, 60);
    if (hour > 23 && !end_of_day) || minute > 59 || (second > 59 && !leap_second) {
        return None;
    }
    Some(TimeDelta::seconds(i64::from(hour * 3600 + minute * 60 + second)) + TimeDelta::nanoseconds(nanoseconds))
}

/// Billionths, from the digits of a fraction; those beyond the ninth are cut off.
fn parse_fraction(text: &str) -> Option<i64> {
    if text.is_empty() || !text.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    Some(text.bytes().chain(std::iter::repeat(b'0')).take(9).fold(0, |sum, digit| sum * 10 + i64::from(digit - b'0')))
}

/// A number of `least` to `most` ASCII digits.
fn digits(text: &str, least: usize, most: usize) -> Option<u32> {
    ((least..=most).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit()))
        .then(|| text.parse().ok())
        .flatten()
}
