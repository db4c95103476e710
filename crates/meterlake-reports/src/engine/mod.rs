//! Where plans run.

mod embedded;

use async_trait::async_trait;
use datafusion::execution::SendableRecordBatchStream;
use datafusion::logical_expr::LogicalPlan;
use datafusion::physical_plan::ExecutionPlan;
use std::sync::Arc;

pub use embedded::EmbeddedEngine;

use crate::ReportError;

/// Runs plans. Dropping the stream cancels the query.
#[async_trait]
pub trait QueryEngine: Send + Sync {
    /// Admits the plan, plans it and starts it.
    ///
    /// # Errors
    /// [`ReportError::Busy`] when it is not admitted; otherwise what planning found. Errors of the execution come
    /// through the stream.
    async fn run(&self, plan: LogicalPlan) -> Result<SendableRecordBatchStream, ReportError>;

    /// The physical plan that [`QueryEngine::run`] would execute, to be shown or checked.
    ///
    /// # Errors
    /// What planning found.
    async fn physical_plan(&self, plan: LogicalPlan) -> Result<Arc<dyn ExecutionPlan>, ReportError>;
}
