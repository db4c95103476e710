//! Whole imports into a lake in a temporary folder, with the journal in memory.

mod large;
mod partial;
mod recovery;
mod rejects;
mod repeat;
mod replace;
mod samples;
pub(crate) mod world;
