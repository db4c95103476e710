//! Tokens and discovery.

mod errors;
mod rotation;
mod routes;

pub(crate) use errors::TokenShape;
pub(crate) use rotation::keep_signing_key;
pub(crate) use routes::routes;
