//! From what comes and what is held to what changes.

use std::collections::{BTreeMap, BTreeSet};

use datafusion::prelude::SessionContext;
use meterlake_lake::{ChargesFile, ChargesSnapshot};
use meterlake_model::{BillingPeriod, ImportId, InvoiceState};

use super::claim::{Claim, Selection};
use super::drops::{listed, would_drop};
use super::held::{self, HeldFile, HeldRows};
use super::overlap::{Relation, relation, shared};
use super::tally::{Family, SetKey, SetTally, Sums, Tally};
use crate::ImportError;
use crate::record::{Change, ReplacedRecord, Restatement, ScopeRecord};

/// Why held charges give way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Reason {
    /// The new files cover them.
    Covered,
    /// They were not billed yet and now are.
    Billed,
    /// They would count twice and the user said `--replace`.
    Twice,
}

impl Reason {
    const fn text(self) -> &'static str {
        match self {
            Self::Covered => "same scope",
            Self::Billed => "billed replaces unbilled",
            Self::Twice => "--replace",
        }
    }
}

/// A live file that loses rows.
#[derive(Clone, Debug)]
pub(crate) struct Hit {
    pub(crate) file: ChargesFile,
    /// Rows in one of these go, the others stay.
    pub(crate) selections: Vec<Selection>,
    /// Rows that go, by import, and why.
    gone: HeldRows,
    stay: HeldRows,
    reason: Reason,
}

/// Everything that an import would change.
#[derive(Clone, Debug, Default)]
pub(crate) struct Plan {
    /// Files that lose rows, by path.
    pub(crate) hits: BTreeMap<String, Hit>,
    /// Sets that the lake holds exactly so already, with the imports that brought them.
    pub(crate) unchanged: BTreeMap<SetKey, BTreeMap<ImportId, u64>>,
    /// Sums before and after, for sets of which something was held.
    before_after: BTreeMap<SetKey, Change<Sums>>,
}

/// What planning looks at.
pub(crate) struct Planner<'a> {
    pub(crate) context: &'a SessionContext,
    pub(crate) snapshot: &'a ChargesSnapshot,
    pub(crate) tally: &'a Tally,
    pub(crate) claim: &'a Claim,
    pub(crate) replace: bool,
}

impl Planner<'_> {
    /// Compares the tally with the snapshot.
    pub(crate) async fn plan(&self) -> Result<Plan, ImportError> {
        let mut plan = Plan::default();
        let families: BTreeSet<Family> = self.tally.sets.keys().map(SetKey::family).collect();
        for family in &families {
            for period in self.claim.periods(family, self.tally) {
                self.plan_family(&mut plan, family, period).await?;
                self.plan_others(&mut plan, family, period).await?;
            }
        }
        Ok(plan)
    }

    fn sets(&self, family: &Family, period: BillingPeriod) -> Vec<(&SetKey, &SetTally)> {
        self.tally.sets.iter().filter(|(k, _)| k.period == period && k.family() == *family).collect()
    }

    /// Charges of the same kind, account, export, basis and state: replaced as far as they are claimed.
    async fn plan_family(&self, plan: &mut Plan, family: &Family, period: BillingPeriod) -> Result<(), ImportError> {
        let sets = self.sets(family, period);
        let tallies: Vec<&SetTally> = sets.iter().map(|(_, t)| *t).collect();
        let selection = self.claim.selection(period, &tallies);
        let mut held: BTreeMap<SetKey, Vec<HeldFile>> = BTreeMap::new();
        for file in self.snapshot.files().iter().filter(|f| f.period == period && Family::of(&f.scope) == *family) {
            let key = SetKey { scope: file.scope.as_ref().clone(), period };
            if selection.has_currency(key.currency()) {
                let split = held::split(self.context, self.snapshot, file, &selection).await?;
                held.entry(key).or_default().push(split);
            }
        }
        if !self.claim.settled {
            check_drops(family, period, &held, &sets)?;
        }
        let new: BTreeMap<&SetKey, &SetTally> = sets.into_iter().collect();
        for (key, files) in held {
            let tally = new.get(&key).copied();
            if let Some(tally) = tally
                && let Some(origins) = self.same_rows(tally, &files).await?
            {
                plan.unchanged.insert(key, origins);
                continue;
            }
            plan.note_change(&key, tally, &files)?;
            for file in files.into_iter().filter(|f| f.inside.sums.rows > 0) {
                plan.hit(self, file, Reason::Covered).await?;
            }
        }
        Ok(())
    }

    /// The imports whose claimed rows are exactly the new ones.
    async fn same_rows(
        &self,
        tally: &SetTally,
        files: &[HeldFile],
    ) -> Result<Option<BTreeMap<ImportId, u64>>, ImportError> {
        if files.iter().map(|f| f.inside.sums.rows).sum::<u64>() != tally.sums.rows {
            return Ok(None);
        }
        let mut digest = 0u128;
        let mut origins = BTreeMap::new();
        for file in files.iter().filter(|f| f.inside.sums.rows > 0) {
            digest = digest.wrapping_add(held::digest(self.context, self.snapshot, file).await?);
            for (import, rows) in &file.inside.imports {
                *origins.entry(*import).or_default() += rows;
            }
        }
        Ok((digest == tally.digest).then_some(origins))
    }

    /// Charges of other families that the new ones replace or would count twice with.
    async fn plan_others(&self, plan: &mut Plan, family: &Family, period: BillingPeriod) -> Result<(), ImportError> {
        let sets = self.sets(family, period);
        if sets.is_empty() {
            return Ok(());
        }
        let named: Vec<(&str, &SetTally)> = sets.iter().map(|(k, t)| (k.currency(), *t)).collect();
        let tallies: Vec<&SetTally> = sets.iter().map(|(_, t)| *t).collect();
        let customers: BTreeSet<String> = tallies.iter().flat_map(|t| t.customers.iter().cloned()).collect();
        let named_customers: BTreeSet<String> = customers.iter().filter(|c| !c.is_empty()).cloned().collect();
        for file in self.snapshot.files().iter().filter(|f| f.period == period) {
            let held_family = Family::of(&file.scope);
            let held_key = SetKey { scope: file.scope.as_ref().clone(), period };
            let same_currency = sets.iter().find(|(k, _)| k.currency() == held_key.currency());
            let (selection, reason) = match relation(family, &held_family) {
                Relation::Apart => continue,
                Relation::Unbilled => match same_currency {
                    Some((_, set)) => (Selection::of_customers(set.customers.clone()), Reason::Billed),
                    None => continue,
                },
                relation @ (Relation::Twice | Relation::TwiceByCustomer) => {
                    let claimed = self.claim.selection(period, &tallies);
                    // Customers are apart from each other, whatever kind of file tells of them.
                    let claimed = match relation {
                        Relation::TwiceByCustomer if named_customers.is_empty() => continue,
                        Relation::TwiceByCustomer => claimed.within_customers(&named_customers),
                        _ if customers.len() == named_customers.len() => claimed.within_customers(&customers),
                        _ => claimed,
                    };
                    (claimed, Reason::Twice)
                }
            };
            let split = held::split(self.context, self.snapshot, file, &selection).await?;
            if split.inside.sums.rows == 0 {
                continue;
            }
            if reason == Reason::Twice {
                let subscriptions = shared(&split.inside, &named);
                if subscriptions.is_empty() {
                    continue;
                }
                if !self.replace {
                    return Err(would_count_twice(family, &held_key, &split, &subscriptions));
                }
            }
            let (key, tally) = same_currency.map_or((&held_key, None), |(k, t)| (*k, Some(*t)));
            plan.note_change(key, tally, std::slice::from_ref(&split))?;
            plan.hit(self, split, reason).await?;
        }
        Ok(())
    }
}

fn check_drops(
    family: &Family,
    period: BillingPeriod,
    held: &BTreeMap<SetKey, Vec<HeldFile>>,
    sets: &[(&SetKey, &SetTally)],
) -> Result<(), ImportError> {
    let mut all = HeldRows::default();
    for file in held.values().flatten() {
        all.absorb(&file.inside)?;
    }
    let any_rows = |files: &[HeldFile]| files.iter().any(|f| f.inside.sums.rows > 0);
    let currencies = held.iter().filter(|(_, f)| any_rows(f)).map(|(k, _)| k.currency().to_owned()).collect();
    let named: Vec<(&str, &SetTally)> = sets.iter().map(|(k, t)| (k.currency(), *t)).collect();
    if all.sums.rows == 0 {
        return Ok(());
    }
    match would_drop(family, period, &all, &currencies, &named) {
        Some(drop) => Err(ImportError::WouldDrop(Box::new(drop))),
        None => Ok(()),
    }
}

fn would_count_twice(new: &Family, key: &SetKey, split: &HeldFile, subscriptions: &[String]) -> ImportError {
    let billed = new.state == InvoiceState::Unbilled.as_str() && key.family().state == InvoiceState::Billed.as_str();
    ImportError::WouldCountTwice {
        held: ScopeRecord::from_values(&key.scope).to_string(),
        period: key.period,
        imports: split.inside.imports.keys().map(ToString::to_string).collect::<Vec<_>>().join(", "),
        why: if billed { "they are billed already" } else { "the same charges would count twice" },
        subscriptions: listed(subscriptions),
    }
}

impl Hit {
    /// Rows of the file that stay.
    pub(crate) fn staying_rows(&self) -> u64 {
        self.stay.sums.rows
    }
}

impl Plan {
    /// Notes that a file loses the selected rows.
    async fn hit(&mut self, planner: &Planner<'_>, held: HeldFile, reason: Reason) -> Result<(), ImportError> {
        let HeldFile { file, selection, inside, outside } = held;
        let Some(hit) = self.hits.get_mut(&file.path) else {
            let hit = Hit { file, selections: vec![selection], gone: inside, stay: outside, reason };
            self.hits.insert(hit.file.path.clone(), hit);
            return Ok(());
        };
        // Hit twice: what goes now is counted among the rows that would have stayed.
        hit.selections.push(selection);
        (hit.gone, hit.stay) = held::partition(planner.context, planner.snapshot, &file, &hit.selections).await?;
        hit.reason = hit.reason.max(reason);
        Ok(())
    }

    fn note_change(&mut self, key: &SetKey, tally: Option<&SetTally>, files: &[HeldFile]) -> Result<(), ImportError> {
        let fresh = !self.before_after.contains_key(key);
        let change = self.before_after.entry(key.clone()).or_default();
        if let (true, Some(tally)) = (fresh, tally) {
            change.new.add(&tally.sums)?;
        }
        for file in files {
            change.old.add(&file.inside.sums)?;
            // Rows of other scopes stay where they are; only this set's own count on both sides.
            if *file.file.scope == key.scope {
                change.old.add(&file.outside.sums)?;
                change.new.add(&file.outside.sums)?;
            }
        }
        Ok(())
    }

    /// Whether the lake would stay as it is for this tally.
    pub(crate) fn changes_nothing(&self, tally: &Tally) -> bool {
        self.hits.is_empty() && tally.sets.keys().all(|key| self.unchanged.contains_key(key))
    }

    /// The files that lose rows.
    pub(crate) fn removes(&self) -> Vec<ChargesFile> {
        self.hits.values().map(|h| h.file.clone()).collect()
    }

    /// Files with rows that stay, which must be written again.
    pub(crate) fn rewrites(&self) -> impl Iterator<Item = &Hit> {
        self.hits.values().filter(|h| h.stay.sums.rows > 0)
    }

    /// Rows that give way.
    pub(crate) fn replaced_rows(&self) -> u64 {
        self.hits.values().map(|h| h.gone.sums.rows).sum()
    }

    /// Imports that lose rows to new ones of the same scope.
    pub(crate) fn covered_imports(&self) -> BTreeSet<ImportId> {
        let covered = self.hits.values().filter(|h| h.reason == Reason::Covered);
        covered.flat_map(|h| h.gone.imports.keys().copied()).collect()
    }

    /// Imports that lose rows, and those of which rows stay in rewritten files.
    pub(crate) fn losers(&self) -> (BTreeSet<ImportId>, BTreeSet<ImportId>) {
        let side =
            |pick: fn(&Hit) -> &HeldRows| self.hits.values().flat_map(|h| pick(h).imports.keys().copied()).collect();
        (side(|h| &h.gone), side(|h| &h.stay))
    }

    /// Whether rows of this set gave way.
    pub(crate) fn replaces(&self, key: &SetKey) -> bool {
        self.hits.values().any(|h| h.file.period == key.period && *h.file.scope == key.scope)
    }

    /// What gave way, a scope, period and reason each.
    pub(crate) fn replaced(&self) -> Vec<ReplacedRecord> {
        let mut groups: BTreeMap<(SetKey, Reason), ReplacedRecord> = BTreeMap::new();
        for hit in self.hits.values() {
            let key = SetKey { scope: hit.file.scope.as_ref().clone(), period: hit.file.period };
            let record = groups.entry((key, hit.reason)).or_insert_with(|| ReplacedRecord {
                scope: ScopeRecord::from_values(&hit.file.scope),
                period: hit.file.period,
                rows: BTreeMap::new(),
                kept: 0,
                reason: hit.reason.text().to_owned(),
            });
            for (import, rows) in &hit.gone.imports {
                *record.rows.entry(*import).or_default() += rows;
            }
            record.kept += hit.stay.sums.rows;
        }
        groups.into_values().collect()
    }

    /// Changes in months before `current`.
    pub(crate) fn restatements(&self, current: BillingPeriod) -> Vec<Restatement> {
        let closed = self.before_after.iter().filter(|(key, change)| key.period < current && change.old.rows > 0);
        closed
            .map(|(key, change)| Restatement {
                scope: ScopeRecord::from_values(&key.scope),
                period: key.period,
                rows: Change { old: change.old.rows, new: change.new.rows },
                billed_cost: Change { old: change.old.billed, new: change.new.billed },
                effective_cost: Change { old: change.old.effective, new: change.new.effective },
            })
            .collect()
    }
}
