//! What a dataset import tells the user, as text and as JSON.

use std::fmt::{self, Write};

use crate::summary::{Head, grouped};
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::{Dataset, ImportState};

    #[test]
    fn a_record_begins_as_that_of_charges_does() {
        let clock: meterlake_model::SharedClock =
            Arc::new(meterlake_model::SteppingClock::at("2024-11-20T12:00:00Z".parse().unwrap()));
        let mut record = DatasetRecord::begin(Dataset::Users, &clock);
        record.state = ImportState::Failed;
        record.error = Some("why".to_owned());
        record.finished_at = Some(record.started_at);
        record.version = Some(7);
        "1.2.3".clone_into(&mut record.program);
        let head = format!(
            "Import {}\n  state        failed\n  error        why\n  started      2024-11-20T12:00:00Z\n  \
             finished     2024-11-20T12:00:00Z\n  snapshot     7\n  by           meterlake 1.2.3\n  dataset      users\n",
            record.id
        );
        let text = dataset_record_text(&record);
        assert!(text.starts_with(&head), "{text}");
    }
}
