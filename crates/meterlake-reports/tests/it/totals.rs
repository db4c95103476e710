//! Totals against the plainest computation.

use std::collections::BTreeMap;

use meterlake_model::{Amount, BillingPeriod, DayRange, Quantity};
use meterlake_reports::{CustomerScope, ReportError, Selection, TotalsBy, TotalsQuery, TotalsRow};

use crate::charge::{CUSTOMERS, Charge, Random, SUBSCRIPTIONS, charges};
use crate::world::{World, import_id, world};

fn naive(rows: &[Charge], query: &TotalsQuery) -> Vec<TotalsRow> {
    let wanted = |row: &&Charge| {
        let customer = match &query.customers {
            CustomerScope::All => !row.customer.is_empty(),
            CustomerScope::These(these) => these.iter().any(|customer| customer.to_string() == row.customer),
        };
        let time = match query.selection {
            Selection::Period(period) => row.period == period.number(),
            Selection::Days(days) => days.first.since_epoch() <= row.day && row.day <= days.last.since_epoch(),
        };
        let subscription = query.subscription.as_ref().is_none_or(|id| id.eq_ignore_ascii_case(&row.subscription));
        customer && time && subscription && row.basis != "amortized" && row.charge_type != "Tax"
    };
    let mut groups: BTreeMap<Vec<String>, Vec<&Charge>> = BTreeMap::new();
    for row in rows.iter().filter(wanted) {
        let by_subscription = query.by != TotalsBy::Customer;
        let by_meter = query.by == TotalsBy::Resource;
        let when = |yes: bool, text: &str| if yes { text.to_owned() } else { String::new() };
        let key = vec![
            row.customer.clone(),
            when(by_subscription, &row.subscription.to_lowercase()),
            when(by_meter, &row.meter.to_lowercase()),
            when(by_meter, &row.category),
            when(by_meter, &row.subcategory),
            when(by_meter, &row.unit),
            row.currency.clone(),
        ];
        groups.entry(key).or_default().push(row);
    }
    groups.into_iter().map(|(key, rows)| total(query.by, &key, &rows)).collect()
}

fn total(by: TotalsBy, key: &[String], rows: &[&Charge]) -> TotalsRow {
    let last = |yes: bool, text: fn(&Charge) -> &str| {
        if yes { rows.iter().map(|row| text(row)).max().unwrap().to_owned() } else { String::new() }
    };
    let sum = |value: fn(&Charge) -> Option<i128>| rows.iter().filter_map(|row| value(row)).sum::<i128>();
    TotalsRow {
        customer: key[0].parse().unwrap(),
        subscription_id: key[1].clone(),
        subscription_name: last(by != TotalsBy::Customer, |row| &row.subscription_name),
        offer_id: String::new(),
        meter_id: key[2].clone(),
        meter_name: last(by == TotalsBy::Resource, |row| &row.meter_name),
        category: key[3].clone(),
        subcategory: key[4].clone(),
        unit: key[5].clone(),
        currency: key[6].parse().unwrap(),
        cost: Amount::from_unscaled(sum(|row| row.billed)).unwrap(),
        usd: rows.iter().all(|row| row.usd.is_some()).then(|| Amount::from_unscaled(sum(|row| row.usd)).unwrap()),
        quantity: Quantity::from_unscaled(sum(|row| row.quantity)).unwrap(),
        latest_import: rows.iter().map(|row| row.import.clone()).max().map(|import| import.parse().unwrap()),
    }
}

#[tokio::test]
async fn totals_of_every_kind() {
    let mut world = world(21, 300).await;
    let (with_usd, without) = all_kinds(&world).await;
    assert!(with_usd > 5 && without > 5, "{with_usd}, {without}");
    // An import that replaces files of one period, and brings others of another.
    let replaced: BillingPeriod = "202411".parse().unwrap();
    for (n, period) in [(77, replaced), (78, "202412".parse().unwrap())] {
        let more = charges(&mut Random(u64::from(n)), import_id(n), period, 60);
        world.import(import_id(n), more, |file| file.period == period).await;
        all_kinds(&world).await;
    }
}

/// Compares totals of every kind, from memory and from the lake; how many rows have a figure in dollars, and how many
/// have none.
async fn all_kinds(world: &World) -> (usize, usize) {
    let these = |count: usize| CustomerScope::These(CUSTOMERS[..count].iter().map(|id| id.parse().unwrap()).collect());
    let days = DayRange::new("2024-10-25".parse().unwrap(), "2024-11-07".parse().unwrap()).unwrap();
    let (mut with_usd, mut without) = (0, 0);
    for by in [TotalsBy::Customer, TotalsBy::Subscription, TotalsBy::Resource] {
        for selection in [Selection::Period("202411".parse().unwrap()), Selection::Days(days)] {
            for customers in [CustomerScope::All, these(1), these(2), these(0)] {
                for subscription in [None, Some(SUBSCRIPTIONS[0].to_uppercase())] {
                    let query =
                        TotalsQuery { customers: customers.clone(), subscription, selection, by, snapshot: None };
                    let rows = world.reports.usage_totals(&query).await.unwrap();
                    assert_eq!(rows, naive(&world.rows, &query), "{query:?}");
                    assert_eq!(rows, world.reading.usage_totals(&query).await.unwrap(), "{query:?}");
                    with_usd += rows.iter().filter(|row| row.usd.is_some()).count();
                    without += rows.iter().filter(|row| row.usd.is_none()).count();
                }
            }
        }
    }
    (with_usd, without)
}

#[tokio::test]
async fn the_dollar_figure_is_the_one_that_the_import_settled() {
    let mut world = World::new().await;
    let rows = charges(&mut Random(22), import_id(1), "202411".parse().unwrap(), 100);
    let rows = rows.into_iter().map(|row| Charge { currency: "USD".into(), usd: None, ..row }).collect();
    world.import(import_id(1), rows, |_| false).await;
    let selection = Selection::Period("202411".parse().unwrap());
    let query = TotalsQuery {
        customers: CustomerScope::All,
        subscription: None,
        selection,
        by: TotalsBy::Customer,
        snapshot: None,
    };
    let rows = world.reports.usage_totals(&query).await.unwrap();
    assert_eq!(rows.len(), 3);
    // Cost in dollars gets its figure when it is imported; reports make none.
    assert!(rows.iter().all(|row| row.usd.is_none()));
}

#[tokio::test]
async fn a_total_that_does_not_fit_is_an_error() {
    let mut world = World::new().await;
    let mut rows = charges(&mut Random(23), import_id(1), "202411".parse().unwrap(), 40);
    for row in &mut rows {
        (row.customer, row.currency, row.charge_type) = (CUSTOMERS[0].into(), "EUR".into(), "Usage".into());
        (row.basis, row.billed) = ("actual".into(), Some(10i128.pow(38) - 1));
    }
    world.import(import_id(1), rows, |_| false).await;
    let selection = Selection::Period("202411".parse().unwrap());
    let query = TotalsQuery {
        customers: CustomerScope::All,
        subscription: None,
        selection,
        by: TotalsBy::Customer,
        snapshot: None,
    };
    let refused = world.reports.usage_totals(&query).await;
    assert!(matches!(refused, Err(ReportError::Overflow(_))), "{refused:?}");
    // Others are still told theirs.
    let fits = charges(&mut Random(24), import_id(2), "202411".parse().unwrap(), 40);
    world.import(import_id(2), fits.into_iter().filter(|row| row.customer == CUSTOMERS[1]).collect(), |_| false).await;
    let query = TotalsQuery { customers: CustomerScope::These(vec![CUSTOMERS[1].parse().unwrap()]), ..query };
    let rows = world.reports.usage_totals(&query).await.unwrap();
    assert!(!rows.is_empty());
    assert_eq!(rows, naive(&world.rows, &query));
}
