//! What can go wrong in the lake.

use meterlake_model::ImportId;

use crate::tables::Table;

/// An error of the lake. Every message names the place and what was expected, and is whole by itself: the cause is in
/// it, not behind it as a source, so that who prints the chain of causes does not say it twice.
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
    #[error("{path}: {error}")]
    Io {
        /// The file or folder.
        path: String,
        /// The cause.
        error: std::io::Error,
    },
    /// The object store failed.
    #[error("lake storage: {0}")]
    Store(object_store::Error),
    /// The Delta log could not be read or written.
    #[error("Delta log: {0}")]
    Delta(deltalake_core::DeltaTableError),
    /// A data file could not be read or written.
    #[error("Parquet: {0}")]
    Parquet(parquet::errors::ParquetError),
    /// The engine failed.
    #[error("engine: {0}")]
    Engine(datafusion::error::DataFusionError),
    /// Rows could not be handled in memory.
    #[error("Arrow: {0}")]
    Arrow(datafusion::arrow::error::ArrowError),
    /// A record is not valid JSON.
    #[error("JSON: {0}")]
    Json(serde_json::Error),
    /// A background task died.
    #[error("background task: {0}")]
    Task(String),
}

/// As `#[from]`, but without making the cause a source.
macro_rules! wrap {
    ($($variant:ident: $cause:ty;)+) => {
        $(impl From<$cause> for LakeError {
            fn from(error: $cause) -> Self {
                Self::$variant(error)
            }
        })+
    };
}

wrap! {
    Store: object_store::Error;
    Delta: deltalake_core::DeltaTableError;
    Parquet: parquet::errors::ParquetError;
    Engine: datafusion::error::DataFusionError;
    Arrow: datafusion::arrow::error::ArrowError;
    Json: serde_json::Error;
}

impl LakeError {
    /// Wraps a failure of the file system with its place.
    pub(crate) fn io(path: impl AsRef<std::path::Path>) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.as_ref().display().to_string();
        move |error| Self::Io { path, error }
    }
}

#[cfg(test)]
mod tests {
    use std::error::Error as _;

    use super::*;

    #[test]
    fn the_cause_is_said_once() {
        let io = || std::io::Error::other("disk gone");
        let errors = [
            LakeError::io("/lake")(io()),
            object_store::Error::Generic { store: "x", source: Box::new(io()) }.into(),
            parquet::errors::ParquetError::General("disk gone".to_owned()).into(),
            datafusion::error::DataFusionError::External(Box::new(io())).into(),
        ];
        for error in errors {
            assert!(error.to_string().contains("disk gone"), "{error}");
            assert!(error.source().is_none(), "{error}");
        }
    }
}
