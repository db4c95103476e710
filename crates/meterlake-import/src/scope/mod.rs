//! What an import covers, what the lake holds there, and what gives way.

pub(crate) mod access;
pub(crate) mod claim;
mod coded_digest;
pub(crate) mod count;
pub(crate) mod digest;
mod drops;
pub(crate) mod held;
mod option;
pub(crate) mod overlap;
pub(crate) mod plan;
pub(crate) mod tally;

pub use drops::WouldDrop;
pub use option::{ScopeOption, ScopeOptionError};
