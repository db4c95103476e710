//! The lake: Delta tables of exact charges. Writes data files, commits imports, keeps snapshots, and reads them
//! through DataFusion with whole-file pruning and declared order. The only crate that names `deltalake-core`.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

pub mod charges;
mod checked_sum;
mod commit;
mod error;
mod lake;
mod log;
mod provider;
mod root;
mod scope;
mod session;
mod skeleton;
mod snapshot;
mod stats;
pub mod tables;
mod unused;
mod writer;

pub use checked_sum::checked_sum_udaf;
pub use commit::{Commit, ImportRecordJson};
pub use error::LakeError;
pub use lake::Lake;
pub use scope::{ParseScopeKeyError, ScopeKey, ScopeValues, scope_key};
pub use session::session_context;
pub use skeleton::{NewFile, TableCommit, TableFile, TableSnapshot, TableWriter};
pub use snapshot::{ChargesFile, ChargesSnapshot};
pub use tables::Table;
pub use writer::{ChargesWriter, WriterOptions, WrittenFile};
