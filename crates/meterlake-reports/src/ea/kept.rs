//! Row groups that were decoded for a page, kept for the pages after it.

use std::sync::Arc;

use meterlake_lake::read::RowGroup;

use super::chain::{Form, Prepared, Wanted};
use crate::ReportError;
use crate::memory::{Made, Shelf, Weigh};

/// Bytes that kept row groups may take.
const KEPT_BYTES: usize = 72 << 20;

/// Row groups by what they are kept for.
#[derive(Debug)]
pub(crate) struct Kept(Shelf<Key, Prepared>);

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Key {
    path: Arc<str>,
    index: usize,
    /// Names the fields that are written.
    layout: &'static str,
    wanted: Wanted,
}

impl Default for Kept {
    fn default() -> Self {
        Self(Shelf::new(KEPT_BYTES))
    }
}

impl Weigh for Prepared {
    fn bytes(&self) -> usize {
        Self::bytes(self)
    }
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
        let make = || async { Prepared::new(group, form, wanted, None).await.map(Made::Value) };
        match self.0.once(key, 0, make).await? {
            Some(prepared) => Ok(prepared),
            None => Prepared::new(group, form, wanted, None).await.map(Arc::new),
        }
    }
}
