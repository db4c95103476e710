//! How many queries run and wait at the same time.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::ReportError;

/// Lets a number of queries run, another number wait a while, and refuses the rest at once: under a flood the
/// admitted ones still finish in time.
pub(super) struct Admission {
    running: Arc<Semaphore>,
    waiting: AtomicUsize,
    most_waiting: usize,
    patience: Duration,
}

impl Admission {
    pub(super) fn new(running: usize, waiting: usize, patience: Duration) -> Self {
        Self {
            running: Arc::new(Semaphore::new(running.clamp(1, Semaphore::MAX_PERMITS))),
            waiting: AtomicUsize::new(0),
            most_waiting: waiting,
            patience,
        }
    }

    /// The right to run, held until it is dropped.
    pub(super) async fn admit(&self) -> Result<OwnedSemaphorePermit, ReportError> {
        if let Ok(permit) = Arc::clone(&self.running).try_acquire_owned() {
            return Ok(permit);
        }
        let _place = Place::take(&self.waiting, self.most_waiting).ok_or(self.busy())?;
        match tokio::time::timeout(self.patience, Arc::clone(&self.running).acquire_owned()).await {
            Ok(Ok(permit)) => Ok(permit),
            _ => Err(self.busy()),
        }
    }

    fn busy(&self) -> ReportError {
        ReportError::Busy { retry_after_seconds: self.patience.as_secs().clamp(1, 60) }
    }
}

/// A place in the queue, given back also when the one who waits goes away.
struct Place<'a>(&'a AtomicUsize);

impl<'a> Place<'a> {
    fn take(waiting: &'a AtomicUsize, most: usize) -> Option<Self> {
        waiting
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, |now| (now < most).then_some(now + 1))
            .ok()
            .map(|_| Self(waiting))
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn runs_waits_and_refuses() {
        let admission = Arc::new(Admission::new(1, 1, Duration::from_millis(200)));
        let running = admission.admit().await.unwrap();
        let other = Arc::clone(&admission);
        let waiting = tokio::spawn(async move { other.admit().await.is_ok() });
        while admission.waiting.load(Ordering::Acquire) == 0 {
            tokio::task::yield_now().await;
        }
        assert!(matches!(admission.admit().await, Err(ReportError::Busy { retry_after_seconds: 1 })));
        drop(running);
        assert!(waiting.await.unwrap(), "the one who waits gets the place that becomes free");
        assert!(admission.admit().await.is_ok());
    }

    #[tokio::test]
    async fn waits_not_for_ever() {
        let admission = Admission::new(1, 5, Duration::from_millis(10));
        let _running = admission.admit().await.unwrap();
        assert!(matches!(admission.admit().await, Err(ReportError::Busy { .. })));
        assert_eq!(admission.waiting.load(Ordering::Acquire), 0);
    }
}
