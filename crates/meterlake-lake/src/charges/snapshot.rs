//! States of `charges`.

use std::{fmt, sync::Arc};

use chrono::{DateTime, Utc};
use datafusion::catalog::TableProvider;
use meterlake_model::{BillingPeriod, Day, ImportId};

use crate::{
    error::LakeError,
    scope::{ScopeKey, ScopeValues},
    snapshot::{TableFile, TableSnapshot},
};

/// A state of `charges` that never changes. Cheap to clone.
#[derive(Clone)]
pub struct ChargesSnapshot(pub(crate) TableSnapshot);

/// A live data file of `charges`. All its rows have one billing period and one scope.
#[derive(Clone, Debug)]
pub struct ChargesFile {
    /// Path under the table's root.
    pub path: String,
    /// Billing period of all its rows.
    pub period: BillingPeriod,
    /// Key of the scope of all its rows.
    pub scope_key: ScopeKey,
    /// The scope itself, in the order of [`crate::charges::columns::SCOPE`].
    pub scope: Arc<ScopeValues>,
    /// Import that wrote the file (its rows may be an older import's).
    pub written_by: ImportId,
    /// Number of rows.
    pub rows: u64,
    /// Size in bytes.
    pub size: u64,
    /// Earliest `usage_date`.
    pub first_day: Day,
    /// Latest `usage_date`.
    pub last_day: Day,
    pub(crate) file: TableFile,
}

impl ChargesFile {
    /// The file as `charges` knows it.
    pub(crate) fn of(file: &TableFile) -> Result<Self, LakeError> {
        let corrupt = |what: &str| LakeError::Corrupt {
            path: file.path.to_string(),
            reason: format!("has no {what} of a charge by its name and statistics"),
        };
        let period = file.partition.and_then(BillingPeriod::from_number).ok_or_else(|| corrupt("billing period"))?;
        let scope = ScopeValues::try_from(file.scope.to_vec()).map_err(|_| corrupt("scope"))?;
        Ok(Self {
            path: file.path.to_string(),
            period,
            scope_key: file.scope_key,
            scope: Arc::new(scope),
            written_by: file.written_by,
            rows: file.rows,
            size: file.size,
            first_day: file.first_day,
            last_day: file.last_day,
            file: file.clone(),
        })
    }
}

impl ChargesSnapshot {
    /// The version of the table.
    #[must_use]
    pub fn version(&self) -> u64 {
        self.0.version()
    }

    /// When this version was committed.
    #[must_use]
    pub fn committed_at(&self) -> DateTime<Utc> {
        self.0.committed_at()
    }

    /// The newest version up to this one whose commit changed rows, as [`TableSnapshot::data_version`].
    #[must_use]
    pub fn data_version(&self) -> u64 {
        self.0.data_version()
    }

    /// The live data files, by path.
    #[must_use]
    pub fn files(&self) -> &[ChargesFile] {
        self.0.charges_files()
    }

    /// The live file of this path.
    #[must_use]
    pub fn file(&self, path: &str) -> Option<&ChargesFile> {
        self.0.charges_file(path)
    }

    /// The whole table: the columns of [`crate::charges::columns::schema`], with text as `Utf8View`.
    #[must_use]
    pub fn provider(&self) -> Arc<dyn TableProvider> {
        self.0.provider()
    }

    /// Only the rows of these files.
    #[must_use]
    pub fn provider_of(&self, files: &[ChargesFile]) -> Arc<dyn TableProvider> {
        Arc::new(self.0.some(plain(files)))
    }

    /// Only the rows of these files, in no order: for aggregates, which want no more partitions than threads.
    #[must_use]
    pub fn unordered_provider_of(&self, files: &[ChargesFile]) -> Arc<dyn TableProvider> {
        Arc::new(self.0.some(plain(files)).unordered())
    }
}

fn plain(files: &[ChargesFile]) -> Arc<[TableFile]> {
    files.iter().map(|file| file.file.clone()).collect()
}

impl fmt::Debug for ChargesSnapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}
