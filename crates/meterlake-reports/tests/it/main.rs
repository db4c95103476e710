//! The reports on a real lake, held against answers that are computed in the plainest way over the same rows.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs, unreachable_pub)]

mod analytics;
mod b2c;
mod charge;
mod ea;
mod ea_csv;
mod ea_outline;
mod engine;
mod estimates;
mod licences;
mod naive;
mod tables;
mod totals;
mod world;
