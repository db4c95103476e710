//! The engine in this process.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::arrow::record_batch::RecordBatch;
use datafusion::error::{DataFusionError, Result as EngineResult};
use datafusion::execution::{SendableRecordBatchStream, SessionState};
use datafusion::logical_expr::LogicalPlan;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{ExecutionPlan, execute_stream};
use futures::StreamExt;
use tokio::runtime::Runtime;
use tokio::sync::mpsc::error::SendTimeoutError;
use tokio::sync::{OwnedSemaphorePermit, mpsc, oneshot};
use tokio::task::JoinHandle;

use super::admission::Admission;
use super::admitted::Admitted;
use super::{Means, QueryEngine, Work};
use crate::{ReportError, ReportsConfig};

/// Batches that may lie ready between the query and its reader: enough to overlap the two, few enough that a slow
/// reader stops the query.
const BATCHES_AHEAD: usize = 2;

/// Planning walks expressions recursively, and a filter may have hundreds of parts. Only what is used takes memory.
const STACK_SIZE: usize = 32 << 20;

/// DataFusion in this process, on a runtime of its own so that query work never delays HTTP.
pub struct EmbeddedEngine {
    state: SessionState,
    admission: Admission,
    reader_patience: Duration,
    threads: usize,
    /// Always there until the engine is dropped.
    runtime: Option<Runtime>,
}

impl EmbeddedEngine {
    /// Starts the engine's threads.
    ///
    /// # Errors
    /// [`ReportError::Engine`] when threads cannot be started, [`ReportError::Lake`] when there is no place to spill.
    pub fn new(config: &ReportsConfig) -> Result<Self, ReportError> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(config.threads.max(1))
            .thread_name("meterlake-query")
            .thread_stack_size(STACK_SIZE)
            .enable_all()
            .build()
            .map_err(|error| ReportError::Engine(format!("cannot start the query threads: {error}")))?;
        let spill_dir = config.spill_dir.clone().unwrap_or_else(std::env::temp_dir);
        let context = meterlake_lake::session_context(config.memory_limit, Some(&spill_dir))?;
        Ok(Self {
            state: context.state(),
            admission: Admission::new(config.concurrent_queries, config.waiting_queries, config.admission_timeout),
            reader_patience: config.reader_patience,
            threads: config.threads.max(1),
            runtime: Some(runtime),
        })
    }

    fn spawn<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> Result<JoinHandle<T>, ReportError> {
        let runtime = self.runtime.as_ref().ok_or_else(|| ReportError::Engine("the engine has stopped".into()))?;
        Ok(runtime.spawn(work))
    }
}

impl Drop for EmbeddedEngine {
    fn drop(&mut self) {
        // Dropping a runtime waits for its threads, which is not allowed on a thread of another runtime.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

#[async_trait]
impl QueryEngine for EmbeddedEngine {
    async fn run(&self, plans: Vec<LogicalPlan>) -> Result<SendableRecordBatchStream, ReportError> {
        let permit = self.admission.admit().await?;
        let (started, start) = oneshot::channel();
        let (batches, stream) = mpsc::channel(BATCHES_AHEAD);
        let batches = Reader { batches, patience: self.reader_patience };
        let query = Query { state: self.state.clone(), plans, started, batches, _permit: permit };
        let task = Task(self.spawn(query.run())?);
        match start.await {
            Ok(Ok(schema)) => Ok(output(schema, stream, task)),
            Ok(Err(error)) => Err(error.into()),
            Err(_) => Err(ReportError::Engine("the query died while it was planned".into())),
        }
    }

    async fn admit(&self) -> Result<Option<Admitted>, ReportError> {
        let permit = self.admission.admit().await?;
        let runtime = self.runtime.as_ref().ok_or_else(|| ReportError::Engine("the engine has stopped".into()))?;
        Ok(Some(Admitted::new(runtime.handle().clone(), self.reader_patience, permit)))
    }

    async fn physical_plan(&self, plan: LogicalPlan) -> Result<Arc<dyn ExecutionPlan>, ReportError> {
        let state = self.state.clone();
        let planned = self.spawn(async move { state.create_physical_plan(&plan).await })?;
        match planned.await {
            Ok(plan) => Ok(plan?),
            Err(error) => Err(ReportError::Engine(format!("the query died while it was planned: {error}"))),
        }
    }

    async fn work(&self, work: Work) -> Result<bool, ReportError> {
        let permit = self.admission.admit().await?;
        let means = Means { threads: self.threads, memory: Arc::clone(&self.state.runtime_env().memory_pool) };
        let mut task = Task(self.spawn(async move {
            work(means).await;
            drop(permit);
            Ok(())
        })?);
        match (&mut task.0).await {
            Ok(done) => Ok(done.map(|()| true)?),
            Err(error) => Err(ReportError::Engine(format!("the query died: {error}"))),
        }
    }
}

/// A query on its way.
struct Query {
    state: SessionState,
    plans: Vec<LogicalPlan>,
    started: oneshot::Sender<EngineResult<SchemaRef>>,
    batches: Reader,
    _permit: OwnedSemaphorePermit,
}

impl Query {
    /// Tells what the reader must still hear of.
    async fn run(self) -> EngineResult<()> {
        let mut started = Some(self.started);
        for plan in self.plans {
            let stream = match start(&self.state, plan).await {
                Ok(stream) => stream,
                Err(error) => {
                    match started.take() {
                        Some(started) => drop(started.send(Err(error))),
                        None => return Err(error),
                    }
                    return Ok(());
                }
            };
            if let Some(started) = started.take() {
                drop(started.send(Ok(stream.schema())));
            }
            if let Forwarded::ReaderGone = self.batches.forward(stream).await? {
                return Ok(());
            }
        }
        if let Some(started) = started {
            drop(started.send(Err(DataFusionError::Plan("a query of no plan".into()))));
        }
        Ok(())
    }
}

async fn start(state: &SessionState, plan: LogicalPlan) -> EngineResult<SendableRecordBatchStream> {
    let physical = state.create_physical_plan(&plan).await?;
    execute_stream(physical, state.task_ctx())
}

/// Who takes the batches of a query.
struct Reader {
    batches: mpsc::Sender<RecordBatch>,
    patience: Duration,
}

/// What became of the batches of a plan.
enum Forwarded {
    All,
    ReaderGone,
}

impl Reader {
    /// Hands the batches on. Errors when the query fails, and when the reader takes nothing for too long.
    async fn forward(&self, mut stream: SendableRecordBatchStream) -> EngineResult<Forwarded> {
        while let Some(batch) = stream.next().await {
            match self.batches.send_timeout(batch?, self.patience).await {
                Ok(()) => {}
                Err(SendTimeoutError::Closed(_)) => return Ok(Forwarded::ReaderGone),
                Err(SendTimeoutError::Timeout(_)) => {
                    let seconds = self.patience.as_secs();
                    return Err(DataFusionError::Execution(format!("nobody took its rows for {seconds} s")));
                }
            }
        }
        Ok(Forwarded::All)
    }
}

/// A running query, cancelled when nobody holds it any more.
struct Task(JoinHandle<EngineResult<()>>);

impl Drop for Task {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// The stream that the reader holds. A query that dies is an error, never an early end.
fn output(schema: SchemaRef, stream: mpsc::Receiver<RecordBatch>, task: Task) -> SendableRecordBatchStream {
    let batches = futures::stream::unfold((stream, Some(task)), |(mut stream, task)| async move {
        if let Some(batch) = stream.recv().await {
            return Some((Ok(batch), (stream, task)));
        }
        match (&mut task?.0).await {
            Ok(Ok(())) => None,
            Ok(Err(error)) => Some((Err(error), (stream, None))),
            Err(error) => Some((Err(DataFusionError::Internal(format!("the query died: {error}"))), (stream, None))),
        }
    });
    Box::pin(RecordBatchStreamAdapter::new(schema, batches))
}
