//! The table `charges`: one row a charge line.

mod column;
pub mod columns;

pub use column::{Column, ColumnType};
