//! Signatures of the lake's tables, until the bodies follow.
#![allow(missing_docs, clippy::todo, clippy::unused_async, unused_variables, dead_code)]

use std::{path::Path, sync::Arc};

use chrono::{DateTime, Utc};
use datafusion::{catalog::TableProvider, execution::SendableRecordBatchStream};
use meterlake_model::{Day, ImportId};
use serde_json::Value;

use crate::{ImportRecordJson, Lake, LakeError, ScopeKey, WriterOptions, tables::Table};

/// A state of a table that never changes. Cheap to clone.
#[derive(Clone, Debug)]
pub struct TableSnapshot;

/// A live data file. All its rows have one partition and one scope. Cheap to clone.
#[derive(Clone, Debug)]
pub struct TableFile {
    /// Path under the table's root.
    pub path: Arc<str>,
    /// The number `yyyymm` in the partition column; none in a table without one.
    pub partition: Option<i32>,
    /// Key of the scope of all its rows.
    pub scope_key: ScopeKey,
    /// The scope itself, in the order of [`Table::scope`].
    pub scope: Arc<[String]>,
    /// Import that wrote the file.
    pub written_by: ImportId,
    /// Number of rows.
    pub rows: u64,
    /// Size in bytes.
    pub size: u64,
    /// UTC day of the earliest value of the first sort column.
    pub first_day: Day,
    /// UTC day of the latest value of the first sort column.
    pub last_day: Day,
}

/// A data file that lies in the table's folder and waits for its commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewFile {
    /// Path under the table's root.
    pub path: String,
    /// The number `yyyymm` in the partition column; none in a table without one.
    pub partition: Option<i32>,
    /// Key of the scope of all its rows.
    pub scope_key: ScopeKey,
    /// The scope itself, in the order of [`Table::scope`].
    pub scope: Vec<String>,
    /// Number of rows.
    pub rows: u64,
    /// Size in bytes.
    pub size: u64,
    /// The file's statistics as the Delta log writes them (JSON).
    pub stats: String,
}

impl TableSnapshot {
    pub fn table(&self) -> Table {
        todo!()
    }
    pub fn version(&self) -> u64 {
        todo!()
    }
    pub fn committed_at(&self) -> DateTime<Utc> {
        todo!()
    }
    pub fn files(&self) -> &[TableFile] {
        todo!()
    }
    pub fn file(&self, path: &str) -> Option<&TableFile> {
        todo!()
    }
    /// The version of the other table that this state was built from (b2c_daily notes b2c_events).
    pub fn noted(&self, table: Table) -> Option<u64> {
        todo!()
    }
    pub fn provider(&self) -> Arc<dyn TableProvider> {
        todo!()
    }
    pub fn provider_of(&self, files: &[TableFile]) -> Arc<dyn TableProvider> {
        todo!()
    }
    pub fn unordered_provider_of(&self, files: &[TableFile]) -> Arc<dyn TableProvider> {
        todo!()
    }
}

/// Writes the data files of one import into one table: at most one writer of each import and table.
pub struct TableWriter;

impl TableWriter {
    #[must_use]
    pub fn with_options(self, options: WriterOptions) -> Self {
        todo!()
    }
    pub async fn write(&mut self, batches: SendableRecordBatchStream) -> Result<Vec<NewFile>, LakeError> {
        todo!()
    }
}

/// Everything that one import changes in one table, taken over by one Delta commit.
#[derive(Clone, Debug)]
pub struct TableCommit {
    /// The import.
    pub import: ImportId,
    /// Data files that the import brings.
    pub adds: Vec<NewFile>,
    /// Live data files that it replaces.
    pub removes: Vec<TableFile>,
    /// The snapshot in which `removes` were found.
    pub read_version: u64,
    /// SHA-256 of the source files, hexadecimal.
    pub source_hashes: Vec<String>,
    /// The import's record, stored beside the table before the commit, when this table is the one that keeps it.
    pub record: Option<Value>,
    /// Versions of other tables that the rows were built from; only those of [`Table::built_from`].
    pub notes: Vec<(Table, u64)>,
}

impl Lake {
    /// The newest snapshot of a table; sees commits of other processes.
    pub async fn snapshot(&self, table: Table) -> Result<TableSnapshot, LakeError> {
        todo!()
    }
    /// The snapshot of this version.
    pub async fn snapshot_at(&self, table: Table, version: u64) -> Result<TableSnapshot, LakeError> {
        todo!()
    }
    /// A writer of data files for an import.
    pub fn table_writer(&self, table: Table, import: ImportId, staging: &Path) -> TableWriter {
        todo!()
    }
    /// Commits an import to a table. Returns the new version, or the one that it has when it was committed before.
    pub async fn commit_to(&self, table: Table, commit: TableCommit) -> Result<u64, LakeError> {
        todo!()
    }
    /// The version that an import's commit made in this table, or none.
    pub async fn committed_version_in(&self, table: Table, import: ImportId) -> Result<Option<u64>, LakeError> {
        todo!()
    }
    /// The records of all imports committed to this table with a record, oldest first.
    pub async fn committed_imports_in(&self, table: Table) -> Result<Vec<ImportRecordJson>, LakeError> {
        todo!()
    }
    /// Deletes the files and record of an import in this table, unless it is committed there. Number of data files.
    pub async fn discard_in(&self, table: Table, import: ImportId) -> Result<usize, LakeError> {
        todo!()
    }
    /// Deletes those of an import's written files that its commit did not take over.
    pub async fn delete_unused_in(&self, table: Table, written: &[NewFile]) -> Result<usize, LakeError> {
        todo!()
    }
}
