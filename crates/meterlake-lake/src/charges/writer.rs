//! Writing data files of `charges`.

use datafusion::execution::SendableRecordBatchStream;
use meterlake_model::BillingPeriod;

use crate::{
    coded::{CodedSink, SinkOptions},
    error::LakeError,
    scope::{ScopeKey, ScopeValues},
    writer::{NewFile, TableWriter, WriterOptions},
};

/// A data file of `charges` that lies in the table's folder and waits for its commit.
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

/// Writes the data files of one import into `charges`.
pub struct ChargesWriter(pub(crate) TableWriter);

impl ChargesWriter {
    /// The same writer with other bounds.
    #[must_use]
    pub fn with_options(self, options: WriterOptions) -> Self {
        Self(self.0.with_options(options))
    }

    /// Sorts (in bounded memory, spilling to the staging folder), splits by billing period and scope, and writes
    /// Parquet files. Batches have the columns of [`crate::charges::columns::schema`]; text may also come as views, as
    /// the provider yields it. May be called repeatedly; the files are invisible until they are committed.
    ///
    /// # Errors
    /// As [`TableWriter::write`].
    pub async fn write(&mut self, batches: SendableRecordBatchStream) -> Result<Vec<WrittenFile>, LakeError> {
        self.0.write(batches).await?.into_iter().map(WrittenFile::try_from).collect()
    }

    /// A sink for coded rows, which runs on a thread that may block, beside other work of this runtime.
    ///
    /// # Errors
    /// None for charges, which have a partition.
    pub fn coded(&self, options: SinkOptions, runtime: tokio::runtime::Handle) -> Result<CodedSink, LakeError> {
        self.0.coded(options, runtime)
    }

    /// Takes over the files that a sink of this writer wrote, so that the names of further files follow.
    ///
    /// # Errors
    /// [`LakeError::Rows`] when they are no files of charges.
    pub fn take_over(&mut self, files: Vec<NewFile>) -> Result<Vec<WrittenFile>, LakeError> {
        self.0.after(&files);
        files.into_iter().map(WrittenFile::try_from).collect()
    }
}

impl TryFrom<NewFile> for WrittenFile {
    type Error = LakeError;

    fn try_from(file: NewFile) -> Result<Self, LakeError> {
        let refused = |what: &str| LakeError::Rows(format!("{} has no {what} of a charge", file.path));
        let period = file.partition.and_then(BillingPeriod::from_number).ok_or_else(|| refused("billing period"))?;
        let scope = ScopeValues::try_from(file.scope.clone()).map_err(|_| refused("scope"))?;
        let NewFile { path, scope_key, rows, size, stats, .. } = file;
        Ok(Self { path, period, scope_key, scope, rows, size, stats })
    }
}

impl From<WrittenFile> for NewFile {
    fn from(file: WrittenFile) -> Self {
        let WrittenFile { path, period, scope_key, scope, rows, size, stats } = file;
        Self { path, partition: Some(period.number()), scope_key, scope: scope.into(), rows, size, stats }
    }
}
