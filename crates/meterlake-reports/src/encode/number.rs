//! Numbers and days to text, without a float and without an allocation.

use chrono::Datelike;
use meterlake_model::Day;

use super::DayFormat;

const PAIRS: &[u8; 200] = b"0001020304050607080910111213141516171819\
2021222324252627282930313233343536373839\
4041424344454647484950515253545556575859\
6061626364656667686970717273747576777879\
8081828384858687888990919293949596979899";

/// Room for the 39 digits of any 128-bit integer, in two parts that are divided as 64-bit integers.
const DIGITS: usize = 40;
const LOW: usize = 19;
const LOW_UNITS: u128 = 10u128.pow(19);

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
    if magnitude < LOW_UNITS {
        right_aligned(magnitude as u64, &mut digits);
    } else {
        // One division: those of 128 bits are slow. 2^127 / 10^19 fits 64 bits.
        let high = magnitude / LOW_UNITS;
        right_aligned((magnitude - high * LOW_UNITS) as u64, &mut digits);
        right_aligned(high as u64, &mut digits[..DIGITS - LOW]);
    }
    let point = DIGITS - scale;
    let start = digits[..point - 1].iter().position(|digit| *digit != b'0').unwrap_or(point - 1);
    out.extend_from_slice(&digits[start..point]);
    if let Some(last) = digits[point..].iter().rposition(|digit| *digit != b'0') {
        out.push(b'.');
        out.extend_from_slice(&digits[point..=point + last]);
    }
}

/// Writes the digits at the right end of `digits`, whose other places stay as they are.
fn right_aligned(mut value: u64, digits: &mut [u8]) {
    let mut end = digits.len();
    while value >= 10 {
        let pair = (value % 100) as usize * 2;
        value /= 100;
        digits[end - 2..end].copy_from_slice(&PAIRS[pair..pair + 2]);
        end -= 2;
    }
    if value > 0 {
        digits[end - 1] = b'0' + value as u8;
    }
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
