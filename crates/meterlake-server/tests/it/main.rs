//! The real router over a real lake and a real control state.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod analytics;
mod broken_off;
mod charge;
mod ea_exports;
mod ea_pages;
mod random_input;
mod refusals;
mod serving;
mod summary;
mod token;
mod world;
