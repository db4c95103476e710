//! Where import records are kept beside the lake.

use std::collections::BTreeSet;

use async_trait::async_trait;
use meterlake_model::ImportId;

use crate::{DatasetRecord, ImportRecord};

/// What a journal says when it fails.
pub type JournalError = Box<dyn std::error::Error + Send + Sync>;

/// Keeps import records. The program implements it over the control state; the lake's sidecars can rebuild it.
#[async_trait]
pub trait ImportJournal: Send + Sync {
    /// Stores or replaces the record with this id, in whatever state it is.
    async fn store(&self, record: &ImportRecord) -> Result<(), JournalError>;

    /// The record with this id.
    async fn get(&self, id: ImportId) -> Result<Option<ImportRecord>, JournalError>;

    /// All records of imports of charges in state `running`.
    async fn running(&self) -> Result<Vec<ImportRecord>, JournalError>;

    /// Records of imports of charges in state `committed` that hold a file with this SHA-256, of its bytes or of its decompressed contents.
    async fn find_by_hash(&self, sha256: &str) -> Result<Vec<ImportRecord>, JournalError>;

    /// All records of imports of charges in state `committed`, oldest first.
    async fn committed(&self) -> Result<Vec<ImportRecord>, JournalError>;

    /// Stores or replaces the record of a dataset import with this id, in whatever state it is.
    async fn store_dataset(&self, record: &DatasetRecord) -> Result<(), JournalError>;

    /// The record of the dataset import with this id.
    async fn dataset(&self, id: ImportId) -> Result<Option<DatasetRecord>, JournalError>;

    /// Ids of the dataset imports in state `committed` whose version is known: what the lake need not be asked about.
    async fn committed_datasets(&self) -> Result<BTreeSet<ImportId>, JournalError>;

    /// All records of dataset imports in state `running`, oldest first.
    async fn running_datasets(&self) -> Result<Vec<DatasetRecord>, JournalError>;
}
