//! Why a request is not answered, and the one order of the reasons: 401, 405, 400, 403, existence. Each family
//! renders a refusal in its own shape.

use std::fmt;
use std::marker::PhantomData;

use axum::response::{IntoResponse, Response};
use http::header::{ALLOW, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderValue, Method, StatusCode};

/// A part of a request that is not what it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Malformed {
    /// Where it stands.
    pub(crate) place: Place,
    /// Its documented name.
    pub(crate) name: &'static str,
    /// The value as given, shortened.
    pub(crate) value: String,
    /// What was expected.
    pub(crate) expected: String,
}

/// Where a malformed value stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// The query string.
    Parameter,
    /// The path.
    Path,
    /// The body.
    Body,
}

impl Malformed {
    /// A parameter of the query string.
    pub(crate) fn parameter(name: &'static str, value: &str, expected: impl Into<String>) -> Self {
        Self { place: Place::Parameter, name, value: shown(value), expected: expected.into() }
    }

    /// A part of the path.
    pub(crate) fn path(name: &'static str, value: &str, expected: impl Into<String>) -> Self {
        Self { place: Place::Path, name, value: shown(value), expected: expected.into() }
    }

    /// The body, or a property of it.
    pub(crate) fn body(name: &'static str, value: &str, expected: impl Into<String>) -> Self {
        Self { place: Place::Body, name, value: shown(value), expected: expected.into() }
    }
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = match self.place {
            Place::Parameter => "parameter",
            Place::Path => "path part",
            Place::Body => "body property",
        };
        write!(f, "The {place} '{}' has the value '{}'; expected {}.", self.name, self.value, self.expected)
    }
}

/// A value as a message quotes it.
fn shown(value: &str) -> String {
    const LONGEST: usize = 200;
    meterlake_model::excerpt(value, LONGEST).into_owned()
}

/// What a principal lacks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lacking {
    /// The call takes a user's token; this is an application's.
    UserToken,
    /// The call takes an application's token; this is a user's.
    ApplicationToken,
    /// The grant on the tenant.
    Tenant,
    /// The grant on the customer.
    Customer,
    /// A grant of the family.
    Family,
}

/// What does not exist.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Unknown {
    /// A customer.
    Customer(String),
    /// A subscription of a customer.
    Subscription(String),
    /// A tenant.
    Tenant(String),
    /// A report.
    Report(String),
    /// A price file for estimates.
    Prices,
    /// An export job of an enrolment.
    Export(String),
    /// The path is no route's.
    Route,
}

/// Why a request is not answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// No valid token or key; the reason is for the message.
    Unauthenticated(String),
    /// The route does not take the method; `allow` lists those it takes.
    MethodNotAllowed { method: Method, allow: String },
    /// A malformed id, parameter or body.
    Malformed(Malformed),
    /// No grant.
    Forbidden(Lacking),
    /// The thing asked for does not exist, and the principal may know that.
    Unknown(Unknown),
    /// More requests or exports than allowed; try again after so many seconds.
    TooMany { what: &'static str, retry_after: u64 },
    /// The server sheds load; try again after so many seconds.
    Overloaded { retry_after: u64 },
    /// A fault of ours; the text tells the client no more than it may know.
    Internal(String),
}

impl Refusal {
    /// The HTTP status.
    pub(crate) fn status(&self) -> StatusCode {
        match self {
            Self::Unauthenticated(_) => StatusCode::UNAUTHORIZED,
            Self::MethodNotAllowed { .. } => StatusCode::METHOD_NOT_ALLOWED,
            Self::Malformed(_) => StatusCode::BAD_REQUEST,
            Self::Forbidden(_) => StatusCode::FORBIDDEN,
            Self::Unknown(_) => StatusCode::NOT_FOUND,
            Self::TooMany { .. } => StatusCode::TOO_MANY_REQUESTS,
            Self::Overloaded { .. } => StatusCode::SERVICE_UNAVAILABLE,
            Self::Internal(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// The refusal of a token or key that does not hold here, for whatever reason.
    pub(crate) fn not_valid_here() -> Self {
        Self::Unauthenticated("The token or key is not valid here.".to_owned())
    }

    /// The refusal of a token or key. Why it does not hold is for the log; the caller learns only that it does not.
    pub(crate) fn from_auth(error: &meterlake_identity::AuthError) -> Self {
        if error.is_internal() {
            return Self::fault(error);
        }
        tracing::info!(%error, "token or key refused");
        Self::not_valid_here()
    }

    /// A fault of ours, logged with its cause; the client learns only that it happened.
    pub(crate) fn fault(cause: &dyn fmt::Display) -> Self {
        tracing::error!(%cause, "request failed");
        Self::Internal("The server could not answer; the cause is in its log.".to_owned())
    }

    /// The whole seconds after which the client may try again.
    pub(crate) fn retry_after(&self) -> Option<u64> {
        match self {
            Self::TooMany { retry_after, .. } | Self::Overloaded { retry_after } => Some(*retry_after),
            _ => None,
        }
    }

    /// A JSON answer of the refusal's status, with the headers that go with it.
    pub(crate) fn with_body(&self, body: Vec<u8>) -> Response {
        let mut response = (self.status(), [(http::header::CONTENT_TYPE, crate::headers::JSON)], body).into_response();
        let headers = response.headers_mut();
        if let Self::Unauthenticated(_) = self {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"meterlake\""));
        }
        if let Self::MethodNotAllowed { allow, .. } = self
            && let Ok(value) = HeaderValue::from_str(allow)
        {
            headers.insert(ALLOW, value);
        }
        if let Some(seconds) = self.retry_after() {
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unauthenticated(reason) => f.write_str(reason),
            Self::MethodNotAllowed { method, allow } => {
                write!(f, "The method {} is not allowed here; allowed: {allow}.", shown(method.as_str()))
            }
            Self::Malformed(malformed) => malformed.fmt(f),
            Self::Forbidden(Lacking::UserToken) => {
                f.write_str("This call takes a user's token; an application's token has no access.")
            }
            Self::Forbidden(Lacking::ApplicationToken) => {
                f.write_str("This call takes an application's token; a user's token has no access.")
            }
            Self::Forbidden(Lacking::Tenant) => f.write_str("The caller has no access to this tenant."),
            Self::Forbidden(Lacking::Customer) => f.write_str("The caller has no access to this customer."),
            Self::Forbidden(Lacking::Family) => f.write_str("The caller has no access to this report."),
            Self::Unknown(Unknown::Customer(id)) => write!(f, "There is no customer {id}."),
            Self::Unknown(Unknown::Subscription(id)) => write!(f, "The customer has no subscription {}.", shown(id)),
            Self::Unknown(Unknown::Tenant(id)) => write!(f, "There is no tenant '{}'.", shown(id)),
            Self::Unknown(Unknown::Report(name)) => write!(f, "There is no report '{}'.", shown(name)),
            Self::Unknown(Unknown::Prices) => {
                f.write_str("This server has no price file; its operator sets one with [b2c] prices.")
            }
            Self::Unknown(Unknown::Export(id)) => write!(f, "There is no report request {} here.", shown(id)),
            Self::Unknown(Unknown::Route) => f.write_str("There is nothing at this path."),
            Self::TooMany { what, retry_after } => {
                write!(f, "{what} limit is exceeded. Try again in {retry_after} seconds.")
            }
            Self::Overloaded { retry_after } => {
                write!(f, "The server is busy. Try again in {retry_after} seconds.")
            }
            Self::Internal(text) => f.write_str(text),
        }
    }
}

impl From<Malformed> for Refusal {
    fn from(malformed: Malformed) -> Self {
        Self::Malformed(malformed)
    }
}

/// How a family writes its errors.
pub(crate) trait ErrorShape: Clone + Send + Sync + 'static {
    /// The whole answer: status, headers, body.
    fn render(refusal: &Refusal) -> Response;
}

/// A refusal on its way out in the shape `S`.
#[derive(Debug)]
pub(crate) struct Refused<S>(pub(crate) Refusal, PhantomData<S>);

impl<S> From<Refusal> for Refused<S> {
    fn from(refusal: Refusal) -> Self {
        Self(refusal, PhantomData)
    }
}

impl<S> From<Malformed> for Refused<S> {
    fn from(malformed: Malformed) -> Self {
        Self(malformed.into(), PhantomData)
    }
}

impl<S: ErrorShape> IntoResponse for Refused<S> {
    fn into_response(self) -> Response {
        S::render(&self.0)
    }
}

/// Turns a panic of a handler into the family's 500, as `.0` writes it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PanicShape<R>(pub(crate) R);

impl<R> tower_http::catch_panic::ResponseForPanic for PanicShape<R>
where
    R: Fn(&Refusal) -> Response + Clone + Send + Sync + 'static,
{
    type ResponseBody = axum::body::Body;

    fn response_for_panic(&mut self, panic: Box<dyn std::any::Any + Send>) -> Response {
        let cause = panic
            .downcast_ref::<String>()
            .map(String::as_str)
            .or_else(|| panic.downcast_ref::<&str>().copied())
            .unwrap_or("a panic without a message");
        (self.0)(&Refusal::fault(&format_args!("panic: {cause}")))
    }
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::body::{Body, to_bytes};
    use axum::routing::any;
    use tower::ServiceExt;
    use tower_http::catch_panic::CatchPanicLayer;

    use super::*;
    use crate::ea::EaShape;

    #[tokio::test]
    async fn a_panic_is_a_fault_in_the_shape_of_its_family() {
        async fn broken() -> Response {
            panic!("a secret of ours")
        }
        let shaped = CatchPanicLayer::custom(PanicShape(EaShape::render));
        let router = Router::new().route("/", any(broken)).layer(shaped);
        let response = router.oneshot(http::Request::new(Body::empty())).await.unwrap();
        assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
        let body = to_bytes(response.into_body(), 10_000).await.unwrap();
        let json: serde_json::Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(json["error"]["code"], "InternalServerError");
        assert!(!json.to_string().contains("secret"));
    }

    #[test]
    fn values_are_shown_short_and_plain() {
        let long = format!("a\r\n\u{0}{}", "x".repeat(500));
        let shown = Malformed::parameter("top", &long, "a number").to_string();
        assert!(shown.len() < 300 && !shown.contains('\n'), "{shown}");
    }
}
