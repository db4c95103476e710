//! Where plans run.

mod admission;
mod admitted;
mod embedded;

use std::sync::Arc;

use async_trait::async_trait;
use datafusion::execution::SendableRecordBatchStream;
use datafusion::execution::memory_pool::MemoryPool;
use datafusion::logical_expr::LogicalPlan;
use datafusion::physical_plan::ExecutionPlan;
use futures::future::BoxFuture;

pub use admitted::Admitted;
pub(crate) use admitted::Running;
pub use embedded::EmbeddedEngine;

use crate::ReportError;

/// Work of our own that runs where queries run.
pub type Work = Box<dyn FnOnce(Means) -> BoxFuture<'static, ()> + Send>;

/// What work may use.
#[derive(Clone, Debug)]
pub struct Means {
    /// Tasks that it may run beside each other on the runtime that polls it.
    pub threads: usize,
    /// The memory that all queries share.
    pub memory: Arc<dyn MemoryPool>,
}

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

    /// Admits work that is no plan, like decoding rows, as a query. None when the engine runs plans only, which then
    /// must do.
    ///
    /// # Errors
    /// [`ReportError::Busy`] when it is not admitted.
    async fn admit(&self) -> Result<Option<Admitted>, ReportError> {
        Ok(None)
    }

    /// The physical plan that [`QueryEngine::run`] would execute, to be shown or checked.
    ///
    /// # Errors
    /// What planning found.
    async fn physical_plan(&self, plan: LogicalPlan) -> Result<Arc<dyn ExecutionPlan>, ReportError>;

    /// Admits the work as a query and runs it to its end; dropping the future cancels it. False, and nothing is done,
    /// when the engine runs plans only.
    ///
    /// # Errors
    /// [`ReportError::Busy`] when it is not admitted, [`ReportError::Engine`] when it dies.
    async fn work(&self, work: Work) -> Result<bool, ReportError> {
        drop(work);
        Ok(false)
    }
}
