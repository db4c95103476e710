//! What `./dev bench` measures with: a generator of source files at scale, and HTTP clients that cost little.
//!
//! Knows nothing of the engine, so that what it generates and reads is an independent check.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

pub mod charges;
pub mod client;
pub mod people;
