//! Exact sums that are checked at their end.

use arrow::datatypes::i256;

/// Every decimal of the lake has at most this many digits.
const MOST: i128 = 10i128.pow(38) - 1;

/// A sum of any number of 128-bit numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sum {
    /// The sum, less a multiple of 2^128.
    low: i128,
    /// How many times 2^128 is missing.
    carry: i64,
}

impl Sum {
    /// Adds a number.
    pub fn add(&mut self, number: i128) {
        let (low, wrapped) = self.low.overflowing_add(number);
        self.low = low;
        if wrapped {
            self.carry += if number < 0 { -1 } else { 1 };
        }
    }

    /// Adds another sum.
    pub fn merge(&mut self, other: Self) {
        self.add(other.low);
        self.carry += other.carry;
    }

    /// The sum, when it has at most 38 digits.
    #[must_use]
    pub fn value(self) -> Option<i128> {
        (self.carry == 0 && self.low.unsigned_abs() <= MOST.unsigned_abs()).then_some(self.low)
    }

    /// The sum whatever its size.
    #[must_use]
    pub fn wide(self) -> i256 {
        let carries = i256::from_i128(i128::from(self.carry)).wrapping_mul(i256::from_parts(0, 1));
        i256::from_i128(self.low).wrapping_add(carries)
    }

    /// Numbers of at most 38 digits that add up to the sum: one, but for sums that have more digits.
    #[must_use]
    pub fn pieces(self) -> Vec<i128> {
        if let Some(value) = self.value() {
            return vec![value];
        }
        let most = i256::from_i128(MOST);
        let mut left = self.wide();
        let mut pieces = Vec::new();
        while left != i256::ZERO {
            let piece = if left > most {
                most
            } else if left < most.wrapping_neg() {
                most.wrapping_neg()
            } else {
                left
            };
            left = left.wrapping_sub(piece);
            pieces.extend(piece.to_i128());
        }
        pieces
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_are_exact_beyond_128_bits() {
        for numbers in [
            vec![MOST, MOST, MOST, -MOST, -MOST],
            vec![-MOST, -MOST, -MOST, MOST, MOST, MOST, 5],
            vec![MOST, 1],
            vec![-MOST, -1],
            vec![i128::MIN, i128::MIN, i128::MAX],
            vec![],
        ] {
            let plain = numbers.iter().fold(i256::ZERO, |sum, number| sum.wrapping_add(i256::from_i128(*number)));
            let mut sum = Sum::default();
            numbers.iter().for_each(|number| sum.add(*number));
            assert_eq!(sum.wide(), plain, "{numbers:?}");
            let fits = plain.to_i128().filter(|value| (-MOST..=MOST).contains(value));
            assert_eq!(sum.value(), fits, "{numbers:?}");
            let mut halves = (Sum::default(), Sum::default());
            for (place, number) in numbers.iter().enumerate() {
                if place % 2 == 0 { halves.0.add(*number) } else { halves.1.add(*number) }
            }
            halves.0.merge(halves.1);
            assert_eq!(halves.0, sum, "{numbers:?}");
            let pieces = sum.pieces();
            assert!(pieces.iter().all(|piece| (-MOST..=MOST).contains(piece)), "{pieces:?}");
            let again = pieces.iter().fold(i256::ZERO, |sum, piece| sum.wrapping_add(i256::from_i128(*piece)));
            assert_eq!(again, plain);
        }
    }
}
