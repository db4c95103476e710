//! From what was counted to the record.

use std::collections::BTreeMap;

use meterlake_model::{CurrencyCode, Day, Offer, SourceKind};

use crate::ImportError;
use crate::record::{AccountSeen, CustomerSeen, ImportRecord, ScopeRecord, SetRecord, Totals};
use crate::scope::plan::Plan;
use crate::scope::tally::{SetKey, Tally, add_to};

impl ImportRecord {
    /// The sets of a tally with their digests as they stand in records.
    pub(super) fn sets_of<'t>(&self, tally: &'t Tally) -> impl Iterator<Item = (&'t SetKey, String)> {
        tally.sets.iter().map(|(key, set)| (key, hex(set.digest)))
    }

    /// Fills in sets, counts, sums, customers and accounts.
    pub(super) fn set_tally(&mut self, tally: &Tally, plan: &Plan) -> Result<(), ImportError> {
        for file in &mut self.files {
            file.sets.clear();
        }
        self.sets.clear();
        let (mut taken, mut duplicate) = (0, 0);
        for (index, (key, set)) in tally.sets.iter().enumerate() {
            for (ordinal, rows) in &set.files {
                if let Some(file) = usize::try_from(*ordinal).ok().and_then(|o| self.files.get_mut(o)) {
                    file.sets.insert(index, *rows);
                }
            }
            let held = plan.unchanged.get(key);
            *(if held.is_some() { &mut duplicate } else { &mut taken }) += set.sums.rows;
            let day = |d: Option<&i32>| d.and_then(|d| Day::from_since_epoch(*d)).unwrap_or(key.period.first_day());
            self.sets.push(SetRecord {
                scope: ScopeRecord::from_values(&key.scope),
                period: key.period,
                first_day: day(set.days.first()),
                last_day: day(set.days.last()),
                rows: set.sums.rows,
                billed_cost: set.sums.billed,
                effective_cost: set.sums.effective,
                quantity: set.quantity.clone(),
                digest: hex(set.digest),
                unchanged: held.is_some(),
                origins: held.cloned().unwrap_or_else(|| BTreeMap::from([(self.id, set.sums.rows)])),
            });
        }
        let repeated: u64 = self.files.iter().filter(|f| f.repeated).map(|f| f.rows).sum();
        self.counts.taken = taken;
        self.counts.duplicate = duplicate + repeated;
        self.totals = totals(tally)?;
        self.customers = customers(tally, self.kind);
        self.billing_accounts =
            tally.accounts.iter().map(|(id, name)| AccountSeen { id: id.clone(), name: name.clone() }).collect();
        Ok(())
    }
}

fn hex(digest: u128) -> String {
    format!("{digest:032x}")
}

/// Exact sums over all good rows.
fn totals(tally: &Tally) -> Result<Totals, ImportError> {
    let mut totals = Totals::default();
    for (key, set) in &tally.sets {
        let currency = key.currency();
        for (map, value, what) in [
            (&mut totals.billed_cost, set.sums.billed, "billed cost"),
            (&mut totals.effective_cost, set.sums.effective, "effective cost"),
        ] {
            let mut sum = map.get(currency).copied();
            add_to(&mut sum, value, what)?;
            map.extend(sum.map(|s| (currency.to_owned(), s)));
        }
        for (unit, value) in &set.quantity {
            let mut sum = totals.quantity.get(unit).copied();
            add_to(&mut sum, Some(*value), "quantity")?;
            totals.quantity.extend(sum.map(|s| (unit.clone(), s)));
        }
    }
    Ok(totals)
}

fn customers(tally: &Tally, kind: SourceKind) -> Vec<CustomerSeen> {
    let offer = match kind {
        SourceKind::Utilization => Some(Offer::MsAzr0145p),
        SourceKind::RatedUsage | SourceKind::CostExportPartner => Some(Offer::AzurePlan),
        _ => None,
    };
    let seen = tally.customers.iter().filter_map(|(id, facts)| {
        Some(CustomerSeen {
            tenant_id: id.parse().ok()?,
            name: facts.name.clone(),
            domain: facts.domain.clone(),
            offer,
            currency: facts.currency.parse::<CurrencyCode>().ok(),
        })
    });
    seen.collect()
}
