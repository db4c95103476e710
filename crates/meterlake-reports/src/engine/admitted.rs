//! Work on the engine's threads that is no plan.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::OwnedSemaphorePermit;
use tokio::task::JoinHandle;

use crate::ReportError;

/// The right to work on the engine's threads as one query; given back when the value and all its clones are dropped.
#[derive(Clone, Debug)]
pub struct Admitted {
    threads: Handle,
    patience: Duration,
    _permit: Arc<OwnedSemaphorePermit>,
}

impl Admitted {
    pub(super) fn new(threads: Handle, patience: Duration, permit: OwnedSemaphorePermit) -> Self {
        Self { threads, patience, _permit: Arc::new(permit) }
    }

    /// How long the work waits for its reader.
    pub(crate) fn patience(&self) -> Duration {
        self.patience
    }

    /// How many parts of the work can run at the same time.
    pub(crate) fn threads(&self) -> usize {
        self.threads.metrics().num_workers().max(1)
    }

    /// Starts a part of the work.
    pub(crate) fn spawn<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T, ReportError>> + Send + 'static,
    ) -> Running<T> {
        Running(self.threads.spawn(work))
    }

    /// Starts work that nobody waits for; it counts as this query until it ends.
    pub(crate) fn spawn_alone(&self, work: impl Future<Output = ()> + Send + 'static) {
        let admitted = self.clone();
        drop(self.threads.spawn(async move {
            work.await;
            drop(admitted);
        }));
    }
}

/// A part of the work, cancelled when nobody waits for it any more.
#[derive(Debug)]
pub(crate) struct Running<T>(JoinHandle<Result<T, ReportError>>);

impl<T> Running<T> {
    /// What came of it.
    pub(crate) async fn end(&mut self) -> Result<T, ReportError> {
        match (&mut self.0).await {
            Ok(outcome) => outcome,
            Err(error) => Err(ReportError::Engine(format!("the work died: {error}"))),
        }
    }
}

impl<T> Drop for Running<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}
