//! The real binary on real folders: imports, crashes, the demo, outside readers.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod bad_input;
mod bench_rows;
mod check;
mod clients;
mod cost_export;
mod crash;
mod demo;
mod docs;
mod ea;
mod feeds;
mod imports;
mod keys;
mod maintain;
mod outside_readers;
mod people;
mod program;
mod reports;
mod samples;
mod tls;
