//! Settling what dead processes left behind.

use std::path::Path;

use meterlake_lake::{ImportRecordJson, Lake};
use meterlake_model::{ImportId, SharedClock};
use serde::{Deserialize, Serialize};

use crate::lock::ImportLock;
use crate::{ImportError, ImportJournal, ImportRecord, ImportState};

/// What [`recover`] found and settled.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecoveryReport {
    /// Another import is under way, so nothing was looked at.
    pub busy: bool,
    /// Imports that were committed although the journal did not know.
    pub completed: Vec<ImportId>,
    /// Imports that died before their commit; their files are gone.
    pub abandoned: Vec<ImportId>,
    /// Data files that were deleted.
    pub files_deleted: usize,
}

/// Makes the journal agree with the lake: `running` records of dead processes become `committed` or `abandoned`,
/// their uncommitted files are deleted, and committed imports that the journal lacks are taken from the lake's
/// sidecars. Does nothing while an import runs. To be called at the start of every command that may write and of
/// the server.
///
/// # Errors
/// [`ImportError`] when lake or journal cannot be read or written.
pub async fn recover(
    lake: &Lake,
    journal: &dyn ImportJournal,
    clock: &SharedClock,
    data_dir: &Path,
) -> Result<RecoveryReport, ImportError> {
    match ImportLock::try_acquire(data_dir)? {
        Some(_lock) => settle_dead(lake, journal, clock, data_dir).await,
        None => Ok(RecoveryReport { busy: true, ..RecoveryReport::default() }),
    }
}

/// [`recover`] for one who holds the lock.
pub(crate) async fn settle_dead(
    lake: &Lake,
    journal: &dyn ImportJournal,
    clock: &SharedClock,
    data_dir: &Path,
) -> Result<RecoveryReport, ImportError> {
    let mut report = RecoveryReport::default();
    let known = journal.committed().await.map_err(ImportError::Journal)?;
    let known = known.iter().filter(|r| r.version.is_some()).map(|r| r.id).collect();
    for found in lake.committed_imports_except(&known).await? {
        match sidecar_record(found) {
            Ok(record) => {
                journal.store(&record).await.map_err(ImportError::Journal)?;
                report.completed.push(record.id);
            }
            // One record must not stop all else; the charges themselves are in the lake.
            Err(error) => tracing::warn!(%error, "the lake's record of an import is passed over"),
        }
    }
    for mut record in journal.running().await.map_err(ImportError::Journal)? {
        // A committed import whose sidecar is gone: the journal's own record is what is left.
        if let Some(version) = lake.committed_version(record.id).await? {
            record.state = ImportState::Committed;
            record.version = Some(version);
            record
                .warnings
                .push("its process died after the commit, and the lake's record of it is missing".to_owned());
            report.completed.push(record.id);
        } else {
            report.files_deleted += lake.discard(record.id).await?;
            record.forget_effects();
            record.state = ImportState::Abandoned;
            record.error = Some("its process died before the commit".to_owned());
            report.abandoned.push(record.id);
        }
        record.finished_at = Some(clock.now());
        remove_staging(data_dir, record.id);
        journal.store(&record).await.map_err(ImportError::Journal)?;
    }
    crate::dataset::recover::settle(lake, journal, clock, data_dir, &mut report).await?;
    for import in &report.completed {
        remove_staging(data_dir, *import);
    }
    Ok(report)
}

fn sidecar_record(found: ImportRecordJson) -> Result<ImportRecord, ImportError> {
    let mut record: ImportRecord =
        serde_json::from_value(found.record).map_err(|error| ImportError::Record { import: found.import, error })?;
    record.state = ImportState::Committed;
    record.version = Some(found.version);
    Ok(record)
}

pub(crate) fn remove_staging(data_dir: &Path, import: ImportId) {
    let folder = data_dir.join("staging").join(import.to_string());
    if let Err(error) = std::fs::remove_dir_all(&folder)
        && error.kind() != std::io::ErrorKind::NotFound
    {
        tracing::warn!(folder = %folder.display(), %error, "staging folder stays behind");
    }
}
