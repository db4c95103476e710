//! From paths on the command line to the files of a dataset.

use std::path::{Path, PathBuf};

use crate::source::{SourceFile, discover};
use crate::{DatasetFile, ImportError};

/// Finds the files: those named, and all below the folders named, in the order of their names; zip files are opened
/// into their members. Names that start with a dot are passed over.
///
/// # Errors
/// [`ImportError`] when there is no file or something cannot be read.
pub(crate) fn find(paths: &[PathBuf]) -> Result<Vec<SourceFile>, ImportError> {
    let mut files = Vec::new();
    for path in paths {
        let kind = std::fs::metadata(path).map_err(|error| ImportError::Io { path: path.clone(), error })?;
        if !kind.is_dir() {
            files.push(path.clone());
            continue;
        }
        let before = files.len();
        below(path, &mut files)?;
        if files.len() == before {
            let place = path.display().to_string();
            return Err(ImportError::Discovery { place, reason: "the folder holds no file".to_owned() });
        }
    }
    Ok(discover(&files)?.files)
}

fn below(folder: &Path, files: &mut Vec<PathBuf>) -> Result<(), ImportError> {
    let io = |error| ImportError::Io { path: folder.to_owned(), error };
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(io)? {
        let path = entry.map_err(io)?.path();
        if !path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.')) {
            found.push(path);
        }
    }
    found.sort();
    for path in found {
        if path.is_dir() { below(&path, files)? } else { files.push(path) }
    }
    Ok(())
}

impl DatasetFile {
    /// A file of which nothing has been read yet.
    pub(crate) fn of(file: &SourceFile) -> Self {
        Self {
            name: file.name.clone(),
            path: file.path.display().to_string(),
            size: file.size,
            sha256: String::new(),
            content_sha256: String::new(),
            form: String::new(),
            compression: crate::Compression::None,
            rows: 0,
            rejected: 0,
            repeated: false,
        }
    }
}
