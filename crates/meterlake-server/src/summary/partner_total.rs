//! The partner's own usage summary.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use meterlake_model::{Amount, CurrencyCode};

use super::currency::Currency;
use super::figures::{CustomerFigures, Figures, add};
use super::period::UsagePeriod;
use super::wire::{Links, Named, PartnerUsageSummary, Usage};
use crate::refusal::Refusal;

/// The summary over customers. The total is in the currency that most of them have; amounts in others are not
/// converted and not counted.
pub(crate) fn summary(
    partner: &str,
    customers: Vec<CustomerFigures>,
    now: DateTime<Utc>,
    path: &str,
) -> Result<PartnerUsageSummary, Refusal> {
    let currency = most_frequent(&customers);
    let mut total = Figures::none(currency.clone());
    for (_, _, figures) in customers.iter().filter(|(_, _, figures)| figures.currency == currency) {
        total.cost = add(total.cost, figures.cost)?;
        total.changed_at = total.changed_at.max(figures.changed_at);
    }
    let periods = customers.iter().map(|(_, period, _)| *period);
    let period = periods.reduce(UsagePeriod::spanning).unwrap_or_else(|| UsagePeriod::of_0145p(now, 1, 0));
    let culture = customers
        .iter()
        .filter(|(_, _, figures)| figures.currency == currency)
        .find_map(|(customer, _, _)| customer.culture.clone());
    let usage = Usage::new(Named::new(partner, ""), &period, Currency::of_partner(culture, &total), &total);
    Ok(PartnerUsageSummary {
        emails_to_notify: [],
        customers_over_budget: customers.iter().filter(|customer| is_over(customer)).count(),
        customers_trending_over: customers.iter().filter(|customer| is_trending_over(customer, now)).count(),
        customers_with_usage_based_subscription: customers.len(),
        usage,
        links: Links::to(path),
        attributes: PartnerUsageSummary::ATTRIBUTES,
    })
}

fn most_frequent(customers: &[CustomerFigures]) -> Option<CurrencyCode> {
    let mut counts: BTreeMap<&CurrencyCode, usize> = BTreeMap::new();
    for currency in customers.iter().filter_map(|(_, _, figures)| figures.currency.as_ref()) {
        *counts.entry(currency).or_default() += 1;
    }
    // Of equally frequent ones the first by name, so that the answer does not flicker.
    counts.into_iter().rev().max_by_key(|(_, count)| *count).map(|(currency, _)| currency.clone())
}

fn is_over((customer, _, figures): &CustomerFigures) -> bool {
    customer.budget.is_some_and(|budget| figures.cost > budget)
}

/// Whether the cost of the days so far, carried on at the same pace, ends above a budget that still holds.
fn is_trending_over(customer: &CustomerFigures, now: DateTime<Utc>) -> bool {
    let (record, period, figures) = customer;
    let Some(budget) = record.budget.filter(|_| !is_over(customer)) else { return false };
    let (days_so_far, days) = period.progress(now);
    let scaled = |amount: Amount, by: i128| amount.unscaled().checked_mul(by);
    match (scaled(figures.cost, days), scaled(budget, days_so_far)) {
        (Some(projected), Some(allowed)) => projected > allowed,
        _ => false,
    }
}
