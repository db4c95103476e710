//! Things read from the control state, kept in memory for as long as it does not change.

use std::collections::HashMap;
use std::fmt;
use std::hash::Hash;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::{Control, ControlError, Revision};

/// What was read of one revision, by key. Another revision empties it, and so does reaching its bound.
pub struct Kept<K, V> {
    most_bytes: usize,
    held: Mutex<Held<K, V>>,
}

struct Held<K, V> {
    revision: Option<Revision>,
    values: HashMap<K, V>,
    bytes: usize,
}

impl<K: Eq + Hash, V: Clone> Kept<K, V> {
    /// Empty; the values, as their keepers weigh them, take no more than so many bytes.
    #[must_use]
    pub fn new(most_bytes: usize) -> Self {
        Self { most_bytes, held: Mutex::new(Held { revision: None, values: HashMap::new(), bytes: 0 }) }
    }

    /// The value of the key in that revision, if it is kept.
    #[must_use]
    pub fn get(&self, revision: Revision, key: &K) -> Option<V> {
        let held = self.held();
        held.values.get(key).filter(|_| held.revision == Some(revision)).cloned()
    }

    /// Keeps a value that was read after `revision` was asked for, unless the state has changed since: then it may be
    /// of the one state or of the other.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn keep(
        &self,
        control: &Control,
        revision: Revision,
        key: K,
        value: V,
        bytes: usize,
    ) -> Result<(), ControlError> {
        if control.revision().await? == revision {
            self.put(revision, key, value, bytes);
        }
        Ok(())
    }

    fn put(&self, revision: Revision, key: K, value: V, bytes: usize) {
        let bytes = bytes + std::mem::size_of::<(K, V)>();
        let mut held = self.held();
        if held.revision.is_some_and(|kept| kept > revision) || bytes > self.most_bytes {
            return;
        }
        if held.revision != Some(revision) || held.bytes + bytes > self.most_bytes {
            held.values.clear();
            held.bytes = 0;
            held.revision = Some(revision);
        }
        if held.values.insert(key, value).is_none() {
            held.bytes += bytes;
        }
    }

    fn held(&self) -> MutexGuard<'_, Held<K, V>> {
        // No change can panic half way.
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K, V> fmt::Debug for Kept<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Kept")
    }
}
