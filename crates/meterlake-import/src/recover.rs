//! Settling what dead processes left behind.

use std::path::Path;

use meterlake_lake::Lake;
use meterlake_model::{ImportId, SharedClock};
use serde::{Deserialize, Serialize};

use crate::{ImportError, ImportJournal};

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
    let _ = (lake, journal, clock, data_dir);
    todo!()
}
