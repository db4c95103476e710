//! What would go without the new files bringing it again.

use std::collections::BTreeSet;
use std::fmt;

use meterlake_model::{BillingPeriod, Day, SourceKind};

use super::held::HeldRows;
use super::tally::{Family, SetTally};

/// Values that a message lists.
const LISTED: usize = 10;

/// Charges of one family and period that the lake holds and the new files lack.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WouldDrop {
    /// Billing account, kind and basis, for the message.
    pub place: String,
    /// The billing period.
    pub period: BillingPeriod,
    /// Subscriptions that would go.
    pub subscriptions: Vec<String>,
    /// Currencies that would go.
    pub currencies: Vec<String>,
    /// Days that would go.
    pub days: Vec<Day>,
    /// Whether the lines may be late ones of an invoice, which have the period of their day unless told otherwise.
    pub invoiced: bool,
    /// A `--scope` that fits what the files hold, empty when none does.
    pub suggestion: String,
}

/// Compares what is held with what comes; none when nothing would go.
pub(super) fn would_drop(
    family: &Family,
    period: BillingPeriod,
    held: &HeldRows,
    held_currencies: &BTreeSet<String>,
    sets: &[(&str, &SetTally)],
) -> Option<WouldDrop> {
    let lower = |set: &BTreeSet<String>| set.iter().map(|s| s.to_lowercase()).collect::<BTreeSet<_>>();
    let new_subscriptions: BTreeSet<String> = sets.iter().flat_map(|(_, s)| lower(&s.subscriptions)).collect();
    let new_days: BTreeSet<i32> = sets.iter().flat_map(|(_, s)| s.days.iter().copied()).collect();
    let new_currencies: BTreeSet<&str> = sets.iter().map(|(c, _)| *c).collect();
    let subscriptions: Vec<String> =
        held.subscriptions.iter().filter(|s| !new_subscriptions.contains(&s.to_lowercase())).cloned().collect();
    let days: Vec<Day> = held.days.difference(&new_days).filter_map(|d| Day::from_since_epoch(*d)).collect();
    let currencies: Vec<String> =
        held_currencies.iter().filter(|c| !new_currencies.contains(c.as_str())).cloned().collect();
    if subscriptions.is_empty() && days.is_empty() && currencies.is_empty() {
        return None;
    }
    let mut suggestion = Vec::new();
    if let (Some(first), Some(last)) = (new_days.first(), new_days.last()) {
        let day = |d: &i32| Day::from_since_epoch(*d).map(|d| d.to_string()).unwrap_or_default();
        // A range only helps when every missing day lies outside of it.
        if !days.is_empty() && !days.iter().any(|d| (*first..=*last).contains(&d.since_epoch())) {
            suggestion.push(format!("--scope days={}..{}", day(first), day(last)));
        }
    }
    if let (false, Some(first)) = (currencies.is_empty(), new_currencies.first()) {
        suggestion.push(format!("--scope currency={first}"));
    }
    if let (false, Some(first)) = (subscriptions.is_empty(), new_subscriptions.first()) {
        let more = if new_subscriptions.len() > 1 { ",…" } else { "" };
        suggestion.push(format!("--scope subscription={first}{more}"));
    }
    let parts = [&family.kind, &family.export, &family.basis, &family.state];
    let parts: Vec<&str> = parts.into_iter().map(String::as_str).filter(|p| !p.is_empty()).collect();
    Some(WouldDrop {
        place: format!("account {} ({})", family.account, parts.join(", ")),
        period,
        subscriptions,
        currencies,
        days,
        invoiced: family.kind == SourceKind::RatedUsage.as_str() && !family.state.is_empty(),
        suggestion: suggestion.join(" "),
    })
}

impl fmt::Display for WouldDrop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts = Vec::new();
        for (one, many, values) in [
            ("subscription", "subscriptions", self.subscriptions.clone()),
            ("currency", "currencies", self.currencies.clone()),
            ("day", "days", self.days.iter().map(ToString::to_string).collect()),
        ] {
            if !values.is_empty() {
                parts.push(format!(
                    "{} {} ({})",
                    values.len(),
                    if values.len() == 1 { one } else { many },
                    listed(&values)
                ));
            }
        }
        write!(
            f,
            "the lake holds charges of {}, period {}, that the files lack: {}; nothing was changed. If the files cover \
             only a part, say which with --scope{}; if the missing charges are to go, give --replace",
            self.place,
            self.period,
            parts.join(", "),
            if self.suggestion.is_empty() { String::new() } else { format!(", for example {}", self.suggestion) },
        )?;
        if self.invoiced {
            f.write_str("; if they are late lines of an invoice, give its --period")?;
        }
        Ok(())
    }
}

/// The first values and how many more there are.
pub(super) fn listed(values: &[String]) -> String {
    let name = |v: &String| if v.is_empty() { "none".to_owned() } else { v.clone() };
    let mut text = values.iter().take(LISTED).map(name).collect::<Vec<_>>().join(", ");
    if values.len() > LISTED {
        text.push_str(&format!(" and {} more", values.len() - LISTED));
    }
    text
}
