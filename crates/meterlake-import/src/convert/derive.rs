//! Columns that are worked out from others.

use std::borrow::Cow;

use arrow::array::{
    Array, BooleanArray, Date32Array, Decimal128Array, Decimal128Builder, Int32Array, Int32Builder, StringArray,
    StringBuilder,
};
use meterlake_model::{Amount, BillingPeriod, Day, DecimalError, Quantity};

use super::cells::{Cells, typed_decimals};

/// Tags as they are kept: with the braces that cost exports leave off, and empty where there are none.
pub(super) fn tags(given: &str) -> Cow<'_, str> {
    if lacks_braces(given) {
        Cow::Owned(format!("{{{given}}}"))
    } else if is_empty_object(given) {
        Cow::Borrowed("")
    } else {
        Cow::Borrowed(given)
    }
}

/// Whether [`tags`] changes the text.
pub(super) fn tags_change(given: &str) -> bool {
    lacks_braces(given) || is_empty_object(given)
}

fn lacks_braces(tags: &str) -> bool {
    tags.trim_start().starts_with('"')
}

fn is_empty_object(tags: &str) -> bool {
    let inner = tags.trim().strip_prefix('{').and_then(|rest| rest.strip_suffix('}'));
    inner.is_some_and(|inner| inner.trim_start().is_empty())
}

/// The last segment of a path such as `/providers/Microsoft.Billing/billingAccounts/8611537`; other texts as they are.
pub(super) fn last_segment(text: &str) -> &str {
    if text.starts_with('/') { text.trim_end_matches('/').rsplit('/').next().unwrap_or(text) } else { text }
}

/// The segment behind `name` in a path.
pub(super) fn segment_after<'a>(path: &'a str, name: &str) -> &'a str {
    let mut parts = path.split('/');
    match parts.find(|p| p.eq_ignore_ascii_case(name)) {
        Some(_) => parts.next().unwrap_or_default(),
        None => "",
    }
}

/// A currency code in capitals.
pub(super) fn currency(text: &str) -> Result<Cow<'_, str>, String> {
    let text = text.trim();
    if text.len() == 3 && text.bytes().all(|b| b.is_ascii_alphabetic()) {
        Ok(if text.bytes().all(|b| b.is_ascii_uppercase()) {
            Cow::Borrowed(text)
        } else {
            Cow::Owned(text.to_ascii_uppercase())
        })
    } else {
        Err("not a currency; expected an ISO 4217 code of three letters".to_owned())
    }
}

/// The billing period: the month of the period's start, else the option, else the month of the day.
pub(super) fn periods(starts: Option<&Date32Array>, option: Option<BillingPeriod>, days: &Date32Array) -> Int32Array {
    let month = |days: &Date32Array, row: usize| {
        let day = days.is_valid(row).then(|| Day::from_since_epoch(days.value(row))).flatten();
        day.map(BillingPeriod::containing)
    };
    let mut builder = Int32Builder::with_capacity(days.len());
    for row in 0..days.len() {
        let period = starts.and_then(|s| month(s, row)).or(option).or_else(|| month(days, row));
        // A row without any day is a reject and leaves the batch.
        builder.append_value(period.map_or(0, BillingPeriod::number));
    }
    builder.finish()
}

/// `charges_billed_separately` where the file has no column of that name.
pub(super) fn not_eligible(eligible: &BooleanArray) -> BooleanArray {
    (0..eligible.len()).map(|row| Some(eligible.is_valid(row) && !eligible.value(row))).collect()
}

/// None read as false.
pub(super) fn false_for_none(values: &BooleanArray) -> BooleanArray {
    (0..values.len()).map(|row| Some(values.is_valid(row) && values.value(row))).collect()
}

/// USD figures: the source's own column, else the billed cost where it is in USD, else the cost in pricing currency
/// where that is USD.
pub(super) fn usd(
    own: &Decimal128Array,
    billed: (&Decimal128Array, &StringArray),
    pricing: (&Decimal128Array, &StringArray),
) -> Decimal128Array {
    let mut builder = Decimal128Builder::with_capacity(own.len());
    for row in 0..own.len() {
        let at = |values: &Decimal128Array| values.is_valid(row).then(|| values.value(row));
        let usd = |(values, currencies): (&Decimal128Array, &StringArray)| {
            at(values).filter(|_| currencies.value(row).eq_ignore_ascii_case("USD"))
        };
        builder.append_option(at(own).or_else(|| usd(billed)).or_else(|| usd(pricing)));
    }
    typed_decimals::<24>(builder.finish())
}

/// Costs where the file has prices only: quantity × price, exactly.
pub(super) fn priced(
    cells: &mut Cells<'_>,
    costs: &Decimal128Array,
    quantities: &Decimal128Array,
    prices: &Decimal128Array,
) -> Decimal128Array {
    let mut builder = Decimal128Builder::with_capacity(costs.len());
    for row in 0..costs.len() {
        if costs.is_valid(row) || cells.flaws.contains_key(&row) {
            builder.append_option(costs.is_valid(row).then(|| costs.value(row)));
            continue;
        }
        let product = if quantities.is_valid(row) && prices.is_valid(row) {
            product(quantities.value(row), prices.value(row))
                .map_err(|e| format!("quantity × price is not an exact amount: {e}"))
        } else {
            Err("there is neither a cost nor a unit price".to_owned())
        };
        match product {
            Ok(cost) => builder.append_value(cost),
            Err(reason) => {
                cells.reject(row, None, "", reason);
                builder.append_null();
            }
        }
    }
    typed_decimals::<24>(builder.finish())
}

/// The product of an unscaled quantity and an unscaled amount as an unscaled amount, exactly.
fn product(quantity: i128, price: i128) -> Result<i128, DecimalError> {
    let (quantity, quantity_scale) = without_zeros(quantity, Quantity::SCALE);
    let (price, price_scale) = without_zeros(price, Amount::SCALE);
    let too_large = DecimalError::TooLarge { digits: 38 - Amount::SCALE };
    let (product, scale) =
        without_zeros(quantity.checked_mul(price).ok_or(too_large.clone())?, quantity_scale + price_scale);
    let missing = Amount::SCALE.checked_sub(scale).ok_or(DecimalError::TooPrecise { scale: Amount::SCALE })?;
    let unscaled = 10i128.checked_pow(missing).and_then(|f| product.checked_mul(f)).ok_or(too_large)?;
    Amount::from_unscaled(unscaled).map(Amount::unscaled)
}

/// Cuts trailing zeros of an unscaled number of `scale` decimals.
fn without_zeros(mut value: i128, mut scale: u32) -> (i128, u32) {
    while scale > 0 && value % 10 == 0 {
        value /= 10;
        scale -= 1;
    }
    (value, scale)
}

/// `first` where it is not empty, else `second`.
pub(super) fn or_else(first: &StringArray, second: &StringArray) -> StringArray {
    if (0..first.len()).all(|row| !first.value(row).is_empty()) {
        return first.clone();
    }
    let mut builder = StringBuilder::with_capacity(first.len(), first.value_data().len());
    for row in 0..first.len() {
        let text = first.value(row);
        builder.append_value(if text.is_empty() { second.value(row) } else { text });
    }
    builder.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts() {
        assert_eq!(tags("\"a\": \"b\""), "{\"a\": \"b\"}");
        assert_eq!(tags("{\"a\":1}"), "{\"a\":1}");
        assert_eq!((tags(""), tags("{}"), tags("{ }"), tags("{")), ("".into(), "".into(), "".into(), "{".into()));
        assert_eq!(last_segment("/providers/Microsoft.Billing/billingAccounts/8611537"), "8611537");
        assert_eq!(last_segment("20209880"), "20209880");
        assert_eq!(segment_after("/a/reservationorders/7/x", "reservationOrders"), "7");
        assert_eq!(currency(" usd").as_deref(), Ok("USD"));
        assert!(currency("US$").is_err());
    }

    #[test]
    fn dollars_are_stated_and_never_converted() {
        let amounts = |values: [Option<i128>; 5]| typed_decimals::<24>(values.into_iter().collect());
        let codes = |codes: [&str; 5]| StringArray::from_iter_values(codes);
        // The source's own; billed in dollars; priced in dollars; neither; nothing there.
        let (own, billed) =
            (amounts([Some(1), None, None, None, None]), amounts([Some(2), Some(2), Some(2), Some(2), None]));
        let pricing = amounts([Some(3), Some(3), Some(3), Some(3), None]);
        let (currencies, priced_in) =
            (codes(["USD", "usd", "EUR", "EUR", "USD"]), codes(["USD", "USD", "Usd", "GBP", "EUR"]));
        let dollars = usd(&own, (&billed, &currencies), (&pricing, &priced_in));
        assert_eq!(dollars.iter().collect::<Vec<_>>(), [Some(1), Some(2), Some(3), None, None]);
    }

    #[test]
    fn products_are_exact() {
        let multiply = |q: &str, p: &str| {
            let (q, p) = (Quantity::parse(q).unwrap().unscaled(), Amount::parse(p).unwrap().unscaled());
            product(q, p).map(|u| Amount::from_unscaled(u).unwrap().to_string())
        };
        assert_eq!(multiply("11.5", "0.031").as_deref(), Ok("0.3565"));
        assert_eq!(multiply("0.00000000000000000001", "0.0001").as_deref(), Ok("0.000000000000000000000001"));
        assert_eq!(multiply("-3", "0").as_deref(), Ok("0"));
        assert_eq!(multiply("0.00000000000000000001", "0.00001"), Err(DecimalError::TooPrecise { scale: 24 }));
        assert_eq!(multiply("100000000000", "10000"), Err(DecimalError::TooLarge { digits: 14 }));
    }
}
