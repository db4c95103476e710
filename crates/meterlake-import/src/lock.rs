//! One import, and one maintenance, at a time in a data folder.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::Path;
use std::time::Duration;

use crate::{ImportError, Progress};

/// The lock on `<data>/import.lock`; given back when dropped, also by the death of the process, which is how
/// `recover` knows that a `running` record is dead.
#[derive(Debug)]
pub(crate) struct ImportLock {
    _file: File,
}

/// The lock on `<data>/maintenance.lock`, held for a whole run of maintenance. Who holds both locks takes this one first.
#[derive(Debug)]
pub(crate) struct MaintenanceLock {
    _file: File,
}

/// Takes the lock of this name, or none when another holds it.
fn try_lock(data_dir: &Path, name: &str) -> Result<Option<File>, ImportError> {
    let path = data_dir.join(name);
    let io = |error| ImportError::Io { path: path.clone(), error };
    std::fs::create_dir_all(data_dir).map_err(io)?;
    let file = OpenOptions::new().create(true).truncate(false).write(true).open(&path).map_err(io)?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => Err(io(error)),
    }
}

impl ImportLock {
    /// Takes the lock, or none when another import holds it.
    pub(crate) fn try_acquire(data_dir: &Path) -> Result<Option<Self>, ImportError> {
        Ok(try_lock(data_dir, "import.lock")?.map(|file| Self { _file: file }))
    }

    /// Takes the lock, waiting for another import to end.
    pub(crate) async fn acquire(data_dir: &Path, progress: &dyn Progress) -> Result<Self, ImportError> {
        // Maintenance holds it for a moment, of which nobody needs to be told.
        let mut tries = 0;
        loop {
            if let Some(lock) = Self::try_acquire(data_dir)? {
                return Ok(lock);
            }
            if tries == 5 {
                progress.message("another import into this data folder is under way; waiting for it to end");
            }
            tries += 1;
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }
}

impl MaintenanceLock {
    /// Takes the lock, or none when other maintenance runs.
    pub(crate) fn try_acquire(data_dir: &Path) -> Result<Option<Self>, ImportError> {
        Ok(try_lock(data_dir, "maintenance.lock")?.map(|file| Self { _file: file }))
    }
}
