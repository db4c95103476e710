//! Sign-in of people: the authorization endpoint with its pages, the page of device codes, and signing out.
//!
//! The pages need no script and nothing from outside. What a page leads on to is sealed into its form, bound to the
//! browser that got the page, so that a form of another site's leads to nothing.

mod authorize;
mod call;
mod cookies;
mod device;
mod docs;
mod errors;
mod pages;
mod sealed;
mod sign_out;

use axum::routing::any;
use http::Method;
use meterlake_identity::AuthorizeRequest;

pub(crate) use docs::refusal_body;
pub(crate) use errors::SignInShape;

use crate::openapi::Docs;
use crate::routing::Route;

/// The routes; `{tenant}` is a tenant's id or domain, `common` or `organizations`.
pub(crate) fn routes() -> Vec<Route> {
    let both = &[Method::GET, Method::POST];
    let asks = AuthorizeRequest::PARAMETERS;
    let ends = &["post_logout_redirect_uri", "state", "id_token_hint", "client_id", "logout_hint"];
    let route = |path, methods, parameters, docs: Docs, handler| Route { path, methods, parameters, docs, handler };
    vec![
        route("/{tenant}/oauth2/authorize", both, asks, docs::authorize_v1, any(authorize::authorize_v1)),
        route("/{tenant}/oauth2/v2.0/authorize", both, asks, docs::authorize_v2, any(authorize::authorize_v2)),
        route("/{tenant}/oauth2/sign-in", &[Method::POST], &[], docs::sign_in, any(authorize::sign_in)),
        route("/{tenant}/oauth2/consent", &[Method::POST], &[], docs::consent, any(authorize::consent)),
        route("/device", both, &[], docs::device, any(device::device)),
        route("/{tenant}/oauth2/deviceauth", both, &[], docs::device_of_tenant, any(device::device)),
        route("/{tenant}/oauth2/logout", both, ends, docs::sign_out_v1, any(sign_out::sign_out)),
        route("/{tenant}/oauth2/v2.0/logout", both, ends, docs::sign_out_v2, any(sign_out::sign_out)),
    ]
}
