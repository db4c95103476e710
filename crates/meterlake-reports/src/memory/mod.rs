//! What small reports need of the lake, kept in memory, so that a request is a look-up: never older than the snapshot
//! that it reads, bounded in bytes, and made once however many ask for it at the same time.

mod answer;
mod shelf;
mod tenant_files;

use std::mem::size_of;

use meterlake_model::{Day, TenantId};

pub use answer::KeptAnswer;
pub(crate) use shelf::{Made, Shelf};
pub(crate) use tenant_files::{TenantFiles, names, rows};

use crate::b2c::{DailyRows, DayEvents, UserRows};
use crate::engine::QueryEngine;
use crate::licences::NewestLicences;
use crate::totals::Index;
use crate::{Selection, TotalsBy};

/// Everything that is kept.
pub(crate) struct Memory {
    pub(crate) totals: Shelf<(Selection, TotalsBy), Index>,
    pub(crate) daily: Shelf<TenantId, DailyRows>,
    pub(crate) events: Shelf<(TenantId, Day), DayEvents>,
    pub(crate) users: Shelf<TenantId, UserRows>,
    pub(crate) licences: Shelf<TenantId, NewestLicences>,
    pub(crate) answers: Shelf<[u8; 32], KeptAnswer>,
    pub(crate) tenants: TenantFiles,
}

impl Memory {
    /// At most so many bytes; 0 keeps nothing, and every report reads the lake.
    pub(crate) fn new(most: usize) -> Self {
        Self {
            totals: Shelf::new(most / 3),
            daily: Shelf::new(most / 9 * 2),
            events: Shelf::new(most / 9),
            users: Shelf::new(most / 9),
            licences: Shelf::new(most / 9),
            answers: Shelf::new(most / 9),
            tenants: TenantFiles::default(),
        }
    }
}

/// What a report is made from.
#[derive(Clone, Copy)]
pub(crate) struct Sources<'a> {
    pub(crate) lake: &'a meterlake_lake::Lake,
    pub(crate) engine: &'a dyn QueryEngine,
    pub(crate) memory: &'a Memory,
}

/// Something kept, and how much memory it takes.
pub(crate) trait Weigh {
    /// Bytes, about.
    fn bytes(&self) -> usize;
}

/// Bytes of a list.
pub(crate) fn list_bytes<T>(list: &[T]) -> usize {
    std::mem::size_of_val(list)
}

/// Bytes of texts.
pub(crate) fn text_bytes<'a>(texts: impl IntoIterator<Item = &'a str>) -> usize {
    texts.into_iter().map(|text| text.len() + size_of::<String>()).sum()
}
