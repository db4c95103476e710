//! Refusals as pages: whoever reads them is a person.

use axum::response::Response;
use http::header::{ALLOW, RETRY_AFTER};
use http::{HeaderValue, StatusCode};
use meterlake_identity::{Moment, TokenError};

use super::pages;
use crate::refusal::{ErrorShape, Refusal};

/// The shape.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SignInShape;

const TITLE: &str = "This does not work";

/// The page of a refusal by identity.
pub(super) fn answer(error: &TokenError, moment: &Moment) -> Response {
    if let Some(cause) = &error.cause {
        tracing::error!(%cause, "nobody could be signed in");
    }
    let status = StatusCode::from_u16(error.status).unwrap_or(StatusCode::BAD_REQUEST);
    // On a page, 401 would be a question for other credentials than these.
    let status = if status == StatusCode::UNAUTHORIZED { StatusCode::FORBIDDEN } else { status };
    let detail = format!("AADSTS{}. Trace {}, {}", error.code, moment.trace_id, moment.at.format("%Y-%m-%d %H:%M:%SZ"));
    pages::message(status, TITLE, &error.message, &detail)
}

/// The page for a form that is over, or was not ours.
pub(super) fn not_our_form() -> Response {
    let text = "This form is over, or did not come from this page in this browser. Go back to the application and begin \
                again; the browser has to accept cookies.";
    pages::message(StatusCode::BAD_REQUEST, TITLE, text, "")
}

impl ErrorShape for SignInShape {
    fn render(refusal: &Refusal) -> Response {
        let mut response = pages::message(refusal.status(), TITLE, &refusal.to_string(), "");
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
}
