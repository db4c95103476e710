//! Keeping the lake of a data folder in order, beside imports.

mod actions;
mod maintain;

pub use actions::{Action, ActionKind, TableUpkeep};
pub use maintain::{MaintainReport, MaintainRequest, maintain};
