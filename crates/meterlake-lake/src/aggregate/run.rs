//! Summing many row groups on several threads.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use datafusion::execution::memory_pool::MemoryPool;
use tokio::task::JoinSet;

use super::{
    AggregateError, Aggregated, Aggregation, Condition,
    bench::Bench,
    global::Groups,
    intern::Interner,
    rows::{self, Target},
};
use crate::{charges::ChargesFile, error::LakeError, read::RowGroup, snapshot::TableFile, tables::Table};

/// Whether a file of charges can hold rows that satisfy the condition, by what the log says of it.
#[must_use]
pub fn may_match(file: &ChargesFile, condition: &Condition) -> bool {
    may_match_in(Table::Charges, &file.file, condition)
}

/// The same for a file of any table.
#[must_use]
pub fn may_match_in(table: Table, file: &TableFile, condition: &Condition) -> bool {
    condition.simplified(&|column| rows::known_of_file(table, file, column)).value() != Some(false)
}

/// Sums the rows of these row groups, with `threads` tasks of the runtime that this is polled on. Dropping it ends
/// them. The groups may take `most` bytes of memory, taken from the pool while they are gathered.
///
/// # Errors
/// [`AggregateError`].
pub async fn aggregate(
    row_groups: Vec<RowGroup>,
    aggregation: Arc<Aggregation>,
    threads: usize,
    pool: &Arc<dyn MemoryPool>,
    most: usize,
) -> Result<Aggregated, AggregateError> {
    let shared = Arc::new(Shared {
        interners: aggregation.keys.iter().map(|_| Interner::default()).collect(),
        groups: Groups::new(aggregation.keys.len(), aggregation.measures.len(), pool, most),
        aggregation,
        row_groups,
        next: AtomicUsize::new(0),
    });
    let mut tasks = JoinSet::new();
    for thread in 0..threads.clamp(1, shared.row_groups.len().max(1)) {
        let shared = Arc::clone(&shared);
        tasks.spawn(async move { shared.work(thread).await });
    }
    while let Some(done) = tasks.join_next().await {
        // An error drops, and so ends, the other tasks.
        done.map_err(|error| LakeError::Task(error.to_string()))??;
    }
    let shared = Arc::into_inner(shared).ok_or_else(|| LakeError::Task("a sum is still being made".to_owned()))?;
    let (places, sums, groups) = shared.groups.finish();
    let keys = shared.interners.into_iter().map(Interner::into_values).collect();
    Ok(Aggregated { keys, places, sums, groups })
}

/// What the tasks of a query share.
struct Shared {
    aggregation: Arc<Aggregation>,
    row_groups: Vec<RowGroup>,
    interners: Vec<Interner>,
    groups: Groups,
    next: AtomicUsize,
}

impl Shared {
    async fn work(&self, thread: usize) -> Result<(), AggregateError> {
        let target = Target { aggregation: &self.aggregation, interners: &self.interners, groups: &self.groups };
        let mut bench = Bench::take(thread * 5);
        while let Some(group) = self.row_groups.get(self.next.fetch_add(1, Ordering::Relaxed)) {
            rows::sum(&target, group, &mut bench).await?;
            // Other queries and the end of this one get their turn.
            tokio::task::yield_now().await;
        }
        bench.dense.hand_over(&self.groups, self.aggregation.measures.len(), bench.start);
        bench.leave();
        self.groups.check(self.interners.iter().map(Interner::size).sum())?;
        Ok(())
    }
}
