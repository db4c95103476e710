//! The lake: Delta tables of exact charges, usage and licences. Writes data files, commits imports, keeps snapshots, and reads them
//! through DataFusion with whole-file pruning and declared order. The only crate that names `deltalake-core`.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

pub mod aggregate;
pub mod charges;
mod checked_sum;
pub mod coded;
mod commit;
mod error;
mod lake;
mod layout;
mod log;
mod provider;
pub mod read;
pub mod rollup;
mod root;
mod scope;
mod session;
mod snapshot;
mod stats;
mod table_log;
pub mod tables;
mod unused;
mod upkeep;
mod writer;

pub use charges::{ChargesFile, ChargesSnapshot, ChargesWriter, Commit, WrittenFile};
pub use checked_sum::checked_sum_udaf;
pub use commit::{ImportRecordJson, TableCommit};
pub use error::LakeError;
pub use lake::Lake;
pub use scope::{ParseScopeKeyError, ScopeKey, ScopeValues, scope_key};
pub use session::session_context;
pub use snapshot::{TableFile, TableSnapshot};
pub use tables::Table;
pub use upkeep::{
    Doomed, FileCheck, Finding, Merge, Merged, MergesCommitted, Pace, VacuumPlan, Vacuumed, Why, crash_point,
};
pub use writer::{NewFile, TableWriter, WriterOptions};
