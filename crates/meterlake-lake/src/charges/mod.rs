//! The table `charges`: one row a charge line.

pub mod columns;
mod lake;
mod snapshot;
mod writer;

pub use crate::tables::{Column, ColumnType};
pub use lake::Commit;
pub use snapshot::{ChargesFile, ChargesSnapshot};
pub use writer::{ChargesWriter, WrittenFile};
