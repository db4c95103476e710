//! Why a report could not be made.

use datafusion::arrow::error::ArrowError;
use datafusion::error::DataFusionError;
use meterlake_lake::LakeError;

/// Why a report could not be made.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// The snapshot that the request is pinned to is no longer kept.
    #[error("snapshot {0} of the charges is no longer kept")]
    SnapshotGone(u64),
    /// A sum has more digits than an exact decimal holds; it is never wrapped or rounded.
    #[error("a total has more than 38 digits: {0}")]
    Overflow(String),
    /// The request contradicts itself, for example an order by a field that is not in the answer.
    #[error("{0}")]
    Request(String),
    /// Too many queries run and wait already; worth another try after some seconds.
    #[error("too many reports are running; try again in {retry_after_seconds} s")]
    Busy {
        /// When to try again.
        retry_after_seconds: u64,
    },
    /// The report needs more memory and temporary disk space than it may use.
    #[error("the report needs more memory than it may use: {0}")]
    Memory(String),
    /// The lake could not be read.
    #[error("the lake cannot be read: {0}")]
    Lake(LakeError),
    /// The engine failed; a defect of ours or a damaged data file.
    #[error("the query failed: {0}")]
    Engine(String),
}

impl From<LakeError> for ReportError {
    fn from(error: LakeError) -> Self {
        Self::Lake(error)
    }
}

impl From<DataFusionError> for ReportError {
    fn from(error: DataFusionError) -> Self {
        match error.find_root() {
            DataFusionError::ArrowError(arrow, _) if matches!(**arrow, ArrowError::ArithmeticOverflow(_)) => {
                Self::Overflow(arrow.to_string())
            }
            DataFusionError::ResourcesExhausted(what) => Self::Memory(what.clone()),
            _ => Self::Engine(error.strip_backtrace()),
        }
    }
}
