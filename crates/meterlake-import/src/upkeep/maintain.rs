//! One run of maintenance over the tables of a lake.

use std::path::Path;
use std::sync::Arc;

use chrono::TimeDelta;
use meterlake_lake::{Lake, Merge, MergesCommitted, Pace, Table, TableSnapshot, Why, rollup};
use meterlake_model::{ImportId, SharedClock};
use serde::Serialize;

use super::actions::{Action, ActionKind, TableUpkeep};
use crate::lock::{ImportLock, MaintenanceLock};
use crate::recover::{remove_staging, settle_dead};
use crate::{ImportError, ImportJournal, Progress, RecoveryReport};

/// Bytes of files that are merged in one commit; what a dead run has to do again is no more.
const BATCH_BYTES: u64 = 1 << 30;
/// Parts of a table that are merged in one commit.
const BATCH_PARTS: usize = 64;
/// Rounds over a table: files that overlap deeply become few in several.
const ROUNDS: usize = 8;

/// What maintenance is to do.
#[derive(Clone, Debug)]
pub struct MaintainRequest {
    /// The tables; all where none is named.
    pub tables: Vec<Table>,
    /// How long replaced files stay.
    pub history: TimeDelta,
    /// Only tell what would be done.
    pub dry_run: bool,
    /// How hard it works.
    pub pace: Pace,
}

/// What maintenance did or would do.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct MaintainReport {
    /// Whether it only looked.
    pub dry_run: bool,
    /// What interrupted imports had left, settled first.
    pub recovered: RecoveryReport,
    /// Files of interrupted maintenance that were deleted.
    pub leftovers: u64,
    /// By table.
    pub tables: Vec<TableUpkeep>,
    /// One by one; only of a dry run.
    pub actions: Vec<Action>,
}

/// Merges files, writes checkpoints, builds lagging rollups and deletes what no snapshot within the history needs.
/// Imports and reports go on meanwhile: an import waits only for the moments in which something is committed or deleted.
///
/// # Errors
/// [`ImportError::MaintenanceBusy`] when another one is under way in this data folder; [`ImportError::Lake`] when the
/// lake cannot be read or written. What was done until then stays done, and is right by itself.
pub async fn maintain(
    lake: &Lake,
    journal: &dyn ImportJournal,
    clock: &SharedClock,
    data_dir: &Path,
    request: &MaintainRequest,
    progress: &Arc<dyn Progress>,
) -> Result<MaintainReport, ImportError> {
    let _turn = MaintenanceLock::try_acquire(data_dir)?
        .ok_or_else(|| ImportError::MaintenanceBusy { folder: data_dir.display().to_string() })?;
    let tables: Vec<Table> =
        Table::ALL.into_iter().filter(|t| request.tables.is_empty() || request.tables.contains(t)).collect();
    let mut run = Run { lake, clock, data_dir, request, progress, report: MaintainReport::default() };
    run.report.dry_run = request.dry_run;
    if !request.dry_run {
        run.settle(journal).await?;
    }
    for table in &tables {
        let files = lake.snapshot(*table).await?.files().len();
        run.report.tables.push(TableUpkeep::of(*table, files));
    }
    for (place, table) in tables.iter().enumerate() {
        if request.dry_run { run.plan_merges(place, *table).await? } else { run.merge(place, *table).await? }
    }
    if let Some(place) = tables.iter().position(|table| *table == Table::ChargesRollup) {
        run.sum_up(place).await?;
    }
    for (place, table) in tables.iter().enumerate() {
        run.checkpoint(place, *table).await?;
        run.delete(place, *table).await?;
        run.report.tables[place].files_after = lake.snapshot(*table).await?.files().len() as u64;
    }
    Ok(run.report)
}

struct Run<'a> {
    lake: &'a Lake,
    clock: &'a SharedClock,
    data_dir: &'a Path,
    request: &'a MaintainRequest,
    progress: &'a Arc<dyn Progress>,
    report: MaintainReport,
}

impl Run<'_> {
    /// Settles what dead imports and dead maintenance left.
    async fn settle(&mut self, journal: &dyn ImportJournal) -> Result<(), ImportError> {
        // A running import has settled it already; what dead maintenance left is no import's.
        if let Some(_lock) = ImportLock::try_acquire(self.data_dir)? {
            self.report.recovered = settle_dead(self.lake, journal, self.clock, self.data_dir).await?;
            for table in Table::ALL {
                self.lake.note_anew(table, ImportId::new(self.clock.now())).await?;
            }
        }
        for table in Table::ALL {
            let (ids, files) = self.lake.settle_maintenance(table).await?;
            self.report.leftovers += files as u64;
            ids.into_iter().for_each(|id| remove_staging(self.data_dir, id));
        }
        Ok(())
    }

    async fn plan_merges(&mut self, place: usize, table: Table) -> Result<(), ImportError> {
        for merge in self.lake.merges(table).await?.1 {
            let told = &mut self.report.tables[place];
            told.merges += 1;
            told.merged_files += merge.files.len() as u64;
            told.merged_bytes += merge.bytes();
            self.report.actions.push(Action {
                table: table.name(),
                action: ActionKind::Merge,
                place: part(table, &merge),
                files: merge.files.len() as u64,
                bytes: merge.bytes(),
            });
        }
        Ok(())
    }

    async fn merge(&mut self, place: usize, table: Table) -> Result<(), ImportError> {
        for _ in 0..ROUNDS {
            let (snapshot, merges) = self.lake.merges(table).await?;
            if merges.is_empty() {
                break;
            }
            let bytes = merges.iter().map(Merge::bytes).sum();
            self.progress.stage(&format!("merging files of {table}"), Some(bytes));
            let mut committed = false;
            for batch in batches(merges) {
                let outcome = self.merge_batch(&snapshot, batch).await?;
                let told = &mut self.report.tables[place];
                told.merges += outcome.merges as u64;
                told.merged_files += outcome.removed.0 as u64;
                told.merged_bytes += outcome.removed.1;
                told.written_bytes += outcome.added.1;
                told.passed_over += outcome.passed_over as u64;
                committed |= outcome.version.is_some();
            }
            if !committed {
                break;
            }
        }
        Ok(())
    }

    async fn merge_batch(&self, snapshot: &TableSnapshot, batch: Vec<Merge>) -> Result<MergesCommitted, ImportError> {
        let id = ImportId::new(self.clock.now());
        let staging = self.data_dir.join("staging").join(id.to_string());
        let progress = Arc::clone(self.progress);
        let done = move |bytes| progress.advance(bytes);
        let written = self.lake.write_merges(snapshot, batch, id, &staging, self.request.pace, &done).await;
        remove_staging(self.data_dir, id);
        let merged = written?;
        // No import is between its comparison and its commit now, nor between its two commits.
        let _lock = ImportLock::acquire(self.data_dir, self.progress.as_ref()).await?;
        let outcome = self.lake.commit_merges(merged).await?;
        if outcome.version.is_some() {
            self.lake.note_anew(snapshot.table(), id).await?;
        }
        Ok(outcome)
    }

    /// Builds the parts of the rollup that lag: those of which files were merged, and what an import left.
    async fn sum_up(&mut self, place: usize) -> Result<(), ImportError> {
        let lagging = rollup::lagging(self.lake).await?;
        self.report.tables[place].rollup_parts = lagging.missing.len() as u64;
        if self.request.dry_run {
            self.report.actions.extend(lagging.missing.iter().map(|part| Action {
                table: Table::ChargesRollup.name(),
                action: ActionKind::Rollup,
                place: part.to_string(),
                files: 1,
                bytes: 0,
            }));
        } else if !lagging.is_empty() {
            self.progress.stage("summing up for reports", None);
            let _lock = ImportLock::acquire(self.data_dir, self.progress.as_ref()).await?;
            rollup::rebuild(self.lake, &|_| {}).await?;
        }
        Ok(())
    }

    async fn checkpoint(&mut self, place: usize, table: Table) -> Result<(), ImportError> {
        let due = self.lake.checkpoint_due(table).await?;
        self.report.tables[place].checkpoint = due;
        match due {
            Some(version) if self.request.dry_run => self.report.actions.push(Action {
                table: table.name(),
                action: ActionKind::Checkpoint,
                place: format!("version {version}"),
                files: 1,
                bytes: 0,
            }),
            Some(_) => self.lake.write_checkpoint(table).await?,
            None => {}
        }
        Ok(())
    }

    async fn delete(&mut self, place: usize, table: Table) -> Result<(), ImportError> {
        let _lock = ImportLock::acquire(self.data_dir, self.progress.as_ref()).await?;
        let plan = self.lake.vacuum_plan(table, self.request.history).await?;
        let told = &mut self.report.tables[place];
        told.oldest_version = plan.oldest_version;
        if !self.request.dry_run {
            let gone = self.lake.vacuum(&plan).await?;
            (told.deleted_files, told.deleted_bytes) = (gone.files as u64, gone.bytes);
            return Ok(());
        }
        told.deleted_files = plan.files.len() as u64;
        told.deleted_bytes = plan.files.iter().map(|file| file.size).sum();
        self.report.actions.extend(plan.files.into_iter().map(|file| Action {
            table: table.name(),
            action: match file.why {
                Why::Replaced => ActionKind::Delete,
                Why::LeftBehind => ActionKind::DeleteLeftBehind,
            },
            place: file.path,
            files: 1,
            bytes: file.size,
        }));
        Ok(())
    }
}

/// Merges in groups of bounded size, each committed by itself.
fn batches(merges: Vec<Merge>) -> Vec<Vec<Merge>> {
    let mut batches: Vec<Vec<Merge>> = Vec::new();
    let mut bytes = 0;
    for merge in merges {
        let size = merge.bytes();
        match batches.last_mut() {
            Some(batch) if bytes + size <= BATCH_BYTES && batch.len() < BATCH_PARTS => {
                bytes += size;
                batch.push(merge);
            }
            _ => {
                bytes = size;
                batches.push(vec![merge]);
            }
        }
    }
    batches
}

/// The part of a table that a merge is about.
fn part(table: Table, merge: &Merge) -> String {
    let partition = table.partition().zip(merge.partition).map(|(name, number)| format!("{name}={number}, "));
    let scope = merge.files.first().map_or_else(String::new, |file| {
        file.scope.iter().filter(|value| !value.is_empty()).cloned().collect::<Vec<_>>().join(", ")
    });
    format!("{}{scope}", partition.unwrap_or_default())
}
