//! Committing imports: all of an import becomes visible at once, or nothing.

use std::collections::{BTreeSet, HashSet};

use futures::TryStreamExt;
use meterlake_model::ImportId;
use object_store::{ObjectStore, ObjectStoreExt, path::Path as StorePath};
use serde::{Deserialize, Serialize};

use crate::{
    error::LakeError,
    lake::Lake,
    log::{self, CHECKPOINT_INTERVAL, ImportEntry},
    root::Created,
    scope::ScopeKey,
    snapshot::{TableFile, TableSnapshot},
    table_log::{COMMIT_LOCK, TableLog},
    tables::Table,
    writer::NewFile,
};

/// Attempts against committers that do not honour the lock (other tools).
const ATTEMPTS: u32 = 20;

/// Folder of the import records, beside the data; Delta readers skip names with a leading underscore.
pub(crate) const RECORDS: &str = "_imports";

/// Everything that one import changes in one table, taken over by one Delta commit.
#[derive(Clone, Debug)]
pub struct TableCommit {
    /// The import.
    pub import: ImportId,
    /// Data files that the import brings.
    pub adds: Vec<NewFile>,
    /// Live data files that it replaces.
    pub removes: Vec<TableFile>,
    /// The snapshot in which `removes` were found.
    pub read_version: u64,
    /// SHA-256 of the source files, hexadecimal.
    pub source_hashes: Vec<String>,
    /// The import's record, stored beside the table before the commit; none when another table keeps it.
    pub record: Option<serde_json::Value>,
    /// Versions of other tables that the rows were built from; only of [`Table::built_from`].
    pub notes: Vec<(Table, u64)>,
}

/// The stored record of an import that really was committed.
#[derive(Clone, Debug)]
pub struct ImportRecordJson {
    /// The import.
    pub import: ImportId,
    /// The snapshot that its commit made.
    pub version: u64,
    /// The record as given to the commit.
    pub record: serde_json::Value,
}

/// A record as it lies beside the table.
#[derive(Serialize, Deserialize)]
struct Sidecar {
    import: ImportId,
    /// The version that the commit tried to make; proved only by the log.
    version: u64,
    record: serde_json::Value,
}

pub(crate) fn record_path(import: ImportId) -> String {
    format!("{RECORDS}/{import}.json")
}

impl Lake {
    /// Commits an import to a table: all of it becomes visible at once. Returns the new version, or the version that
    /// it already has when it was committed before.
    ///
    /// # Errors
    /// [`LakeError::Conflict`] when a file to be removed, or the set of files of a partition and scope that the commit
    /// touches, is no longer as in `read_version`; [`LakeError::Corrupt`] when a data file is not as it was written;
    /// [`LakeError::NoSuchVersion`] when a noted version does not exist; [`LakeError::Rows`] when the table is not
    /// built from a noted one.
    pub async fn commit_to(&self, table: Table, commit: TableCommit) -> Result<u64, LakeError> {
        for (source, version) in &commit.notes {
            if !table.built_from().contains(source) {
                return Err(LakeError::Rows(format!(
                    "{table} is not built from {source}; its version cannot be noted"
                )));
            }
            let newest = self.snapshot(*source).await?.version();
            if *version > newest {
                return Err(LakeError::NoSuchVersion { table: *source, version: *version, newest });
            }
        }
        self.log(table).commit(commit, Rows::Changed).await
    }

    /// The version of a table that an import's commit made, or none when it is not committed there. Decided by the
    /// Delta log alone.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub async fn committed_version_in(&self, table: Table, import: ImportId) -> Result<Option<u64>, LakeError> {
        self.log(table).committed_version(import).await
    }

    /// The records of all imports that were committed to a table with one, oldest first; records of imports that
    /// never were committed are left out.
    ///
    /// # Errors
    /// When the log cannot be read or the records cannot be listed. A record that cannot be read is passed over with a
    /// warning: one damaged file must not keep the others from use.
    pub async fn committed_imports_in(&self, table: Table) -> Result<Vec<ImportRecordJson>, LakeError> {
        self.committed_imports_except_in(table, &BTreeSet::new()).await
    }

    /// The same without the imports that are known already, of which nothing is read.
    ///
    /// # Errors
    /// As [`Self::committed_imports_in`].
    pub async fn committed_imports_except_in(
        &self,
        table: Table,
        known: &BTreeSet<ImportId>,
    ) -> Result<Vec<ImportRecordJson>, LakeError> {
        self.log(table).committed_imports(known).await
    }
}

/// Whether a commit changes the rows of the table, or only the files that hold them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rows {
    /// It brings or takes rows.
    Changed,
    /// A compaction: the removed files hold the same rows as the added ones.
    Same,
}

impl TableLog {
    pub(crate) async fn commit(&self, commit: TableCommit, rows: Rows) -> Result<u64, LakeError> {
        let version = {
            let _turn = self.committer.lock().await;
            let _lock = self.root.lock(COMMIT_LOCK).await?;
            if let Some(version) = self.committed_version(commit.import).await? {
                return Ok(version);
            }
            self.check_data_files(&commit.adds).await?;
            self.root.sync(commit.adds.iter().map(|add| add.path.clone()).collect()).await?;
            self.append(&commit, rows).await?
        };
        tracing::info!(table = %self.table, import = %commit.import, version, adds = commit.adds.len(), removes = commit.removes.len(), "committed");
        if version.is_multiple_of(CHECKPOINT_INTERVAL) {
            // The log is complete without it; the next interval tries again.
            if let Err(error) = self.newest().await {
                tracing::warn!(table = %self.table, version, %error, "snapshot not loaded after commit");
            } else if let Err(error) = self.checkpoint().await {
                tracing::warn!(table = %self.table, version, %error, "checkpoint not written");
            }
        }
        Ok(version)
    }

    /// Writes the log entry after the newest one.
    async fn append(&self, commit: &TableCommit, rows: Rows) -> Result<u64, LakeError> {
        let root = &self.root;
        for _ in 0..ATTEMPTS {
            let newest = self.newest().await?;
            self.check_conflicts(commit, &newest).await?;
            let version = newest.version() + 1;
            if let Some(record) = commit.record.clone() {
                let sidecar = Sidecar { import: commit.import, version, record };
                root.put(&record_path(commit.import), serde_json::to_vec_pretty(&sidecar)?.into()).await?;
            }
            let entry = ImportEntry {
                table: self.table,
                import: commit.import,
                version,
                // Later than its predecessor also when the clock was set back.
                now: self.clock.now().max(newest.committed_at() + chrono::TimeDelta::milliseconds(1)),
                adds: &commit.adds,
                removes: &commit.removes,
                source_hashes: &commit.source_hashes,
                notes: &commit.notes,
                same_rows_as: (rows == Rows::Same).then(|| newest.data_version()),
            };
            match root.create(&log::entry_path(version), entry.to_bytes()).await? {
                Created::New => return Ok(version),
                Created::Taken => tracing::info!(table = %self.table, version, "another committer was faster"),
            }
        }
        Err(LakeError::Root {
            root: root.url.to_string(),
            reason: format!("{ATTEMPTS} commits of other writers came first; are other tools writing to the table?"),
        })
    }

    /// Every file must be there in full length before the log names it.
    async fn check_data_files(&self, adds: &[NewFile]) -> Result<(), LakeError> {
        for add in adds {
            let found = self.root.store.head(&StorePath::from(add.path.as_str())).await?;
            if found.size != add.size {
                let reason = format!("has {} bytes; {} were written", found.size, add.size);
                return Err(LakeError::Corrupt { path: add.path.clone(), reason });
            }
        }
        Ok(())
    }

    async fn check_conflicts(&self, commit: &TableCommit, newest: &TableSnapshot) -> Result<(), LakeError> {
        let conflict = |path: &str| LakeError::Conflict {
            import: commit.import,
            read_version: commit.read_version,
            path: path.to_owned(),
        };
        if let Some(gone) = commit.removes.iter().find(|file| newest.file(&file.path).is_none()) {
            return Err(conflict(&gone.path));
        }
        if commit.read_version == newest.version() {
            return Ok(());
        }
        let touched: HashSet<(Option<i32>, ScopeKey)> = (commit.adds.iter().map(|f| (f.partition, f.scope_key)))
            .chain(commit.removes.iter().map(|f| (f.partition, f.scope_key)))
            .collect();
        let read = self.at(commit.read_version).await?;
        let paths = |snapshot: &TableSnapshot| -> BTreeSet<String> {
            let files = snapshot.files().iter().filter(|f| touched.contains(&(f.partition, f.scope_key)));
            files.map(|f| f.path.to_string()).collect()
        };
        match paths(&read).symmetric_difference(&paths(newest)).next() {
            Some(changed) => Err(conflict(changed)),
            None => Ok(()),
        }
    }

    /// The version that an import's commit made, or none when it is not committed.
    pub(crate) async fn committed_version(&self, import: ImportId) -> Result<Option<u64>, LakeError> {
        self.transaction(&import.to_string()).await
    }

    /// The records of committed imports but for those that are known already, of which nothing is read.
    async fn committed_imports(&self, known: &BTreeSet<ImportId>) -> Result<Vec<ImportRecordJson>, LakeError> {
        let root = &self.root;
        let listed: Vec<_> = root.store.list(Some(&StorePath::from(RECORDS))).try_collect().await?;
        let mut imports = Vec::with_capacity(listed.len());
        for object in listed.iter().filter(|object| object.location.extension() == Some("json")) {
            let name = object.location.filename().and_then(|name| name.strip_suffix(".json"));
            if name.and_then(|name| name.parse().ok()).is_some_and(|import| known.contains(&import)) {
                continue;
            }
            let path = object.location.to_string();
            let content = match root.get(&path).await {
                Ok(Some(content)) => content,
                Ok(None) => continue,
                Err(error) => {
                    tracing::warn!(path, %error, "an import record cannot be read and is passed over");
                    continue;
                }
            };
            let Sidecar { import, version, record } = match serde_json::from_slice(&content) {
                Ok(sidecar) => sidecar,
                Err(error) => {
                    tracing::warn!(path, %error, "a file is not an import record and is passed over");
                    continue;
                }
            };
            // The entry that the record points at proves it at the least cost; when it is gone, the whole log decides.
            let proved = match root.get(&log::entry_path(version)).await? {
                Some(entry) => log::is_commit_of(&entry, import).then_some(version),
                None => self.committed_version(import).await?,
            };
            if let Some(version) = proved {
                imports.push(ImportRecordJson { import, version, record });
            }
        }
        imports.sort_by_key(|found| found.version);
        Ok(imports)
    }
}
