//! What can go wrong in the lake.

use meterlake_model::ImportId;

use crate::tables::Table;

/// An error of the lake. Every message names the place and what was expected.
#[derive(Debug, thiserror::Error)]
pub enum LakeError {
    /// The root of the lake is not usable.
    #[error("lake at {root}: {reason}")]
    Root {
        /// The root as given.
        root: String,
        /// Why it cannot be used.
        reason: String,
    },
    /// The Delta table asks for something that Meterlake does not read.
    #[error("table at {table}: {reason}")]
    Unsupported {
        /// The table.
        table: String,
        /// What it asks for.
        reason: String,
    },
    /// A snapshot that does not exist (any more).
    #[error("table `{table}` has no snapshot {version}; the newest is {newest}")]
    NoSuchVersion {
        /// The table.
        table: Table,
        /// The version asked for.
        version: u64,
        /// The newest version of the table.
        newest: u64,
    },
    /// Another commit changed what this commit builds on.
    #[error(
        "import {import} was prepared on snapshot {read_version}, but {path} has changed since; run the import again"
    )]
    Conflict {
        /// The import whose commit was refused.
        import: ImportId,
        /// The snapshot that it was prepared on.
        read_version: u64,
        /// The first file that no longer is as it was.
        path: String,
    },
    /// A file of the table holds something unexpected.
    #[error("{path}: {reason}")]
    Corrupt {
        /// The file.
        path: String,
        /// What was expected and what was found.
        reason: String,
    },
    /// A batch given to the writer does not have the columns of the table.
    #[error("rows to be written: {0}")]
    Rows(String),
    /// The file system failed.
    #[error("{path}: {source}")]
    Io {
        /// The file or folder.
        path: String,
        /// The cause.
        source: std::io::Error,
    },
    /// The object store failed.
    #[error("lake storage: {0}")]
    Store(#[from] object_store::Error),
    /// The Delta log could not be read or written.
    #[error("Delta log: {0}")]
    Delta(#[from] deltalake_core::DeltaTableError),
    /// A data file could not be read or written.
    #[error("Parquet: {0}")]
    Parquet(#[from] parquet::errors::ParquetError),
    /// The engine failed.
    #[error("engine: {0}")]
    Engine(#[from] datafusion::error::DataFusionError),
    /// Rows could not be handled in memory.
    #[error("Arrow: {0}")]
    Arrow(#[from] datafusion::arrow::error::ArrowError),
    /// A record is not valid JSON.
    #[error("JSON: {0}")]
    Json(#[from] serde_json::Error),
    /// A background task died.
    #[error("background task: {0}")]
    Task(String),
}

impl LakeError {
    /// Wraps a failure of the file system with its place.
    pub(crate) fn io(path: impl AsRef<std::path::Path>) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.as_ref().display().to_string();
        move |source| Self::Io { path, source }
    }
}
