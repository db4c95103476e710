//! One import at a time in a data folder.

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

impl ImportLock {
    /// Takes the lock, or none when another import holds it.
    pub(crate) fn try_acquire(data_dir: &Path) -> Result<Option<Self>, ImportError> {
        let path = data_dir.join("import.lock");
        let io = |error| ImportError::Io { path: path.clone(), error };
        std::fs::create_dir_all(data_dir).map_err(io)?;
        let file = OpenOptions::new().create(true).truncate(false).write(true).open(&path).map_err(io)?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Self { _file: file })),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(io(error)),
        }
    }

    /// Takes the lock, waiting for another import to end.
    pub(crate) async fn acquire(data_dir: &Path, progress: &dyn Progress) -> Result<Self, ImportError> {
        let mut told = false;
        loop {
            if let Some(lock) = Self::try_acquire(data_dir)? {
                return Ok(lock);
            }
            if !told {
                progress.message("another import into this data folder is under way; waiting for it to end");
                told = true;
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }
}
