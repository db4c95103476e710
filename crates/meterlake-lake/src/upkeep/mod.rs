//! Keeping the lake in order: merging data files, checkpoints, deleting what no snapshot within the history needs, and
//! verifying files against the log.

mod checkpoint;
mod crash;
pub(crate) mod horizon;
mod intents;
mod layers;
mod merge;
mod merges;
mod records;
mod vacuum;
mod verify;

pub use crash::crash_point;
pub use merge::{Merged, MergesCommitted, Pace};
pub use merges::Merge;
pub use vacuum::{Doomed, VacuumPlan, Vacuumed, Why};
pub use verify::{FileCheck, Finding};
