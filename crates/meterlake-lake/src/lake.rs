//! The lake and its snapshots.

use std::{
    collections::VecDeque,
    path::Path,
    sync::{Arc, PoisonError, RwLock},
};

use chrono::{DateTime, Utc};
use deltalake_core::{
    DeltaTable,
    logstore::{LogStoreRef, StorageConfig, default_logstore},
};
use meterlake_model::{ImportId, SharedClock, SystemClock};
use tokio::sync::Mutex;
use url::Url;

use crate::{
    error::LakeError,
    log,
    root::TableRoot,
    snapshot::ChargesSnapshot,
    writer::{ChargesWriter, WriterOptions},
};

/// Older snapshots that are kept loaded for paged walks.
const PINNED: usize = 16;

/// Name of the lock file by which processes take turns at committing.
pub(crate) const COMMIT_LOCK: &str = "_commit.lock";

/// A lake: a folder or bucket of Delta tables. Cheap to clone.
#[derive(Clone)]
pub struct Lake(pub(crate) Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) root: TableRoot,
    pub(crate) clock: SharedClock,
    /// One committer at a time in this process.
    pub(crate) committer: Mutex<()>,
    log_store: LogStoreRef,
    /// The log as far as it is loaded; its lock also keeps loads from running twice.
    table: Mutex<DeltaTable>,
    current: RwLock<Option<ChargesSnapshot>>,
    pinned: Mutex<VecDeque<ChargesSnapshot>>,
}

impl Lake {
    /// Opens the lake at a URL (`file:///…/lake/`, or an object store), creating missing tables.
    ///
    /// # Errors
    /// When the place cannot be used, or holds a table that needs Delta features that Meterlake does not read.
    pub async fn open(root: &Url) -> Result<Self, LakeError> {
        Self::open_with_clock(root, Arc::new(SystemClock)).await
    }

    /// Opens the lake in a local folder, creating the folder and missing tables.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub async fn open_path(dir: &Path) -> Result<Self, LakeError> {
        let refused = |reason: String| LakeError::Root { root: dir.display().to_string(), reason };
        let absolute = std::path::absolute(dir).map_err(|e| refused(e.to_string()))?;
        let url = Url::from_directory_path(&absolute).map_err(|()| refused("is not a usable path".to_owned()))?;
        Self::open(&url).await
    }

    /// Opens the lake as [`Self::open`] does, with the clock that commits are stamped by.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub async fn open_with_clock(root: &Url, clock: SharedClock) -> Result<Self, LakeError> {
        let root = TableRoot::open(root, "charges")?;
        if !root.exists(&log::entry_path(0)).await? && !root.exists("_delta_log/_last_checkpoint").await? {
            let _lock = root.lock(COMMIT_LOCK).await?;
            root.create(&log::entry_path(0), log::create_charges(clock.now())).await?;
        }
        let log_store =
            default_logstore(Arc::clone(&root.store), Arc::clone(&root.bucket), &root.url, &StorageConfig::default());
        let lake = Self(Arc::new(Inner {
            root,
            clock,
            committer: Mutex::new(()),
            table: Mutex::new(DeltaTable::new(Arc::clone(&log_store))),
            log_store,
            current: RwLock::new(None),
            pinned: Mutex::new(VecDeque::new()),
        }));
        lake.charges().await?;
        Ok(lake)
    }

    /// The newest snapshot of `charges`; sees commits of other processes.
    ///
    /// # Errors
    /// When the log cannot be read, or asks for features that Meterlake does not read.
    pub async fn charges(&self) -> Result<ChargesSnapshot, LakeError> {
        if let Some(current) = self.current()
            && !self.0.root.exists(&log::entry_path(current.version() + 1)).await?
        {
            return Ok(current);
        }
        let mut table = self.0.table.lock().await;
        let before = self.current();
        // Another task may have loaded it while this one waited.
        if let Some(current) = &before
            && !self.0.root.exists(&log::entry_path(current.version() + 1)).await?
        {
            return Ok(current.clone());
        }
        table.update_incremental(None).await?;
        let snapshot = self.snapshot_of(&table, before.as_ref()).await?;
        *self.0.current.write().unwrap_or_else(PoisonError::into_inner) = Some(snapshot.clone());
        drop(table);
        if let Some(before) = before {
            // Walks that began on it go on with it.
            self.pin(before).await;
        }
        Ok(snapshot)
    }

    /// The snapshot of this version.
    ///
    /// # Errors
    /// [`LakeError::NoSuchVersion`] when there is none, or its log has been cleaned away; else as [`Self::charges`].
    pub async fn charges_at(&self, version: u64) -> Result<ChargesSnapshot, LakeError> {
        let newest = match self.current() {
            Some(current) if current.version() >= version => current,
            _ => self.charges().await?,
        };
        if version == newest.version() {
            return Ok(newest);
        }
        if version > newest.version() {
            return Err(LakeError::NoSuchVersion { version, newest: newest.version() });
        }
        if let Some(found) = self.pinned(version).await {
            return Ok(found);
        }
        let mut table = DeltaTable::new(Arc::clone(&self.0.log_store));
        if let Err(error) = table.load_version(version).await {
            tracing::warn!(version, %error, "snapshot cannot be loaded");
            return Err(LakeError::NoSuchVersion { version, newest: newest.version() });
        }
        let snapshot = self.snapshot_of(&table, Some(&newest)).await?;
        self.pin(snapshot.clone()).await;
        Ok(snapshot)
    }

    /// An older snapshot that is still loaded.
    async fn pinned(&self, version: u64) -> Option<ChargesSnapshot> {
        let mut pinned = self.0.pinned.lock().await;
        let place = pinned.iter().position(|snapshot| snapshot.version() == version)?;
        let found = pinned.remove(place)?;
        pinned.push_back(found.clone());
        Some(found)
    }

    /// Keeps an older snapshot loaded; the one that was longest not asked for gives way.
    async fn pin(&self, snapshot: ChargesSnapshot) {
        let mut pinned = self.0.pinned.lock().await;
        pinned.retain(|held| held.version() != snapshot.version());
        if pinned.len() == PINNED {
            pinned.pop_front();
        }
        pinned.push_back(snapshot);
    }

    /// A writer of data files for an import. `staging` is the folder in which its sort may spill.
    #[must_use]
    pub fn writer(&self, import: ImportId, staging: &Path) -> ChargesWriter {
        ChargesWriter::new(self.0.root.clone(), import, staging.to_path_buf(), WriterOptions::default())
    }

    fn current(&self) -> Option<ChargesSnapshot> {
        self.0.current.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    async fn snapshot_of(
        &self,
        table: &DeltaTable,
        before: Option<&ChargesSnapshot>,
    ) -> Result<ChargesSnapshot, LakeError> {
        let state = table.snapshot()?;
        let committed_at = self.committed_at(state.version()).await?;
        ChargesSnapshot::load(&self.0.root, state, committed_at, before)
    }

    /// When a version was committed: what its entry says, or else the oldest instant, for an entry that is gone.
    async fn committed_at(&self, version: u64) -> Result<DateTime<Utc>, LakeError> {
        let entry = self.0.root.get(&log::entry_path(version)).await?;
        Ok(entry.and_then(|entry| log::committed_at(&entry)).unwrap_or(DateTime::UNIX_EPOCH))
    }

    /// The table version that the log notes for an application transaction.
    pub(crate) async fn transaction(&self, application: &str) -> Result<Option<u64>, LakeError> {
        self.charges().await?;
        let table = self.0.table.lock().await;
        let version = table.snapshot()?.transaction_version(self.0.log_store.as_ref(), application).await?;
        Ok(version.and_then(|version| u64::try_from(version).ok()))
    }

    /// Writes a checkpoint of the newest loaded version, and puts it on disk.
    pub(crate) async fn checkpoint(&self) -> Result<(), LakeError> {
        let table = self.0.table.lock().await.clone();
        let version = table.snapshot()?.version();
        deltalake_core::checkpoints::create_checkpoint(&table, None).await?;
        let written =
            [format!("_delta_log/{version:020}.checkpoint.parquet"), "_delta_log/_last_checkpoint".to_owned()];
        self.0.root.sync(written.to_vec()).await
    }
}
