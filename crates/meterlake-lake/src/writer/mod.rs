//! Writing data files.

use datafusion::execution::SendableRecordBatchStream;
use meterlake_model::BillingPeriod;

use crate::{
    error::LakeError,
    scope::{ScopeKey, ScopeValues},
};

/// Bounds of a writer.
#[derive(Clone, Debug)]
pub struct WriterOptions {
    /// Memory of the sort in bytes; more rows than fit are spilled to disk.
    pub sort_memory: usize,
    /// A file is closed when it has about this many bytes.
    pub file_bytes: u64,
    /// A file is closed when it has this many rows.
    pub file_rows: u64,
    /// Rows of a row group.
    pub row_group_rows: usize,
}

impl Default for WriterOptions {
    fn default() -> Self {
        Self { sort_memory: 128 << 20, file_bytes: 128 << 20, file_rows: 4_000_000, row_group_rows: 128 * 1024 }
    }
}

/// A data file that lies in the table's folder and waits for its commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WrittenFile {
    /// Path under the table's root.
    pub path: String,
    /// Billing period of all its rows.
    pub period: BillingPeriod,
    /// Key of the scope of all its rows.
    pub scope_key: ScopeKey,
    /// The scope itself, in the order of [`crate::charges::columns::SCOPE`].
    pub scope: ScopeValues,
    /// Number of rows.
    pub rows: u64,
    /// Size in bytes.
    pub size: u64,
    /// The file's statistics as the Delta log writes them (JSON).
    pub stats: String,
}

/// Writes the data files of one import.
pub struct ChargesWriter {
    options: WriterOptions,
}

impl ChargesWriter {
    /// The same writer with other bounds.
    #[must_use]
    pub fn with_options(mut self, options: WriterOptions) -> Self {
        self.options = options;
        self
    }

    /// Sorts (in bounded memory, spilling to the staging folder), splits by billing period and scope, and writes
    /// Parquet files. Batches have the columns of [`crate::charges::columns::schema`]. May be called repeatedly.
    pub async fn write(&mut self, _batches: SendableRecordBatchStream) -> Result<Vec<WrittenFile>, LakeError> {
        todo!()
    }
}
