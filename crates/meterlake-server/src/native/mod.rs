//! Calls of our own.

mod docs;
mod estimate;
mod wire;

use http::Method;

use crate::routing::Route;

/// The calls.
pub(crate) fn routes() -> Vec<Route> {
    vec![Route {
        path: "/meterlake/v1/b2c/{tenant}/estimate",
        methods: &[Method::GET],
        parameters: estimate::PARAMETERS,
        docs: docs::estimate,
        handler: axum::routing::any(estimate::estimate),
    }]
}
