//! Live rows against the records of imports, and the control state against the lake.

use std::collections::{BTreeMap, BTreeSet};

use meterlake_lake::{Finding, Lake, Table};
use meterlake_model::ImportId;

use super::check::Moment;
use super::live::{LiveCharges, Part};
use crate::dataset::recover::table_of;
use crate::record::{ScopeRecord, SetRecord};
use crate::{Dataset, ImportError, ImportJournal, ImportState};

/// Compares the live charges of every import, scope and period with what its record says that it brought, less what
/// later records say that they replaced; and, where all of it is live, its totals.
pub(super) fn charges(moment: &Moment, live: &BTreeMap<(Part, ImportId), LiveCharges>, findings: &mut Vec<Finding>) {
    let part = |scope: &ScopeRecord, period: i32| Part { scope: scope.values().to_vec(), period };
    let mut brought: BTreeMap<(Part, ImportId), (&SetRecord, u64)> = BTreeMap::new();
    for (_, record) in &moment.charges {
        for set in record.sets.iter().filter(|set| !set.unchanged) {
            brought.insert((part(&set.scope, set.period.number()), record.id), (set, 0));
        }
    }
    for (_, record) in &moment.charges {
        for replaced in &record.replaced {
            for (import, rows) in &replaced.rows {
                let key = (part(&replaced.scope, replaced.period.number()), *import);
                if let Some((_, gone)) = brought.get_mut(&key) {
                    *gone += rows;
                }
            }
        }
    }
    let mut differs = |import: &ImportId, part: &Part, what: &str, expected: String, found: String| {
        if expected != found {
            let scope = part.scope.iter().filter(|value| !value.is_empty()).cloned().collect::<Vec<_>>().join(", ");
            let place = format!("{what} of {scope}, period {}", part.period);
            findings.push(Finding::new(Table::Charges, format!("import {import}"), place, expected, found));
        }
    };
    let nothing = LiveCharges::default();
    for ((part, import), (set, gone)) in &brought {
        let found = live.get(&(part.clone(), *import)).unwrap_or(&nothing);
        let expected = set.rows.saturating_sub(*gone);
        differs(import, part, "live rows", expected.to_string(), found.sums.rows.to_string());
        if *gone > 0 || found.sums.rows != set.rows {
            continue;
        }
        let amount =
            |amount: Option<meterlake_model::Amount>| amount.map_or_else(|| "none".to_owned(), |a| a.to_string());
        differs(import, part, "billed cost", amount(set.billed_cost), amount(found.sums.billed));
        differs(import, part, "effective cost", amount(set.effective_cost), amount(found.sums.effective));
        for unit in set.quantity.keys().chain(found.quantity.keys()).collect::<BTreeSet<_>>() {
            let of = |sums: &BTreeMap<String, meterlake_model::Quantity>| {
                sums.get(unit).map_or_else(|| "none".to_owned(), ToString::to_string)
            };
            differs(import, part, &format!("quantity in {unit:?}"), of(&set.quantity), of(&found.quantity));
        }
        differs(import, part, "digest", set.digest.clone(), format!("{:032x}", found.digest));
    }
    for ((part, import), found) in live {
        if !brought.contains_key(&(part.clone(), *import)) {
            differs(import, part, "live rows", "no rows by any record".to_owned(), found.sums.rows.to_string());
        }
    }
    for (_, record) in &moment.charges {
        record_totals(record, findings);
    }
}

/// The totals of a record are those of its sets.
fn record_totals(record: &crate::ImportRecord, findings: &mut Vec<Finding>) {
    let taken: u64 = record.sets.iter().filter(|set| !set.unchanged).map(|set| set.rows).sum();
    let mut differs = |what: &str, expected: String, found: String| {
        if expected != found {
            let import = format!("import {}", record.id);
            findings.push(Finding::new(Table::Charges, import, format!("{what} of the record"), expected, found));
        }
    };
    differs("rows taken", taken.to_string(), record.counts.taken.to_string());
    let mut sums: BTreeMap<(&str, &str), Option<meterlake_model::Amount>> = BTreeMap::new();
    for set in &record.sets {
        for (what, cost) in [("billed cost", set.billed_cost), ("effective cost", set.effective_cost)] {
            let Some(cost) = cost else { continue };
            let sum = sums.entry((what, &set.scope.currency)).or_insert(Some(meterlake_model::Amount::ZERO));
            *sum = sum.and_then(|sum| sum.checked_add(cost).ok());
        }
    }
    let told = [("billed cost", &record.totals.billed_cost), ("effective cost", &record.totals.effective_cost)];
    for (what, by_currency) in told {
        let currencies: BTreeSet<&str> = (sums.keys().filter(|(of, _)| *of == what).map(|(_, currency)| *currency))
            .chain(by_currency.keys().map(String::as_str))
            .collect();
        for currency in currencies {
            let expected = sums.get(&(what, currency)).copied().flatten();
            let shown = |sum: Option<meterlake_model::Amount>| sum.map_or_else(|| "none".to_owned(), |s| s.to_string());
            differs(&format!("{what} in {currency}"), shown(expected), shown(by_currency.get(currency).copied()));
        }
    }
}

/// Compares the live rows of every import of a dataset with its record.
pub(super) fn dataset(table: Table, moment: &Moment, live: &BTreeMap<ImportId, u64>, findings: &mut Vec<Finding>) {
    let records: BTreeMap<ImportId, &crate::DatasetRecord> =
        (moment.datasets.iter()).filter(|(of, _, _)| *of == table).map(|(_, _, record)| (record.id, record)).collect();
    let mut differs = |import: &ImportId, expected: String, found: u64| {
        findings.push(Finding::new(table, format!("import {import}"), "live rows", expected, found));
    };
    for (import, rows) in live {
        let Some(record) = records.get(import) else {
            differs(import, "no rows by any record".to_owned(), *rows);
            continue;
        };
        let most = match record.dataset {
            // Events are never replaced by another import's: what it brought is there.
            Dataset::B2cEvents => record.counts.taken,
            // A row a tenant and day.
            Dataset::Users => 1,
            // A row a SKU, or one for a tenant without any.
            Dataset::Licences => record.counts.taken.saturating_add(record.tenants.len() as u64),
        };
        if *rows > most {
            differs(import, format!("at most {most}"), *rows);
        }
    }
    for (import, record) in &records {
        let found = live.get(import).copied().unwrap_or(0);
        if record.dataset == Dataset::B2cEvents && found < record.counts.taken {
            differs(import, record.counts.taken.to_string(), found);
        }
    }
}

/// Compares the records in the control state with those in the lake.
pub(super) async fn control(
    lake: &Lake,
    journal: &dyn ImportJournal,
    moment: &Moment,
    tables: &[Table],
    findings: &mut Vec<Finding>,
) -> Result<(), ImportError> {
    let mut differs = |import: &ImportId, place: &str, expected: String, found: String| {
        if expected != found {
            findings.push(Finding::new("control state", format!("import {import}"), place, expected, found));
        }
    };
    let state = |state: ImportState, version: Option<u64>| match version {
        Some(version) => format!("{state} as version {version}"),
        None => state.to_string(),
    };
    for (version, record) in &moment.charges {
        let expected = state(ImportState::Committed, Some(*version));
        let Some(known) = journal.get(record.id).await.map_err(ImportError::Journal)? else {
            differs(&record.id, "record", expected, "none".to_owned());
            continue;
        };
        differs(&record.id, "record", expected, state(known.state, known.version));
        let same = (&known.files, &known.counts, &known.totals, &known.sets, &known.replaced)
            == (&record.files, &record.counts, &record.totals, &record.sets, &record.replaced);
        if !same {
            differs(&record.id, "files, counts, totals and scopes", "as in the lake".to_owned(), "others".to_owned());
        }
    }
    for (table, version, record) in &moment.datasets {
        if table_of(record.dataset).last() != Some(table) {
            continue;
        }
        let expected = state(ImportState::Committed, Some(*version));
        let Some(known) = journal.dataset(record.id).await.map_err(ImportError::Journal)? else {
            differs(&record.id, "record", expected, "none".to_owned());
            continue;
        };
        differs(&record.id, "record", expected, state(known.state, known.version));
        let same = (&known.files, &known.counts, &known.coverage) == (&record.files, &record.counts, &record.coverage);
        if !same {
            differs(&record.id, "files, counts and coverage", "as in the lake".to_owned(), "others".to_owned());
        }
    }
    if tables.contains(&Table::Charges) {
        let held: BTreeSet<ImportId> = moment.charges.iter().map(|(_, record)| record.id).collect();
        for known in journal.committed().await.map_err(ImportError::Journal)? {
            if !held.contains(&known.id) && lake.committed_version(known.id).await?.is_none() {
                let found = state(known.state, known.version);
                differs(&known.id, "record", "none: the lake has no such commit".to_owned(), found);
            }
        }
    }
    Ok(())
}
