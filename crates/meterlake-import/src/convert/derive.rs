//! Columns that are worked out from others.

use std::borrow::Cow;

use meterlake_lake::coded::{Cells as Column, Number};
use meterlake_model::{Amount, BillingPeriod, Day, DecimalError, Quantity};

use super::cells::{Cells, map};
use super::distinct::cells;

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
pub(super) fn periods(starts: Option<&Column<i32>>, option: Option<BillingPeriod>, days: &Column<i32>) -> Column<i32> {
    let month =
        |day: i32| (day != i32::NULL).then(|| Day::from_since_epoch(day)).flatten().map(BillingPeriod::containing);
    // A row without any day is a reject and leaves the batch.
    let period = |start: i32, day: i32| month(start).or(option).or_else(|| month(day)).map_or(0, BillingPeriod::number);
    let nothing = Column::Same(i32::NULL);
    let starts = starts.unwrap_or(&nothing);
    let rows = match (starts, days) {
        (Column::Same(start), Column::Same(day)) => return Column::Same(period(*start, *day)),
        (Column::Each(values), _) | (_, Column::Each(values)) => values.len(),
    };
    let mut recent = [(i32::NULL, i32::NULL, period(i32::NULL, i32::NULL)); 32];
    let each = (0..rows).map(|row| {
        let (start, day) = (starts.at(row), days.at(row));
        let slot = &mut recent[usize::from(day.to_le_bytes()[0] & 31)];
        if (slot.0, slot.1) != (start, day) {
            *slot = (start, day, period(start, day));
        }
        slot.2
    });
    cells(each.collect())
}

/// `charges_billed_separately` where the file has no column of that name.
pub(super) fn not_eligible(eligible: &Column<u8>) -> Column<u8> {
    map(eligible, |value| u8::from(value == 0))
}

/// None read as false.
pub(super) fn false_for_none(values: &Column<u8>) -> Column<u8> {
    map(values, |value| u8::from(value == 1))
}

/// USD figures: the source's own column, else the billed cost where it is in USD, else the cost in pricing currency
/// where that is USD.
pub(super) fn usd(
    own: &Column<i128>,
    billed: (&Column<i128>, &Column<bool>),
    pricing: (&Column<i128>, &Column<bool>),
    rows: usize,
) -> Column<i128> {
    let never = |(values, dollars): (&Column<i128>, &Column<bool>)| {
        *values == Column::Same(i128::NULL) || *dollars == Column::Same(false)
    };
    if never(billed) && never(pricing) {
        return own.clone();
    }
    let each = (0..rows).map(|row| {
        let dollars = |(values, dollars): (&Column<i128>, &Column<bool>)| {
            if dollars.at(row) { values.at(row) } else { i128::NULL }
        };
        let candidates = [own.at(row), dollars(billed), dollars(pricing)];
        candidates.into_iter().find(|value| *value != i128::NULL).unwrap_or(i128::NULL)
    });
    cells(each.collect())
}

/// Costs where the file has prices only: quantity × price, exactly.
pub(super) fn priced(
    of: &mut Cells<'_>,
    costs: &Column<i128>,
    quantities: &Column<i128>,
    prices: &Column<i128>,
) -> Column<i128> {
    let mut priced = Vec::with_capacity(of.rows());
    for row in 0..of.rows() {
        let (cost, quantity, price) = (costs.at(row), quantities.at(row), prices.at(row));
        if cost != i128::NULL || of.flaws.contains_key(&row) {
            priced.push(cost);
            continue;
        }
        let product = if quantity != i128::NULL && price != i128::NULL {
            product(quantity, price).map_err(|e| format!("quantity × price is not an exact amount: {e}"))
        } else {
            Err("there is neither a cost nor a unit price".to_owned())
        };
        priced.push(product.unwrap_or_else(|reason| {
            of.reject(row, None, "", reason);
            i128::NULL
        }));
    }
    cells(priced)
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
        let amounts = |values: [Option<i128>; 5]| Column::Each(values.map(|v| v.unwrap_or(i128::NULL)).to_vec());
        let dollars = |flags: [bool; 5]| Column::Each(flags.to_vec());
        // The source's own; billed in dollars; priced in dollars; neither; nothing there.
        let (own, billed) =
            (amounts([Some(1), None, None, None, None]), amounts([Some(2), Some(2), Some(2), Some(2), None]));
        let pricing = amounts([Some(3), Some(3), Some(3), Some(3), None]);
        let (billed_in, priced_in) =
            (dollars([true, true, false, false, true]), dollars([true, true, true, false, false]));
        let usd = usd(&own, (&billed, &billed_in), (&pricing, &priced_in), 5);
        assert_eq!(usd, amounts([Some(1), Some(2), Some(3), None, None]));
        let never = super::usd(&own, (&billed, &Column::Same(false)), (&Column::Same(i128::NULL), &priced_in), 5);
        assert_eq!(never, own);
    }

    #[test]
    fn the_stated_month_counts_first() {
        let day = |text: &str| text.parse::<Day>().unwrap().since_epoch();
        let days = Column::Each(vec![day("2024-11-30"), day("2024-12-01"), day("2024-11-30")]);
        let starts = Column::Each(vec![day("2024-10-01"), i32::NULL, i32::NULL]);
        assert_eq!(periods(Some(&starts), None, &days), Column::Each(vec![202_410, 202_412, 202_411]));
        assert_eq!(periods(None, BillingPeriod::from_number(202_401), &days), Column::Same(202_401));
        assert_eq!(periods(None, None, &Column::Same(i32::NULL)), Column::Same(0));
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
