//! The lake.

pub mod charges;
