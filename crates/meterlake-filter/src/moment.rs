//! Date and date-time literals.

use std::fmt;

use chrono::{DateTime, NaiveDate, NaiveTime, SecondsFormat, TimeDelta, Utc};
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

    /// Reads a literal: `2016-10-15`, an ISO 8601 date-time (extended or basic form, `T` or a blank between, with or
    /// without seconds, fraction and zone) or the US style `11/15/2018 4:16:19 PM +02:00`. Years 1 to 9999.
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

/// `2016-10-15`, `20161015` or `10/15/2016`.
fn parse_date(text: &str) -> Option<Day> {
    if let [month, day, year] = text.split('/').collect::<Vec<_>>()[..] {
        return Day::from_ymd(i32::try_from(digits(year, 4, 4)?).ok()?, digits(month, 1, 2)?, digits(day, 1, 2)?);
    }
    let (year, month, day) = match text.split('-').collect::<Vec<_>>()[..] {
        [year, month, day] => (year, month, day),
        [basic] if basic.len() == 8 && basic.is_ascii() => (&basic[..4], &basic[4..6], &basic[6..]),
        _ => return None,
    };
    let year = i32::try_from(digits(year, 4, 4)?).ok()?;
    NaiveDate::from_ymd_opt(year, digits(month, 2, 2)?, digits(day, 2, 2)?).and_then(Day::new)
}

/// Splits what follows the date into time (with AM or PM) and zone.
fn split_zone(text: &str) -> Option<(&str, &str)> {
    if let Some(time) = text.strip_suffix(['Z', 'z']) {
        return Some((time.trim_end(), "Z"));
    }
    if let Some(at) = text.rfind(['+', '-']) {
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
    let (sign, rest) = match zone.strip_prefix('-') {
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

/// The time since midnight: `16:16`, `16:16:19`, `16:16:19.123`, `161619`, `4:16:19 PM`, and `24:00` for the end of the day.
fn parse_time(text: &str) -> Option<TimeDelta> {
    let upper = text.to_ascii_uppercase();
    let (clock, half) = match (upper.strip_suffix("AM"), upper.strip_suffix("PM")) {
        (Some(clock), _) => (clock.trim_end(), Some(0)),
        (_, Some(clock)) => (clock.trim_end(), Some(12)),
        _ => (upper.as_str(), None),
    };
    let (whole, fraction) = clock.split_once('.').unwrap_or((clock, "0"));
    let mut parts = [0u32; 3];
    if whole.contains(':') {
        let written: Vec<&str> = whole.split(':').collect();
        if !(2..=3).contains(&written.len()) {
            return None;
        }
        for (index, part) in written.iter().enumerate() {
            parts[index] = digits(part, if index == 0 { 1 } else { 2 }, 2)?;
        }
    } else if matches!(whole.len(), 2 | 4 | 6) && whole.is_ascii() {
        for (index, part) in parts.iter_mut().take(whole.len() / 2).enumerate() {
            *part = digits(&whole[index * 2..index * 2 + 2], 2, 2)?;
        }
    } else {
        return None;
    }
    let nanoseconds = parse_fraction(fraction)?;
    let [hour, minute, second] = parts;
    let hour = match half {
        Some(shift) if (1..=12).contains(&hour) => hour % 12 + shift,
        Some(_) => return None,
        None if (hour, minute, second, nanoseconds) == (24, 0, 0, 0) => return Some(TimeDelta::days(1)),
        None => hour,
    };
    NaiveTime::from_hms_nano_opt(hour, minute, second, nanoseconds).map(|time| time - NaiveTime::MIN)
}

/// Nanoseconds of a fraction of a second; digits beyond the ninth are cut off.
fn parse_fraction(text: &str) -> Option<u32> {
    if text.is_empty() || !text.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    Some(text.bytes().chain(std::iter::repeat(b'0')).take(9).fold(0, |sum, digit| sum * 10 + u32::from(digit - b'0')))
}

/// A number of `least` to `most` ASCII digits.
fn digits(text: &str, least: usize, most: usize) -> Option<u32> {
    ((least..=most).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit()))
        .then(|| text.parse().ok())
        .flatten()
}
