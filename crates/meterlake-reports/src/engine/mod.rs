//! Where plans run.

mod admission;
mod embedded;

use std::sync::Arc;

use async_trait::async_trait;
use datafusion::execution::SendableRecordBatchStream;
use datafusion::logical_expr::LogicalPlan;
use datafusion::physical_plan::ExecutionPlan;

pub use embedded::EmbeddedEngine;

use crate::ReportError;

/// Runs plans. Dropping the stream cancels the query.
#[async_trait]
pub trait QueryEngine: Send + Sync {
    /// Admits the plans as one query, starts the first and runs the others after it, one at a time. The stream gives
    /// their rows in that order; all plans have the columns of the first.
    ///
    /// # Errors
    /// [`ReportError::Busy`] when the query is not admitted; otherwise what planning the first found. Later errors
    /// come through the stream, and [`ReportError`] can be made of them.
    async fn run(&self, plans: Vec<LogicalPlan>) -> Result<SendableRecordBatchStream, ReportError>;

    /// The physical plan that [`QueryEngine::run`] would execute, to be shown or checked.
    ///
    /// # Errors
    /// What planning found.
    async fn physical_plan(&self, plan: LogicalPlan) -> Result<Arc<dyn ExecutionPlan>, ReportError>;
}
