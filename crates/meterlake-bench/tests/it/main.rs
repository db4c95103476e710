//! What the benchmark's rows come to, read by an independent reader.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod charges;
mod client;
