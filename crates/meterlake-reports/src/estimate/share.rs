//! A cost that several share.

use meterlake_model::Amount;

/// Decimals of a share where the cost itself has no more.
const DECIMALS: u32 = 6;

/// Parts of `cost` in proportion to `weights`, which sum to it exactly: each is rounded down to six decimals (or as
/// many as the cost has), and what is left goes by one unit each to those that lost most. All 0 when no weight is
/// above 0; none when a product does not fit.
pub(super) fn shares(cost: Amount, weights: &[u64]) -> Option<Vec<Amount>> {
    let whole: i128 = weights.iter().map(|weight| i128::from(*weight)).sum();
    if whole == 0 {
        return Some(vec![Amount::ZERO; weights.len()]);
    }
    let mut unit = 10i128.pow(Amount::SCALE - DECIMALS);
    while cost.unscaled() % unit != 0 {
        unit /= 10;
    }
    let units = cost.unscaled() / unit;
    let mut parts = Vec::with_capacity(weights.len());
    let mut lost = Vec::with_capacity(weights.len());
    for (at, weight) in weights.iter().enumerate() {
        let product = units.checked_mul(i128::from(*weight))?;
        parts.push(product / whole);
        lost.push((std::cmp::Reverse(product % whole), at));
    }
    let left = units - parts.iter().sum::<i128>();
    lost.sort_unstable();
    for (_, at) in lost.into_iter().take(usize::try_from(left).ok()?) {
        parts[at] += 1;
    }
    parts.into_iter().map(|part| Amount::from_unscaled(part * unit).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_sum_to_the_whole() {
        let texts = |cost: &str, weights: &[u64]| -> Vec<String> {
            shares(cost.parse().unwrap(), weights).unwrap().iter().map(ToString::to_string).collect()
        };
        assert_eq!(texts("1", &[1, 1, 1]), ["0.333334", "0.333333", "0.333333"]);
        assert_eq!(texts("0.0000001", &[1, 2]), ["0", "0.0000001"]);
        assert_eq!(texts("5", &[0, 0]), ["0", "0"]);
        assert_eq!(texts("0", &[3, 4]), ["0", "0"]);
    }

    proptest::proptest! {
        #[test]
        fn always(cents in 0i64..1_000_000_000, weights in proptest::collection::vec(0u64..1_000_000, 1..20)) {
            let cost = Amount::from_unscaled(i128::from(cents) * 10i128.pow(20)).unwrap();
            let parts = shares(cost, &weights).unwrap();
            let sum: i128 = parts.iter().map(|part| part.unscaled()).sum();
            let expected = if weights.iter().all(|w| *w == 0) { 0 } else { cost.unscaled() };
            proptest::prop_assert_eq!(sum, expected);
        }
    }
}
