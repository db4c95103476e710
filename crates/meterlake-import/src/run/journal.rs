//! Where import records are kept beside the lake.

use async_trait::async_trait;
use meterlake_model::ImportId;

use crate::ImportRecord;

/// What a journal says when it fails.
pub type JournalError = Box<dyn std::error::Error + Send + Sync>;

/// Keeps import records. The program implements it over the control state; the lake's sidecars can rebuild it.
#[async_trait]
pub trait ImportJournal: Send + Sync {
    /// Stores or replaces the record with this id, in whatever state it is.
    async fn store(&self, record: &ImportRecord) -> Result<(), JournalError>;

    /// The record with this id.
    async fn get(&self, id: ImportId) -> Result<Option<ImportRecord>, JournalError>;

    /// All records in state `running`.
    async fn running(&self) -> Result<Vec<ImportRecord>, JournalError>;

    /// Records in state `committed` that hold a file with this SHA-256, of its bytes or of its decompressed contents.
    async fn find_by_hash(&self, sha256: &str) -> Result<Vec<ImportRecord>, JournalError>;

    /// All records in state `committed`, oldest first.
    async fn committed(&self) -> Result<Vec<ImportRecord>, JournalError>;
}
