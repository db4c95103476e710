//! Dates in every order that exports use. The order of day and month is decided once for a file.

use meterlake_model::Day;

use crate::DateFormat;

/// A date and a time of day as written, before anything is known of zones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Moment {
    pub(crate) day: Day,
    /// Microseconds since midnight.
    pub(crate) micros: i64,
    /// Minutes that the written time is ahead of UTC.
    pub(crate) offset: i32,
}

impl Moment {
    /// The UTC day.
    pub(crate) fn utc_day(self) -> Option<Day> {
        let micros = self.utc_micros();
        i32::try_from(micros.div_euclid(DAY_MICROS)).ok().and_then(Day::from_since_epoch)
    }

    /// Microseconds since 1970-01-01 UTC.
    pub(crate) fn utc_micros(self) -> i64 {
        i64::from(self.day.since_epoch()) * DAY_MICROS + self.micros - i64::from(self.offset) * 60_000_000
    }
}

const DAY_MICROS: i64 = 86_400_000_000;

/// The three numbers of a date in written order, and what the form says of their order.
struct Parts<'a> {
    first: u32,
    second: u32,
    year: i32,
    order: Order,
    rest: &'a [u8],
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Order {
    /// Year first: no doubt. `first` is the month.
    Iso,
    /// `a/b/yyyy` or `a-b-yyyy`.
    Unknown,
    /// `a.b.yyyy`, written so only where the day comes first.
    DayFirst,
}

fn number(text: &[u8]) -> Option<u32> {
    (!text.is_empty() && text.len() <= 4 && text.iter().all(u8::is_ascii_digit))
        .then(|| text.iter().fold(0, |n, d| n * 10 + u32::from(d - b'0')))
}

/// Splits the leading date off.
fn split(text: &[u8]) -> Option<Parts<'_>> {
    let digits = text.iter().take_while(|b| b.is_ascii_digit()).count();
    let year_of = |bytes: &[u8]| number(bytes).and_then(|y| i32::try_from(y).ok());
    if digits == 8 {
        return Some(Parts {
            first: number(&text[4..6])?,
            second: number(&text[6..8])?,
            year: year_of(&text[..4])?,
            order: Order::Iso,
            rest: &text[8..],
        });
    }
    let separator = *text.get(digits)?;
    if !matches!(separator, b'/' | b'-' | b'.') {
        return None;
    }
    let tail = &text[digits + 1..];
    let middle = tail.iter().take_while(|b| b.is_ascii_digit()).count();
    if tail.get(middle) != Some(&separator) || !(1..=2).contains(&middle) {
        return None;
    }
    let end = &tail[middle + 1..];
    let last = end.iter().take_while(|b| b.is_ascii_digit()).count();
    match (digits, last) {
        (4, 1..=2) => Some(Parts {
            first: number(&tail[..middle])?,
            second: number(&end[..last])?,
            year: year_of(&text[..4])?,
            order: Order::Iso,
            rest: &end[last..],
        }),
        (1..=2, 4) => Some(Parts {
            first: number(&text[..digits])?,
            second: number(&tail[..middle])?,
            year: year_of(&end[..4])?,
            order: if separator == b'.' { Order::DayFirst } else { Order::Unknown },
            rest: &end[last..],
        }),
        _ => None,
    }
}

/// Reads a date, with or without a time and a zone.
pub(crate) fn parse(text: &str, format: DateFormat) -> Option<Moment> {
    let parts = split(text.trim().as_bytes())?;
    let (month, day) = match (parts.order, format) {
        (Order::Iso, _) => (parts.first, parts.second),
        (Order::DayFirst, _) | (Order::Unknown, DateFormat::DayFirst) => (parts.second, parts.first),
        (Order::Unknown, DateFormat::MonthFirst | DateFormat::Iso) => (parts.first, parts.second),
    };
    let day = Day::from_ymd(parts.year, month, day)?;
    let (micros, offset) = time(parts.rest)?;
    Some(Moment { day, micros, offset })
}

/// Reads `[T| ]HH:mm[:ss[.f…]][ AM|PM][Z|±HH:mm]`, or nothing.
fn time(text: &[u8]) -> Option<(i64, i32)> {
    if text.is_empty() {
        return Some((0, 0));
    }
    if !matches!(text[0], b'T' | b't' | b' ') {
        return None;
    }
    let mut rest = text[1..].trim_ascii();
    let mut fields = [0i64; 3];
    let mut micros = 0i64;
    for (at, field) in fields.iter_mut().enumerate() {
        let digits = rest.iter().take_while(|b| b.is_ascii_digit()).count();
        if !(1..=2).contains(&digits) {
            return None;
        }
        *field = i64::from(number(&rest[..digits])?);
        rest = &rest[digits..];
        if at < 2 {
            match rest.first() {
                Some(b':') => rest = &rest[1..],
                _ if at == 0 => return None,
                _ => break,
            }
        }
    }
    if rest.first() == Some(&b'.') {
        let digits = rest[1..].iter().take_while(|b| b.is_ascii_digit()).count();
        micros = rest[1..].iter().take(digits.min(6)).fold(0, |n, d| n * 10 + i64::from(d - b'0'));
        micros *= 10i64.pow(u32::try_from(6 - digits.min(6)).unwrap_or(0));
        rest = &rest[1 + digits..];
    }
    rest = rest.trim_ascii();
    if rest.len() >= 2 && rest[..2].eq_ignore_ascii_case(b"AM")
        || rest.len() >= 2 && rest[..2].eq_ignore_ascii_case(b"PM")
    {
        if !(1..=12).contains(&fields[0]) {
            return None;
        }
        fields[0] = fields[0] % 12 + if rest[0].eq_ignore_ascii_case(&b'P') { 12 } else { 0 };
        rest = rest[2..].trim_ascii();
    }
    let [hour, minute, second] = fields;
    if hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    Some((((hour * 60 + minute) * 60 + second) * 1_000_000 + micros, zone(rest)?))
}

/// Reads `Z`, `UTC`, `+HH:mm`, `-HHmm` or nothing, in minutes.
fn zone(text: &[u8]) -> Option<i32> {
    if text.is_empty() || text.eq_ignore_ascii_case(b"Z") || text.eq_ignore_ascii_case(b"UTC") {
        return Some(0);
    }
    let sign = match text[0] {
        b'+' => 1,
        b'-' => -1,
        _ => return None,
    };
    let digits: Vec<u8> = text[1..].iter().copied().filter(|&b| b != b':').collect();
    let (hours, minutes) = match digits.len() {
        2 => (number(&digits)?, 0),
        4 => (number(&digits[..2])?, number(&digits[2..])?),
        _ => return None,
    };
    (hours <= 14 && minutes <= 59).then(|| sign * i32::try_from(hours * 60 + minutes).unwrap_or(0))
}

/// What the dates of a file say about their order, with the line of the first that says so.
#[derive(Debug, Clone, Default)]
pub(crate) struct DateEvidence {
    month_first: Option<(u64, String)>,
    day_first: Option<(u64, String)>,
    /// A date that reads both ways and differs.
    open: Option<(u64, String)>,
    /// A date in which day and month are the same number.
    same: bool,
    last: String,
}

impl DateEvidence {
    /// Takes note of a date on a line. Texts that are no dates say nothing.
    pub(crate) fn see(&mut self, text: &str, line: u64) {
        if text.is_empty() || text == self.last {
            return;
        }
        text.clone_into(&mut self.last);
        let Some(parts) = split(text.trim().as_bytes()) else { return };
        let slot = match parts.order {
            Order::Iso => return,
            Order::DayFirst => &mut self.day_first,
            Order::Unknown if parts.first > 12 && parts.second <= 12 => &mut self.day_first,
            Order::Unknown if parts.second > 12 && parts.first <= 12 => &mut self.month_first,
            Order::Unknown if parts.first > 12 || parts.second > 12 => return,
            Order::Unknown if parts.first == parts.second => {
                self.same = true;
                return;
            }
            Order::Unknown => &mut self.open,
        };
        if slot.is_none() {
            *slot = Some((line, text.to_owned()));
        }
    }

    /// The order, given the user's word if any.
    ///
    /// # Errors
    /// A sentence with the dates that leave it open or contradict one another.
    pub(crate) fn decide(&self, wish: Option<DateFormat>) -> Result<DateFormat, String> {
        if let Some(wish) = wish {
            return Ok(wish);
        }
        match (&self.month_first, &self.day_first, &self.open) {
            (Some((a, month)), Some((b, day)), _) => Err(format!(
                "line {a} has {month:?}, with the month first, and line {b} has {day:?}, with the day first"
            )),
            (Some(_), None, _) => Ok(DateFormat::MonthFirst),
            (None, Some(_), _) => Ok(DateFormat::DayFirst),
            (None, None, Some((line, text))) => {
                Err(format!("no row tells whether dates such as {text:?} on line {line} are MM/dd/yyyy or dd/MM/yyyy"))
            }
            (None, None, None) if self.same => Ok(DateFormat::MonthFirst),
            (None, None, None) => Ok(DateFormat::Iso),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn utc(text: &str, format: DateFormat) -> Option<String> {
        let moment = parse(text, format)?;
        chrono::DateTime::from_timestamp_micros(moment.utc_micros())
            .map(|t| t.format("%Y-%m-%dT%H:%M:%S%.f").to_string())
    }

    #[test]
    fn forms() {
        use DateFormat::{DayFirst, Iso, MonthFirst};
        for (text, format, expected) in [
            ("2024-09-18", Iso, "2024-09-18T00:00:00"),
            ("20240918", MonthFirst, "2024-09-18T00:00:00"),
            ("2024/9/8", DayFirst, "2024-09-08T00:00:00"),
            ("2024-09-18 23:00:00", Iso, "2024-09-18T23:00:00"),
            ("2024-09-18T23:00:00.1234567Z", Iso, "2024-09-18T23:00:00.123456"),
            ("2024-09-18T23:00Z", Iso, "2024-09-18T23:00:00"),
            ("2024-09-18T23:30:00-08:00", Iso, "2024-09-19T07:30:00"),
            ("2024-09-18 01:30:00 +0200", Iso, "2024-09-17T23:30:00"),
            ("09/10/2023", MonthFirst, "2023-09-10T00:00:00"),
            ("09/10/2023", DayFirst, "2023-10-09T00:00:00"),
            ("9.10.2023", MonthFirst, "2023-10-09T00:00:00"),
            ("8/1/2018 12:00:00 AM", MonthFirst, "2018-08-01T00:00:00"),
            ("11/15/2018 4:16:19 PM +02:00", MonthFirst, "2018-11-15T14:16:19"),
        ] {
            assert_eq!(utc(text, format).as_deref(), Some(expected), "{text}");
        }
        for bad in [
            "",
            "x",
            "2024-13-01",
            "2024-02-30",
            "13/13/2024",
            "2024-01-01X",
            "1/1/24",
            "2024-01-01 25:00",
            "2024",
            "99999999",
        ] {
            assert_eq!(utc(bad, MonthFirst), None, "{bad}");
        }
    }

    #[test]
    fn the_order_is_decided_over_all_dates() {
        let decide = |texts: &[&str]| {
            let mut evidence = DateEvidence::default();
            for (line, text) in (2..).zip(texts) {
                evidence.see(text, line);
            }
            evidence.decide(None)
        };
        assert_eq!(decide(&["02/03/2021", "05/01/2021", "05/31/2021"]), Ok(DateFormat::MonthFirst));
        assert_eq!(decide(&["02/03/2021", "31/05/2021"]), Ok(DateFormat::DayFirst));
        assert_eq!(decide(&["02/02/2021"]), Ok(DateFormat::MonthFirst));
        assert_eq!(decide(&["2021-02-03"]), Ok(DateFormat::Iso));
        assert!(decide(&["02/03/2021"]).unwrap_err().contains("line 2"));
        assert!(decide(&["13/03/2021", "02/23/2021"]).is_err());
    }
}
