//! EA's error shape: `{"error":{"code","message"}}`.

use axum::response::Response;

use crate::refusal::{ErrorShape, Refusal, Refused};

/// The shape.
#[derive(Debug, Clone, Copy)]
pub(crate) struct EaShape;

/// A refusal in EA's shape.
pub(crate) type EaRefused = Refused<EaShape>;

impl ErrorShape for EaShape {
    fn render(refusal: &Refusal) -> Response {
        let code = match refusal {
            Refusal::Unauthenticated(_) => "Unauthorized",
            Refusal::MethodNotAllowed { .. } => "MethodNotAllowed",
            Refusal::Malformed(_) => "BadRequest",
            Refusal::Forbidden(_) => "Forbidden",
            Refusal::Unknown(_) => "NotFound",
            Refusal::TooMany { .. } => "TooManyRequests",
            Refusal::Overloaded { .. } => "ServiceUnavailable",
            Refusal::Internal(_) => "InternalServerError",
        };
        let body = serde_json::json!({"error": {"code": code, "message": refusal.to_string()}});
        refusal.with_body(body.to_string().into_bytes())
    }
}
