//! Keeping the lake of a data folder in order, beside imports.

mod actions;
mod check;
mod live;
mod maintain;
mod provenance;

pub use actions::{Action, ActionKind, TableUpkeep};
pub use check::{CheckReport, CheckRequest, TableChecked, check};
pub use maintain::{MaintainReport, MaintainRequest, maintain};
