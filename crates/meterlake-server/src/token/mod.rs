//! Tokens and discovery.

mod docs;
mod errors;
mod routes;

pub(crate) use docs::refusal_body;
pub(crate) use errors::TokenShape;
pub(crate) use routes::routes;
