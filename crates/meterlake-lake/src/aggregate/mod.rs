//! Sums of charges by any of their columns, computed over the dictionary codes of the files.
//!
//! A row group's texts lie in its files as codes into a dictionary. A condition is decided once for each distinct
//! value, rows are grouped by their codes, and only the values of the groups that come out are ever looked at as text.

mod bench;
mod column;
mod compose;
mod condition;
mod dense;
mod global;
mod intern;
mod kernels;
mod plain;
mod rows;
mod run;
mod selected;
mod slots;
mod sums;

use std::sync::Arc;

pub use condition::{Condition, DayTest, TextTest};
pub use run::{aggregate, may_match, may_match_in};
pub use sums::Sum;

use crate::error::LakeError;

/// What to sum.
#[derive(Clone, Debug)]
pub struct Aggregation {
    /// What a group has in common.
    pub keys: Vec<Key>,
    /// What is summed for each group.
    pub measures: Vec<Measure>,
    /// The rows that count.
    pub condition: Condition,
}

/// A column to group by.
#[derive(Clone, Copy, Debug)]
pub struct Key {
    /// The column: texts or days that are never null.
    pub column: &'static str,
    /// What of its value counts.
    pub form: Form,
}

/// What of a key's value counts.
#[derive(Clone, Copy, Debug)]
pub enum Form {
    /// The value as it is stored.
    Stored,
    /// The text in upper case.
    Upper,
    /// The day that this function gives for a day, both as days since 1970-01-01.
    Day(fn(i32) -> i32),
}

/// A sum.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Measure {
    /// Of the decimals or integers of a column, without their scale; nulls count as nothing.
    Sum(&'static str),
    /// Of 1 for every row.
    Rows,
    /// Of 1 for every row in which the column is not null.
    Present(&'static str),
}

/// The groups of an [`Aggregation`], in no order.
#[derive(Debug)]
pub struct Aggregated {
    /// The values of each key; a group names them by their place.
    pub keys: Vec<KeyValues>,
    /// For each group, for each key, the place of its value.
    places: Vec<u32>,
    /// For each group, each measure.
    sums: Vec<Sum>,
    /// How many groups there are.
    groups: usize,
}

/// The distinct values of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyValues {
    /// Texts.
    Texts(Vec<Arc<str>>),
    /// Days since 1970-01-01.
    Days(Vec<i32>),
}

impl Aggregated {
    /// How many groups there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.groups
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.groups == 0
    }

    /// The places of a group's values, one for each key.
    #[must_use]
    pub fn places(&self, group: usize) -> &[u32] {
        let width = self.keys.len();
        &self.places[group * width..(group + 1) * width]
    }

    /// The sums of a group, one for each measure.
    #[must_use]
    pub fn sums(&self, group: usize) -> &[Sum] {
        let width = self.sums.len() / self.groups.max(1);
        &self.sums[group * width..(group + 1) * width]
    }

    /// Bytes of memory that it takes.
    #[must_use]
    pub fn size(&self) -> usize {
        let values = |values: &KeyValues| match values {
            KeyValues::Texts(texts) => texts.iter().map(|text| text.len() + 32).sum(),
            KeyValues::Days(days) => size_of_val(days.as_slice()),
        };
        size_of_val(self.places.as_slice())
            + size_of_val(self.sums.as_slice())
            + self.keys.iter().map(values).sum::<usize>()
    }
}

/// Why there are no sums.
#[derive(Debug, thiserror::Error)]
pub enum AggregateError {
    /// There are more groups than fit into the memory that is allowed.
    #[error("the groups take more than {0} bytes of memory")]
    TooLarge(usize),
    /// A file is encoded in a way that only the engine reads.
    #[error("{0}")]
    Unsupported(String),
    /// The files cannot be read.
    #[error(transparent)]
    Lake(#[from] LakeError),
}

impl From<parquet::errors::ParquetError> for AggregateError {
    fn from(error: parquet::errors::ParquetError) -> Self {
        Self::Lake(error.into())
    }
}
