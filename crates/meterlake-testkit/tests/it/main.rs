//! The generator keeps its word: formats, totals, determinism, size.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod b2c;
mod demo;
mod server;
