//! The table `charges`: one row a charge line.

pub mod columns;

pub use crate::tables::{Column, ColumnType};
