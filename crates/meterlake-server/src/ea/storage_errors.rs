//! Azure Storage's error shape, for the export files: XML with `x-ms-error-code`.

use axum::response::{IntoResponse, Response};
use chrono::{DateTime, SecondsFormat, Utc};
use http::header::{ALLOW, CONTENT_RANGE, CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderValue, StatusCode};
use uuid::Uuid;

use crate::headers::REQUEST_ID;
use crate::refusal::{ErrorShape, Refusal};

/// Why a blob is not read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum StorageRefusal {
    /// The signature is missing, altered or of another blob.
    BadSignature,
    /// The link's time is over.
    Expired { at: DateTime<Utc>, now: DateTime<Utc> },
    /// There is no such file.
    NotFound,
    /// The range lies outside the file, which has so many bytes.
    InvalidRange { length: u64 },
    /// `If-Match` names another state of the file.
    ConditionNotMet,
    /// Another method than GET and HEAD.
    Method,
    /// There is too much to do; to be asked again after so many seconds.
    Busy { retry_after: u64 },
    /// A fault of ours.
    Internal,
}

const DENIED: &str = "Server failed to authenticate the request. Make sure the value of Authorization header is formed \
                      correctly including the signature.";

impl StorageRefusal {
    fn parts(&self) -> (StatusCode, &'static str, &'static str) {
        match self {
            Self::BadSignature | Self::Expired { .. } => (StatusCode::FORBIDDEN, "AuthenticationFailed", DENIED),
            Self::NotFound => (StatusCode::NOT_FOUND, "BlobNotFound", "The specified blob does not exist."),
            Self::InvalidRange { .. } => (
                StatusCode::RANGE_NOT_SATISFIABLE,
                "InvalidRange",
                "The range specified is invalid for the current size of the resource.",
            ),
            Self::ConditionNotMet => (
                StatusCode::PRECONDITION_FAILED,
                "ConditionNotMet",
                "The condition specified using HTTP conditional header(s) is not met.",
            ),
            Self::Method => (
                StatusCode::METHOD_NOT_ALLOWED,
                "UnsupportedHttpVerb",
                "The resource doesn't support specified Http Verb.",
            ),
            Self::Busy { .. } => (
                StatusCode::SERVICE_UNAVAILABLE,
                "ServerBusy",
                "The server is currently unable to receive requests. Please retry your request.",
            ),
            Self::Internal => (
                StatusCode::INTERNAL_SERVER_ERROR,
                "InternalError",
                "The server encountered an internal error. Please retry the request.",
            ),
        }
    }

    fn detail(&self) -> Option<String> {
        let instant = |at: &DateTime<Utc>| at.to_rfc3339_opts(SecondsFormat::Secs, true);
        match self {
            Self::BadSignature => Some("Signature did not match.".to_owned()),
            Self::Expired { at, now } => Some(format!(
                "Signature not valid in the specified time frame: Expiry [{}] - Current [{}]",
                instant(at),
                instant(now)
            )),
            _ => None,
        }
    }
}

impl IntoResponse for StorageRefusal {
    fn into_response(self) -> Response {
        let (status, code, message) = self.parts();
        let detail = self
            .detail()
            .map(|text| format!("<AuthenticationErrorDetail>{text}</AuthenticationErrorDetail>"))
            .unwrap_or_default();
        let request = Uuid::new_v4();
        let body = format!(
            "<?xml version=\"1.0\" encoding=\"utf-8\"?><Error><Code>{code}</Code><Message>{message}\n\
             RequestId:{request}</Message>{detail}</Error>"
        );
        let mut response = (status, [(CONTENT_TYPE, "application/xml")], body).into_response();
        let headers = response.headers_mut();
        headers.insert("x-ms-error-code", HeaderValue::from_static(code));
        if let Ok(request) = HeaderValue::from_str(&request.to_string()) {
            headers.insert(REQUEST_ID, request);
        }
        match self {
            Self::InvalidRange { length } => {
                if let Ok(value) = HeaderValue::from_str(&format!("bytes */{length}")) {
                    headers.insert(CONTENT_RANGE, value);
                }
            }
            Self::Method => {
                headers.insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
            }
            Self::Busy { retry_after } => {
                headers.insert(RETRY_AFTER, HeaderValue::from(retry_after));
            }
            _ => {}
        }
        response
    }
}

/// The shape, for panics on the blob route.
#[derive(Debug, Clone, Copy)]
pub(crate) struct StorageShape;

impl ErrorShape for StorageShape {
    fn render(_refusal: &Refusal) -> Response {
        StorageRefusal::Internal.into_response()
    }
}
