//! The filter language from outside: documented examples, grammar and errors, and properties.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod catalogues;
mod documented;
mod errors;
mod grammar;
mod properties;
