//! What a dataset import tells the user, as text and as JSON.

use std::fmt::{self, Write};

use crate::summary::grouped;
use crate::{DatasetOutcome, DatasetRecord};

/// The summary that `meterlake import` prints after an import of a dataset.
#[must_use]
pub fn dataset_summary_text(outcome: &DatasetOutcome) -> String {
    let mut out = String::new();
    // Writing to a String cannot fail.
    let _ = match outcome {
        DatasetOutcome::Committed(record) => writeln!(out, "Imported {} ({})", record.id, record.dataset)
            .and_then(|()| figures(&mut out, record))
            .and_then(|()| remarks(&mut out, record)),
        DatasetOutcome::AlreadyCurrent(record) => {
            let files: Vec<&str> = record.files.iter().map(|f| f.name.as_str()).collect();
            writeln!(out, "Nothing to do: the lake holds everything in {}", files.join(", "))
                .and_then(|()| figures(&mut out, record))
                .and_then(|()| remarks(&mut out, record))
        }
    };
    out
}

/// The same for `--json`: the record with `outcome` `committed` or `already-current`.
#[must_use]
pub fn dataset_summary_json(outcome: &DatasetOutcome) -> serde_json::Value {
    let (name, record) = match outcome {
        DatasetOutcome::Committed(record) => ("committed", record),
        DatasetOutcome::AlreadyCurrent(record) => ("already-current", record),
    };
    let mut object = serde_json::Map::new();
    object.insert("outcome".to_owned(), name.into());
    match serde_json::to_value(record) {
        Ok(serde_json::Value::Object(fields)) => object.extend(fields),
        Ok(other) => drop(object.insert("record".to_owned(), other)),
        Err(error) => drop(object.insert("error".to_owned(), error.to_string().into())),
    }
    serde_json::Value::Object(object)
}

/// Everything about one import of a dataset, as `meterlake imports show` prints it.
#[must_use]
pub fn dataset_record_text(record: &DatasetRecord) -> String {
    let mut out = String::new();
    let _ = whole_record(&mut out, record);
    out
}

fn whole_record(out: &mut String, record: &DatasetRecord) -> fmt::Result {
    writeln!(out, "Import {}", record.id)?;
    writeln!(out, "  state        {}", record.state)?;
    if let Some(error) = &record.error {
        writeln!(out, "  error        {error}")?;
    }
    writeln!(out, "  started      {}", record.started_at.format("%Y-%m-%dT%H:%M:%SZ"))?;
    if let Some(at) = record.finished_at {
        writeln!(out, "  finished     {}", at.format("%Y-%m-%dT%H:%M:%SZ"))?;
    }
    if let Some(version) = record.version {
        writeln!(out, "  snapshot     {version}")?;
    }
    writeln!(out, "  by           meterlake {}", record.program)?;
    writeln!(out, "  dataset      {}", record.dataset)?;
    for (name, value) in &record.options {
        writeln!(out, "  option       --{name} {value}")?;
    }
    figures(out, record)?;
    writeln!(out, "Files:")?;
    for (ordinal, file) in record.files.iter().enumerate() {
        let note = if file.repeated { ", same contents as an earlier file" } else { "" };
        writeln!(out, "  {ordinal}  {}", file.path)?;
        writeln!(
            out,
            "     {} records, {} rejected, {} bytes, {}{note}",
            grouped(file.rows),
            grouped(file.rejected),
            grouped(file.size),
            file.form
        )?;
        writeln!(out, "     SHA-256 {}", file.sha256)?;
    }
    remarks(out, record)
}

fn figures(out: &mut String, record: &DatasetRecord) -> fmt::Result {
    let counts = record.counts;
    let files = record.files.len();
    writeln!(
        out,
        "  read         {} records of {files} {}",
        grouped(counts.read),
        if files == 1 { "file" } else { "files" }
    )?;
    writeln!(out, "  taken        {} records", grouped(counts.taken))?;
    writeln!(out, "  duplicate    {} records", grouped(counts.duplicate))?;
    if counts.passed_over > 0 {
        writeln!(out, "  passed over  {} records that this report does not count", grouped(counts.passed_over))?;
    }
    writeln!(out, "  replaced     {} rows of earlier imports", grouped(counts.replaced))?;
    let place = record.rejects_file.as_ref().map(|f| format!(", kept in rejects/{f}")).unwrap_or_default();
    writeln!(out, "  rejected     {} records{place}", grouped(counts.rejected))?;
    for (name, count) in &record.figures {
        writeln!(out, "  {name:<12} {}", grouped(*count))?;
    }
    for tenant in &record.tenants {
        writeln!(out, "  tenant       {} {}", tenant.tenant_id, tenant.domain)?;
    }
    for covered in &record.coverage {
        let to = covered.covered_to.format("%Y-%m-%dT%H:%M:%SZ");
        writeln!(out, "  covers       {} {} to {} (up to {to})", covered.tenant_id, covered.first, covered.last)?;
    }
    Ok(())
}

fn remarks(out: &mut String, record: &DatasetRecord) -> fmt::Result {
    record.warnings.iter().try_for_each(|warning| writeln!(out, "Warning: {warning}"))
}
