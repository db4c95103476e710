//! Tests of imports on real files.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod b2c;
mod licences;
mod reading;
mod run;
