//! The lake: Delta tables of exact charges. Writes data files, commits imports, keeps snapshots, and reads them
//! through DataFusion with whole-file pruning and declared order. The only crate that names `deltalake-core`.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

pub mod charges;
mod checked_sum;
mod error;
mod lake;
mod provider;
mod scope;
mod session;
mod snapshot;
mod writer;

pub use checked_sum::checked_sum_udaf;
pub use error::LakeError;
pub use lake::{Commit, ImportRecordJson, Lake};
pub use scope::{ScopeKey, ScopeValues, scope_key};
pub use session::session_context;
pub use snapshot::{ChargesFile, ChargesSnapshot};
pub use writer::{ChargesWriter, WriterOptions, WrittenFile};
