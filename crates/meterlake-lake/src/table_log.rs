//! The log of one table: its newest and older states.

use std::{
    collections::VecDeque,
    sync::{Arc, PoisonError, RwLock},
};

use deltalake_core::{
    DeltaTable,
    logstore::{LogStoreRef, StorageConfig, default_logstore},
    table::state::DeltaTableState,
};
use meterlake_model::SharedClock;
use tokio::sync::Mutex;
use url::Url;

use crate::{
    error::LakeError,
    log::{self, Heading},
    root::TableRoot,
    snapshot::TableSnapshot,
    tables::Table,
    upkeep::horizon,
};

/// Older snapshots that are kept loaded for paged walks.
const PINNED: usize = 16;

/// Name of the lock file by which processes take turns at committing.
pub(crate) const COMMIT_LOCK: &str = "_commit.lock";

/// One table's log, and the states of the table that are loaded from it.
pub(crate) struct TableLog {
    pub(crate) table: Table,
    pub(crate) root: TableRoot,
    pub(crate) clock: SharedClock,
    /// One committer at a time in this process.
    pub(crate) committer: Mutex<()>,
    log_store: LogStoreRef,
    /// The log as far as it is loaded; its lock also keeps loads from running twice.
    delta: Mutex<DeltaTable>,
    current: RwLock<Option<TableSnapshot>>,
    pinned: Mutex<VecDeque<TableSnapshot>>,
}

impl TableLog {
    /// Opens a table of the lake at `lake`, creating it when it is missing.
    pub(crate) async fn open(lake: &Url, table: Table, clock: SharedClock) -> Result<Self, LakeError> {
        let root = TableRoot::open(lake, table.name())?;
        if !root.exists(&log::entry_path(0)).await? && !root.exists("_delta_log/_last_checkpoint").await? {
            let _lock = root.lock(COMMIT_LOCK).await?;
            root.create(&log::entry_path(0), log::create(table, clock.now())).await?;
        }
        let log_store =
            default_logstore(Arc::clone(&root.store), Arc::clone(&root.bucket), &root.url, &StorageConfig::default());
        let opened = Self {
            table,
            root,
            clock,
            committer: Mutex::new(()),
            delta: Mutex::new(DeltaTable::new(Arc::clone(&log_store))),
            log_store,
            current: RwLock::new(None),
            pinned: Mutex::new(VecDeque::new()),
        };
        opened.newest().await?;
        Ok(opened)
    }

    /// The newest snapshot; sees commits of other processes.
    pub(crate) async fn newest(&self) -> Result<TableSnapshot, LakeError> {
        if let Some(current) = self.current()
            && !self.root.exists(&log::entry_path(current.version() + 1)).await?
        {
            return Ok(current);
        }
        let mut delta = self.delta.lock().await;
        let before = self.current();
        // Another task may have loaded it while this one waited.
        if let Some(current) = &before
            && !self.root.exists(&log::entry_path(current.version() + 1)).await?
        {
            return Ok(current.clone());
        }
        delta.update_incremental(None).await?;
        let snapshot = self.snapshot_of(&delta, before.as_ref()).await?;
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = Some(snapshot.clone());
        drop(delta);
        if let Some(before) = before {
            // Walks that began on it go on with it.
            self.pin(before).await;
        }
        Ok(snapshot)
    }

    /// The snapshot of this version.
    pub(crate) async fn at(&self, version: u64) -> Result<TableSnapshot, LakeError> {
        let newest = match self.current() {
            Some(current) if current.version() >= version => current,
            _ => self.newest().await?,
        };
        let gone = LakeError::NoSuchVersion { table: self.table, version, newest: newest.version() };
        // The files of versions before the horizon may be deleted, also of one that is still the newest loaded.
        if version > newest.version() || version < horizon::read(&self.root).await? {
            return Err(gone);
        }
        if version == newest.version() {
            return Ok(newest);
        }
        if let Some(found) = self.pinned(version).await {
            return Ok(found);
        }
        let mut delta = DeltaTable::new(Arc::clone(&self.log_store));
        if let Err(error) = delta.load_version(version).await {
            tracing::warn!(table = %self.table, version, %error, "snapshot cannot be loaded");
            return Err(gone);
        }
        let snapshot = self.snapshot_of(&delta, Some(&newest)).await?;
        self.pin(snapshot.clone()).await;
        Ok(snapshot)
    }

    /// An older snapshot that is still loaded.
    async fn pinned(&self, version: u64) -> Option<TableSnapshot> {
        let mut pinned = self.pinned.lock().await;
        let place = pinned.iter().position(|snapshot| snapshot.version() == version)?;
        let found = pinned.remove(place)?;
        pinned.push_back(found.clone());
        Some(found)
    }

    /// Keeps an older snapshot loaded; the one that was longest not asked for gives way.
    async fn pin(&self, snapshot: TableSnapshot) {
        let mut pinned = self.pinned.lock().await;
        pinned.retain(|held| held.version() != snapshot.version());
        if pinned.len() == PINNED {
            pinned.pop_front();
        }
        pinned.push_back(snapshot);
    }

    fn current(&self) -> Option<TableSnapshot> {
        self.current.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    async fn snapshot_of(
        &self,
        delta: &DeltaTable,
        before: Option<&TableSnapshot>,
    ) -> Result<TableSnapshot, LakeError> {
        let state = delta.snapshot()?;
        let heading = self.heading(state.version()).await?;
        TableSnapshot::load(self.table, &self.root, state, heading, self.notes(state).await?, before)
    }

    /// The versions of other tables that the rows were built from.
    async fn notes(&self, state: &DeltaTableState) -> Result<Vec<(Table, u64)>, LakeError> {
        let mut notes = Vec::new();
        for source in self.table.built_from() {
            let version = state.transaction_version(self.log_store.as_ref(), source.name()).await?;
            notes.extend(version.and_then(|version| u64::try_from(version).ok()).map(|version| (*source, version)));
        }
        Ok(notes)
    }

    /// What the entry of a version says of itself; nothing, and the oldest instant, when it is gone.
    pub(crate) async fn heading(&self, version: u64) -> Result<Heading, LakeError> {
        let entry = self.root.get(&log::entry_path(version)).await?;
        Ok(entry.map_or(Heading::NONE, |entry| Heading::of(&entry)))
    }

    /// The version that the log notes for an application transaction.
    pub(crate) async fn transaction(&self, application: &str) -> Result<Option<u64>, LakeError> {
        self.newest().await?;
        let delta = self.delta.lock().await;
        let version = delta.snapshot()?.transaction_version(self.log_store.as_ref(), application).await?;
        Ok(version.and_then(|version| u64::try_from(version).ok()))
    }

    /// Writes a checkpoint of the newest loaded version, and puts it on disk.
    pub(crate) async fn checkpoint(&self) -> Result<(), LakeError> {
        let delta = self.delta.lock().await.clone();
        let version = delta.snapshot()?.version();
        deltalake_core::checkpoints::create_checkpoint(&delta, None).await?;
        let written =
            [format!("_delta_log/{version:020}.checkpoint.parquet"), "_delta_log/_last_checkpoint".to_owned()];
        self.root.sync(written.to_vec()).await
    }
}
