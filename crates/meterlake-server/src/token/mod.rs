//! Tokens and discovery.

mod docs;
mod errors;
mod routes;

pub(crate) use docs::refusal_body;
pub(crate) use errors::render;
pub(crate) use routes::routes;
