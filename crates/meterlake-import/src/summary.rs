//! What an import tells the user, as text and as JSON. Figures are exact, so that they can be held against the source.

use std::fmt::{self, Write};

use chrono::{DateTime, Utc};
use meterlake_model::{Amount, CostBasis, ImportId};

use crate::record::{Change, Counts, ImportRecord, ImportState, ReplacedRecord, Restatement, SetRecord};
use crate::{AlreadyCurrent, Outcome, RecoveryReport};

/// The summary that `meterlake import` prints after an import.
#[must_use]
pub fn summary_text(outcome: &Outcome) -> String {
    let mut out = String::new();
    // Writing to a String cannot fail.
    let _ = match outcome {
        Outcome::Committed(record) => committed(&mut out, record),
        Outcome::AlreadyCurrent(current) => already_current(&mut out, current),
    };
    out
}

/// The same for `--json`: the record, or why nothing changed, with `outcome` `committed` or `already-current`.
#[must_use]
pub fn summary_json(outcome: &Outcome) -> serde_json::Value {
    let (name, value) = match outcome {
        Outcome::Committed(record) => ("committed", serde_json::to_value(record)),
        Outcome::AlreadyCurrent(current) => ("already-current", serde_json::to_value(current)),
    };
    let mut object = serde_json::Map::new();
    object.insert("outcome".to_owned(), name.into());
    if let Outcome::AlreadyCurrent(current) = outcome {
        let (read, rejected) = (current.rows, current.rejected);
        let counts = Counts { read, duplicate: read - rejected, rejected, ..Counts::default() };
        if let Ok(serde_json::Value::Object(counts)) = serde_json::to_value(counts) {
            object.extend(counts);
        }
    }
    match value {
        Ok(serde_json::Value::Object(fields)) => object.extend(fields),
        Ok(other) => drop(object.insert("record".to_owned(), other)),
        Err(error) => drop(object.insert("error".to_owned(), error.to_string().into())),
    }
    serde_json::Value::Object(object)
}

/// Everything about one import, as `meterlake imports show` prints it.
#[must_use]
pub fn record_text(record: &ImportRecord) -> String {
    let mut out = String::new();
    let _ = whole_record(&mut out, record);
    out
}

/// What a recovery settled, one line each; empty when there was nothing.
#[must_use]
pub fn recovery_text(report: &RecoveryReport) -> String {
    let mut out = String::new();
    for import in &report.completed {
        let _ = writeln!(out, "import {import} is in the lake; its record was missing and has been restored");
    }
    for import in &report.abandoned {
        let _ = writeln!(out, "import {import} had died before its commit and was taken back; import its files again");
    }
    out
}

fn committed(out: &mut String, record: &ImportRecord) -> fmt::Result {
    let basis = match record.basis {
        CostBasis::Actual => "actual cost",
        CostBasis::Amortized => "amortised cost",
        CostBasis::Both => "actual and amortised cost",
    };
    writeln!(out, "Imported {} ({}, {basis})", record.id, record.kind)?;
    figures(out, record)?;
    restatements(out, &record.restatements)?;
    remarks(out, record)
}

fn already_current(out: &mut String, current: &AlreadyCurrent) -> fmt::Result {
    let files = current.files.join(", ");
    writeln!(out, "Nothing to do: the lake holds exactly the rows of {files}")?;
    writeln!(out, "  read         {} rows", grouped(current.rows))?;
    writeln!(out, "  duplicate    {} rows", grouped(current.rows - current.rejected))?;
    writeln!(out, "  rejected     {} rows", grouped(current.rejected))?;
    if !current.imports.is_empty() {
        writeln!(out, "  brought by   import {}", ids(&current.imports))?;
    }
    current.warnings.iter().try_for_each(|warning| writeln!(out, "  warning      {warning}"))
}

fn figures(out: &mut String, record: &ImportRecord) -> fmt::Result {
    let counts = record.counts;
    let files = record.files.len();
    writeln!(
        out,
        "  read         {} rows of {files} {}",
        grouped(counts.read),
        if files == 1 { "file" } else { "files" }
    )?;
    writeln!(out, "  taken        {} rows", grouped(counts.taken))?;
    writeln!(out, "  duplicate    {} rows", grouped(counts.duplicate))?;
    writeln!(out, "  replaced     {} rows of earlier imports", grouped(counts.replaced))?;
    let place = record.rejects_file.as_ref().map(|f| format!(", kept in rejects/{f}")).unwrap_or_default();
    writeln!(out, "  rejected     {} rows{place}", grouped(counts.rejected))?;
    for (what, sums) in [("billed cost", &record.totals.billed_cost), ("effective", &record.totals.effective_cost)] {
        for (currency, sum) in sums {
            writeln!(out, "  {what:<12} {sum} {currency}")?;
        }
    }
    // Units often start with a number ("1 Hour", "10K"), hence the sign between.
    for (unit, sum) in &record.totals.quantity {
        writeln!(out, "  quantity     {sum} × {}", if unit.is_empty() { "(no unit)" } else { unit })?;
    }
    Ok(())
}

fn restatements(out: &mut String, restatements: &[Restatement]) -> fmt::Result {
    if !restatements.is_empty() {
        writeln!(out, "Restated in closed months:")?;
    }
    for restated in restatements {
        let mut changes = vec![format!("rows {}", change(&restated.rows))];
        for (what, sums) in [("billed", &restated.billed_cost), ("effective", &restated.effective_cost)] {
            if sums.old.is_some() || sums.new.is_some() {
                changes.push(format!("{what} {}", money(sums)));
            }
        }
        writeln!(out, "  {} {}: {}", restated.period, restated.scope, changes.join(", "))?;
    }
    Ok(())
}

fn remarks(out: &mut String, record: &ImportRecord) -> fmt::Result {
    if !record.superseded.is_empty() {
        writeln!(out, "Superseded: import {}", ids(&record.superseded))?;
    }
    record.warnings.iter().try_for_each(|warning| writeln!(out, "Warning: {warning}"))
}

/// What the record of any import begins with.
pub(crate) struct Head<'a> {
    pub(crate) id: ImportId,
    pub(crate) state: ImportState,
    pub(crate) error: Option<&'a str>,
    pub(crate) started_at: DateTime<Utc>,
    pub(crate) finished_at: Option<DateTime<Utc>>,
    pub(crate) version: Option<u64>,
    pub(crate) program: &'a str,
}

impl Head<'_> {
    pub(crate) fn write(&self, out: &mut String) -> fmt::Result {
        const SECONDS: &str = "%Y-%m-%dT%H:%M:%SZ";
        writeln!(out, "Import {}", self.id)?;
        writeln!(out, "  state        {}", self.state)?;
        if let Some(error) = self.error {
            writeln!(out, "  error        {error}")?;
        }
        writeln!(out, "  started      {}", self.started_at.format(SECONDS))?;
        if let Some(at) = self.finished_at {
            writeln!(out, "  finished     {}", at.format(SECONDS))?;
        }
        if let Some(version) = self.version {
            writeln!(out, "  snapshot     {version}")?;
        }
        writeln!(out, "  by           meterlake {}", self.program)
    }
}

fn whole_record(out: &mut String, record: &ImportRecord) -> fmt::Result {
    let head = Head {
        id: record.id,
        state: record.state,
        error: record.error.as_deref(),
        started_at: record.started_at,
        finished_at: record.finished_at,
        version: record.version,
        program: &record.program,
    };
    head.write(out)?;
    writeln!(out, "  kind         {}", record.kind)?;
    writeln!(out, "  basis        {} ({})", record.basis, record.basis_reason)?;
    if let Some(manifest) = &record.manifest {
        writeln!(out, "  manifest     {}", manifest.path.display())?;
        if let Some(at) = manifest.run_time {
            writeln!(out, "  run of       {}", at.format("%Y-%m-%dT%H:%M:%SZ"))?;
        }
    }
    if let Some(scope) = &record.scope {
        writeln!(out, "  scope        {scope}")?;
    }
    let flags = [(record.replace, "--replace"), (record.force, "--force")];
    let flags: Vec<&str> = flags.into_iter().filter(|(on, _)| *on).map(|(_, name)| name).collect();
    if !flags.is_empty() {
        writeln!(out, "  options      {}", flags.join(" "))?;
    }
    figures(out, record)?;
    files(out, record)?;
    writeln!(out, "Charges:")?;
    record.sets.iter().try_for_each(|set| charges(out, set))?;
    if !record.replaced.is_empty() {
        writeln!(out, "Replaced:")?;
        record.replaced.iter().try_for_each(|replaced| gave_way(out, replaced))?;
    }
    restatements(out, &record.restatements)?;
    if !record.customers.is_empty() {
        writeln!(out, "Customers:")?;
    }
    for customer in &record.customers {
        writeln!(out, "  {} {} {}", customer.tenant_id, customer.name, customer.domain)?;
    }
    remarks(out, record)
}

fn files(out: &mut String, record: &ImportRecord) -> fmt::Result {
    writeln!(out, "Files:")?;
    for (ordinal, file) in record.files.iter().enumerate() {
        writeln!(out, "  {ordinal}  {}", file.path)?;
        let note = if file.repeated { ", passed over: same contents as an earlier file" } else { "" };
        writeln!(
            out,
            "     {} rows, {} rejected, {} bytes, {}{note}",
            grouped(file.rows),
            grouped(file.rejected),
            grouped(file.size),
            file.variant
        )?;
        writeln!(out, "     SHA-256 {}", file.sha256)?;
        writeln!(out, "     read with {}", file.reading)?;
    }
    Ok(())
}

fn charges(out: &mut String, set: &SetRecord) -> fmt::Result {
    write!(out, "  {} {}: {} rows, {} to {}", set.period, set.scope, grouped(set.rows), set.first_day, set.last_day)?;
    for (what, sum) in [("billed", set.billed_cost), ("effective", set.effective_cost)] {
        if let Some(sum) = sum {
            write!(out, ", {what} {sum}")?;
        }
    }
    if set.unchanged {
        let origins: Vec<ImportId> = set.origins.keys().copied().collect();
        write!(out, " (held already, by import {})", ids(&origins))?;
    }
    writeln!(out)
}

fn gave_way(out: &mut String, replaced: &ReplacedRecord) -> fmt::Result {
    let rows: Vec<String> =
        replaced.rows.iter().map(|(import, rows)| format!("{} rows of import {import}", grouped(*rows))).collect();
    writeln!(out, "  {} {}: {} ({})", replaced.period, replaced.scope, rows.join(", "), replaced.reason)
}

fn change(change: &Change<u64>) -> String {
    format!("{} → {}", grouped(change.old), grouped(change.new))
}

fn money(change: &Change<Option<Amount>>) -> String {
    let text = |a: Option<Amount>| a.unwrap_or(Amount::ZERO).to_string();
    format!("{} → {}", text(change.old), text(change.new))
}

fn ids(imports: &[ImportId]) -> String {
    imports.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

/// Row counts with commas between thousands; sums are printed as they are, to be compared with the source.
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::grouped;

    #[test]
    fn thousands() {
        assert_eq!([0, 999, 1_000, 1_234_567].map(grouped), ["0", "999", "1,000", "1,234,567"]);
    }
}
