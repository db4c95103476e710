//! Data files that an import wrote and then did not commit.

use std::{
    collections::{HashMap, hash_map::Entry},
    fs,
    path::Path,
};

use futures::TryStreamExt;
use meterlake_model::ImportId;
use object_store::{ObjectStore, ObjectStoreExt, path::Path as StorePath};

use crate::{
    commit::record_path,
    error::LakeError,
    lake::Lake,
    root::blocking,
    snapshot::{TableSnapshot, parse_path},
    table_log::COMMIT_LOCK,
    tables::Table,
    writer::NewFile,
};

impl Lake {
    /// Deletes the data files and the record of an import in a table to which it never was committed. Returns the
    /// number of data files; 0, and nothing is deleted, when it is committed there.
    ///
    /// # Errors
    /// When the log cannot be read or a file cannot be deleted.
    pub async fn discard_in(&self, table: Table, import: ImportId) -> Result<usize, LakeError> {
        let log = self.log(table);
        let _turn = log.committer.lock().await;
        let _lock = log.root.lock(COMMIT_LOCK).await?;
        if log.committed_version(import).await?.is_some() {
            return Ok(0);
        }
        let mark = format!("-{import}-");
        let root = &log.root;
        let deleted = match root.local.clone() {
            Some(folder) => blocking(move || delete_local(&folder, table.partition(), &mark)).await?,
            None => {
                let listed: Vec<_> = root.store.list(None).try_collect().await?;
                let dead = listed.into_iter().map(|object| object.location).filter(|location| {
                    // Neither the log nor the records; listings of prefixes are relative to the table.
                    !location.as_ref().starts_with('_') && location.as_ref().contains(&mark)
                });
                let mut deleted = 0;
                for location in dead {
                    root.store.delete(&location).await?;
                    deleted += 1;
                }
                deleted
            }
        };
        match root.store.delete(&StorePath::from(record_path(import))).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(deleted),
            Err(error) => Err(error.into()),
        }
    }

    /// Deletes those of an import's files written to a table that its commit did not take over. To be called by the
    /// writer of the files after its commit; files that the commit names stay, also when a later import has replaced
    /// them. Returns the number of files deleted.
    ///
    /// # Errors
    /// When the log cannot be read or a file cannot be deleted.
    pub async fn delete_unused_in(&self, table: Table, written: &[NewFile]) -> Result<usize, LakeError> {
        self.delete_unused_paths(table, written.iter().map(|file| file.path.as_str())).await
    }

    pub(crate) async fn delete_unused_paths(
        &self,
        table: Table,
        written: impl Iterator<Item = &str>,
    ) -> Result<usize, LakeError> {
        let log = self.log(table);
        let mut deleted = 0;
        let mut commits: HashMap<ImportId, Option<TableSnapshot>> = HashMap::new();
        for path in written {
            let Some((_, _, import)) = parse_path(table, path) else { continue };
            if let Entry::Vacant(place) = commits.entry(import) {
                let made = match log.committed_version(import).await? {
                    Some(version) => Some(log.at(version).await?),
                    None => None,
                };
                place.insert(made);
            }
            if commits.get(&import).is_some_and(|made| made.as_ref().is_some_and(|s| s.file(path).is_some())) {
                continue;
            }
            match log.root.store.delete(&StorePath::from(path)).await {
                Ok(()) => deleted += 1,
                Err(object_store::Error::NotFound { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(deleted)
    }
}

/// Deletes the marked files in the folders that hold data, half-written ones (which listings hide) included.
fn delete_local(table: &Path, partition: Option<&str>, mark: &str) -> Result<usize, LakeError> {
    let Some(column) = partition else { return delete_in_folder(table, mark) };
    let mut deleted = 0;
    for folder in fs::read_dir(table).map_err(LakeError::io(table))? {
        let folder = folder.map_err(LakeError::io(table))?;
        if folder.file_name().to_string_lossy().strip_prefix(column).is_some_and(|rest| rest.starts_with('=')) {
            deleted += delete_in_folder(&folder.path(), mark)?;
        }
    }
    Ok(deleted)
}

fn delete_in_folder(folder: &Path, mark: &str) -> Result<usize, LakeError> {
    let mut deleted = 0;
    for file in fs::read_dir(folder).map_err(LakeError::io(folder))? {
        let file = file.map_err(LakeError::io(folder))?;
        if file.file_name().to_string_lossy().contains(mark) {
            fs::remove_file(file.path()).map_err(LakeError::io(file.path()))?;
            deleted += 1;
        }
    }
    Ok(deleted)
}
