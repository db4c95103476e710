//! The real router over a real lake and a real control state.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod all_families;
mod analytics;
mod analytics_language;
mod authority;
mod b2c;
mod b2c_edges;
mod b2c_random;
mod b2c_refusals;
mod b2c_world;
mod broken_off;
mod c3;
mod charge;
mod compressed;
mod ea_exports;
mod ea_pages;
mod ea_rules;
mod ea_status;
mod every_call;
mod load;
mod no_leak;
mod openapi;
mod random_input;
mod refusals;
mod refused_tokens;
mod serving;
mod sign_in;
mod standing_still;
mod stopping;
mod summary;
mod summary_edges;
#[path = "../../../meterlake-reports/tests/it/tables.rs"]
mod tables;
mod tls;
mod token;
mod token_answers;
mod walks;
mod world;
mod wrong_keys;
