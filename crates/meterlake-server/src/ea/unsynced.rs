//! Export files that are whole, but perhaps not on disk yet.
//!
//! Waiting for the disk would more than double the time of a large export. So a small mark, which is on disk, says of a
//! completed export that its file may still lie in the system's cache; the mark goes when the file has been written
//! out behind the client's back. A killed process loses nothing of that cache. When the system itself went down with
//! a mark still there, the file cannot be trusted, and the export is made again from its snapshot.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use meterlake_control::ControlError;
use uuid::Uuid;

use crate::state::ServerState;

/// How the name of a mark ends.
const MARK: &str = ".unsynced";

/// What tells this run of the system from others; none where the system does not tell.
fn boot() -> Option<String> {
    std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok().map(|id| id.trim().to_owned())
}

fn mark_of(folder: &Path, id: Uuid) -> PathBuf {
    folder.join(format!("{id}{MARK}"))
}

/// Marks the export whose file is about to be written: before, so that nobody waits for the disk once the file is
/// whole. False where marks tell nothing. Blocks.
///
/// # Errors
/// When the disk fails.
pub(super) fn mark(folder: &Path, id: Uuid) -> io::Result<bool> {
    let Some(boot) = boot() else { return Ok(false) };
    let mut mark = File::create(mark_of(folder, id))?;
    mark.write_all(boot.as_bytes())?;
    mark.sync_all()?;
    sync_folder(folder)?;
    Ok(true)
}

/// Takes the mark of an export away that came to no file.
pub(super) fn unmark(folder: &Path, id: Uuid) {
    if let Err(error) = std::fs::remove_file(mark_of(folder, id))
        && error.kind() != io::ErrorKind::NotFound
    {
        tracing::warn!(%error, job = %id, "the mark of an export could not be removed");
    }
}

/// Gives the whole file `part` its name so that the export can be called completed: at once when it is marked, else when
/// it is on disk. Blocks.
///
/// # Errors
/// When the disk fails.
pub(super) fn settle(folder: &Path, marked: bool, part: &Path, name: &str, file: &File) -> io::Result<()> {
    if marked {
        return std::fs::rename(part, folder.join(name));
    }
    file.sync_all()?;
    std::fs::rename(part, folder.join(name))?;
    sync_folder(folder)
}

/// Writes the file of a completed export out, then takes its mark away. Blocks.
pub(super) fn sync(folder: &Path, id: Uuid, name: &str) {
    let synced = File::open(folder.join(name)).and_then(|file| file.sync_all()).and_then(|()| sync_folder(folder));
    match synced {
        Ok(()) => {}
        // Removed meanwhile: its time was over.
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => {
            tracing::warn!(%error, file = name, "an export could not be written out");
            return;
        }
    }
    unmark(folder, id);
}

fn sync_folder(folder: &Path) -> io::Result<()> {
    // Windows cannot open a folder as a file, and needs no such sync.
    if cfg!(windows) { Ok(()) } else { File::open(folder)?.sync_all() }
}

/// Looks after the marks that an earlier process left, before anything is served: files of this run of the system are
/// written out, exports of an earlier one are queued again.
///
/// # Errors
/// When the control state fails.
pub(crate) async fn recover(state: &ServerState) -> Result<(), ControlError> {
    let folder = state.config().exports_dir.clone();
    let boot = boot();
    let Ok(entries) = std::fs::read_dir(&folder) else { return Ok(()) };
    for entry in entries.filter_map(Result::ok) {
        let name = entry.file_name();
        let id = name.to_str().and_then(|name| name.strip_suffix(MARK)).and_then(|id| Uuid::try_parse(id).ok());
        let Some(id) = id else { continue };
        let job = state.control().export_job(id).await?;
        let file = job.and_then(|job| job.file);
        let same = std::fs::read_to_string(entry.path()).is_ok_and(|marked| Some(marked) == boot);
        match file {
            Some(file) if same => {
                let folder = folder.clone();
                tokio::task::spawn_blocking(move || sync(&folder, id, &file));
                continue;
            }
            Some(file) => {
                tracing::warn!(job = %id, "the system went down before an export was on disk; it is made again");
                state.control().redo_export_job(id).await?;
                let _ = std::fs::remove_file(folder.join(file));
            }
            // It was not called completed; unless its time is over, it goes on by itself.
            None => {}
        }
        let _ = std::fs::remove_file(entry.path());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_stands_until_the_file_is_written_out() {
        let folder = tempfile::tempdir().unwrap();
        let (id, part) = (Uuid::from_u128(7), folder.path().join("a.part"));
        std::fs::write(&part, b"rows").unwrap();
        let marked = mark(folder.path(), id).unwrap();
        settle(folder.path(), marked, &part, "a.csv", &File::open(&part).unwrap()).unwrap();
        assert_eq!(std::fs::read(folder.path().join("a.csv")).unwrap(), b"rows");
        assert!(!part.exists());
        assert_eq!((mark_of(folder.path(), id).exists(), marked), (marked, boot().is_some()));
        sync(folder.path(), id, "a.csv");
        assert!(!mark_of(folder.path(), id).exists());
        sync(folder.path(), id, "gone.csv");
    }
}
