//! Numbers and days to text, without a float and without an allocation.

use chrono::Datelike;
use meterlake_model::Day;

use super::DayFormat;

const PAIRS: &[u8; 200] = b"0001020304050607080910111213141516171819\
2021222324252627282930313233343536373839\
4041424344454647484950515253545556575859\
6061626364656667686970717273747576777879\
8081828384858687888990919293949596979899";

/// Room for the 39 digits of any 128-bit integer, in two parts that are divided as 64-bit integers; before them there is
/// room for the zeros that eight digits at a time write there.
const DIGITS: usize = 48;
const LOW_UNITS: u128 = 10u128.pow(19);
const EIGHT: u64 = 100_000_000;
const ZEROS: u64 = 0x3030_3030_3030_3030;

/// Largest scale of an Arrow decimal of 128 bits.
pub(super) const MOST_DECIMALS: usize = 38;

/// Appends `value` · 10^-`scale` in canonical form: every significant digit, no exponent, no trailing zeros, `0`
/// never `-0`. `scale` is at most [`MOST_DECIMALS`].
pub(super) fn decimal(value: i128, scale: usize, out: &mut Vec<u8>) {
    if value == 0 {
        out.push(b'0');
        return;
    }
    if value < 0 {
        out.push(b'-');
    }
    let magnitude = value.unsigned_abs();
    let mut digits = [b'0'; DIGITS];
    let (high, low) = if magnitude < LOW_UNITS {
        (0, magnitude as u64)
    } else {
        // One division: those of 128 bits are slow. 2^127 / 10^19 fits 64 bits.
        let high = magnitude / LOW_UNITS;
        (high as u64, (magnitude - high * LOW_UNITS) as u64)
    };
    // Nineteen digits of the lower part; the zeros before its first three lie where the higher part comes.
    put(&mut digits, 40, low % EIGHT);
    put(&mut digits, 32, low / EIGHT % EIGHT);
    put(&mut digits, 24, low / EIGHT / EIGHT);
    if high > 0 {
        put(&mut digits, 21, high % EIGHT);
        put(&mut digits, 13, high / EIGHT % EIGHT);
        put(&mut digits, 5, high / EIGHT / EIGHT);
    }
    let point = DIGITS - scale;
    let start = first_digit(&digits).min(point - 1);
    out.extend_from_slice(&digits[start..point]);
    let end = after_last_digit(&digits);
    if end > point {
        out.push(b'.');
        out.extend_from_slice(&digits[point..end]);
    }
}

/// Writes eight digits.
#[inline]
fn put(digits: &mut [u8; DIGITS], at: usize, value: u64) {
    digits[at..at + 8].copy_from_slice(&(eight(value) + ZEROS).to_le_bytes());
}

/// The eight digits of a number below 10^8, the first in the lowest byte: halves, then quarters, then eighths of the
/// word are divided side by side, by multiplying.
#[inline]
fn eight(value: u64) -> u64 {
    let fours = (value / 10_000) | ((value % 10_000) << 32);
    let hundreds = ((fours * 10_486) >> 20) & 0x7f_0000_007f;
    let twos = hundreds | ((fours - 100 * hundreds) << 16);
    let tens = ((twos * 103) >> 10) & 0x000f_000f_000f_000f;
    tens | ((twos - 10 * tens) << 8)
}

/// The place of the first digit that is not 0; the end when there is none.
#[inline]
fn first_digit(digits: &[u8; DIGITS]) -> usize {
    let (words, _) = digits.as_chunks::<8>();
    for (place, word) in words.iter().enumerate() {
        let other = u64::from_le_bytes(*word) ^ ZEROS;
        if other != 0 {
            return place * 8 + other.trailing_zeros() as usize / 8;
        }
    }
    DIGITS
}

/// The place after the last digit that is not 0.
#[inline]
fn after_last_digit(digits: &[u8; DIGITS]) -> usize {
    let (words, _) = digits.as_chunks::<8>();
    for (place, word) in words.iter().enumerate().rev() {
        let other = u64::from_le_bytes(*word) ^ ZEROS;
        if other != 0 {
            return place * 8 + 8 - other.leading_zeros() as usize / 8;
        }
    }
    0
}

/// Appends the day without quotes.
pub(super) fn day(day: Day, format: DayFormat, out: &mut Vec<u8>) {
    let date = day.date();
    let year = date.year().unsigned_abs();
    two_digits(year / 100, out);
    two_digits(year % 100, out);
    out.push(b'-');
    two_digits(date.month(), out);
    out.push(b'-');
    two_digits(date.day(), out);
    out.extend_from_slice(match format {
        DayFormat::Iso => b"",
        DayFormat::Midnight => b"T00:00:00",
        DayFormat::MidnightZ => b"T00:00:00Z",
    });
}

fn two_digits(value: u32, out: &mut Vec<u8>) {
    let pair = value as usize % 100 * 2;
    out.extend_from_slice(&PAIRS[pair..pair + 2]);
}

#[cfg(test)]
mod tests {
    use meterlake_model::{Amount, Fixed};
    use proptest::prelude::*;

    use super::*;

    fn text(value: i128, scale: usize) -> String {
        let mut out = Vec::new();
        decimal(value, scale, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn canonical_at_the_edges() {
        assert_eq!(text(0, 24), "0");
        assert_eq!(text(1, 0), "1");
        assert_eq!(text(-10, 1), "-1");
        assert_eq!(text(-1, 38), format!("-0.{}1", "0".repeat(37)));
        assert_eq!(text(10i128.pow(38) - 1, 38), format!("0.{}", "9".repeat(38)));
        assert_eq!(text(i128::MIN, 0), i128::MIN.to_string());
        assert_eq!(text(i128::MAX, 0), i128::MAX.to_string());
        assert_eq!(text(10i128.pow(19), 0), "10000000000000000000");
        assert_eq!(text(100, 0), "100");
    }

    #[test]
    fn every_eight_digits() {
        let mut value = 0;
        while value < EIGHT {
            let text = (eight(value) + ZEROS).to_le_bytes();
            assert_eq!(std::str::from_utf8(&text).unwrap(), format!("{value:08}"));
            // Every pair of digits, and the edges of the halves.
            value += if value % 10_000 < 9_990 { 1_009 } else { 1 };
        }
        for value in (0..10_000).flat_map(|four| [four, four * 10_000, four * 10_001]) {
            assert_eq!((eight(value) + ZEROS).to_le_bytes(), *format!("{value:08}").as_bytes());
        }
    }

    #[test]
    fn days() {
        let text = |given: &str, format| {
            let mut out = Vec::new();
            day(given.parse().unwrap(), format, &mut out);
            String::from_utf8(out).unwrap()
        };
        assert_eq!(text("2017-04-07", DayFormat::Iso), "2017-04-07");
        assert_eq!(text("0001-12-31", DayFormat::Midnight), "0001-12-31T00:00:00");
        assert_eq!(text("9999-01-01", DayFormat::MidnightZ), "9999-01-01T00:00:00Z");
    }

    proptest! {
        #[test]
        fn as_the_model_prints(value in any::<i128>(), shift in 0u32..38) {
            let value = value / 10i128.pow(shift) % 10i128.pow(38);
            let amount = Amount::from_unscaled(value).unwrap();
            prop_assert_eq!(text(value, 24), amount.to_string());
            prop_assert_eq!(text(value, 0), Fixed::<0>::from_unscaled(value).unwrap().to_string());
            prop_assert_eq!(text(value, 38), Fixed::<38>::from_unscaled(value).unwrap().to_string());
        }
    }
}
