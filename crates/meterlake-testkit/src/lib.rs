//! What tests and the demo share: a seeded generator of source files in the formats that organisations really have, with
//! exact totals of its own, and a runner for the real binary.
//!
//! Nothing here reads Meterlake's own code for amounts or formats beyond the model's types, so that the generator's
//! totals are an independent check of import and reports.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

pub mod demo;
pub mod server;

pub use demo::{
    Attempts, Charged, DemoApplication, DemoB2c, DemoB2cCounts, DemoCustomer, DemoLicence, DemoLicences, DemoSources,
    DemoSubscription, DemoTotals, DemoUserCount, generate_b2c, generate_demo, generate_licences,
};
pub use server::TestServer;
