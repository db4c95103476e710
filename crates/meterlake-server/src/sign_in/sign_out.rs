//! Signing out (OpenID Connect RP-Initiated Logout).

use axum::body::Body;
use axum::extract::{Path, State};
use axum::response::Response;
use http::StatusCode;

use super::call::{PageCall, PageRefused};
use super::errors::answer;
use super::pages;
use crate::refusal::Refusal;
use crate::state::ServerState;

/// Ends the session of the browser. It is sent on only to an address that some application registered.
pub(super) async fn sign_out(
    State(state): State<ServerState>,
    mut call: PageCall,
    Path(tenant): Path<String>,
    body: Body,
) -> Result<Response, PageRefused> {
    if let Err(error) = call.identity().check_tenant(&tenant).await {
        return Ok(answer(&error, &call.moment));
    }
    let fields = call.fields(body).await?;
    let text = |name: &str| call.incoming.parameters.get(name).or_else(|| fields.get(name)).map(str::to_owned);
    let (next, said) = (text("post_logout_redirect_uri"), text("state"));
    if let Err(error) = call.ends().await {
        return Ok(answer(&error, &call.moment));
    }
    let known = match &next {
        Some(uri) => state.identity().is_redirect_uri(uri).await.map_err(|error| Refusal::fault(&error))?,
        None => false,
    };
    let response = match next.filter(|_| known) {
        Some(uri) => pages::redirect(&with_state(&uri, said.as_deref())),
        None => pages::message(StatusCode::OK, "Signed out", "You are signed out in this browser.", ""),
    };
    Ok(call.finish(response))
}

fn with_state(uri: &str, state: Option<&str>) -> String {
    let Some(state) = state else { return uri.to_owned() };
    let query = url::form_urlencoded::Serializer::new(String::new()).append_pair("state", state).finish();
    format!("{uri}{}{query}", if uri.contains('?') { "&" } else { "?" })
}
