//! Immutable states of the table `charges`.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use datafusion::catalog::TableProvider;
use meterlake_model::{BillingPeriod, Day, ImportId};

use crate::scope::{ScopeKey, ScopeValues};

/// A state of `charges` that never changes. Cheap to clone.
#[derive(Clone)]
pub struct ChargesSnapshot(Arc<()>);

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
}

impl ChargesSnapshot {
    /// The version of the table.
    #[must_use]
    pub fn version(&self) -> u64 {
        todo!()
    }
    /// When this version was committed.
    #[must_use]
    pub fn committed_at(&self) -> DateTime<Utc> {
        todo!()
    }
    /// The live data files, by path.
    #[must_use]
    pub fn files(&self) -> &[ChargesFile] {
        todo!()
    }
    /// The whole table: columns of [`crate::charges::columns::schema`].
    #[must_use]
    pub fn provider(&self) -> Arc<dyn TableProvider> {
        todo!()
    }
    /// Only the rows of these files.
    #[must_use]
    pub fn provider_of(&self, _files: &[ChargesFile]) -> Arc<dyn TableProvider> {
        todo!()
    }
}
