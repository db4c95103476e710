//! From paths on the command line to files to read.

use std::path::PathBuf;

use super::Run;
use crate::ImportError;

/// Finds the files to import. Plain files are one run; a folder must hold `manifest.json` and be the only path;
/// zip files are opened into their members.
///
/// # Errors
/// [`ImportError::Discovery`] for a folder without manifest, missing blobs or sizes that differ from the manifest;
/// [`ImportError::Io`] when something cannot be read.
pub fn discover(paths: &[PathBuf]) -> Result<Run, ImportError> {
    let _ = paths;
    todo!()
}
