//! Decimal numbers with a point or a comma. Which one it is, is decided once for a file.

use meterlake_model::{DecimalError, Fixed};

use crate::NumberFormat;

/// Reads a number of scale `S`, exactly.
pub(crate) fn parse<const S: u32>(text: &str, format: NumberFormat) -> Result<Fixed<S>, DecimalError> {
    let text = text.trim();
    if format == NumberFormat::Point {
        return match Fixed::parse(text) {
            Err(DecimalError::NotANumber) if text.contains(',') => {
                ungroup(text, ',', '.').map_or(Err(DecimalError::NotANumber), |t| Fixed::parse(&t))
            }
            parsed => parsed,
        };
    }
    if text.contains('.') {
        return ungroup(text, '.', ',').map_or(Err(DecimalError::NotANumber), |t| Fixed::parse(&t.replace(',', ".")));
    }
    Fixed::parse(&text.replacen(',', ".", 1))
}

/// Takes correct separators of thousands out.
fn ungroup(text: &str, group: char, mark: char) -> Option<String> {
    let (integer, fraction) = text.split_at(text.find(mark).unwrap_or(text.len()));
    let digits = integer.trim_start_matches(['-', '+']);
    let mut groups = digits.split(group);
    let first = groups.next()?;
    let all_digits = |g: &str| g.bytes().all(|b| b.is_ascii_digit());
    let good = (1..=3).contains(&first.len()) && all_digits(first) && groups.all(|g| g.len() == 3 && all_digits(g));
    (good && !fraction.contains(group)).then(|| format!("{}{fraction}", integer.replace(group, "")))
}

/// What the numbers of a file say about their decimal mark.
#[derive(Debug, Clone, Default)]
pub(crate) struct NumberEvidence {
    point: Option<(u64, String)>,
    comma: Option<(u64, String)>,
    /// `1.234`: a point before exactly three digits.
    open_point: Option<(u64, String)>,
    /// `1,234`: a comma before exactly three digits.
    open_comma: Option<(u64, String)>,
}

impl NumberEvidence {
    /// Takes note of a number on a line.
    pub(crate) fn see(&mut self, text: &str, line: u64) {
        if self.point.is_some() && !text.contains(',') {
            return;
        }
        let text = text.trim();
        let digits = text.trim_start_matches(['-', '+']);
        let digits = digits.split(['e', 'E']).next().unwrap_or(digits);
        if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'.' | b',')) {
            return;
        }
        let slot = match (digits.rfind('.'), digits.rfind(',')) {
            (None, None) => return,
            (Some(point), Some(comma)) if point > comma => &mut self.point,
            (Some(_), Some(_)) => &mut self.comma,
            (Some(_), None) if grouped(digits, '.') => &mut self.open_point,
            (Some(_), None) if digits.matches('.').count() == 1 => &mut self.point,
            (None, Some(_)) if grouped(digits, ',') => &mut self.open_comma,
            (None, Some(_)) if digits.matches(',').count() == 1 => &mut self.comma,
            _ => return,
        };
        if slot.is_none() {
            *slot = Some((line, text.to_owned()));
        }
    }

    /// The decimal mark, given the user's word if any. A file separated by commas is read with a decimal point
    /// unless its numbers prove the comma.
    ///
    /// # Errors
    /// A sentence with the numbers that leave it open or contradict one another.
    pub(crate) fn decide(&self, wish: Option<NumberFormat>, separator: u8) -> Result<NumberFormat, String> {
        if let Some(wish) = wish {
            return Ok(wish);
        }
        match (&self.point, &self.comma) {
            (Some((a, point)), Some((b, comma))) => Err(format!(
                "line {a} has {point:?}, with a decimal point, and line {b} has {comma:?}, with a decimal comma"
            )),
            (Some(_), None) => Ok(NumberFormat::Point),
            (None, Some(_)) => Ok(NumberFormat::Comma),
            (None, None) if separator == b',' => Ok(NumberFormat::Point),
            (None, None) => match self.open_point.as_ref().or(self.open_comma.as_ref()) {
                Some((line, text)) => Err(format!(
                    "no row tells whether numbers such as {text:?} on line {line} have decimals or thousands"
                )),
                None => Ok(NumberFormat::Point),
            },
        }
    }
}

/// Whether the marks stand as between thousands: `1.234.567`. A leading `0` has no thousands.
fn grouped(digits: &str, mark: char) -> bool {
    let mut groups = digits.split(mark);
    let first = groups.next().unwrap_or_default();
    (1..=3).contains(&first.len()) && !first.starts_with('0') && groups.all(|g| g.len() == 3)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_marks() {
        let read = |text: &str, format| parse::<24>(text, format).map(|n| n.to_string());
        for (text, format, expected) in [
            ("1234.5", NumberFormat::Point, "1234.5"),
            ("1,234.5", NumberFormat::Point, "1234.5"),
            (" -1E-05 ", NumberFormat::Point, "-0.00001"),
            ("1234,5", NumberFormat::Comma, "1234.5"),
            ("1.234,5", NumberFormat::Comma, "1234.5"),
            ("1.234", NumberFormat::Comma, "1234"),
            ("-0,5E-3", NumberFormat::Comma, "-0.0005"),
        ] {
            assert_eq!(read(text, format).as_deref(), Ok(expected), "{text}");
        }
        for (text, format) in [
            ("1,23,4.5", NumberFormat::Point),
            ("1,5", NumberFormat::Point),
            ("1.5", NumberFormat::Comma),
            ("1,2,3", NumberFormat::Comma),
            ("", NumberFormat::Point),
        ] {
            assert!(read(text, format).is_err(), "{text}");
        }
    }

    #[test]
    fn the_mark_is_decided_over_all_numbers() {
        let decide = |texts: &[&str], separator| {
            let mut evidence = NumberEvidence::default();
            for (line, text) in (2..).zip(texts) {
                evidence.see(text, line);
            }
            evidence.decide(None, separator)
        };
        assert_eq!(decide(&["1", "0.075"], b';'), Ok(NumberFormat::Point));
        assert_eq!(decide(&["1.234", "0,75"], b';'), Ok(NumberFormat::Comma));
        assert_eq!(decide(&["1.234,5"], b';'), Ok(NumberFormat::Comma));
        assert_eq!(decide(&["1.234"], b','), Ok(NumberFormat::Point));
        assert!(decide(&["1.234"], b';').is_err());
        assert!(decide(&["1.5", "1,5"], b';').is_err());
        assert_eq!(decide(&["1", "x"], b';'), Ok(NumberFormat::Point));
    }
}
