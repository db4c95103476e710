//! Tokens and discovery.

mod errors;
mod routes;

pub(crate) use errors::TokenShape;
pub(crate) use routes::routes;
