//! The totals of all customers without a plan: summed over the codes of the files.

use std::collections::HashMap;
use std::sync::Arc;

use meterlake_lake::aggregate::{Aggregated, Aggregation, Condition, Form, Key, KeyValues, Measure, Sum};
use meterlake_lake::charges::columns;

use super::TotalsBy;
use crate::{CustomerScope, Selection, scope};

/// A total before it is checked that it fits.
#[derive(Debug)]
pub(super) struct Total {
    /// Customer, subscription, meter, category, subcategory, unit, currency, ids in lower case; empty where there is no
    /// such key.
    pub(super) key: [Arc<str>; 7],
    /// Name of the subscription, offer, name of the meter, newest import: of several the one that sorts last.
    pub(super) last: [Arc<str>; 4],
    pub(super) cost: Sum,
    pub(super) quantity: Sum,
    /// The sum of the figures in US dollars.
    pub(super) usd: Sum,
    /// How many rows have one.
    pub(super) usd_rows: Sum,
    /// How many rows there are.
    pub(super) rows: Sum,
}

/// The columns of the keys, in the order of [`Total::key`], and of the names, in that of [`Total::last`].
fn columns_of(by: TotalsBy) -> ([Option<&'static str>; 7], [Option<&'static str>; 4]) {
    let subscription = by != TotalsBy::Customer;
    let resource = by == TotalsBy::Resource;
    let when = |wanted: bool, column| wanted.then_some(column);
    (
        [
            Some(columns::CUSTOMER_TENANT_ID),
            when(subscription, columns::SUBSCRIPTION_ID),
            when(resource, columns::METER_ID),
            when(resource, columns::METER_CATEGORY),
            when(resource, columns::METER_SUBCATEGORY),
            when(resource, columns::UNIT_OF_MEASURE),
            Some(columns::BILLING_CURRENCY),
        ],
        [
            when(subscription, columns::SUBSCRIPTION_NAME),
            when(subscription, columns::OFFER_ID),
            when(resource, columns::METER_NAME),
            Some(columns::IMPORT_ID),
        ],
    )
}

/// The sums of all customers in the selection.
pub(super) fn aggregation(by: TotalsBy, selection: Selection) -> Aggregation {
    let (keys, names) = columns_of(by);
    let stored = |column| Key { column, form: Form::Stored };
    let mut parts = vec![scope::condition(&CustomerScope::All)];
    // A file has one period, so that those of a period need no look at their rows.
    if let Selection::Days(days) = selection {
        let (first, last) = (days.first.since_epoch(), days.last.since_epoch());
        parts.push(Condition::Day(columns::USAGE_DATE, Arc::new(move |day| first <= day && day <= last)));
    }
    parts.push(Condition::Text(columns::CHARGE_TYPE, Arc::new(|kind| kind.to_lowercase() != "tax")));
    Aggregation {
        keys: keys.into_iter().chain(names).flatten().map(stored).collect(),
        measures: vec![
            Measure::Sum(columns::BILLED_COST),
            Measure::Sum(columns::QUANTITY),
            Measure::Sum(columns::COST_IN_USD),
            Measure::Present(columns::COST_IN_USD),
            Measure::Rows,
        ],
        condition: Condition::All(parts),
    }
}

/// The distinct values of a key.
struct Values {
    texts: Vec<Arc<str>>,
    /// For each value as it is stored, the place of the text that it counts as.
    places: Vec<u32>,
}

impl Values {
    /// Of a column of ids, values that differ in case only are one.
    fn of(values: &KeyValues, is_id: bool) -> Self {
        let KeyValues::Texts(stored) = values else { return Self::nothing() };
        let mut texts: Vec<Arc<str>> = Vec::new();
        let mut known: HashMap<Arc<str>, usize> = HashMap::new();
        let mut places = Vec::with_capacity(stored.len());
        for text in stored {
            let text = if is_id { Arc::from(text.to_lowercase()) } else { Arc::clone(text) };
            let place = *known.entry(text).or_insert_with_key(|text| {
                texts.push(Arc::clone(text));
                texts.len() - 1
            });
            // There are no more texts than stored values, which have places of this size.
            places.push(u32::try_from(place).unwrap_or(u32::MAX));
        }
        Self { texts, places }
    }

    /// Of a key that there is not: the empty text.
    fn nothing() -> Self {
        Self { texts: vec![Arc::from("")], places: Vec::new() }
    }

    fn place(&self, stored: Option<u32>) -> u32 {
        stored.and_then(|stored| self.places.get(stored as usize)).copied().unwrap_or_default()
    }

    fn text(&self, place: u32) -> Arc<str> {
        self.texts.get(place as usize).cloned().unwrap_or_default()
    }
}

/// The totals out of the sums of [`aggregation`], in the order of their keys.
pub(super) fn totals(by: TotalsBy, sums: &Aggregated) -> Vec<Total> {
    let (keys, names) = columns_of(by);
    let mut next = 0;
    // Of each column, which of the sums' keys it is, and its values.
    let mut values = |column: Option<&str>| match column {
        None => (None, Values::nothing()),
        Some(column) => {
            let is_id = matches!(column, columns::SUBSCRIPTION_ID | columns::METER_ID);
            next += 1;
            (Some(next - 1), sums.keys.get(next - 1).map_or_else(Values::nothing, |held| Values::of(held, is_id)))
        }
    };
    let keys = keys.map(&mut values);
    let names = names.map(&mut values);
    let mut found: HashMap<[u32; 7], Total> = HashMap::new();
    for group in 0..sums.len() {
        let stored = sums.places(group);
        let at = |(key, values): &(Option<usize>, Values)| values.place(key.and_then(|key| stored.get(key)).copied());
        let place = std::array::from_fn(|key| at(&keys[key]));
        let total = found.entry(place).or_insert_with(|| Total {
            key: std::array::from_fn(|key| keys[key].1.text(place[key])),
            last: Default::default(),
            cost: Sum::default(),
            quantity: Sum::default(),
            usd: Sum::default(),
            usd_rows: Sum::default(),
            rows: Sum::default(),
        });
        for (last, name) in total.last.iter_mut().zip(&names) {
            let text = name.1.text(at(name));
            if *text > **last {
                *last = text;
            }
        }
        let into = [&mut total.cost, &mut total.quantity, &mut total.usd, &mut total.usd_rows, &mut total.rows];
        for (sum, more) in into.into_iter().zip(sums.sums(group)) {
            sum.merge(*more);
        }
    }
    let mut totals: Vec<Total> = found.into_values().collect();
    totals.sort_unstable_by(|a, b| a.key.cmp(&b.key));
    totals
}
