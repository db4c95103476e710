//! The token endpoint's error shape, as OAuth has it, with an `AADSTS` code.

use axum::response::{IntoResponse, Response};
use http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, EXPIRES, HeaderMap, PRAGMA, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderValue, StatusCode};
use meterlake_identity::{Moment, TokenError};

use crate::headers::JSON;
use crate::refusal::Refusal;

/// No answer about tokens may be kept by anyone on the way.
pub(crate) fn not_kept() -> HeaderMap {
    HeaderMap::from_iter([
        (CONTENT_TYPE, HeaderValue::from_static(JSON)),
        (CACHE_CONTROL, HeaderValue::from_static("no-cache, no-store")),
        (PRAGMA, HeaderValue::from_static("no-cache")),
        (EXPIRES, HeaderValue::from_static("-1")),
    ])
}

/// The answer of a refusal by identity.
pub(crate) fn answer(error: &TokenError, moment: &Moment) -> Response {
    if let Some(cause) = &error.cause {
        tracing::error!(%cause, "no token could be given");
    }
    let status = StatusCode::from_u16(error.status).unwrap_or(StatusCode::BAD_REQUEST);
    let mut response = (status, not_kept(), error.body(moment).to_string()).into_response();
    if status == StatusCode::UNAUTHORIZED {
        response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Basic realm=\"meterlake\""));
    }
    response
}

/// A refusal by the server on its way out, with the moment that its answer names.
#[derive(Debug)]
pub(super) struct TokenRefused {
    pub(super) refusal: Refusal,
    pub(super) moment: Moment,
}

impl IntoResponse for TokenRefused {
    fn into_response(self) -> Response {
        render(&self.refusal, &self.moment)
    }
}

/// The answer of a refusal by the server.
pub(crate) fn render(refusal: &Refusal, moment: &Moment) -> Response {
    let (error, code) = match refusal {
        Refusal::MethodNotAllowed { .. } => ("invalid_request", 900_561),
        Refusal::Internal(_) => ("server_error", 90_033),
        Refusal::TooMany { .. } | Refusal::Overloaded { .. } => ("temporarily_unavailable", 90_033),
        _ => ("invalid_request", 9_002_313),
    };
    let status = refusal.status();
    let error = TokenError { status: status.as_u16(), error, code, message: refusal.to_string(), cause: None };
    let mut response = answer(&error, moment);
    if let Refusal::MethodNotAllowed { allow, .. } = refusal
        && let Ok(value) = HeaderValue::from_str(allow)
    {
        response.headers_mut().insert(ALLOW, value);
    }
    if let Some(seconds) = refusal.retry_after() {
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}
