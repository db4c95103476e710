//! Exact numbers in JSON: written and read as their text, never as a float.

use std::borrow::Cow;

use meterlake_model::{Amount, Fixed};
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use crate::openapi::exact;

/// An exact decimal that serialises as a JSON number with all its digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Number<const SCALE: u32>(pub(crate) Fixed<SCALE>);

impl<const SCALE: u32> Serialize for Number<SCALE> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        RawValue::from_string(self.0.to_string()).map_err(serde::ser::Error::custom)?.serialize(serializer)
    }
}

impl<const SCALE: u32> PartialSchema for Number<SCALE> {
    fn schema() -> RefOr<Schema> {
        exact().into()
    }
}

impl<const SCALE: u32> ToSchema for Number<SCALE> {
    fn name() -> Cow<'static, str> {
        if SCALE == Amount::SCALE { "Amount".into() } else { "Quantity".into() }
    }
}

/// `part / whole` in percent, rounded half up to two decimals; 0 of a whole that is not positive.
pub(crate) fn percent(part: Fixed<24>, whole: Fixed<24>) -> Fixed<24> {
    let (negative, mut rest) = (part.unscaled() < 0, part.unscaled().unsigned_abs());
    let mut divisor = whole.unscaled().max(0).unsigned_abs();
    if divisor == 0 {
        return Fixed::ZERO;
    }
    // Room for the tenfold remainder; what is dropped is far below the second decimal of the result.
    while divisor > u128::MAX / 20 {
        divisor /= 10;
        rest /= 10;
    }
    let mut ten_thousandths = rest / divisor;
    let mut remainder = rest % divisor;
    for _ in 0..4 {
        ten_thousandths = ten_thousandths.saturating_mul(10).saturating_add(remainder * 10 / divisor);
        remainder = remainder * 10 % divisor;
    }
    if remainder * 2 >= divisor {
        ten_thousandths = ten_thousandths.saturating_add(1);
    }
    let hundredth_of_percent = 10i128.pow(22);
    i128::try_from(ten_thousandths)
        .ok()
        .and_then(|n| n.checked_mul(hundredth_of_percent))
        .and_then(|n| Fixed::from_unscaled(if negative { -n } else { n }).ok())
        .unwrap_or(Fixed::ZERO)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_keep_every_digit() {
        let amount = Amount::parse("28.82860766744404945074").unwrap();
        assert_eq!(serde_json::to_string(&Number(amount)).unwrap(), "28.82860766744404945074");
    }

    #[test]
    fn percents() {
        let of = |a: &str, b: &str| percent(Amount::parse(a).unwrap(), Amount::parse(b).unwrap()).to_string();
        assert_eq!(of("1", "3"), "33.33");
        assert_eq!(of("2", "3"), "66.67");
        assert_eq!(of("-1", "8"), "-12.5");
        assert_eq!(of("450", "300"), "150");
        assert_eq!(of("99999999999999.999", "0.000000000000000000000001"), "0");
        assert_eq!(of("5", "0"), "0");
        assert_eq!(of("99999999999999", "99999999999999"), "100");
    }
}
