//! Row groups that were decoded for a page, kept for the pages after it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use meterlake_lake::read::RowGroup;
use tokio::sync::OnceCell;

use super::chain::{Form, Prepared, Wanted};
use crate::ReportError;

/// Bytes that kept row groups may take.
const KEPT_BYTES: usize = 72 << 20;

/// Row groups by what they are kept for.
#[derive(Debug, Default)]
pub(crate) struct Kept(Mutex<Groups>);

#[derive(Debug, Default)]
struct Groups {
    by_key: HashMap<Key, Group>,
    bytes: usize,
    /// Counts uses, to know the oldest.
    uses: u64,
}

#[derive(Debug)]
struct Group {
    prepared: Arc<OnceCell<Arc<Prepared>>>,
    bytes: usize,
    last_use: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Key {
    path: Arc<str>,
    index: usize,
    /// Names the fields that are written.
    layout: &'static str,
    wanted: Wanted,
}

impl Kept {
    /// The row group, decoded now unless it is kept. Who asks for one that is being decoded waits for it.
    pub(crate) async fn prepared(
        &self,
        group: &RowGroup,
        form: &Form,
        layout: &'static str,
        wanted: Wanted,
    ) -> Result<Arc<Prepared>, ReportError> {
        let wanted = wanted.in_group(group);
        let key = Key { path: Arc::clone(group.path()), index: group.index(), layout, wanted };
        let cell = self.groups().cell(&key);
        if let Some(prepared) = cell.get() {
            return Ok(Arc::clone(prepared));
        }
        let made =
            cell.get_or_try_init(|| async { Prepared::new(group, form, wanted, None).await.map(Arc::new) }).await;
        let mut groups = self.groups();
        match made {
            Ok(prepared) => {
                groups.keep(&key, prepared.bytes());
                Ok(Arc::clone(prepared))
            }
            Err(error) => {
                groups.forget(&key);
                Err(error)
            }
        }
    }

    fn groups(&self) -> MutexGuard<'_, Groups> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Groups {
    fn cell(&mut self, key: &Key) -> Arc<OnceCell<Arc<Prepared>>> {
        self.uses += 1;
        let uses = self.uses;
        let group = self.by_key.entry(key.clone()).or_insert_with(|| Group {
            prepared: Arc::default(),
            bytes: 0,
            last_use: uses,
        });
        group.last_use = uses;
        Arc::clone(&group.prepared)
    }

    /// Counts a row group that is decoded now; those that were not used for longest give way.
    fn keep(&mut self, key: &Key, bytes: usize) {
        if let Some(group) = self.by_key.get_mut(key) {
            self.bytes = self.bytes - group.bytes + bytes;
            group.bytes = bytes;
        }
        while self.bytes > KEPT_BYTES {
            let counted = self.by_key.iter().filter(|(_, group)| group.bytes > 0);
            let Some(oldest) = counted.min_by_key(|(_, group)| group.last_use).map(|(key, _)| key.clone()) else {
                break;
            };
            self.forget(&oldest);
        }
    }

    fn forget(&mut self, key: &Key) {
        if let Some(group) = self.by_key.remove(key) {
            self.bytes -= group.bytes;
        }
    }
}
