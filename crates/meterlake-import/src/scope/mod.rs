//! What an import covers, what the lake holds there, and what gives way.

mod option;

pub use option::{ScopeOption, ScopeOptionError};
