//! `charges_rollup`: the billed charges of customers, summed.
//!
//! A part is what charges have of one billing period and scope. Its rollup is one data file, in whose name, in the
//! place of an import, stands a fingerprint of the files of `charges` that it was summed from. So a rollup is valid
//! for a snapshot of charges exactly when it was made from the files that the snapshot has; where there is none,
//! reports read the charges. An import changes the files of some parts, which then lag until [`rebuild`] has run;
//! nothing else depends on when that is, or on how often it is begun.

mod build;
mod part;
mod verify;

use meterlake_model::ImportId;

pub use part::{RollupPart, Sources, sources};
pub use verify::{RollupDifference, verify};

use crate::{
    charges::ChargesSnapshot,
    commit::TableCommit,
    error::LakeError,
    lake::Lake,
    snapshot::{TableFile, TableSnapshot},
    tables::Table,
    writer::NewFile,
};

/// Parts of one commit: few enough that little is done again when it dies.
const PARTS_OF_COMMIT: usize = 12;

/// Attempts when another writer changes the table meanwhile.
const ATTEMPTS: u32 = 5;

/// Where the rollup is not what the charges ask for.
#[derive(Clone, Debug, Default)]
pub struct Lagging {
    /// Parts that have no valid rollup.
    pub missing: Vec<RollupPart>,
    /// Paths of rollup files that are no longer valid and stand for nothing that is missing: their charges are gone.
    pub obsolete: Vec<String>,
}

impl Lagging {
    /// Whether nothing lags.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.missing.is_empty() && self.obsolete.is_empty()
    }
}

/// How far [`rebuild`] has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RollupProgress {
    /// Parts that have been summed.
    pub done: usize,
    /// Parts that are to be summed.
    pub parts: usize,
}

/// What [`rebuild`] did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rebuilt {
    /// Parts that were summed.
    pub parts: usize,
    /// Charges in them.
    pub charges: u64,
    /// Rows of the rollup that they became.
    pub rows: u64,
}

/// Where the newest rollup is not what the newest charges ask for.
///
/// # Errors
/// When a log cannot be read.
pub async fn lagging(lake: &Lake) -> Result<Lagging, LakeError> {
    Ok(compared(&lake.charges().await?, &lake.snapshot(Table::ChargesRollup).await?))
}

/// The parts of the newest charges that have a valid rollup.
///
/// # Errors
/// When a log cannot be read.
pub async fn parts(lake: &Lake) -> Result<Vec<RollupPart>, LakeError> {
    let rollup = lake.snapshot(Table::ChargesRollup).await?;
    let parts = part::parts(&lake.charges().await?);
    Ok(parts.into_iter().filter(|part| part.file(&rollup).is_some()).collect())
}

/// Builds the rollup of every part that has none, and removes what is obsolete. In several commits, so that what is
/// done stays done; it may be cut off anywhere and be begun again. Memory is bounded whatever the number of charges.
///
/// # Errors
/// [`LakeError::Conflict`] when other writers come first again and again; otherwise when files cannot be read or
/// written.
pub async fn rebuild(lake: &Lake, progress: &(dyn Fn(RollupProgress) + Sync)) -> Result<Rebuilt, LakeError> {
    rebuild_within(lake, build::MOST_BYTES, progress).await
}

/// The same with at most `memory` bytes for the groups of a part; a part with more of them is summed piece by piece.
///
/// # Errors
/// As [`rebuild`], and when `memory` does not hold the charges of one subscription and day.
pub async fn rebuild_within(
    lake: &Lake,
    memory: usize,
    progress: &(dyn Fn(RollupProgress) + Sync),
) -> Result<Rebuilt, LakeError> {
    let mut rebuilt = Rebuilt::default();
    let mut attempt = 1;
    loop {
        let charges = lake.charges().await?;
        let rollup = lake.snapshot(Table::ChargesRollup).await?;
        let lagging = compared(&charges, &rollup);
        if lagging.is_empty() {
            return Ok(rebuilt);
        }
        let step = &lagging.missing[..lagging.missing.len().min(PARTS_OF_COMMIT)];
        let mut adds: Vec<NewFile> = Vec::with_capacity(step.len());
        let before = rebuilt;
        for part in step {
            let parts = rebuilt.parts + lagging.missing.len() - (rebuilt.parts - before.parts);
            progress(RollupProgress { done: rebuilt.parts, parts });
            let file = build::build(lake, &charges, part, memory).await?;
            rebuilt.parts += 1;
            rebuilt.charges += part.rows();
            rebuilt.rows += file.rows;
            adds.push(file);
        }
        let gives_way = |file: &&TableFile| {
            step.iter().any(|part| part.is_of(file)) || lagging.obsolete.iter().any(|path| **path == *file.path)
        };
        let removes = rollup.files().iter().filter(gives_way).cloned().collect();
        match commit(lake, &charges, &rollup, adds, removes).await {
            Ok(_) => attempt = 1,
            // What was written is not lost: the next attempt writes the same files.
            Err(LakeError::Conflict { .. }) if attempt < ATTEMPTS => {
                attempt += 1;
                rebuilt = before;
            }
            Err(error) => return Err(error),
        }
    }
}

async fn commit(
    lake: &Lake,
    charges: &ChargesSnapshot,
    rollup: &TableSnapshot,
    adds: Vec<NewFile>,
    removes: Vec<TableFile>,
) -> Result<u64, LakeError> {
    let commit = TableCommit {
        import: ImportId::new(lake.log(Table::ChargesRollup).clock.now()),
        adds,
        removes,
        read_version: rollup.version(),
        source_hashes: Vec::new(),
        record: None,
        notes: vec![(Table::Charges, charges.version())],
    };
    lake.commit_to(Table::ChargesRollup, commit).await
}

fn compared(charges: &ChargesSnapshot, rollup: &TableSnapshot) -> Lagging {
    let parts = part::parts(charges);
    let known = |file: &&TableFile| !parts.iter().any(|part| part.is_of(file));
    let obsolete = rollup.files().iter().filter(known).map(|file| file.path.to_string()).collect();
    let missing = parts.iter().filter(|part| part.file(rollup).is_none()).cloned().collect();
    Lagging { missing, obsolete }
}
