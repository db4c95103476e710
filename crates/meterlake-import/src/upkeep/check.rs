//! Verifying the lake: files against the log, rows against the records of the imports that brought them, what is built
//! from other rows against those, and the control state against the lake.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use futures::{StreamExt, stream};
use meterlake_lake::{FileCheck, Finding, Lake, LakeError, Table, TableFile, TableSnapshot, rollup};
use serde::Serialize;

use super::live::LiveRows;
use super::provenance;
use crate::lock::ImportLock;
use crate::{DatasetRecord, ImportError, ImportJournal, ImportRecord, Progress, b2c};

/// What is to be verified.
#[derive(Clone, Debug, Default)]
pub struct CheckRequest {
    /// The tables; all where none is named.
    pub tables: Vec<Table>,
    /// Only names, sizes and footers of files and the control state, no rows.
    pub quick: bool,
}

/// What was verified, and what is wrong.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct CheckReport {
    /// By table.
    pub tables: Vec<TableChecked>,
    /// Records of imports that were compared.
    pub imports: u64,
    /// What is not as it should be.
    pub findings: Vec<Finding>,
}

/// How much of a table was verified.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TableChecked {
    /// The table.
    pub table: &'static str,
    /// The version that was verified.
    pub version: u64,
    /// Its live files.
    pub files: u64,
    /// Their rows.
    pub rows: u64,
    /// Their bytes.
    pub bytes: u64,
}

/// The state that is verified: all of one moment, so that imports may go on meanwhile.
pub(super) struct Moment {
    pub(super) snapshots: BTreeMap<Table, TableSnapshot>,
    /// Of the lake, oldest first, with the version of each.
    pub(super) charges: Vec<(u64, ImportRecord)>,
    pub(super) datasets: Vec<(Table, u64, DatasetRecord)>,
}

/// Verifies the tables. Imports wait only while the state to be verified is looked up.
///
/// # Errors
/// [`ImportError::Lake`] and [`ImportError::Journal`] when something cannot be judged; what is wrong is a finding.
pub async fn check(
    lake: &Lake,
    journal: &dyn ImportJournal,
    data_dir: &Path,
    request: &CheckRequest,
    progress: &Arc<dyn Progress>,
) -> Result<CheckReport, ImportError> {
    let mut report = CheckReport::default();
    let tables: Vec<Table> =
        Table::ALL.into_iter().filter(|t| request.tables.is_empty() || request.tables.contains(t)).collect();
    let moment = {
        let _lock = ImportLock::acquire(data_dir, progress.as_ref()).await?;
        let moment = moment(lake, &tables, &mut report.findings).await?;
        provenance::control(lake, journal, &moment, &tables, &mut report.findings).await?;
        moment
    };
    report.imports = (moment.charges.len() + moment.datasets.len()) as u64;
    for (table, snapshot) in &moment.snapshots {
        let files = snapshot.files();
        let (rows, bytes) = files.iter().fold((0, 0), |(rows, bytes), file| (rows + file.rows, bytes + file.size));
        let (version, count) = (snapshot.version(), files.len() as u64);
        report.tables.push(TableChecked { table: table.name(), version, files: count, rows, bytes });
        let live = verify_files(lake, snapshot, request.quick, progress, &mut report.findings).await?;
        let Some(live) = live.filter(|_| !request.quick) else { continue };
        match table {
            Table::Charges => provenance::charges(&moment, &live.charges, &mut report.findings),
            // Rows that are built from others have no import of their own.
            table if !table.built_from().is_empty() => {}
            _ => provenance::dataset(*table, &moment, &live.by_import, &mut report.findings),
        }
    }
    if !request.quick && report.findings.is_empty() && moment.snapshots.contains_key(&Table::ChargesRollup) {
        progress.stage("summing up charges again", None);
        for part in rollup::parts(lake).await? {
            let differences = rollup::verify(lake, &part).await?;
            report.findings.extend(differences.into_iter().map(|differs| {
                let rollup::RollupDifference { table, part, customer, day, charge_type, what, charges, rollup } =
                    differs;
                let place = format!("{what} of customer {customer} on {day}, charge type {charge_type}");
                Finding::new(table, part, place, charges, rollup)
            }));
        }
    }
    if !request.quick
        && report.findings.is_empty()
        && let Some(daily) = moment.snapshots.get(&Table::B2cDaily)
    {
        progress.stage("counting b2c_events again", None);
        report.findings.extend(b2c::verify_daily(lake, daily).await?);
    }
    Ok(report)
}

/// Looks up everything that is compared.
async fn moment(lake: &Lake, tables: &[Table], findings: &mut Vec<Finding>) -> Result<Moment, ImportError> {
    let mut moment = Moment { snapshots: BTreeMap::new(), charges: Vec::new(), datasets: Vec::new() };
    for table in tables {
        match lake.snapshot(*table).await {
            Ok(snapshot) => drop(moment.snapshots.insert(*table, snapshot)),
            Err(LakeError::Corrupt { path, reason }) => {
                findings.push(Finding::new(table, path, "log", "an entry that Meterlake wrote", reason));
                continue;
            }
            Err(error) => return Err(error.into()),
        }
        findings.extend(lake.damaged_records_in(*table).await?);
        for found in lake.committed_imports_in(*table).await? {
            let (import, version) = (found.import, found.version);
            let damaged = |error: serde_json::Error| {
                let name = format!("_imports/{import}.json");
                Finding::new(table, name, "record", "a record of an import", error)
            };
            if *table == Table::Charges {
                match serde_json::from_value(found.record) {
                    Ok(record) => moment.charges.push((version, record)),
                    Err(error) => findings.push(damaged(error)),
                }
            } else {
                match serde_json::from_value(found.record) {
                    Ok(record) => moment.datasets.push((*table, version, record)),
                    Err(error) => findings.push(damaged(error)),
                }
            }
        }
    }
    Ok(moment)
}

/// Verifies the files of a table, several at a time. None for the rows when a file is not as it should be: what its
/// rows would tell is said already.
async fn verify_files(
    lake: &Lake,
    snapshot: &TableSnapshot,
    quick: bool,
    progress: &Arc<dyn Progress>,
    findings: &mut Vec<Finding>,
) -> Result<Option<LiveRows>, ImportError> {
    let bytes = snapshot.files().iter().map(|file| file.size).sum();
    progress.stage(&format!("verifying {}", snapshot.table()), Some(bytes));
    let threads = std::thread::available_parallelism().map_or(2, usize::from);
    let tasks = snapshot.files().to_vec().into_iter().map(|file| {
        let (lake, snapshot, progress) = (lake.clone(), snapshot.clone(), Arc::clone(progress));
        async move {
            let size = file.size;
            let task = tokio::spawn(async move { verify(&lake, &snapshot, &file, quick).await });
            let result = task.await.map_err(|error| ImportError::Task(error.to_string()))?;
            progress.advance(size);
            result
        }
    });
    let mut running = stream::iter(tasks).buffered(threads);
    let (mut live, mut whole) = (LiveRows::default(), true);
    while let Some(result) = running.next().await {
        let (found, rows) = result?;
        whole &= found.is_empty();
        findings.extend(found);
        live.absorb(rows)?;
    }
    Ok(whole.then_some(live))
}

async fn verify(
    lake: &Lake,
    snapshot: &TableSnapshot,
    file: &TableFile,
    quick: bool,
) -> Result<(Vec<Finding>, LiveRows), ImportError> {
    let mut live = LiveRows::default();
    let mut failed = None;
    let check = if quick { FileCheck::Metadata } else { FileCheck::Rows };
    let mut seen = |batch: &arrow::array::RecordBatch| match live.add(snapshot.table(), file, batch) {
        Ok(()) => std::ops::ControlFlow::Continue(()),
        Err(error) => {
            failed = Some(error);
            std::ops::ControlFlow::Break(())
        }
    };
    let mut findings = lake.verify_file(snapshot, file, check, &mut seen).await?;
    match failed {
        // A text that is no import id, a total that does not fit: the rows are not what an import writes.
        Some(ImportError::Lake(LakeError::Corrupt { path, reason })) => {
            findings.push(Finding::new(snapshot.table(), path, "rows", "rows that an import wrote", reason));
        }
        Some(error) => return Err(error),
        None => {}
    }
    Ok((findings, live))
}
