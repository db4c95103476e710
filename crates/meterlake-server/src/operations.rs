//! Calls for those who run the server.

use axum::routing::any;
use http::Method;

use crate::answer;
use crate::routing::Route;

/// `/healthz`: whether the process answers. Needs no token and reads nothing.
pub(crate) fn routes() -> Vec<Route> {
    vec![Route {
        path: "/healthz",
        methods: &[Method::GET],
        parameters: &[],
        handler: any(|| async { answer::json_bytes(b"{\"status\":\"ok\"}".to_vec()) }),
    }]
}
