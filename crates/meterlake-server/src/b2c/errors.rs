//! The error shape of Azure AD Graph: `{"odata.error":{"code","message":{"lang","value"}}}`.

use axum::response::{IntoResponse, Response};
use meterlake_identity::AuthError;

use crate::refusal::{ErrorShape, Malformed, Refusal};

/// The shape.
#[derive(Debug, Clone, Copy)]
pub(crate) struct B2cShape;

/// A refusal in this shape, with a code of its own where the refusal alone does not tell it.
#[derive(Debug)]
pub(super) struct B2cRefused {
    refusal: Refusal,
    code: Option<&'static str>,
}

impl From<Refusal> for B2cRefused {
    fn from(refusal: Refusal) -> Self {
        Self { refusal, code: None }
    }
}

impl From<Malformed> for B2cRefused {
    fn from(malformed: Malformed) -> Self {
        Refusal::from(malformed).into()
    }
}

impl B2cRefused {
    /// A query that can be read and that the report does not take.
    pub(super) fn unsupported_query(malformed: Malformed) -> Self {
        Self { refusal: malformed.into(), code: Some("Request_UnsupportedQuery") }
    }

    /// The refusal of a token. Only the bearer of a token that we signed learns more than that it is not valid.
    pub(super) fn from_auth(error: &AuthError) -> Self {
        let code = match error {
            AuthError::Expired => Some("Authentication_ExpiredToken"),
            AuthError::UnknownPrincipal => Some("Authorization_IdentityNotFound"),
            AuthError::Disabled => Some("Authorization_IdentityDisabled"),
            _ => None,
        };
        Self { refusal: Refusal::from_auth(error), code }
    }
}

impl ErrorShape for B2cShape {
    fn render(refusal: &Refusal) -> Response {
        let code = match refusal {
            Refusal::Unauthenticated(_) => "Authentication_MissingOrMalformed",
            Refusal::MethodNotAllowed { .. } | Refusal::Malformed(_) => "Request_BadRequest",
            Refusal::Forbidden(_) => "Authorization_RequestDenied",
            Refusal::Unknown(_) => "Request_ResourceNotFound",
            Refusal::TooMany { .. } => "Request_ThrottledTemporarily",
            Refusal::Overloaded { .. } => "Service_TemporarilyUnavailable",
            Refusal::Internal(_) => "Service_InternalServerError",
        };
        answer(refusal, code)
    }
}

impl IntoResponse for B2cRefused {
    fn into_response(self) -> Response {
        match self.code {
            Some(code) => answer(&self.refusal, code),
            None => B2cShape::render(&self.refusal),
        }
    }
}

fn answer(refusal: &Refusal, code: &str) -> Response {
    let message = serde_json::json!({"lang": "en", "value": refusal.to_string()});
    let body = serde_json::json!({"odata.error": {"code": code, "message": message}});
    refusal.with_body(body.to_string().into_bytes())
}
