//! The engine in this process.

use std::sync::Arc;

use async_trait::async_trait;
use datafusion::execution::SendableRecordBatchStream;
use datafusion::logical_expr::LogicalPlan;
use datafusion::physical_plan::ExecutionPlan;

use super::QueryEngine;
use crate::{ReportError, ReportsConfig};

/// DataFusion in this process, on a runtime of its own so that query work never delays HTTP.
pub struct EmbeddedEngine {}

impl EmbeddedEngine {
    /// Starts the engine's threads.
    ///
    /// # Errors
    /// [`ReportError::Engine`] when threads cannot be started.
    pub fn new(_config: &ReportsConfig) -> Result<Self, ReportError> {
        todo!()
    }
}

#[async_trait]
impl QueryEngine for EmbeddedEngine {
    async fn run(&self, _plan: LogicalPlan) -> Result<SendableRecordBatchStream, ReportError> {
        todo!()
    }

    async fn physical_plan(&self, _plan: LogicalPlan) -> Result<Arc<dyn ExecutionPlan>, ReportError> {
        todo!()
    }
}
