//! What an import claims: the charges that it replaces.

use std::collections::BTreeSet;

use meterlake_model::{BillingPeriod, Day, DayRange, SourceKind};

use super::option::ScopeOption;
use super::tally::{Family, SetKey, SetTally, Tally};
use crate::{ImportError, Manifest, ManifestKind};

/// The claim of an import, from manifest and options.
#[derive(Clone, Debug, Default)]
pub(crate) struct Claim {
    /// Whether somebody said what the files cover, so that what they lack may go without asking.
    pub(crate) settled: bool,
    option: ScopeOption,
    manifest_days: Option<DayRange>,
    /// Whether a manifest's days also claim periods of which the files have no row.
    claims_absent_periods: bool,
    /// Whether files of this kind answer for single subscriptions by nature.
    by_subscription: bool,
}

/// The claimed rows of one family and period.
#[derive(Clone, Debug, Default)]
pub(crate) struct Selection {
    /// First and last claimed day; none is open.
    days: Option<(i32, i32)>,
    /// Days claimed besides.
    more_days: BTreeSet<i32>,
    currencies: Option<BTreeSet<String>>,
    subscriptions: Option<BTreeSet<String>>,
    customers: Option<BTreeSet<String>>,
}

impl Claim {
    pub(crate) fn new(
        kind: SourceKind,
        manifest: Option<&Manifest>,
        option: Option<&ScopeOption>,
        replace: bool,
    ) -> Self {
        let option = option.cloned().unwrap_or_default();
        // Days that the user names stand above the manifest's.
        let manifest_days = manifest.and_then(|m| m.days).filter(|_| option.days.is_none());
        Self {
            settled: replace || manifest.is_some() || option.narrows(),
            claims_absent_periods: manifest.is_some_and(|m| m.kind == ManifestKind::AzureCostExport),
            manifest_days,
            by_subscription: kind == SourceKind::Utilization && !replace,
            option,
        }
    }

    /// Refuses rows outside of what the user said that the files cover.
    pub(crate) fn check(&self, tally: &Tally) -> Result<(), ImportError> {
        for (key, set) in &tally.sets {
            let outside = self.outside(key, set);
            if let Some(what) = outside {
                return Err(ImportError::OutsideScope { scope: self.option.to_string(), what });
            }
        }
        Ok(())
    }

    fn outside(&self, key: &SetKey, set: &SetTally) -> Option<String> {
        let option = &self.option;
        if !option.periods.is_empty() && !option.periods.contains(&key.period) {
            return Some(format!("billing period {}", key.period));
        }
        if !option.currencies.is_empty() && !option.currencies.iter().any(|c| c.as_str() == key.currency()) {
            return Some(format!("currency {:?}", key.currency()));
        }
        let selection = self.selection(key.period, &[set]);
        let day = set.days.iter().find(|d| !selection.has_day(**d));
        if let Some(day) = day.and_then(|d| Day::from_since_epoch(*d)) {
            return Some(format!("day {day}"));
        }
        let subscription = set.subscriptions.iter().find(|s| !selection.has_subscription(s));
        if let Some(subscription) = subscription {
            return Some(format!("subscription {subscription:?}"));
        }
        set.customers.iter().find(|c| !selection.has_customer(c)).map(|c| format!("customer {c:?}"))
    }

    /// Periods of a family in which charges may give way.
    pub(crate) fn periods(&self, family: &Family, tally: &Tally) -> BTreeSet<BillingPeriod> {
        let present = tally.sets.keys().filter(|k| k.family() == *family).map(|k| k.period);
        let mut periods: BTreeSet<_> = present.collect();
        periods.extend(&self.option.periods);
        if let Some(days) = self.manifest_days.filter(|_| self.claims_absent_periods) {
            let last = BillingPeriod::containing(days.last);
            let mut at = Some(BillingPeriod::containing(days.first));
            while let Some(period) = at.filter(|p| *p <= last) {
                periods.insert(period);
                at = period.next();
            }
        }
        periods
    }

    /// The claimed rows of a period, in which the files have `sets`.
    pub(crate) fn selection(&self, period: BillingPeriod, sets: &[&SetTally]) -> Selection {
        let option = &self.option;
        let mut selection = Selection {
            currencies: some_of(option.currencies.iter().map(|c| c.as_str().to_owned())),
            subscriptions: some_of(option.subscriptions.iter().cloned()),
            customers: some_of(option.customers.iter().map(ToString::to_string)),
            ..Selection::default()
        };
        if let Some(days) = option.days {
            selection.days = Some((days.first.since_epoch(), days.last.since_epoch()));
        } else if let Some(days) = self.manifest_days {
            selection.days = Some(opened(days, period, sets));
            selection.more_days = sets.iter().flat_map(|s| &s.days).copied().collect();
        }
        if self.by_subscription && selection.subscriptions.is_none() {
            selection.subscriptions = some_of(sets.iter().flat_map(|s| &s.subscriptions).map(|s| s.to_lowercase()));
        }
        selection
    }
}

/// A manifest's days for a period. A run that reaches the period's first or last day also covers charges that are
/// billed in the period but lie before or after it.
fn opened(days: DayRange, period: BillingPeriod, sets: &[&SetTally]) -> (i32, i32) {
    let stated = sets.iter().filter_map(|s| s.stated_period).reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)));
    let Some((first, last)) = stated
        .or_else(|| (!sets.is_empty()).then(|| (period.first_day().since_epoch(), period.last_day().since_epoch())))
    else {
        return (days.first.since_epoch(), days.last.since_epoch());
    };
    let from = if days.first.since_epoch() <= first { i32::MIN } else { days.first.since_epoch() };
    let to = if days.last.since_epoch() >= last { i32::MAX } else { days.last.since_epoch() };
    (from, to)
}

fn some_of(values: impl Iterator<Item = String>) -> Option<BTreeSet<String>> {
    let set: BTreeSet<String> = values.collect();
    (!set.is_empty()).then_some(set)
}

impl Selection {
    /// Every row of these customers.
    pub(crate) fn of_customers(customers: BTreeSet<String>) -> Self {
        Self { customers: Some(customers), ..Self::default() }
    }

    /// The same, but only rows of these customers where no customers are named yet.
    pub(crate) fn within_customers(mut self, customers: &BTreeSet<String>) -> Self {
        self.customers.get_or_insert_with(|| customers.clone());
        self
    }

    pub(crate) fn has_currency(&self, currency: &str) -> bool {
        self.currencies.as_ref().is_none_or(|set| set.contains(currency))
    }

    pub(crate) fn has_day(&self, day: i32) -> bool {
        self.days.is_none_or(|(first, last)| (first <= day && day <= last) || self.more_days.contains(&day))
    }

    pub(crate) fn has_subscription(&self, subscription: &str) -> bool {
        self.subscriptions
            .as_ref()
            .is_none_or(|set| set.contains(subscription) || set.contains(&subscription.to_lowercase()))
    }

    pub(crate) fn has_customer(&self, customer: &str) -> bool {
        self.customers.as_ref().is_none_or(|set| set.contains(customer))
    }

    /// Whether a row of a file whose currency is claimed is itself claimed.
    pub(crate) fn has_row(&self, day: i32, subscription: &str, customer: &str) -> bool {
        self.has_day(day) && self.has_subscription(subscription) && self.has_customer(customer)
    }
}
