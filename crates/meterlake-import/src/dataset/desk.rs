//! The life of a dataset import's record, from `running` to its end.

use std::path::{Path, PathBuf};

use meterlake_lake::{Lake, Table, crash_point};
use meterlake_model::{ImportId, SharedClock};

use crate::dataset::recover::table_of;
use crate::rejects::{Rejects, RejectsFile};
use crate::{AllowRejects, DatasetOutcome, DatasetRecord, ImportError, ImportJournal, ImportState};

/// Where a dataset import reads, writes and keeps its record.
#[derive(Clone, Copy)]
pub(crate) struct Desk<'a> {
    pub(crate) lake: &'a Lake,
    pub(crate) journal: &'a dyn ImportJournal,
    pub(crate) clock: &'a SharedClock,
    pub(crate) data_dir: &'a Path,
}

impl Desk<'_> {
    /// Stores the record as it is.
    pub(crate) async fn store(&self, record: &DatasetRecord) -> Result<(), ImportError> {
        self.journal.store_dataset(record).await.map_err(ImportError::Journal)
    }

    /// A folder for what does not fit into memory; gone with [`Self::clear_staging`].
    pub(crate) fn staging(&self, import: ImportId) -> Result<PathBuf, ImportError> {
        let path = self.data_dir.join("staging").join(import.to_string());
        std::fs::create_dir_all(&path).map_err(|error| ImportError::Io { path: path.clone(), error })?;
        Ok(path)
    }

    /// Removes the staging folder.
    pub(crate) fn clear_staging(&self, import: ImportId) {
        crate::recover::remove_staging(self.data_dir, import);
    }

    /// Ends an import with what became of it: `Ok(Some(version))` was committed as that version, `Ok(None)` changes
    /// nothing.
    pub(crate) async fn end(
        &self,
        mut record: DatasetRecord,
        result: Result<Option<u64>, ImportError>,
    ) -> Result<DatasetOutcome, ImportError> {
        self.clear_staging(record.id);
        match result {
            Ok(Some(version)) => self.finish(record, version).await,
            Ok(None) => {
                self.discard(record.id, &record).await?;
                record.state = ImportState::Unchanged;
                record.finished_at = Some(self.clock.now());
                self.store(&record).await?;
                Ok(DatasetOutcome::AlreadyCurrent(Box::new(record)))
            }
            Err(error) => self.fail(record, error).await,
        }
    }

    async fn finish(&self, mut record: DatasetRecord, version: u64) -> Result<DatasetOutcome, ImportError> {
        crash_point("committed");
        record.state = ImportState::Committed;
        record.version = Some(version);
        record.finished_at.get_or_insert(self.clock.now());
        match self.journal.store_dataset(&record).await {
            Ok(()) => Ok(DatasetOutcome::Committed(Box::new(record))),
            Err(error) => Err(ImportError::Unrecorded { import: record.id, version, error }),
        }
    }

    /// Takes everything back, unless a commit is in a log after all: then the next command settles it.
    async fn fail(&self, mut record: DatasetRecord, error: ImportError) -> Result<DatasetOutcome, ImportError> {
        for table in table_of(record.dataset) {
            match self.lake.committed_version_in(*table, record.id).await {
                Ok(None) => {}
                Ok(Some(_)) => {
                    tracing::warn!(import = %record.id, %table, "committed in part; the next command completes it");
                    return Err(error);
                }
                Err(unknown) => {
                    tracing::warn!(import = %record.id, error = %unknown, "cannot tell whether the import is committed");
                    return Err(error);
                }
            }
        }
        if let Err(left) = self.discard(record.id, &record).await {
            tracing::warn!(import = %record.id, error = %left, "uncommitted data files stay behind");
            return Err(error);
        }
        if record.rejects_file.is_none()
            && let Err(left) = RejectsFile::remove(self.data_dir, record.id)
        {
            tracing::warn!(import = %record.id, error = %left, "a file of rejects stays behind");
        }
        record.forget_effects();
        record.state = ImportState::Failed;
        record.finished_at = Some(self.clock.now());
        record.error = Some(error.to_string());
        if let Err(left) = self.store(&record).await {
            tracing::warn!(import = %record.id, error = %left, "failure not noted in the journal");
        }
        Err(error)
    }

    async fn discard(&self, import: ImportId, record: &DatasetRecord) -> Result<(), ImportError> {
        for table in table_of(record.dataset) {
            self.lake.discard_in(*table, import).await?;
        }
        Ok(())
    }
}

/// Notes the rejects in the record; an error when there are more than allowed.
pub(crate) fn check_rejects(
    record: &mut DatasetRecord,
    rejects: &Rejects,
    allowed: Option<AllowRejects>,
) -> Result<(), ImportError> {
    record.counts.rejected = rejects.count;
    record.rejects_file = rejects.file_name();
    rejects.check(record.counts.read, allowed)
}

/// The table whose commit makes an import of the dataset visible.
pub(crate) fn commit_table(record: &DatasetRecord) -> Table {
    match table_of(record.dataset) {
        [.., last] => *last,
        [] => Table::B2cDaily,
    }
}
