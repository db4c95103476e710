//! Charges of another family that the new ones would be counted beside: the same costs twice.

use std::collections::BTreeSet;

use meterlake_model::{CostBasis, InvoiceState, SourceKind};

use super::drops::listed;
use super::held::HeldRows;
use super::tally::{Family, SetTally, Tally};
use crate::ImportError;

/// How a held family stands to a new one of the same period.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Relation {
    /// They stand side by side.
    Apart,
    /// Held unbilled charges that the new billed ones replace, customer by customer and currency by currency.
    Unbilled,
    /// They may hold the same costs, if they share a subscription and a day.
    Twice,
    /// The same, as far as they tell of the same customers.
    TwiceByCustomer,
}

pub(super) fn relation(new: &Family, held: &Family) -> Relation {
    if new == held {
        return Relation::Apart;
    }
    if new.account != held.account {
        // Kinds name the partner's account differently, but customers are the same in all of them.
        let of_customers = new.kind != held.kind && tells_customers(&new.kind) && tells_customers(&held.kind);
        let twice = of_customers && bases_overlap(&new.basis, &held.basis);
        return if twice { Relation::TwiceByCustomer } else { Relation::Apart };
    }
    if !bases_overlap(&new.basis, &held.basis) || !exports_overlap(&new.export, &held.export) {
        return Relation::Apart;
    }
    let rated = SourceKind::RatedUsage.as_str();
    let (billed, unbilled) = (InvoiceState::Billed.as_str(), InvoiceState::Unbilled.as_str());
    if new.kind == rated && held.kind == rated && new.state == billed && held.state == unbilled {
        return Relation::Unbilled;
    }
    Relation::Twice
}

fn tells_customers(kind: &str) -> bool {
    let kinds = [SourceKind::CostExportPartner, SourceKind::RatedUsage, SourceKind::Utilization, SourceKind::Focus];
    kinds.iter().any(|k| k.as_str() == kind)
}

/// Actual and amortised stand side by side; a source of both overlaps with each.
fn bases_overlap(a: &str, b: &str) -> bool {
    let both = CostBasis::Both.as_str();
    a == b || a == both || b == both
}

/// The whole account overlaps with each of its parts, a resource group with its subscription.
fn exports_overlap(a: &str, b: &str) -> bool {
    let (a, b) = (a.to_lowercase(), b.to_lowercase());
    let within = |inner: &str, outer: &str| {
        outer.is_empty() || inner == outer || inner.strip_prefix(outer).is_some_and(|rest| rest.starts_with('/'))
    };
    within(&a, &b) || within(&b, &a)
}

/// Refuses a run that holds both states of the same charges; neither is held yet, so neither could replace the other.
pub(crate) fn check_states(tally: &Tally) -> Result<(), ImportError> {
    for (key, set) in &tally.sets {
        for (other, other_set) in tally.sets.iter().filter(|(k, _)| k.period == key.period) {
            let unbilled = relation(&key.family(), &other.family()) == Relation::Unbilled;
            let customers: Vec<String> = set.customers.intersection(&other_set.customers).cloned().collect();
            if unbilled && key.currency() == other.currency() && !customers.is_empty() {
                let (period, currency) = (key.period, key.currency().to_owned());
                return Err(ImportError::BilledAndUnbilled { period, currency, customers: listed(&customers) });
            }
        }
    }
    Ok(())
}

/// Subscriptions on which held and new charges meet: shared, with at least one shared day.
pub(super) fn shared(held: &HeldRows, sets: &[(&str, &SetTally)]) -> Vec<String> {
    let meets = sets.iter().any(|(_, set)| set.days.iter().any(|d| held.days.contains(d)));
    if !meets {
        return Vec::new();
    }
    let new: BTreeSet<String> = sets.iter().flat_map(|(_, s)| &s.subscriptions).map(|s| bare(s)).collect();
    held.subscriptions.iter().filter(|s| new.contains(&bare(s))).cloned().collect()
}

/// Kinds write the same subscription as a GUID or as a path that ends with it.
fn bare(subscription: &str) -> String {
    subscription.trim_end_matches('/').rsplit('/').next().unwrap_or_default().to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn family(kind: &str, export: &str, basis: &str, state: &str) -> Family {
        let [kind, export, basis, state] = [kind, export, basis, state].map(str::to_owned);
        Family { kind, account: "100".to_owned(), export, basis, state }
    }

    #[test]
    fn relations() {
        let actual = family("cost-export-ea", "", "actual", "");
        assert_eq!(relation(&actual, &family("cost-export-ea", "", "amortized", "")), Relation::Apart);
        assert_eq!(relation(&actual, &family("focus", "", "both", "")), Relation::Twice);
        assert_eq!(relation(&actual, &family("ea-usage-details", "", "actual", "")), Relation::Twice);
        let mut elsewhere = family("cost-export-partner", "", "actual", "");
        elsewhere.account = "other".to_owned();
        assert_eq!(relation(&actual, &elsewhere), Relation::Apart);
        assert_eq!(relation(&family("rated-usage", "", "actual", "billed"), &elsewhere), Relation::TwiceByCustomer);
        let part = family("cost-export-ea", "/subscriptions/a", "actual", "");
        assert_eq!(relation(&actual, &part), Relation::Twice);
        assert_eq!(relation(&part, &family("cost-export-ea", "/subscriptions/ab", "actual", "")), Relation::Apart);
        let (billed, unbilled) =
            (family("rated-usage", "", "actual", "billed"), family("rated-usage", "", "actual", "unbilled"));
        assert_eq!(relation(&billed, &unbilled), Relation::Unbilled);
        assert_eq!(relation(&unbilled, &billed), Relation::Twice);
    }
}
