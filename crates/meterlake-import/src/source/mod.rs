//! What lies on disk: files, zip members, folders with a manifest; their compression and format.

mod ahead;
pub(crate) mod batch;
pub(crate) mod csv;
mod discover;
mod encoding;
mod fields;
pub(crate) mod json;
mod manifest;
pub(crate) mod open;
mod parquet;
mod rows;
mod signature;
pub(crate) mod window;

use std::path::PathBuf;

pub use discover::discover;
pub use manifest::{Manifest, ManifestFile, ManifestKind};
pub(crate) use rows::Rows;

use crate::ImportError;

/// A failure to read on in a file that opened.
pub(crate) fn damage(file: &str, line: u64, error: &std::io::Error) -> ImportError {
    let reason = match error.kind() {
        std::io::ErrorKind::UnexpectedEof => "the packed data breaks off: the file is truncated".to_owned(),
        std::io::ErrorKind::InvalidInput | std::io::ErrorKind::InvalidData => {
            format!("the packed data is damaged: {error}")
        }
        _ => error.to_string(),
    };
    ImportError::Damaged { file: file.to_owned(), place: format!("line {line}"), reason }
}

/// One physical file, or one member of a zip.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceFile {
    /// The file on disk.
    pub path: PathBuf,
    /// The member, when the file is a zip.
    pub member: Option<String>,
    /// Name for messages and records: file name, and `file.zip/member` for a member.
    pub name: String,
    /// Size in bytes of the file on disk (of the member as stored, for a zip member).
    pub size: u64,
    /// What the manifest says of this file.
    pub expected: Option<ManifestFile>,
}

/// The files of one import, read as one body of rows.
#[derive(Clone, Debug, Default)]
pub struct Run {
    /// The files, in the order given or as the manifest lists them.
    pub files: Vec<SourceFile>,
    /// The manifest of the folder, when a folder was given.
    pub manifest: Option<Manifest>,
}

/// Outer packing of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Compression {
    /// None.
    None,
    /// One or more gzip members.
    Gzip,
    /// Zstandard.
    Zstd,
}

/// How rows are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// Separated values.
    Csv,
    /// JSON lines, an array, or an object that holds the array in `value` or `items`.
    Json,
    /// Parquet.
    Parquet,
}
