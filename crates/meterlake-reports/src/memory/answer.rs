//! Answers as they are sent.

use std::mem::size_of;

use bytes::Bytes;
use chrono::{DateTime, Utc};

use super::Weigh;

/// The answer of a small report, written once for all who ask the same.
#[derive(Clone, Debug)]
pub struct KeptAnswer {
    /// Its bytes.
    pub body: Bytes,
    /// When what it tells of was last modified.
    pub modified: Option<DateTime<Utc>>,
    /// The end of the window that it was made for.
    pub until: DateTime<Utc>,
    /// The last end of a window that has the same rows; none when any later one has.
    pub same_until: Option<DateTime<Utc>>,
}

impl KeptAnswer {
    /// Whether a window that ends then has these rows.
    #[must_use]
    pub fn holds(&self, until: DateTime<Utc>) -> bool {
        self.until <= until && self.same_until.is_none_or(|last| until <= last)
    }
}

impl Weigh for KeptAnswer {
    fn bytes(&self) -> usize {
        size_of::<Self>() + self.body.len()
    }
}
