//! Exact fixed-point decimals. Money and quantities never pass through a float.

use std::fmt;
use std::str::FromStr;

/// Largest magnitude of an unscaled value: 38 decimal digits, as in a `Decimal128(38, _)` column.
const MAX_UNSCALED: i128 = 10i128.pow(38) - 1;

/// The powers of ten that a value may be multiplied by.
const POWERS: [i128; 39] = {
    let mut powers = [1; 39];
    let mut at = 1;
    while at < powers.len() {
        powers[at] = powers[at - 1] * 10;
        at += 1;
    }
    powers
};

/// An exact decimal held as an integer of `10^-SCALE` units, at most 38 digits long.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Fixed<const SCALE: u32>(i128);

/// A cost, price or budget: 24 decimals, 14 integer digits.
pub type Amount = Fixed<24>;

/// A metered quantity: 20 decimals, 18 integer digits.
pub type Quantity = Fixed<20>;

/// Why a text or a number is not an exact decimal of the wanted scale.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DecimalError {
    /// The text is empty.
    #[error("empty, expected a decimal number")]
    Empty,
    /// The text is not a decimal number.
    #[error("not a decimal number")]
    NotANumber,
    /// The number has significant digits beyond the scale; rounding would change it.
    #[error("more than {scale} significant decimals")]
    TooPrecise {
        /// Decimals that can be held.
        scale: u32,
    },
    /// The number has more integer digits than can be held.
    #[error("more than {digits} digits before the decimal point")]
    TooLarge {
        /// Integer digits that can be held.
        digits: u32,
    },
}

impl<const SCALE: u32> Fixed<SCALE> {
    /// Zero.
    pub const ZERO: Self = Self(0);
    /// Number of decimals.
    pub const SCALE: u32 = SCALE;

    const TOO_LARGE: DecimalError = DecimalError::TooLarge { digits: 38 - SCALE };

    /// The value whose unscaled integer is `unscaled` (units of `10^-SCALE`).
    ///
    /// # Errors
    /// [`DecimalError::TooLarge`] above 38 digits.
    pub const fn from_unscaled(unscaled: i128) -> Result<Self, DecimalError> {
        if unscaled > MAX_UNSCALED || unscaled < -MAX_UNSCALED {
            return Err(Self::TOO_LARGE);
        }
        Ok(Self(unscaled))
    }

    /// The whole number `value`.
    ///
    /// # Errors
    /// [`DecimalError::TooLarge`] when it has more integer digits than the type holds.
    pub fn from_integer(value: i64) -> Result<Self, DecimalError> {
        i128::from(value).checked_mul(10i128.pow(SCALE)).ok_or(Self::TOO_LARGE).and_then(Self::from_unscaled)
    }

    /// The unscaled integer, in units of `10^-SCALE`.
    #[must_use]
    pub const fn unscaled(self) -> i128 {
        self.0
    }

    /// The exact sum.
    ///
    /// # Errors
    /// [`DecimalError::TooLarge`] when it needs more than 38 digits; a sum never wraps.
    pub fn checked_add(self, other: Self) -> Result<Self, DecimalError> {
        self.0.checked_add(other.0).ok_or(Self::TOO_LARGE).and_then(Self::from_unscaled)
    }

    /// The exact difference.
    ///
    /// # Errors
    /// [`DecimalError::TooLarge`] when it needs more than 38 digits.
    pub fn checked_sub(self, other: Self) -> Result<Self, DecimalError> {
        self.0.checked_sub(other.0).ok_or(Self::TOO_LARGE).and_then(Self::from_unscaled)
    }

    /// Reads `[+-]digits[.digits][(e|E)[+-]digits]`, exactly. Trailing zeros beyond the scale are accepted,
    /// significant digits beyond it are not.
    ///
    /// # Errors
    /// [`DecimalError`] when the text is not such a number or does not fit.
    pub fn parse(text: &str) -> Result<Self, DecimalError> {
        Self::parse_bytes(text.as_bytes())
    }

    /// [`Fixed::parse`] over bytes.
    ///
    /// # Errors
    /// As [`Fixed::parse`].
    pub fn parse_bytes(text: &[u8]) -> Result<Self, DecimalError> {
        if let Some(value) = Self::plain(text) {
            return Ok(value);
        }
        if text.is_empty() {
            return Err(DecimalError::Empty);
        }
        let (negative, digits) = match text[0] {
            b'-' => (true, &text[1..]),
            b'+' => (false, &text[1..]),
            _ => (false, text),
        };
        let (mantissa, exponent) = match digits.iter().position(|b| matches!(b, b'e' | b'E')) {
            Some(at) => (&digits[..at], parse_exponent(&digits[at + 1..])?),
            None => (digits, 0),
        };
        let (integer, fraction) = match mantissa.iter().position(|&b| b == b'.') {
            Some(at) => (&mantissa[..at], &mantissa[at + 1..]),
            None => (mantissa, &[][..]),
        };
        if integer.is_empty() && fraction.is_empty() {
            return Err(DecimalError::NotANumber);
        }
        Self::assemble(integer, fraction, exponent).and_then(|v| Self::from_unscaled(if negative { -v } else { v }))
    }

    /// What nearly every number is: digits that fit, and no exponent. None for all others, good or bad.
    fn plain(text: &[u8]) -> Option<Self> {
        let (negative, text) = match text.split_first() {
            Some((b'-', digits)) => (true, digits),
            _ => (false, text),
        };
        // More digits might be more than 64 bits, or more than the type holds.
        let (integer, rest) = leading_digits(text, (38 - SCALE as usize).min(18));
        let integers = text.len() - rest.len();
        let (fraction, rest, decimals) = match rest.split_first() {
            Some((b'.', fraction)) => {
                let (value, rest) = leading_digits(fraction, (SCALE as usize).min(18));
                (value, rest, fraction.len() - rest.len())
            }
            _ => (0, rest, 0),
        };
        if integers + decimals == 0 || !rest.is_empty() {
            return None;
        }
        let scale = SCALE as usize;
        let value = i128::from(integer) * POWERS[scale] + i128::from(fraction) * POWERS[scale - decimals];
        Some(Self(if negative { -value } else { value }))
    }

    /// Accumulates the digits; `place` is the power of ten of the digit at hand relative to the scale.
    fn assemble(integer: &[u8], fraction: &[u8], exponent: i32) -> Result<i128, DecimalError> {
        let decimals = u32::try_from(fraction.len()).unwrap_or(u32::MAX);
        if exponent == 0 && decimals <= SCALE && integer.len() + fraction.len() <= 38 {
            // What nearly every number is: 38 digits fit whatever they are, so that none has to be checked by itself.
            let value = digits(integer).zip(digits(fraction)).ok_or(DecimalError::NotANumber)?;
            let value = value.0 * POWERS[decimals as usize] + value.1;
            return value.checked_mul(POWERS[(SCALE - decimals) as usize]).ok_or(Self::TOO_LARGE);
        }
        let scale = i64::from(SCALE);
        let mut place =
            i64::try_from(integer.len()).unwrap_or(i64::MAX).saturating_add(i64::from(exponent)) - 1 + scale;
        let mut value: i128 = 0;
        for &byte in integer.iter().chain(fraction) {
            let digit = byte.wrapping_sub(b'0');
            if digit > 9 {
                return Err(DecimalError::NotANumber);
            }
            if place >= 0 {
                value = value.checked_mul(10).and_then(|v| v.checked_add(i128::from(digit))).ok_or(Self::TOO_LARGE)?;
            } else if digit != 0 {
                return Err(DecimalError::TooPrecise { scale: SCALE });
            }
            place -= 1;
        }
        // `place + 1` zeros are still missing to reach the scale.
        let missing = (place + 1).max(0);
        if value == 0 || missing == 0 {
            return Ok(value);
        }
        u32::try_from(missing)
            .ok()
            .and_then(|m| 10i128.checked_pow(m))
            .and_then(|factor| value.checked_mul(factor))
            .ok_or(Self::TOO_LARGE)
    }

    /// Appends the canonical text: every significant digit, no exponent, no trailing zeros, `0` never `-0`.
    pub fn write_to(self, out: &mut Vec<u8>) {
        let mut buffer = [0u8; 41];
        out.extend_from_slice(self.format_into(&mut buffer));
    }

    /// Formats from the right end of `buffer` and returns the used part.
    fn format_into(self, buffer: &mut [u8; 41]) -> &[u8] {
        let mut rest = self.0.unsigned_abs();
        let mut end = buffer.len();
        let mut decimals = SCALE;
        while decimals > 0 && rest.is_multiple_of(10) {
            rest /= 10;
            decimals -= 1;
        }
        if decimals > 0 {
            for _ in 0..decimals {
                end -= 1;
                buffer[end] = b'0' + u8::try_from(rest % 10).unwrap_or(0);
                rest /= 10;
            }
            end -= 1;
            buffer[end] = b'.';
        }
        loop {
            end -= 1;
            buffer[end] = b'0' + u8::try_from(rest % 10).unwrap_or(0);
            rest /= 10;
            if rest == 0 {
                break;
            }
        }
        if self.0 < 0 {
            end -= 1;
            buffer[end] = b'-';
        }
        &buffer[end..]
    }
}

/// The number that the text begins with, of at most so many digits (18 fit), and what follows.
fn leading_digits(text: &[u8], most: usize) -> (u64, &[u8]) {
    let mut value = 0;
    for (at, byte) in text.iter().enumerate() {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 || at == most {
            return (value, &text[at..]);
        }
        value = value * 10 + u64::from(digit);
    }
    (value, &[])
}

/// The number that at most 38 digits are, none if one is no digit.
fn digits(text: &[u8]) -> Option<i128> {
    let (first, rest) = text.split_at(text.len().min(19));
    let mut bad = false;
    let mut short = |digits: &[u8]| {
        digits.iter().fold(0u64, |value, byte| {
            let digit = byte.wrapping_sub(b'0');
            bad |= digit > 9;
            value.wrapping_mul(10).wrapping_add(u64::from(digit))
        })
    };
    let value = i128::from(short(first));
    let value = match u32::try_from(rest.len()) {
        Ok(0) | Err(_) => value,
        Ok(more) => value * 10i128.pow(more) + i128::from(short(rest)),
    };
    (!bad).then_some(value)
}

/// Exponents of real files are small; anything beyond ±9999 cannot fit and is clamped to say so.
fn parse_exponent(text: &[u8]) -> Result<i32, DecimalError> {
    let (negative, digits) = match text.first() {
        Some(b'-') => (true, &text[1..]),
        Some(b'+') => (false, &text[1..]),
        _ => (false, text),
    };
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return Err(DecimalError::NotANumber);
    }
    let magnitude = digits.iter().fold(0i32, |acc, d| (acc * 10 + i32::from(d - b'0')).min(9_999));
    Ok(if negative { -magnitude } else { magnitude })
}

impl<const SCALE: u32> FromStr for Fixed<SCALE> {
    type Err = DecimalError;

    fn from_str(text: &str) -> Result<Self, DecimalError> {
        Self::parse(text)
    }
}

impl<const SCALE: u32> fmt::Display for Fixed<SCALE> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut buffer = [0u8; 41];
        let text = self.format_into(&mut buffer);
        f.pad(std::str::from_utf8(text).map_err(|_| fmt::Error)?)
    }
}

impl<const SCALE: u32> fmt::Debug for Fixed<SCALE> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl<const SCALE: u32> serde::Serialize for Fixed<SCALE> {
    /// A string, so that no reader turns it into a float.
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de, const SCALE: u32> serde::Deserialize<'de> for Fixed<SCALE> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn round(text: &str) -> Result<String, DecimalError> {
        Amount::parse(text).map(|a| a.to_string())
    }

    #[test]
    fn canonical_text() {
        for (given, canonical) in [
            ("0", "0"),
            ("-0.000", "0"),
            ("1.50", "1.5"),
            ("-.5", "-0.5"),
            ("5.", "5"),
            ("1E-05", "0.00001"),
            ("4.5e+3", "4500"),
            ("0.0000000072922557592391990000", "0.000000007292255759239199"),
            ("00000000000000000000000000000000000000000007", "7"),
            ("99999999999999.999999999999999999999999", "99999999999999.999999999999999999999999"),
            ("0e9999999999", "0"),
        ] {
            assert_eq!(round(given).as_deref(), Ok(canonical), "{given}");
        }
    }

    #[test]
    fn refusals() {
        assert_eq!(round(""), Err(DecimalError::Empty));
        for bad in ["-", ".", "1,5", "1.2.3", "e5", "1e", "NaN", "0x1", "1 ", "--1", "1-"] {
            assert_eq!(round(bad), Err(DecimalError::NotANumber), "{bad}");
        }
        assert_eq!(round("100000000000000"), Err(DecimalError::TooLarge { digits: 14 }));
        assert_eq!(round("1e99999"), Err(DecimalError::TooLarge { digits: 14 }));
        assert_eq!(round("1234567890123456789012345678901234567890"), Err(DecimalError::TooLarge { digits: 14 }));
        assert_eq!(round("0.0000000000000000000000001"), Err(DecimalError::TooPrecise { scale: 24 }));
    }

    /// The quick way gives what the digit-by-digit way gives: an exponent of 0 that is written takes the latter.
    #[test]
    fn both_ways_agree() {
        let mut state = 1u64;
        let mut next = |bound: u64| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) % bound
        };
        let mut accepted = 0;
        for _ in 0..20_000 {
            let length = next(42);
            let mut text: String = (0..length).map(|_| char::from(b'0' + u8::try_from(next(10)).unwrap())).collect();
            if next(6) == 0 {
                text = text.replace(['1', '2', '3', '4', '5', '6', '7', '8'], "0");
            }
            if length > 0 && next(4) > 0 {
                text.insert(usize::try_from(next(length + 1)).unwrap(), '.');
            }
            if length > 0 && next(20) == 0 {
                text.insert(
                    usize::try_from(next(length)).unwrap(),
                    ['x', '.', '-', '/', ':'][usize::try_from(next(5)).unwrap()],
                );
            }
            let slow = {
                let (sign, rest) = text.strip_prefix('-').map_or((1, text.as_str()), |rest| (-1, rest));
                let (integer, fraction) = rest.split_once('.').unwrap_or((rest, ""));
                plain(integer, fraction).map(|v| v * sign).and_then(|v| Amount::from_unscaled(v).ok())
            };
            let quick = Amount::parse(&text).ok();
            accepted += usize::from(quick.is_some());
            assert_eq!(quick, slow, "{text}");
        }
        assert!(accepted > 5_000);
    }

    /// The plainest reading: digits to units of the scale, one by one.
    fn plain(integer: &str, fraction: &str) -> Option<i128> {
        if integer.is_empty() && fraction.is_empty() {
            return None;
        }
        let mut value = 0i128;
        for digit in integer.chars() {
            value = value.checked_mul(10)?.checked_add(i128::from(digit.to_digit(10)?))?;
        }
        value = value.checked_mul(10i128.pow(24))?;
        for (place, digit) in fraction.chars().enumerate() {
            let digit = i128::from(digit.to_digit(10)?);
            match 23usize.checked_sub(place) {
                Some(power) => value = value.checked_add(digit * 10i128.pow(u32::try_from(power).unwrap()))?,
                None if digit == 0 => {}
                None => return None,
            }
        }
        Some(value)
    }

    #[test]
    fn sums_never_wrap() {
        let big = Amount::parse("99999999999999").unwrap();
        assert_eq!(big.checked_add(Amount::parse("1").unwrap()), Err(DecimalError::TooLarge { digits: 14 }));
        assert_eq!(big.checked_sub(big), Ok(Amount::ZERO));
    }
}
