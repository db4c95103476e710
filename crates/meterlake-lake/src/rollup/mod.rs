//! `charges_rollup` and `charges_rollup_months`: the billed charges of customers, summed by day and by month.
//!
//! A part is what charges have of one billing period and scope. Its rollup is one data file in each, in whose name, in the
//! place of an import, stands a fingerprint of the files of `charges` that it was summed from. So a rollup is valid
//! for a snapshot of charges exactly when it was made from the files that the snapshot has; where there is none,
//! reports read the charges. An import changes the files of some parts, which then lag until [`rebuild`] has run;
//! nothing else depends on when that is, or on how often it is begun.

mod build;
mod part;
mod verify;

use meterlake_model::ImportId;

pub use part::{Grain, RollupPart, Rollups, Sources, sources};
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
    /// Parts that lack a valid rollup by month, or one by day although that would pay.
    pub missing: Vec<RollupPart>,
    /// Paths of files of both tables that are no longer valid and stand for nothing that is missing: their charges are gone.
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
    /// What is being summed.
    pub grain: Grain,
    /// Parts that have been summed.
    pub done: usize,
    /// Parts that are to be summed.
    pub parts: usize,
}

/// What [`rebuild`] did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rebuilt {
    /// Files that were made: one a part, and another where a rollup by day pays.
    pub parts: usize,
    /// Charges that were read for them.
    pub charges: u64,
    /// Rows in them.
    pub rows: u64,
}

/// Where the newest rollups are not what the newest charges ask for.
///
/// # Errors
/// When a log cannot be read.
pub async fn lagging(lake: &Lake) -> Result<Lagging, LakeError> {
    let (charges, rollups) = (lake.charges().await?, Rollups::newest(lake).await?);
    let missing = part::parts(&charges).into_iter().filter(|part| !part.is_summed(&rollups)).collect();
    let obsolete = Grain::ALL.iter().flat_map(|grain| compared(&charges, &rollups, *grain, false).obsolete);
    Ok(Lagging { missing, obsolete: obsolete.collect() })
}

/// The parts of the newest charges that have the rollups that they ask for.
///
/// # Errors
/// When a log cannot be read.
pub async fn parts(lake: &Lake) -> Result<Vec<RollupPart>, LakeError> {
    let rollups = Rollups::newest(lake).await?;
    let parts = part::parts(&lake.charges().await?);
    Ok(parts.into_iter().filter(|part| part.is_summed(&rollups)).collect())
}

/// Builds the rollup of every part that has none, and removes what is obsolete. In several commits, so that what is
/// done stays done; it may be cut off anywhere and be begun again. Memory is bounded whatever the number of charges.
///
/// # Errors
/// [`LakeError::Conflict`] when other writers come first again and again; otherwise when files cannot be read or
/// written.
pub async fn rebuild(lake: &Lake, progress: &(dyn Fn(RollupProgress) + Sync)) -> Result<Rebuilt, LakeError> {
    rebuild_with(lake, RebuildOptions::default(), progress).await
}

/// How rollups are built.
#[derive(Clone, Copy, Debug)]
pub struct RebuildOptions {
    /// Bytes for the groups of a part; a part with more of them is summed piece by piece.
    pub memory: usize,
    /// Whether days are summed also where that does not pay.
    pub all_days: bool,
}

impl Default for RebuildOptions {
    fn default() -> Self {
        Self { memory: build::MOST_BYTES, all_days: false }
    }
}

/// The same with options.
///
/// # Errors
/// As [`rebuild`], and when the memory does not hold the charges of one subscription and day.
pub async fn rebuild_with(
    lake: &Lake,
    options: RebuildOptions,
    progress: &(dyn Fn(RollupProgress) + Sync),
) -> Result<Rebuilt, LakeError> {
    let mut rebuilt = Rebuilt::default();
    for grain in Grain::ALL {
        let built = rebuild_grain(lake, grain, options, progress).await?;
        rebuilt.parts += built.parts;
        rebuilt.charges += built.charges;
        rebuilt.rows += built.rows;
    }
    Ok(rebuilt)
}

async fn rebuild_grain(
    lake: &Lake,
    grain: Grain,
    options: RebuildOptions,
    progress: &(dyn Fn(RollupProgress) + Sync),
) -> Result<Rebuilt, LakeError> {
    let mut rebuilt = Rebuilt::default();
    let mut attempt = 1;
    loop {
        let charges = lake.charges().await?;
        let rollups = Rollups::newest(lake).await?;
        let rollup = rollups.of(grain);
        let lagging = compared(&charges, &rollups, grain, options.all_days);
        if lagging.is_empty() {
            return Ok(rebuilt);
        }
        let step = &lagging.missing[..lagging.missing.len().min(PARTS_OF_COMMIT)];
        let mut adds: Vec<NewFile> = Vec::with_capacity(step.len());
        let before = rebuilt;
        for part in step {
            let parts = rebuilt.parts + lagging.missing.len() - (rebuilt.parts - before.parts);
            progress(RollupProgress { grain, done: rebuilt.parts, parts });
            let file = build::build(lake, &charges, part, grain, options.memory).await?;
            rebuilt.parts += 1;
            rebuilt.charges += part.rows();
            rebuilt.rows += file.rows;
            adds.push(file);
        }
        let gives_way = |file: &&TableFile| {
            step.iter().any(|part| part.is_of(file)) || lagging.obsolete.iter().any(|path| **path == *file.path)
        };
        let removes = rollup.files().iter().filter(gives_way).cloned().collect();
        match commit(lake, grain.table(), (&charges, rollup), adds, removes).await {
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
    table: Table,
    (charges, rollup): (&ChargesSnapshot, &TableSnapshot),
    adds: Vec<NewFile>,
    removes: Vec<TableFile>,
) -> Result<u64, LakeError> {
    let commit = TableCommit {
        import: ImportId::new(lake.log(table).clock.now()),
        adds,
        removes,
        read_version: rollup.version(),
        source_hashes: Vec::new(),
        record: None,
        notes: vec![(Table::Charges, charges.version())],
    };
    lake.commit_to(table, commit).await
}

/// Where the rollup of one grain is not what the charges ask for. One by day that does not pay is not asked for; it may
/// stay as long as it is valid.
fn compared(charges: &ChargesSnapshot, rollups: &Rollups, grain: Grain, all_days: bool) -> Lagging {
    let parts = part::parts(charges);
    let rollup = rollups.of(grain);
    let asks = |part: &RollupPart| if all_days { Some(true) } else { part.asks(grain, rollups) };
    let is_obsolete = |file: &&TableFile| match parts.iter().find(|part| part.is_of(file)) {
        None => true,
        Some(part) => asks(part) == Some(false) && part.file(rollup).is_none(),
    };
    let obsolete = rollup.files().iter().filter(is_obsolete).map(|file| file.path.to_string()).collect();
    let lacks = |part: &&RollupPart| asks(part) == Some(true) && part.file(rollup).is_none();
    let missing = parts.iter().filter(lacks).cloned().collect();
    Lagging { missing, obsolete }
}
