//! `meterlake maintain …`

use std::sync::Arc;

use chrono::TimeDelta;
use meterlake_import::{MaintainReport, MaintainRequest, Progress, maintain, recovery_text};
use meterlake_lake::{Lake, Pace};

use crate::cli::Maintain;
use crate::data_folder::DataFolder;
use crate::journal::Journal;
use crate::output;
use crate::progress::Bar;
use crate::rows::Row;
use crate::schedule::LastTime;

pub(crate) async fn run(folder: &DataFolder, options: Maintain) -> anyhow::Result<()> {
    let lake = folder.lake().await?;
    let bar = Arc::new(Bar::new(options.quiet));
    let days = options.history_days.unwrap_or(folder.config.maintenance.history_days.get());
    let request = MaintainRequest {
        tables: options.tables,
        history: TimeDelta::days(i64::from(days)),
        dry_run: options.dry_run,
        pace: Pace::Full,
    };
    let report = work(folder, &lake, &request, Arc::clone(&bar) as _).await;
    bar.clear();
    let report = report?;
    let settled = recovery_text(&report.recovered);
    if !settled.is_empty() {
        eprintln!("{}", settled.trim_end());
    }
    let rows = if report.dry_run { actions(&report)? } else { tables(&report)? };
    let fields: &[&str] = if report.dry_run { &ACTION } else { &TABLE };
    output::rows(options.format, fields, &rows)
}

/// Does the work, and notes when it was done.
pub(crate) async fn work(
    folder: &DataFolder,
    lake: &Lake,
    request: &MaintainRequest,
    progress: Arc<dyn Progress>,
) -> anyhow::Result<MaintainReport> {
    let journal = Journal::new(folder.control().await?);
    let report = maintain(lake, &journal, &folder.clock, &folder.dir, request, &progress).await?;
    if !request.dry_run && request.tables.is_empty() {
        LastTime::now(folder, lake).await?.store(folder)?;
    }
    Ok(report)
}

const ACTION: [&str; 5] = ["table", "action", "place", "files", "bytes"];
const TABLE: [&str; 11] = [
    "table",
    "files",
    "merged_files",
    "merged_bytes",
    "written_bytes",
    "passed_over",
    "rollup_parts",
    "checkpoint",
    "deleted_files",
    "deleted_bytes",
    "oldest_version",
];

/// A row for each thing that would be done.
fn actions(report: &MaintainReport) -> serde_json::Result<Vec<Row>> {
    let row = |action: &meterlake_import::Action| {
        let mut row = Row::default();
        row.put("table", &action.table)?;
        row.put("action", &action.action)?;
        row.put("place", &action.place)?;
        row.put("files", &action.files)?;
        row.put("bytes", &action.bytes)?;
        Ok(row)
    };
    report.actions.iter().map(row).collect()
}

/// A row a table.
fn tables(report: &MaintainReport) -> serde_json::Result<Vec<Row>> {
    let row = |told: &meterlake_import::TableUpkeep| {
        let mut row = Row::default();
        row.put("table", &told.table)?;
        row.put("files", &told.files_after)?;
        row.put("merged_files", &told.merged_files)?;
        row.put("merged_bytes", &told.merged_bytes)?;
        row.put("written_bytes", &told.written_bytes)?;
        row.put("passed_over", &told.passed_over)?;
        row.put("rollup_parts", &told.rollup_parts)?;
        row.put("checkpoint", &told.checkpoint)?;
        row.put("deleted_files", &told.deleted_files)?;
        row.put("deleted_bytes", &told.deleted_bytes)?;
        row.put("oldest_version", &told.oldest_version)?;
        Ok(row)
    };
    report.tables.iter().map(row).collect()
}
