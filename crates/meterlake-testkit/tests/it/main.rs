//! The generator keeps its word: formats, totals, determinism, size.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod demo;
mod server;
