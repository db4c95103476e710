//! The lake on a real disk: tables, commits, snapshots, files and plans.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod aggregate;
mod coded;
mod commits;
mod docs;
mod interop;
mod notes;
mod older_lake;
mod reading;
mod rollup;
mod row_groups;
mod rows;
mod sums;
mod table_rows;
mod tables;
mod upkeep;
mod writing;
