//! The lake: its tables by name.

use std::{path::Path, sync::Arc};

use meterlake_model::{ImportId, SharedClock, SystemClock};
use url::Url;

use crate::{
    error::LakeError,
    snapshot::TableSnapshot,
    table_log::TableLog,
    tables::Table,
    writer::{TableWriter, WriterOptions},
};

/// A lake: a folder or bucket of Delta tables. Cheap to clone.
#[derive(Clone)]
pub struct Lake(Arc<[TableLog; Table::ALL.len()]>);

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
        let open = |table| TableLog::open(root, table, Arc::clone(&clock));
        let (charges, rollup, months, events, daily, users, licences) = futures::try_join!(
            open(Table::Charges),
            open(Table::ChargesRollup),
            open(Table::ChargesRollupMonths),
            open(Table::B2cEvents),
            open(Table::B2cDaily),
            open(Table::UserCounts),
            open(Table::Licences),
        )?;
        Ok(Self(Arc::new([charges, rollup, months, events, daily, users, licences])))
    }

    /// The log of a table.
    pub(crate) fn log(&self, table: Table) -> &TableLog {
        &self.0[table as usize]
    }

    /// The newest snapshot of a table; sees commits of other processes.
    ///
    /// # Errors
    /// When the log cannot be read, or asks for features that Meterlake does not read.
    pub async fn snapshot(&self, table: Table) -> Result<TableSnapshot, LakeError> {
        self.log(table).newest().await
    }

    /// The snapshot of this version.
    ///
    /// # Errors
    /// [`LakeError::NoSuchVersion`] when there is none, or its log has been cleaned away; else as [`Self::snapshot`].
    pub async fn snapshot_at(&self, table: Table, version: u64) -> Result<TableSnapshot, LakeError> {
        self.log(table).at(version).await
    }

    /// A writer of data files for an import; at most one for each import and table, because it numbers its files.
    /// `staging` is the folder in which its sort may spill.
    #[must_use]
    pub fn table_writer(&self, table: Table, import: ImportId, staging: &Path) -> TableWriter {
        TableWriter::new(table, self.log(table).root.clone(), import, staging.to_path_buf(), WriterOptions::default())
    }
}
