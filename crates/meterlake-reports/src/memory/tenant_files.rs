//! Which files of a snapshot are a tenant's: sorted once a snapshot instead of looked for by each request.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use meterlake_lake::{Table, TableFile, TableSnapshot};
use meterlake_model::TenantId;

/// Snapshots that are remembered: the newest of each table, and some that walks still read.
const SNAPSHOTS: usize = 8;

/// The files of one snapshot, by tenant.
type ByTenant = Arc<HashMap<String, Vec<TableFile>>>;

/// The files of the snapshots that were asked for last.
#[derive(Default)]
pub(crate) struct TenantFiles(Mutex<VecDeque<(Table, u64, ByTenant)>>);

impl TenantFiles {
    /// The tenant's files in the snapshot, by path.
    pub(crate) fn of(&self, snapshot: &TableSnapshot, tenant: TenantId) -> Vec<TableFile> {
        self.sorted(snapshot).get(&tenant.to_string()).cloned().unwrap_or_default()
    }

    fn sorted(&self, snapshot: &TableSnapshot) -> ByTenant {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let wanted = (snapshot.table(), snapshot.version());
        if let Some((_, _, files)) = known.iter().find(|(table, version, _)| (*table, *version) == wanted) {
            return Arc::clone(files);
        }
        let mut by_tenant: HashMap<String, Vec<TableFile>> = HashMap::new();
        for file in snapshot.files() {
            if let Some(tenant) = file.scope.first() {
                by_tenant.entry(tenant.clone()).or_default().push(file.clone());
            }
        }
        let files = Arc::new(by_tenant);
        if known.len() == SNAPSHOTS {
            known.pop_front();
        }
        known.push_back((wanted.0, wanted.1, Arc::clone(&files)));
        files
    }
}

/// Names of files, by which a value that is made of them is known.
pub(crate) fn names(files: &[TableFile]) -> Arc<[Arc<str>]> {
    files.iter().map(|file| Arc::clone(&file.path)).collect()
}

/// Rows of files.
pub(crate) fn rows(files: &[TableFile]) -> u64 {
    files.iter().map(|file| file.rows).sum()
}
