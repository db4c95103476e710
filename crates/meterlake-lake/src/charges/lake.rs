//! What the lake offers for `charges`.

use std::collections::BTreeSet;
use std::path::Path;

use meterlake_model::ImportId;
use serde_json::Value;

use super::{ChargesFile, ChargesSnapshot, ChargesWriter, WrittenFile};
use crate::{
    commit::{ImportRecordJson, TableCommit},
    error::LakeError,
    lake::Lake,
    tables::Table,
};

/// Everything that one import changes in `charges`, taken over by one Delta commit.
#[derive(Clone, Debug)]
pub struct Commit {
    /// The import.
    pub import: ImportId,
    /// Data files that the import brings.
    pub adds: Vec<WrittenFile>,
    /// Live data files that it replaces.
    pub removes: Vec<ChargesFile>,
    /// The snapshot in which `removes` were found.
    pub read_version: u64,
    /// SHA-256 of the source files, hexadecimal.
    pub source_hashes: Vec<String>,
    /// The import's record, stored beside the table before the commit.
    pub record: Value,
}

impl From<Commit> for TableCommit {
    fn from(commit: Commit) -> Self {
        Self {
            import: commit.import,
            adds: commit.adds.into_iter().map(Into::into).collect(),
            removes: commit.removes.into_iter().map(|file| file.file).collect(),
            read_version: commit.read_version,
            source_hashes: commit.source_hashes,
            record: Some(commit.record),
            notes: Vec::new(),
        }
    }
}

impl Lake {
    /// The newest snapshot of `charges`; sees commits of other processes.
    ///
    /// # Errors
    /// As [`Self::snapshot`].
    pub async fn charges(&self) -> Result<ChargesSnapshot, LakeError> {
        self.snapshot(Table::Charges).await.map(ChargesSnapshot)
    }

    /// The snapshot of this version.
    ///
    /// # Errors
    /// As [`Self::snapshot_at`].
    pub async fn charges_at(&self, version: u64) -> Result<ChargesSnapshot, LakeError> {
        self.snapshot_at(Table::Charges, version).await.map(ChargesSnapshot)
    }

    /// A writer of data files for an import. `staging` is the folder in which its sort may spill.
    #[must_use]
    pub fn writer(&self, import: ImportId, staging: &Path) -> ChargesWriter {
        ChargesWriter(self.table_writer(Table::Charges, import, staging))
    }

    /// Commits an import to `charges`, as [`Self::commit_to`] does.
    ///
    /// # Errors
    /// As [`Self::commit_to`].
    pub async fn commit(&self, commit: Commit) -> Result<u64, LakeError> {
        self.commit_to(Table::Charges, commit.into()).await
    }

    /// The version of `charges` that an import's commit made, or none when it is not committed.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub async fn committed_version(&self, import: ImportId) -> Result<Option<u64>, LakeError> {
        self.committed_version_in(Table::Charges, import).await
    }

    /// The records of all imports of charges, oldest first, as [`Self::committed_imports_in`] gives them.
    ///
    /// # Errors
    /// When the log or a record cannot be read.
    pub async fn committed_imports(&self) -> Result<Vec<ImportRecordJson>, LakeError> {
        self.committed_imports_in(Table::Charges).await
    }

    /// The same without the imports that are known already, of which nothing is read.
    ///
    /// # Errors
    /// As [`Self::committed_imports_in`].
    pub async fn committed_imports_except(
        &self,
        known: &BTreeSet<ImportId>,
    ) -> Result<Vec<ImportRecordJson>, LakeError> {
        self.committed_imports_except_in(Table::Charges, known).await
    }

    /// Deletes the data files and the record of an import of charges that never was committed, as
    /// [`Self::discard_in`] does.
    ///
    /// # Errors
    /// When the log cannot be read or a file cannot be deleted.
    pub async fn discard(&self, import: ImportId) -> Result<usize, LakeError> {
        self.discard_in(Table::Charges, import).await
    }

    /// Deletes those of an import's written files that its commit did not take over, as [`Self::delete_unused_in`]
    /// does.
    ///
    /// # Errors
    /// When the log cannot be read or a file cannot be deleted.
    pub async fn delete_unused(&self, written: &[WrittenFile]) -> Result<usize, LakeError> {
        self.delete_unused_paths(Table::Charges, written.iter().map(|file| file.path.as_str())).await
    }
}
