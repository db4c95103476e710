//! C3's error shape: the envelope of every answer, with bad inputs as its data.

use axum::response::{IntoResponse, Response};
use http::StatusCode;

use super::wire::{BadInput, Envelope};
use crate::refusal::{ErrorShape, Refusal};

/// The shape.
#[derive(Debug, Clone, Copy)]
pub(crate) struct C3Shape;

/// Why the report is not given.
#[derive(Debug)]
pub(super) enum C3Refused {
    /// One or both ids are bad.
    Inputs(Vec<BadInput>),
    /// Any other reason.
    Other(Refusal),
}

impl From<Refusal> for C3Refused {
    fn from(refusal: Refusal) -> Self {
        Self::Other(refusal)
    }
}

const BAD_INPUT: &str = "ERROR_DESC_BAD_INPUT";

impl ErrorShape for C3Shape {
    fn render(refusal: &Refusal) -> Response {
        let error = match refusal {
            Refusal::Unauthenticated(_) => "ERROR_DESC_UNAUTHORIZED",
            Refusal::MethodNotAllowed { .. } => "ERROR_DESC_METHOD_NOT_ALLOWED",
            Refusal::Malformed(_) => BAD_INPUT,
            Refusal::Forbidden(_) => "ERROR_DESC_FORBIDDEN",
            Refusal::Unknown(_) => "ERROR_DESC_NOT_FOUND",
            Refusal::TooMany { .. } => "ERROR_DESC_TOO_MANY_REQUESTS",
            Refusal::Overloaded { .. } => "ERROR_DESC_SERVICE_UNAVAILABLE",
            Refusal::Internal(_) => "ERROR_DESC_INTERNAL_SERVER_ERROR",
        };
        let body = Envelope::<BadInput>::error(error, &[]);
        refusal.with_body(serde_json::to_vec(&body).unwrap_or_default())
    }
}

impl IntoResponse for C3Refused {
    fn into_response(self) -> Response {
        match self {
            Self::Inputs(inputs) => {
                let body = serde_json::to_vec(&Envelope::error(BAD_INPUT, &inputs)).unwrap_or_default();
                (StatusCode::BAD_REQUEST, crate::answer::json_bytes(body)).into_response()
            }
            Self::Other(refusal) => C3Shape::render(&refusal),
        }
    }
}
