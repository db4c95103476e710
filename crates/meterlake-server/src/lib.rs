//! The HTTP server: one folder for each family of calls, with its routes, its names on the wire and its errors, and
//! the ways in and out that all families share.
//!
//! Knows no SQL and no query engine. A request is matched to a route in any spelling of its path ([`router`]), then
//! refused, in this order, for want of a valid token (401), its method (405), a malformed id or parameter (400), a
//! missing grant (403), or because what it asks for does not exist; only then a report runs.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

mod analytics;
mod answer;
mod b2c;
mod bearer;
mod c3;
mod config;
mod connection;
mod ea;
mod etag;
mod headers;
mod native;
mod next_link;
mod openapi;
mod operations;
mod parameters;
mod partner_center;
mod path;
mod peer;
mod rate_limit;
mod refusal;
mod router;
mod routing;
mod row_fields;
mod serve;
mod sign_in;
mod state;
mod summary;
mod tls;
mod token;
mod upkeep;

pub use config::{B2cConfig, EaConfig, FamilyConfig, ServerConfig};
pub use connection::ConnectionLimits;
pub use openapi::openapi_document;
pub use router::router;
pub use row_fields::{RowsOf, row_fields};
pub use serve::{ServeError, serve};
pub use state::ServerState;
pub use tls::{ServerTls, TlsError, TlsFiles};
