//! The `--scope` option.

use std::collections::BTreeSet;
use std::fmt;

use meterlake_model::{BillingPeriod, CurrencyCode, CustomerTenantId, Day, DayRange};
use serde::{Deserialize, Serialize};

/// The part of an account that files cover, as the user states it. Only charges in this part are replaced, and rows
/// outside of it are refused. Written as parts `key=value`:
///
/// | part | meaning |
/// | --- | --- |
/// | `days=2024-11-15..2024-11-30` | days of usage, both inclusive; one day alone is itself |
/// | `period=202411` or `period=202410..202411` | billing periods, also those that the files have no row of |
/// | `currency=EUR` | billing currencies, `EUR,USD` for several |
/// | `subscription=<id>` | subscriptions, several with commas |
/// | `customer=<tenant id>` | customers, several with commas |
/// | `export=<resource id>` | the export's own scope: its rows stand beside those of other exports of the account |
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScopeOption {
    /// Days of usage.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub days: Option<DayRange>,
    /// Billing periods.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub periods: BTreeSet<BillingPeriod>,
    /// Currencies.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub currencies: BTreeSet<CurrencyCode>,
    /// Subscriptions, lower case.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub subscriptions: BTreeSet<String>,
    /// Customers.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub customers: BTreeSet<CustomerTenantId>,
    /// Narrower export scope.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub export: Option<String>,
}

/// A part of `--scope` cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("--scope {part}: {reason}")]
pub struct ScopeOptionError {
    /// The part as given.
    pub part: String,
    /// What was expected.
    pub reason: String,
}

impl ScopeOption {
    /// Reads the parts of one or more `--scope` options; parts may also be joined by `;`. None for no parts.
    ///
    /// # Errors
    /// [`ScopeOptionError`] naming the part that cannot be read.
    pub fn parse<S: AsRef<str>>(parts: &[S]) -> Result<Option<Self>, ScopeOptionError> {
        let mut scope = Self::default();
        let parts = parts.iter().flat_map(|p| p.as_ref().split(';')).map(str::trim).filter(|p| !p.is_empty());
        for part in parts {
            scope.add(part).map_err(|reason| ScopeOptionError { part: part.to_owned(), reason })?;
        }
        Ok((scope != Self::default()).then_some(scope))
    }

    fn add(&mut self, part: &str) -> Result<(), String> {
        let (key, value) = part.split_once('=').ok_or_else(|| {
            "expected key=value with days, period, currency, subscription, customer or export".to_owned()
        })?;
        let value = value.trim();
        if value.is_empty() {
            return Err("the value is empty".to_owned());
        }
        match key.trim().to_ascii_lowercase().as_str() {
            "days" | "day" => {
                if self.days.is_some() {
                    return Err("days are given twice; one range covers them".to_owned());
                }
                let (first, last) = bounds::<Day>(value)?;
                self.days = Some(DayRange::new(first, last).map_err(|e| e.to_string())?);
            }
            "period" | "periods" => {
                let (first, last) = bounds::<BillingPeriod>(value)?;
                if last < first {
                    return Err(format!("{first} is after {last}"));
                }
                let mut at = Some(first);
                while let Some(period) = at.filter(|p| *p <= last) {
                    self.periods.insert(period);
                    at = period.next();
                }
            }
            "currency" => self.currencies.extend(list::<CurrencyCode>(&value.to_ascii_uppercase())?),
            "subscription" => self.subscriptions.extend(list::<String>(&value.to_lowercase())?),
            "customer" => self.customers.extend(list::<CustomerTenantId>(value)?),
            "export" => self.export = Some(value.trim_end_matches('/').to_owned()),
            other => {
                return Err(format!(
                    "{other:?} is not known; expected days, period, currency, subscription, customer or export"
                ));
            }
        }
        Ok(())
    }

    /// Whether it names anything that narrows the rows to be replaced.
    #[must_use]
    pub fn narrows(&self) -> bool {
        self.days.is_some()
            || !self.periods.is_empty()
            || !self.currencies.is_empty()
            || !self.subscriptions.is_empty()
            || !self.customers.is_empty()
    }
}

fn list<T: std::str::FromStr>(text: &str) -> Result<Vec<T>, String>
where
    T::Err: fmt::Display,
{
    text.split(',').map(|item| item.trim().parse().map_err(|e: T::Err| e.to_string())).collect()
}

fn bounds<T: std::str::FromStr + Copy>(text: &str) -> Result<(T, T), String>
where
    T::Err: fmt::Display,
{
    let read = |t: &str| t.trim().parse::<T>().map_err(|e| e.to_string());
    match text.split_once("..") {
        Some((first, last)) => Ok((read(first)?, read(last)?)),
        None => read(text).map(|one| (one, one)),
    }
}

impl fmt::Display for ScopeOption {
    /// The parts as they would be given.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts = Vec::new();
        if let Some(days) = self.days {
            parts.push(format!("days={}..{}", days.first, days.last));
        }
        parts.extend(self.periods.iter().map(|p| format!("period={p}")));
        parts.extend(self.currencies.iter().map(|c| format!("currency={c}")));
        parts.extend(self.subscriptions.iter().map(|s| format!("subscription={s}")));
        parts.extend(self.customers.iter().map(|c| format!("customer={c}")));
        parts.extend(self.export.iter().map(|e| format!("export={e}")));
        f.write_str(&parts.join("; "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_read_and_printed() {
        let scope = ScopeOption::parse(&["days=2024-11-15..2024-11-30", "currency=eur,USD; subscription=ABC"]).unwrap();
        assert_eq!(
            scope.unwrap().to_string(),
            "days=2024-11-15..2024-11-30; currency=EUR; currency=USD; subscription=abc"
        );
        let periods = ScopeOption::parse(&["period=202411..202502"]).unwrap().unwrap().periods;
        assert_eq!(periods.len(), 4);
        assert_eq!(ScopeOption::parse::<&str>(&[]).unwrap(), None);
    }

    #[test]
    fn bad_parts_name_themselves() {
        for bad in ["days", "days=", "days=2024-11-31", "days=2024-12-01..2024-11-01", "currency=EURO", "week=3"] {
            let error = ScopeOption::parse(&[bad]).unwrap_err().to_string();
            assert!(error.contains(bad), "{error}");
        }
    }
}
