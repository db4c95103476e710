//! Answers that walks go on with.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::OnceCell;

use super::answer::Answer;
use crate::ReportError;

/// Bytes that kept answers may take in all.
const KEPT_BYTES: usize = 48 << 20;

/// What is known of a request that has been made.
#[derive(Clone)]
pub(super) enum Outcome {
    /// Its answer.
    Answer(Arc<Answer>),
    /// It cannot be answered from memory.
    Elsewhere,
}

/// The answers asked for last, by what was asked of which snapshot.
pub(crate) struct Answers(Mutex<Kept>);

#[derive(Default)]
struct Kept {
    entries: HashMap<String, Entry>,
    /// Counts the requests.
    now: u64,
}

struct Entry {
    cell: Arc<OnceCell<Outcome>>,
    asked: u64,
    bytes: usize,
}

/// What an entry takes beside its answer.
const BESIDE: usize = 256;

impl Answers {
    pub(crate) fn new() -> Self {
        Self(Mutex::new(Kept::default()))
    }

    /// What is known of the request `key`, or else what `make` finds out. Of those who ask the same at the same time,
    /// one makes the answer and the others wait for it.
    pub(super) async fn get<F>(&self, key: String, make: impl FnOnce() -> F) -> Result<Outcome, ReportError>
    where
        F: Future<Output = Result<Outcome, ReportError>>,
    {
        let cell = {
            let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            kept.now += 1;
            let now = kept.now;
            let fresh = || Entry { cell: Arc::default(), asked: now, bytes: key.len() + BESIDE };
            let entry = kept.entries.entry(key.clone()).or_insert_with(fresh);
            entry.asked = now;
            Arc::clone(&entry.cell)
        };
        let made = cell.get_or_try_init(make).await.cloned();
        self.settle(&key, &cell, made.as_ref().ok());
        made
    }

    /// Notes what the answer takes, and lets go of what was longest not asked for.
    fn settle(&self, key: &str, cell: &Arc<OnceCell<Outcome>>, made: Option<&Outcome>) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(entry) = kept.entries.get_mut(key).filter(|entry| Arc::ptr_eq(&entry.cell, cell)) else { return };
        entry.bytes = key.len() + BESIDE;
        match made {
            Some(Outcome::Answer(answer)) => entry.bytes += answer.size(),
            Some(Outcome::Elsewhere) => {}
            // Others may still wait for it: the last one of them lets it go.
            None if Arc::strong_count(cell) > 2 => return,
            None => {
                kept.entries.remove(key);
                return;
            }
        }
        // An answer that leaves no room for others is not kept: it would throw them out at each page of its walk.
        if entry.bytes > KEPT_BYTES / 2 {
            kept.entries.remove(key);
            return;
        }
        let mut bytes: usize = kept.entries.values().map(|entry| entry.bytes).sum();
        while bytes > KEPT_BYTES {
            let oldest = kept.entries.iter().filter(|(_, entry)| entry.cell.initialized());
            let Some(oldest) = oldest.min_by_key(|(_, entry)| entry.asked).map(|(key, _)| key.clone()) else { break };
            bytes -= kept.entries.remove(&oldest).map_or(0, |entry| entry.bytes);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use meterlake_lake::aggregate::{Aggregation, Condition, aggregate};

    use super::*;

    async fn empty() -> Outcome {
        let pool: Arc<dyn datafusion::execution::memory_pool::MemoryPool> =
            Arc::new(datafusion::execution::memory_pool::UnboundedMemoryPool::default());
        let nothing = Aggregation { keys: Vec::new(), measures: Vec::new(), condition: Condition::constant(true) };
        let sums = aggregate(Vec::new(), Arc::new(nothing), 1, &pool, 1 << 20).await.unwrap();
        Outcome::Answer(Arc::new(Answer::new(Vec::new(), sums, Vec::new()).unwrap()))
    }

    #[tokio::test]
    async fn the_same_request_is_made_once_also_at_the_same_time() {
        let (answers, made) = (Answers::new(), AtomicUsize::new(0));
        let ask = || {
            answers.get("a".to_owned(), || async {
                made.fetch_add(1, Ordering::Relaxed);
                tokio::task::yield_now().await;
                Ok(empty().await)
            })
        };
        let (one, two) = tokio::join!(ask(), ask());
        assert!(one.is_ok() && two.is_ok() && ask().await.is_ok());
        assert_eq!(made.load(Ordering::Relaxed), 1);
    }

    #[tokio::test]
    async fn what_failed_or_was_given_up_is_made_again() {
        let answers = Answers::new();
        let failed = answers.get("a".to_owned(), || async { Err(ReportError::Request("no".to_owned())) }).await;
        assert!(failed.is_err());
        let dropped = answers.get("a".to_owned(), std::future::pending);
        assert!(tokio::time::timeout(std::time::Duration::from_millis(5), dropped).await.is_err());
        let made = answers.get("a".to_owned(), || async { Ok(Outcome::Elsewhere) }).await;
        assert!(matches!(made, Ok(Outcome::Elsewhere)));
    }

    #[tokio::test]
    async fn the_cache_stays_in_its_bounds() {
        let answers = Answers::new();
        let long = "x".repeat(1 << 20);
        for number in 0..100 {
            let made = answers.get(format!("{number} {long}"), || async { Ok(Outcome::Elsewhere) }).await;
            assert!(made.is_ok());
        }
        let kept = answers.0.lock().unwrap();
        assert!(kept.entries.values().map(|entry| entry.bytes).sum::<usize>() <= KEPT_BYTES);
        assert!(
            kept.entries.keys().any(|key| key.starts_with("99 "))
                && !kept.entries.keys().any(|key| key.starts_with("0 "))
        );
    }
}
