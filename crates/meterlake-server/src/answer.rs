//! Answers: JSON bodies, unchanged ones, and rows that stream.

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use http::header::{CONTENT_TYPE, ETAG};
use http::{HeaderMap, HeaderValue, StatusCode};
use serde::Serialize;

use crate::etag;
use crate::headers::JSON;
use crate::refusal::Refusal;

/// A byte order mark in UTF-8.
const BOM: &[u8] = "\u{feff}".as_bytes();

/// A JSON body under construction, after the byte order mark when the family has it switched on.
pub(crate) fn start(bom: bool) -> Vec<u8> {
    if bom { BOM.to_vec() } else { Vec::new() }
}

/// The answer of a JSON body.
pub(crate) fn json_bytes(body: Vec<u8>) -> Response {
    ([(CONTENT_TYPE, JSON)], body).into_response()
}

/// The answer of a resource as JSON.
pub(crate) fn json<T: Serialize>(resource: &T, bom: bool) -> Result<Response, Refusal> {
    let mut body = start(bom);
    serde_json::to_writer(&mut body, resource).map_err(|error| Refusal::fault(&error))?;
    Ok(json_bytes(body))
}

/// 304 when the client has the answer of this tag already.
pub(crate) fn unchanged(headers: &HeaderMap, tag: &str) -> Option<Response> {
    etag::none_match_hits(headers, tag).then(|| tagged((StatusCode::NOT_MODIFIED, Body::empty()).into_response(), tag))
}

/// The answer with its tag.
pub(crate) fn tagged(mut response: Response, tag: &str) -> Response {
    if let Ok(value) = HeaderValue::from_str(tag) {
        response.headers_mut().insert(ETAG, value);
    }
    response
}
