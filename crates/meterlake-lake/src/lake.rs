//! The lake and its commits.

use std::{path::Path, sync::Arc};

use meterlake_model::ImportId;
use url::Url;

use crate::{
    error::LakeError,
    snapshot::{ChargesFile, ChargesSnapshot},
    writer::{ChargesWriter, WrittenFile},
};

/// A lake: a folder or bucket of Delta tables. Cheap to clone.
#[derive(Clone)]
pub struct Lake(Arc<()>);

/// Everything that one import changes, taken over by one Delta commit.
#[derive(Debug)]
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
    pub record: serde_json::Value,
}

/// The stored record of an import that really was committed.
#[derive(Clone, Debug)]
pub struct ImportRecordJson {
    /// The import.
    pub import: ImportId,
    /// The snapshot that its commit made.
    pub version: u64,
    /// The record as given to the commit.
    pub record: serde_json::Value,
}

impl Lake {
    /// Opens the lake at a URL (`file:///…/lake/`, or an object store), creating missing tables.
    pub async fn open(_root: &Url) -> Result<Self, LakeError> {
        todo!()
    }
    /// Opens the lake in a local folder, creating the folder and missing tables.
    pub async fn open_path(_dir: &Path) -> Result<Self, LakeError> {
        todo!()
    }
    /// The newest snapshot of `charges`; sees commits of other processes.
    pub async fn charges(&self) -> Result<ChargesSnapshot, LakeError> {
        todo!()
    }
    /// The snapshot of this version.
    pub async fn charges_at(&self, _version: u64) -> Result<ChargesSnapshot, LakeError> {
        todo!()
    }
    /// A writer of data files for an import. `staging` is the folder in which its sort may spill.
    #[must_use]
    pub fn writer(&self, _import: ImportId, _staging: &Path) -> ChargesWriter {
        todo!()
    }
    /// Commits an import: all of it becomes visible at once. Returns the new version.
    pub async fn commit(&self, _commit: Commit) -> Result<u64, LakeError> {
        todo!()
    }
    /// The version that an import's commit made, or none when it is not committed.
    pub async fn committed_version(&self, _import: ImportId) -> Result<Option<u64>, LakeError> {
        todo!()
    }
    /// The records of all committed imports, oldest first.
    pub async fn committed_imports(&self) -> Result<Vec<ImportRecordJson>, LakeError> {
        todo!()
    }
    /// Deletes the data files of an import that never was committed. Returns their number.
    pub async fn discard(&self, _import: ImportId) -> Result<usize, LakeError> {
        todo!()
    }
}
