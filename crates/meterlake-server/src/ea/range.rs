//! Byte ranges of blob reads.

use http::header::{HeaderMap, RANGE};

/// The part of a file that a request wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ByteRange {
    /// All of it.
    Whole,
    /// From the first to the last byte, both inclusive.
    Part { first: u64, last: u64 },
    /// Nothing that the file has.
    Unsatisfiable,
}

impl ByteRange {
    /// The range of a file of `length` bytes that `x-ms-range` or else `Range` asks for. A form that is not
    /// understood, several ranges included, asks for the whole file, as HTTP has it.
    pub(crate) fn of(headers: &HeaderMap, length: u64) -> Self {
        let value = headers.get("x-ms-range").or_else(|| headers.get(RANGE)).and_then(|value| value.to_str().ok());
        value.and_then(|value| Self::read(value, length)).unwrap_or(Self::Whole)
    }

    fn read(value: &str, length: u64) -> Option<Self> {
        let (unit, range) = value.trim().split_once('=')?;
        let (first, last) = range.trim().split_once('-')?;
        if !unit.trim().eq_ignore_ascii_case("bytes") {
            return None;
        }
        let number = |text: &str| text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse::<u64>().ok()).flatten();
        let (first, last) = match (first.trim(), last.trim()) {
            ("", suffix) => {
                let suffix = number(suffix)?;
                (length.saturating_sub(suffix), length.checked_sub(1).filter(|_| suffix > 0))
            }
            (first, "") => (number(first)?, length.checked_sub(1)),
            (first, last) => {
                let (first, last) = (number(first)?, number(last)?);
                if last < first {
                    return None;
                }
                (first, length.checked_sub(1).map(|end| end.min(last)))
            }
        };
        Some(match last {
            Some(last) if first <= last => Self::Part { first, last },
            _ => Self::Unsatisfiable,
        })
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn ranges() {
        let part = |first, last| ByteRange::Part { first, last };
        for (value, length, expected) in [
            ("bytes=0-33554431", 10, part(0, 9)),
            ("bytes=2-4", 10, part(2, 4)),
            ("BYTES = 9 - ", 10, part(9, 9)),
            ("bytes=-3", 10, part(7, 9)),
            ("bytes=-30", 10, part(0, 9)),
            ("bytes=-0", 10, ByteRange::Unsatisfiable),
            ("bytes=10-", 10, ByteRange::Unsatisfiable),
            ("bytes=0-0", 0, ByteRange::Unsatisfiable),
            ("bytes=5-4", 10, ByteRange::Whole),
            ("bytes=0-1,3-4", 10, ByteRange::Whole),
            ("lines=0-1", 10, ByteRange::Whole),
            ("bytes=99999999999999999999999-", 10, ByteRange::Whole),
            ("bytes=", 10, ByteRange::Whole),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(RANGE, HeaderValue::from_str(value).unwrap());
            assert_eq!(ByteRange::of(&headers, length), expected, "{value}");
        }
        let mut headers = HeaderMap::new();
        headers.insert(RANGE, HeaderValue::from_static("bytes=0-1"));
        headers.insert("x-ms-range", HeaderValue::from_static("bytes=2-3"));
        assert_eq!(ByteRange::of(&headers, 10), part(2, 3));
        assert_eq!(ByteRange::of(&HeaderMap::new(), 10), ByteRange::Whole);
    }
}
