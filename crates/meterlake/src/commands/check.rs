//! `meterlake check`

use std::sync::Arc;

use anyhow::bail;
use meterlake_import::{CheckReport, CheckRequest, check};
use meterlake_lake::{Finding, LakeError};

use crate::cli::Check;
use crate::data_folder::DataFolder;
use crate::journal::Journal;
use crate::output;
use crate::progress::Bar;
use crate::rows::{Row, RowFormat};

const FIELDS: [&str; 5] = ["table", "file", "place", "expected", "found"];

pub(crate) async fn run(folder: &DataFolder, options: Check) -> anyhow::Result<()> {
    let lake = match folder.lake().await {
        Ok(lake) => lake,
        Err(error) => return unopened(error, options.format),
    };
    let journal = Journal::new(folder.control().await?);
    let bar = Arc::new(Bar::new(options.quiet));
    let request = CheckRequest { tables: options.tables, quick: options.quick };
    let report = check(&lake, &journal, &folder.dir, &request, &(Arc::clone(&bar) as _)).await;
    bar.clear();
    let report = report?;
    eprintln!("{}", verified(&report));
    print(&report.findings, options.format)
}

/// A lake that does not open because a file of it is not as it should be: this is a finding, too.
fn unopened(error: anyhow::Error, format: RowFormat) -> anyhow::Result<()> {
    match error.downcast_ref::<LakeError>() {
        Some(LakeError::Corrupt { path, reason }) => {
            print(&[Finding::new("lake", path, "log", "what Meterlake wrote", reason)], format)
        }
        _ => Err(error),
    }
}

fn print(findings: &[Finding], format: RowFormat) -> anyhow::Result<()> {
    let rows = findings.iter().map(|finding| {
        let mut row = Row::default();
        row.put("table", &finding.table)?;
        row.put("file", &finding.file)?;
        row.put("place", &finding.place)?;
        row.put("expected", &finding.expected)?;
        row.put("found", &finding.found)?;
        Ok(row)
    });
    let rows = rows.collect::<serde_json::Result<Vec<_>>>()?;
    output::rows(format, &FIELDS, &rows)?;
    match findings.len() {
        0 => Ok(()),
        1 => bail!("one thing is not as it should be"),
        count => bail!("{count} things are not as they should be"),
    }
}

fn verified(report: &CheckReport) -> String {
    let (mut files, mut rows, mut bytes) = (0, 0, 0);
    for table in &report.tables {
        files += table.files;
        rows += table.rows;
        bytes += table.bytes;
    }
    let tables: Vec<String> = report.tables.iter().map(|table| format!("{}@{}", table.table, table.version)).collect();
    let imports = report.imports;
    format!("verified {}: {files} files, {rows} rows, {bytes} bytes, {imports} records of imports", tables.join(", "))
}
