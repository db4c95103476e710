//! What a thread works with from row group to row group, and then leaves to the next query: memory that has been used
//! costs less than memory that the system has to clear.

use std::sync::{Mutex, PoisonError};

use super::dense::Dense;
use crate::read::Buffers;

/// Buffers and sums of one thread.
#[derive(Default)]
pub(super) struct Bench {
    pub(super) buffers: Buffers,
    /// The groups of rows.
    pub(super) ids: Vec<u32>,
    pub(super) dense: Dense,
    /// Differs by thread.
    pub(super) start: usize,
}

/// Benches that no query works at.
static FREE: Mutex<Vec<Bench>> = Mutex::new(Vec::new());

/// Benches that are kept, and bytes that each may take: 32 MiB in all.
const MOST_FREE: usize = 4;
const MOST_BYTES: usize = 8 << 20;

impl Bench {
    /// One that was used before, if there is one.
    pub(super) fn take(start: usize) -> Self {
        let free = FREE.lock().unwrap_or_else(PoisonError::into_inner).pop();
        Self { start, ..free.unwrap_or_default() }
    }

    /// Leaves it to another query.
    pub(super) fn leave(self) {
        let bytes = self.buffers.size() + self.ids.capacity() * size_of::<u32>() + self.dense.size();
        let mut free = FREE.lock().unwrap_or_else(PoisonError::into_inner);
        if bytes <= MOST_BYTES && free.len() < MOST_FREE {
            free.push(self);
        }
    }
}
