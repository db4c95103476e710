//! What maintenance does or would do, one by one and by table.

use meterlake_lake::Table;
use serde::Serialize;

/// What is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ActionKind {
    /// Files of one partition and scope become few.
    Merge,
    /// The state of the table is written into one file.
    Checkpoint,
    /// A part of a rollup is built anew.
    Rollup,
    /// A file that was replaced before the history begins is deleted.
    Delete,
    /// A file that no commit names, and whose writer is gone, is deleted.
    DeleteLeftBehind,
}

impl ActionKind {
    /// The name as in JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Merge => "merge",
            Self::Checkpoint => "checkpoint",
            Self::Rollup => "rollup",
            Self::Delete => "delete",
            Self::DeleteLeftBehind => "delete-left-behind",
        }
    }
}

/// One thing that would be done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Action {
    /// The table.
    pub table: &'static str,
    /// What.
    pub action: ActionKind,
    /// The part of the table, the file or the version.
    pub place: String,
    /// Files that it is about.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
}

/// What was done, or would be, in one table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TableUpkeep {
    /// The table.
    pub table: &'static str,
    /// Live files before.
    pub files_before: u64,
    /// Live files after.
    pub files_after: u64,
    /// Parts of the table whose files were merged.
    pub merges: u64,
    /// Files that gave way to merged ones, and their bytes.
    pub merged_files: u64,
    /// Bytes of those.
    pub merged_bytes: u64,
    /// Bytes of the files that came instead.
    pub written_bytes: u64,
    /// Parts that an import changed while they were merged, so that they are left to the next run.
    pub passed_over: u64,
    /// Version of which a checkpoint was written.
    pub checkpoint: Option<u64>,
    /// Parts of the rollup that were built anew.
    pub rollup_parts: u64,
    /// Files that were deleted.
    pub deleted_files: u64,
    /// Their bytes.
    pub deleted_bytes: u64,
    /// The oldest version of the table that can be read.
    pub oldest_version: u64,
}

impl TableUpkeep {
    pub(super) fn of(table: Table, files: usize) -> Self {
        Self {
            table: table.name(),
            files_before: files as u64,
            files_after: files as u64,
            merges: 0,
            merged_files: 0,
            merged_bytes: 0,
            written_bytes: 0,
            passed_over: 0,
            checkpoint: None,
            rollup_parts: 0,
            deleted_files: 0,
            deleted_bytes: 0,
            oldest_version: 0,
        }
    }
}
