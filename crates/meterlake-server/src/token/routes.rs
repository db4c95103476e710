//! The token endpoints, the keys, and the metadata that client libraries look up first.

use axum::body::Body;
use axum::extract::{FromRequestParts, Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use http::header::AUTHORIZATION;
use http::request::Parts;
use http::{HeaderMap, HeaderName, Method};
use meterlake_identity::{Moment, TokenError, TokenForm};
use uuid::Uuid;

use super::docs;
use super::errors::{self, TokenRefused};
use crate::answer;
use crate::refusal::{Malformed, Refusal};
use crate::routing::{Incoming, Route};
use crate::state::ServerState;

/// The largest form read.
const LARGEST_FORM: usize = 64 * 1024;
const CLIENT_REQUEST_ID: HeaderName = HeaderName::from_static("client-request-id");

/// The routes; `{tenant}` is a tenant's id or domain.
pub(crate) fn routes() -> Vec<Route> {
    let get = |path, parameters, docs, handler| Route { path, methods: &[Method::GET], parameters, docs, handler };
    let post =
        |path, docs, handler| Route { path, methods: &[Method::POST], parameters: &["api-version"], docs, handler };
    vec![
        get(
            "/common/discovery/instance",
            &["authorization_endpoint", "api-version"],
            docs::instance_discovery,
            any(instance_discovery),
        ),
        post("/{tenant}/oauth2/token", docs::token_v1, any(token_v1)),
        post("/{tenant}/oauth2/v2.0/token", docs::token_v2, any(token_v2)),
        post("/{tenant}/oauth2/devicecode", docs::device_code_v1, any(device_code_v1)),
        post("/{tenant}/oauth2/v2.0/devicecode", docs::device_code_v2, any(device_code_v2)),
        post("/{tenant}/oauth2/v2.0/revoke", docs::revoke, any(revoke)),
        get("/{tenant}/.well-known/openid-configuration", &[], docs::configuration_v1, any(configuration_v1)),
        get("/{tenant}/v2.0/.well-known/openid-configuration", &[], docs::configuration_v2, any(configuration_v2)),
        get("/{tenant}/discovery/v2.0/keys", &[], docs::keys, any(keys)),
        get("/{tenant}/discovery/keys", &[], docs::keys_v1, any(keys)),
    ]
}

/// A request of an allowed method with well-formed parameters; these calls take no token.
struct TokenCall {
    incoming: Incoming,
    moment: Moment,
    headers: HeaderMap,
}

impl FromRequestParts<ServerState> for TokenCall {
    type Rejection = TokenRefused;

    async fn from_request_parts(parts: &mut Parts, state: &ServerState) -> Result<Self, TokenRefused> {
        let given = parts.headers.get(CLIENT_REQUEST_ID).and_then(|id| id.to_str().ok());
        let mut moment = Moment::new(state.clock().now());
        if let Some(id) = given.and_then(|id| Uuid::try_parse(id).ok()) {
            moment.correlation_id = id;
        }
        let refused = |refusal: Refusal| TokenRefused { refusal, moment: moment.clone() };
        let incoming = Incoming::of(parts).map_err(refused)?;
        incoming.method_allowed().map_err(refused)?;
        incoming.parameters.well_formed().map_err(refused)?;
        Ok(Self { incoming, moment, headers: parts.headers.clone() })
    }
}

impl TokenCall {
    /// The answer of what identity gave, with the client's id when it sent one.
    fn answer(&self, outcome: Result<serde_json::Value, TokenError>) -> Response {
        let mut response = match outcome {
            Ok(body) => (errors::not_kept(), body.to_string()).into_response(),
            Err(error) => errors::answer(&error, &self.moment),
        };
        if let Some(id) = self.headers.get(CLIENT_REQUEST_ID) {
            response.headers_mut().insert(CLIENT_REQUEST_ID, id.clone());
        }
        response
    }

    /// A refusal of this request.
    fn refused(&self, refusal: Refusal) -> TokenRefused {
        TokenRefused { refusal, moment: self.moment.clone() }
    }

    /// The form, and the `Authorization` header that may stand in for part of it.
    async fn form(&self, body: Body) -> Result<(Result<TokenForm, TokenError>, Option<String>), TokenRefused> {
        let expected = format!("a form of at most {LARGEST_FORM} bytes");
        let bytes = axum::body::to_bytes(body, LARGEST_FORM).await;
        let bytes = bytes.map_err(|_| self.refused(Malformed::body("body", "", expected).into()))?;
        let fields = url::form_urlencoded::parse(&bytes).into_owned();
        let authorization = self.headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()).map(str::to_owned);
        Ok((TokenForm::from_fields(fields), authorization))
    }
}

async fn token_v1(
    State(state): State<ServerState>,
    call: TokenCall,
    Path(tenant): Path<String>,
    body: Body,
) -> Result<Response, TokenRefused> {
    token(&state, &call, false, &tenant, body).await
}

async fn token_v2(
    State(state): State<ServerState>,
    call: TokenCall,
    Path(tenant): Path<String>,
    body: Body,
) -> Result<Response, TokenRefused> {
    token(&state, &call, true, &tenant, body).await
}

async fn token(
    state: &ServerState,
    call: &TokenCall,
    v2: bool,
    tenant: &str,
    body: Body,
) -> Result<Response, TokenRefused> {
    let (form, authorization) = call.form(body).await?;
    let (identity, base_url) = (state.identity().coming_from(&call.incoming.origin()), &call.incoming.base_url);
    let outcome = match form {
        Ok(form) if v2 => identity.token_v2(base_url, tenant, form, authorization.as_deref()).await,
        Ok(form) => identity.token_v1(base_url, tenant, form, authorization.as_deref()).await,
        Err(error) => Err(error),
    };
    Ok(call.answer(outcome.map(|answer| answer.body)))
}

async fn device_code_v1(
    State(state): State<ServerState>,
    call: TokenCall,
    Path(tenant): Path<String>,
    body: Body,
) -> Result<Response, TokenRefused> {
    device_code(&state, &call, false, &tenant, body).await
}

async fn device_code_v2(
    State(state): State<ServerState>,
    call: TokenCall,
    Path(tenant): Path<String>,
    body: Body,
) -> Result<Response, TokenRefused> {
    device_code(&state, &call, true, &tenant, body).await
}

async fn device_code(
    state: &ServerState,
    call: &TokenCall,
    v2: bool,
    tenant: &str,
    body: Body,
) -> Result<Response, TokenRefused> {
    // Each code is kept for a day, and asked for by programs that nobody has signed in to yet.
    state.sign_ins().admit(&call.incoming.origin()).map_err(|refusal| call.refused(refusal))?;
    let (form, authorization) = call.form(body).await?;
    let (identity, base_url) = (state.identity().coming_from(&call.incoming.origin()), &call.incoming.base_url);
    let outcome = match form {
        Ok(form) => identity.device_code(v2, base_url, tenant, form, authorization.as_deref()).await,
        Err(error) => Err(error),
    };
    Ok(call.answer(outcome))
}

async fn revoke(
    State(state): State<ServerState>,
    call: TokenCall,
    Path(tenant): Path<String>,
    body: Body,
) -> Result<Response, TokenRefused> {
    let (form, authorization) = call.form(body).await?;
    let identity = state.identity().coming_from(&call.incoming.origin());
    let outcome = match form {
        Ok(form) => identity.revoke(&tenant, form, authorization.as_deref()).await,
        Err(error) => Err(error),
    };
    Ok(call.answer(outcome.map(|()| serde_json::json!({}))))
}

async fn configuration_v1(
    State(state): State<ServerState>,
    call: TokenCall,
    Path(tenant): Path<String>,
) -> Result<Response, TokenRefused> {
    Ok(configuration(&state, &call, &tenant, false).await)
}

async fn configuration_v2(
    State(state): State<ServerState>,
    call: TokenCall,
    Path(tenant): Path<String>,
) -> Result<Response, TokenRefused> {
    Ok(configuration(&state, &call, &tenant, true).await)
}

async fn configuration(state: &ServerState, call: &TokenCall, tenant: &str, v2: bool) -> Response {
    match state.identity().openid_configuration(&call.incoming.base_url, tenant, v2).await {
        Ok(body) => answer::json_bytes(body.to_string().into_bytes()),
        Err(error) => call.answer(Err(error)),
    }
}

async fn keys(State(state): State<ServerState>, call: TokenCall) -> Result<Response, TokenRefused> {
    let keys = state.identity().jwks().await.map_err(|error| call.refused(Refusal::fault(&error)))?;
    Ok(answer::json_bytes(keys.to_string().into_bytes()))
}

async fn instance_discovery(State(state): State<ServerState>, call: TokenCall) -> Result<Response, TokenRefused> {
    let endpoint = call.incoming.parameters.get("authorization_endpoint");
    let body = state.identity().instance_discovery(&call.incoming.base_url, endpoint);
    Ok(answer::json_bytes(body.to_string().into_bytes()))
}
