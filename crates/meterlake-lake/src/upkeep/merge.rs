//! Merging data files: the same rows in fewer files, in order and without overlap.

use std::{path::Path, time::Duration};

use datafusion::{
    execution::SendableRecordBatchStream, logical_expr::col, physical_plan::stream::RecordBatchStreamAdapter,
    prelude::SessionContext,
};
use futures::StreamExt;
use meterlake_model::ImportId;

use super::{
    crash::crash_point,
    merges::{Merge, merges},
};
use crate::{
    commit::{Rows, TableCommit},
    error::LakeError,
    lake::Lake,
    session::session_context,
    snapshot::TableSnapshot,
    tables::Table,
    writer::{NewFile, TableWriter, WriterOptions},
};

/// Memory of the operators of a merge, in bytes.
const MEMORY: usize = 192 << 20;
/// Rows of a batch: charges are wide, and a batch of every file is held.
const BATCH_ROWS: usize = 1024;
/// Attempts when others change what is merged.
const ATTEMPTS: u32 = 8;

/// How hard a merge works.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Pace {
    /// As fast as it can.
    #[default]
    Full,
    /// Rests as long as it works, so that who shares the machine is not held up.
    Half,
}

/// Merges whose files are written and wait for their commit.
#[derive(Debug)]
pub struct Merged {
    table: Table,
    id: ImportId,
    read_version: u64,
    parts: Vec<(Merge, Vec<NewFile>)>,
}

/// What became of merges.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MergesCommitted {
    /// The version that the commit made; none when no merge was left to commit.
    pub version: Option<u64>,
    /// Merges that are committed.
    pub merges: usize,
    /// Files that gave way, and their bytes.
    pub removed: (usize, u64),
    /// Files that came instead, and their bytes.
    pub added: (usize, u64),
    /// Merges whose files others had replaced meanwhile; their part of the table is as it was.
    pub passed_over: usize,
}

impl Lake {
    /// The merges of files of a table that are worth doing now, within partitions and scopes. Tables that are built
    /// from others have none: whoever builds them lays their files.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub async fn merges(&self, table: Table) -> Result<(TableSnapshot, Vec<Merge>), LakeError> {
        let snapshot = self.snapshot(table).await?;
        let found = match table.built_from() {
            [] => merges(snapshot.files(), &WriterOptions::default()),
            _ => Vec::new(),
        };
        Ok((snapshot, found))
    }

    /// Writes the files of merges; they are invisible until [`Self::commit_merges`]. Rows stay as they are, their
    /// import, file and line included. `id` is fresh for every call. `done` is told of bytes read. Files of a failed
    /// call are gone.
    ///
    /// # Errors
    /// When files cannot be read or written, or a file has other rows than its log says.
    pub async fn write_merges(
        &self,
        snapshot: &TableSnapshot,
        merges: Vec<Merge>,
        id: ImportId,
        staging: &Path,
        pace: Pace,
        done: &(dyn Fn(u64) + Sync),
    ) -> Result<Merged, LakeError> {
        let table = snapshot.table();
        self.note_writing(table, id).await?;
        let mut parts = Vec::with_capacity(merges.len());
        match self.write_all(snapshot, merges, id, staging, pace, done, &mut parts).await {
            Ok(()) => Ok(Merged { table, id, read_version: snapshot.version(), parts }),
            Err(error) => {
                let cleaned = async {
                    self.discard_in(table, id).await?;
                    self.forget_writing(table, id).await
                };
                if let Err(left) = cleaned.await {
                    tracing::warn!(%table, %id, error = %left, "files of a merge stay behind until the next maintenance");
                }
                Err(error)
            }
        }
    }

    #[allow(clippy::too_many_arguments)]
    async fn write_all(
        &self,
        snapshot: &TableSnapshot,
        merges: Vec<Merge>,
        id: ImportId,
        staging: &Path,
        pace: Pace,
        done: &(dyn Fn(u64) + Sync),
        parts: &mut Vec<(Merge, Vec<NewFile>)>,
    ) -> Result<(), LakeError> {
        let table = snapshot.table();
        let context = session_context(MEMORY, Some(staging))?;
        {
            let state = context.state_ref();
            let mut state = state.write();
            // A reader a chain of files; the merge itself needs one thread.
            let config = state.config().clone().with_batch_size(BATCH_ROWS).with_target_partitions(1);
            *state.config_mut() = config;
        }
        let mut writer =
            TableWriter::new(table, self.log(table).root.clone(), id, staging.to_path_buf(), WriterOptions::default());
        for merge in merges {
            let rows = paced(in_order(&context, snapshot, &merge).await?, pace);
            let added = writer.write_sorted(rows).await?;
            crash_point("merge-half-written");
            let found: u64 = added.iter().map(|file| file.rows).sum();
            if found != merge.rows() {
                let first = merge.files.first().map_or("", |file| &*file.path);
                let reason = format!(
                    "a merge of {} files from {first} on read {found} rows; the log says {}",
                    merge.files.len(),
                    merge.rows()
                );
                return Err(LakeError::Rows(reason));
            }
            done(merge.bytes());
            parts.push((merge, added));
        }
        Ok(())
    }

    /// Commits written merges: the table's rows are the same before and after. Merges whose files another commit has
    /// replaced meanwhile, or whose part it has changed, are passed over, and their new files deleted.
    ///
    /// # Errors
    /// When the log cannot be read or written; nothing is changed then, and the next
    /// [`Self::settle_maintenance`] deletes the files.
    pub async fn commit_merges(&self, merged: Merged) -> Result<MergesCommitted, LakeError> {
        let Merged { table, id, read_version, mut parts } = merged;
        let written: Vec<NewFile> = parts.iter().flat_map(|(_, added)| added.clone()).collect();
        let planned = parts.len();
        let before = self.snapshot_at(table, read_version).await?;
        crash_point("merge-written");
        let mut outcome = MergesCommitted::default();
        for attempt in 1.. {
            let newest = self.snapshot(table).await?;
            parts.retain(|(merge, _)| is_untouched(merge, &before, &newest));
            outcome.passed_over = planned - parts.len();
            if parts.is_empty() {
                break;
            }
            let commit = TableCommit {
                import: id,
                adds: parts.iter().flat_map(|(_, added)| added.clone()).collect(),
                removes: parts.iter().flat_map(|(merge, _)| merge.files.clone()).collect(),
                read_version: newest.version(),
                source_hashes: Vec::new(),
                record: None,
                notes: Vec::new(),
            };
            match self.log(table).commit(commit, Rows::Same).await {
                Ok(version) => {
                    outcome.version = Some(version);
                    outcome.merges = parts.len();
                    for (merge, added) in &parts {
                        outcome.removed.0 += merge.files.len();
                        outcome.removed.1 += merge.bytes();
                        outcome.added.0 += added.len();
                        outcome.added.1 += added.iter().map(|file| file.size).sum::<u64>();
                    }
                    break;
                }
                Err(LakeError::Conflict { .. }) if attempt < ATTEMPTS => {}
                Err(error) => return Err(error),
            }
        }
        crash_point("merge-committed");
        self.delete_unused_in(table, &written).await?;
        self.forget_writing(table, id).await?;
        Ok(outcome)
    }

    /// After a compaction: lets every table beside which this one is read note the version in which they now
    /// lie, so that its readers read the merged files. Only for one who knows that no import runs.
    ///
    /// # Errors
    /// When a log cannot be read or written.
    pub async fn note_anew(&self, source: Table, id: ImportId) -> Result<(), LakeError> {
        let newest = self.snapshot(source).await?;
        for derived in Table::ALL {
            if !derived.read_beside().contains(&source) {
                continue;
            }
            let held = self.snapshot(derived).await?;
            let Some(noted) = held.noted(source).filter(|noted| *noted != newest.version()) else { continue };
            // Else rows came since, and the table has yet to be built from them.
            if noted < newest.data_version() {
                continue;
            }
            let commit = TableCommit {
                import: id,
                adds: Vec::new(),
                removes: Vec::new(),
                read_version: held.version(),
                source_hashes: Vec::new(),
                record: None,
                notes: vec![(source, newest.version())],
            };
            self.log(derived).commit(commit, Rows::Same).await?;
        }
        Ok(())
    }
}

/// Whether the files of the merge's partition and scope are those that it was planned on.
fn is_untouched(merge: &Merge, before: &TableSnapshot, newest: &TableSnapshot) -> bool {
    fn of<'a>(merge: &'a Merge, snapshot: &'a TableSnapshot) -> impl Iterator<Item = &'a str> {
        let part = (merge.partition, merge.scope_key);
        snapshot.files().iter().filter(move |file| (file.partition, file.scope_key) == part).map(|file| &*file.path)
    }
    of(merge, before).eq(of(merge, newest))
}

/// The rows of the files in the order of the table. They are read side by side, each chain of files that follow one
/// another by one reader.
async fn in_order(
    context: &SessionContext,
    snapshot: &TableSnapshot,
    merge: &Merge,
) -> Result<SendableRecordBatchStream, LakeError> {
    let order = snapshot.table().sort().iter().map(|name| col(*name).sort(true, false)).collect();
    let frame = context.read_table(snapshot.provider_of(&merge.files))?.sort(order)?;
    Ok(frame.execute_stream().await?)
}

/// The same rows, with rests.
fn paced(rows: SendableRecordBatchStream, pace: Pace) -> SendableRecordBatchStream {
    if pace == Pace::Full {
        return rows;
    }
    let schema = rows.schema();
    let rested = futures::stream::unfold((rows, tokio::time::Instant::now()), |(mut rows, since)| async move {
        let batch = rows.next().await?;
        let worked = since.elapsed().min(Duration::from_secs(1));
        tokio::time::sleep(worked).await;
        Some((batch, (rows, tokio::time::Instant::now())))
    });
    Box::pin(RecordBatchStreamAdapter::new(schema, rested))
}
