//! From paths on the command line to files to read.

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};

use super::manifest::{self, Manifest, ManifestFile};
use super::{Run, SourceFile};
use crate::ImportError;

/// Finds the files to import. Plain files are one run; a folder must hold `manifest.json` and be the only path
/// (the manifest itself may be given instead of its folder); zip files are opened into their members.
///
/// # Errors
/// [`ImportError::Discovery`] for no path, a folder without manifest, missing blobs or sizes that differ from the
/// manifest; [`ImportError::Io`] when something cannot be read.
pub fn discover(paths: &[PathBuf]) -> Result<Run, ImportError> {
    if paths.is_empty() {
        return Err(refuse("import", "no file was given; expected files or one folder with a manifest.json"));
    }
    let mut run = Run::default();
    for path in paths {
        let kind = std::fs::metadata(path).map_err(|error| ImportError::Io { path: path.clone(), error })?;
        let named_manifest = path.file_name().is_some_and(|n| n.eq_ignore_ascii_case("manifest.json"));
        if kind.is_dir() || named_manifest {
            if paths.len() > 1 {
                return Err(refuse(
                    &path.display().to_string(),
                    "a folder is a run of its own; import it alone, not together with other paths",
                ));
            }
            return folder(path, kind.is_dir());
        }
        plain(path, kind.len(), None, &mut run.files)?;
    }
    let mut seen = HashSet::with_capacity(run.files.len());
    for file in &run.files {
        let real = file.path.canonicalize().unwrap_or_else(|_| file.path.clone());
        if !seen.insert((real, &file.member)) {
            return Err(refuse(&file.path.display().to_string(), "the file is given twice"));
        }
    }
    Ok(run)
}

fn refuse(place: &str, reason: &str) -> ImportError {
    ImportError::Discovery { place: place.to_owned(), reason: reason.to_owned() }
}

/// A folder with its manifest.
fn folder(path: &Path, is_dir: bool) -> Result<Run, ImportError> {
    let (dir, manifest_path) = if is_dir {
        (path.to_owned(), find_manifest(path)?)
    } else {
        (path.parent().map(Path::to_owned).unwrap_or_default(), path.to_owned())
    };
    let (manifest, blobs) = manifest::read(&manifest_path)?;
    let present = files_below(&dir)?;
    let mut run = Run::default();
    let mut taken: HashMap<&PathBuf, String> = HashMap::with_capacity(blobs.len());
    for blob in blobs {
        let incomplete = |reason: String| refuse(&manifest_path.display().to_string(), &reason);
        let found = match locate(&present, &dir, &blob.blob)[..] {
            [found] => found,
            [] => {
                let reason = format!("it lists {:?}, which is not beside it; the run is not complete", blob.blob);
                return Err(incomplete(reason));
            }
            [one, other, ..] => {
                return Err(incomplete(format!(
                    "it lists {:?}, which may be {} or {}; expected one file of that name, in the folders that the \
                     manifest names",
                    blob.blob,
                    one.display(),
                    other.display()
                )));
            }
        };
        if let Some(other) = taken.insert(found, blob.blob.clone()) {
            return Err(incomplete(format!(
                "it lists {other:?} and {:?}, but beside it is only {} for both; the run is not complete",
                blob.blob,
                found.display()
            )));
        }
        let size = std::fs::metadata(found).map_err(|error| ImportError::Io { path: found.clone(), error })?.len();
        check_size(found, size, &blob, &manifest)?;
        plain(found, size, Some(blob), &mut run.files)?;
    }
    run.manifest = Some(manifest);
    Ok(run)
}

fn check_size(path: &Path, size: u64, blob: &ManifestFile, manifest: &Manifest) -> Result<(), ImportError> {
    match blob.bytes {
        Some(expected) if expected != size => Err(refuse(
            &path.display().to_string(),
            &format!("has {size} bytes, but {} states {expected} bytes for it", manifest.path.display()),
        )),
        _ => Ok(()),
    }
}

fn find_manifest(dir: &Path) -> Result<PathBuf, ImportError> {
    let entries = std::fs::read_dir(dir).map_err(|error| ImportError::Io { path: dir.to_owned(), error })?;
    let mut seen = Vec::new();
    for entry in entries {
        let entry = entry.map_err(|error| ImportError::Io { path: dir.to_owned(), error })?;
        if entry.file_name().eq_ignore_ascii_case("manifest.json") {
            return Ok(entry.path());
        }
        seen.push(entry.file_name().to_string_lossy().into_owned());
    }
    seen.sort();
    let found = match seen.len() {
        0 => "it is empty".to_owned(),
        1..=5 => format!("it holds {}", seen.join(", ")),
        n => format!("it holds {} and {} more", seen[..5].join(", "), n - 5),
    };
    Err(refuse(
        &dir.display().to_string(),
        &format!(
            "the folder has no manifest.json; {found}. Expected the folder of one run of a cost export or a partner \
             billing export with its manifest, or the files themselves"
        ),
    ))
}

/// All files below a folder, to look blobs up in.
fn files_below(dir: &Path) -> Result<Vec<PathBuf>, ImportError> {
    let mut found = Vec::new();
    let mut open = vec![dir.to_owned()];
    while let Some(dir) = open.pop() {
        let entries = std::fs::read_dir(&dir).map_err(|error| ImportError::Io { path: dir.clone(), error })?;
        for entry in entries {
            let entry = entry.map_err(|error| ImportError::Io { path: dir.clone(), error })?;
            let path = entry.path();
            if path.is_dir() { open.push(path) } else { found.push(path) }
        }
    }
    found.sort();
    Ok(found)
}

/// The files that a blob name may stand for. Names are relative to the storage container, of which only the last part
/// was copied, so the longest common end counts.
fn locate<'a>(present: &'a [PathBuf], dir: &Path, blob: &str) -> Vec<&'a PathBuf> {
    let wanted: Vec<&str> = blob.split(['/', '\\']).filter(|p| !p.is_empty()).collect();
    let common = |path: &Path| {
        let relative = path.strip_prefix(dir).unwrap_or(path);
        let parts: Vec<_> = relative.components().map(|c| c.as_os_str().to_string_lossy().into_owned()).collect();
        parts.iter().rev().zip(wanted.iter().rev()).take_while(|(a, b)| a == b).count()
    };
    let lengths: Vec<usize> = present.iter().map(|p| common(p)).collect();
    let best = lengths.iter().copied().max().unwrap_or_default();
    present.iter().zip(lengths).filter(|&(_, length)| length > 0 && length == best).map(|(path, _)| path).collect()
}

/// A plain file, or the members of a zip.
fn plain(
    path: &Path,
    size: u64,
    expected: Option<ManifestFile>,
    files: &mut Vec<SourceFile>,
) -> Result<(), ImportError> {
    let io = |error| ImportError::Io { path: path.to_owned(), error };
    let name = path.file_name().map_or_else(|| path.display().to_string(), |n| n.to_string_lossy().into_owned());
    let mut head = [0u8; 4];
    let read = File::open(path).and_then(|f| f.take(4).read(&mut head)).map_err(io)?;
    if read < 4 || head != *b"PK\x03\x04" {
        files.push(SourceFile { path: path.to_owned(), member: None, name, size, expected });
        return Ok(());
    }
    let unreadable = |e: zip::result::ZipError| ImportError::Damaged {
        file: name.clone(),
        place: "zip directory".to_owned(),
        reason: format!("{e}; the archive may be truncated"),
    };
    let mut archive = zip::ZipArchive::new(BufReader::new(File::open(path).map_err(io)?)).map_err(unreadable)?;
    let names: Vec<String> = archive.file_names().map(str::to_owned).collect();
    if names.iter().any(|n| n == "[Content_Types].xml") {
        return Err(ImportError::Unrecognised {
            file: name,
            reason:
                "this is an Office document, such as an Excel workbook; expected CSV, JSON or Parquet (save it as CSV)"
                    .to_owned(),
        });
    }
    if names.iter().any(|n| n.rsplit('/').next().is_some_and(|base| base.eq_ignore_ascii_case("manifest.json"))) {
        return Err(refuse(&name, "the zip archive holds a run with its manifest; unpack it and import the folder"));
    }
    let before = files.len();
    for at in 0..archive.len() {
        let entry = archive.by_index_raw(at).map_err(unreadable)?;
        let member = entry.name().to_owned();
        let base = member.rsplit('/').next().unwrap_or_default();
        if entry.is_dir() || base.starts_with('.') || member.starts_with("__MACOSX/") {
            continue;
        }
        if entry.encrypted() {
            return Err(refuse(&format!("{name}/{member}"), "the zip member is encrypted; unpack it first"));
        }
        files.push(SourceFile {
            path: path.to_owned(),
            name: format!("{name}/{member}"),
            member: Some(member),
            size: entry.compressed_size(),
            expected: None,
        });
    }
    if files.len() == before {
        return Err(refuse(&name, "the zip archive holds no file"));
    }
    if let (Some(expected), [file]) = (expected, &mut files[before..]) {
        file.expected = Some(expected);
    }
    Ok(())
}
