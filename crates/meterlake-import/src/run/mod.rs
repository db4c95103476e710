//! One import from the paths on the command line to its commit.

mod basis;
mod gather;
mod journal;
mod prepare;
mod read;
mod repeat;
mod settle;
mod steps;
mod tell;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use meterlake_lake::Lake;
use meterlake_lake::rollup::{self, RollupProgress};
use meterlake_model::{ImportId, SharedClock};
use serde::{Deserialize, Serialize};

pub use journal::{ImportJournal, JournalError};

use crate::lock::ImportLock;
use crate::scope::ScopeOption;
use crate::{ImportError, ImportRecord, Options, Progress, recover};

/// Memory for comparing with what the lake holds, in bytes.
const SCAN_MEMORY: usize = 256 << 20;

/// How many bad rows an import may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AllowRejects {
    /// Any number.
    All,
    /// At most so many.
    AtMost(u64),
}

/// What is to be imported, and how.
#[derive(Clone, Debug, Default)]
pub struct ImportRequest {
    /// Files of one run, or the folder of a cost export.
    pub paths: Vec<PathBuf>,
    /// What the user says about files that do not say it themselves.
    pub options: Options,
    /// `--scope`: what the files cover.
    pub scope: Option<ScopeOption>,
    /// `--replace`: replace even what the files lack.
    pub replace: bool,
    /// `--force`: take a superseded file or an older run.
    pub force: bool,
    /// `--allow-rejects`: take the good rows.
    pub allow_rejects: Option<AllowRejects>,
}

/// How an import ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is in the lake and in the journal.
    Committed(Box<ImportRecord>),
    /// The lake holds exactly these rows; nothing changed.
    AlreadyCurrent(AlreadyCurrent),
}

/// Why an import changed nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AlreadyCurrent {
    /// Imports that brought the rows.
    pub imports: Vec<ImportId>,
    /// Names of the files that were offered.
    pub files: Vec<String>,
    /// Rows in them, all duplicate but the rejected ones.
    pub rows: u64,
    /// Rows that could not be taken, where that was allowed.
    #[serde(default)]
    pub rejected: u64,
    /// Remarks for the user.
    pub warnings: Vec<String>,
}

/// Imports files of charges as one commit: all of it or nothing. Waits for another import of the same data folder,
/// settles what a dead one left, and then:
/// reads every file twice (recognise and hash; convert), compares with what the lake holds, replaces the claimed
/// charges or stops with the reason.
///
/// # Errors
/// [`ImportError`]; the lake is then as before, and rejects (if any) lie in `<data>/rejects/<import id>.csv`.
pub async fn import_charges(
    lake: &Lake,
    journal: &dyn ImportJournal,
    clock: SharedClock,
    data_dir: &Path,
    request: ImportRequest,
    progress: Arc<dyn Progress>,
) -> Result<Outcome, ImportError> {
    let _lock = ImportLock::acquire(data_dir, progress.as_ref()).await?;
    recover::settle_dead(lake, journal, &clock, data_dir).await?;
    let importer = steps::Importer { lake, journal, clock: &clock, data_dir, request: &request, progress: &progress };
    let outcome = importer.run().await?;
    sum_up(lake, progress.as_ref()).await;
    Ok(outcome)
}

/// Builds what lags of `charges_rollup`: what this import changed, and what an earlier one left when it died. The
/// import stands whatever becomes of it: reports read the charges where there is no rollup.
async fn sum_up(lake: &Lake, progress: &dyn Progress) {
    progress.stage("summing up for reports", None);
    let shown = |at: RollupProgress| {
        progress.stage(&format!("summing up for reports: part {} of {}", at.done + 1, at.parts), None);
    };
    match rollup::rebuild(lake, &shown).await {
        Ok(rebuilt) => tracing::info!(rebuilt.parts, rebuilt.charges, rebuilt.rows, "charges_rollup is up to date"),
        Err(error) => {
            tracing::warn!(%error, "charges_rollup is not up to date; reports read the charges instead");
            progress.message(&format!(
                "The charges are imported, but summing them up for reports failed ({error}); reports are slower until \
                 the next import or `meterlake maintain` does it."
            ));
        }
    }
}

/// Counts the live rows of every import over the whole table: which import the rows of the lake come from.
///
/// # Errors
/// [`ImportError::Lake`] when the table cannot be read.
pub async fn live_rows_by_import(lake: &Lake) -> Result<BTreeMap<ImportId, u64>, ImportError> {
    let context = meterlake_lake::session_context(SCAN_MEMORY, None)?;
    repeat::live_rows_by_import(&context, &lake.charges().await?).await
}
