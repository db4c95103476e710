//! Calls for those who run the server.

use axum::response::Response;
use axum::routing::any;
use http::Method;
use http::request::Parts;

use crate::answer;
use crate::ea::EaShape;
use crate::openapi::{Answer, Call, Named, object, one_of};
use crate::refusal::Refused;
use crate::routing::{Incoming, Route};

/// `/healthz`: whether the process answers. Needs no token and reads nothing.
pub(crate) fn routes() -> Vec<Route> {
    vec![Route {
        path: "/healthz",
        methods: &[Method::GET],
        parameters: &[],
        docs: || {
            let health = object([("status", one_of(&["ok"]))]);
            vec![
                Call::get("health", "Whether the process answers")
                    .answers(200, Answer::json("It does.", Named::new("Health", health))),
            ]
        },
        handler: any(health),
    }]
}

async fn health(parts: Parts) -> Result<Response, Refused<EaShape>> {
    let incoming = Incoming::of(&parts)?;
    incoming.method_allowed()?;
    incoming.parameters.well_formed()?;
    Ok(answer::json_bytes(b"{\"status\":\"ok\"}".to_vec()))
}
