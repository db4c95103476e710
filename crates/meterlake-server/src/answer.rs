//! Answers: JSON bodies, unchanged ones, and rows that stream.

use axum::body::{Body, to_bytes};
use axum::response::{IntoResponse, Response};
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, ETAG};
use http::{HeaderMap, HeaderValue, StatusCode};
use serde::Serialize;

use crate::etag;
use crate::headers::JSON;
use crate::refusal::Refusal;

/// A byte order mark in UTF-8.
const BOM: &[u8] = "\u{feff}".as_bytes();
/// More bytes than the body of any refusal has.
const LARGEST_REFUSAL: usize = 1 << 20;

/// A JSON body under construction, after the byte order mark when the family has it switched on.
pub(crate) fn start(bom: bool) -> Vec<u8> {
    if bom { BOM.to_vec() } else { Vec::new() }
}

/// A refusal whose JSON, like that of answers, comes after a byte order mark: a script that cuts the first character
/// off cuts it off errors, too.
pub(crate) async fn marked_refusal(response: Response) -> Response {
    let status = response.status();
    let json =
        response.headers().get(CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"application/json"));
    if !json || !(status.is_client_error() || status.is_server_error()) {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    // The body of a refusal is whole and small. To HEAD it is gone already, and only its length is left.
    let Ok(bytes) = to_bytes(body, LARGEST_REFUSAL).await else {
        return (parts, Body::empty()).into_response();
    };
    if let Some(length) = parts.headers.get_mut(CONTENT_LENGTH)
        && let Some(marked) = length.to_str().ok().and_then(|text| text.parse::<u64>().ok())
    {
        *length = HeaderValue::from(marked + BOM.len() as u64);
    }
    let body = if bytes.is_empty() { Body::empty() } else { Body::from([BOM, &bytes].concat()) };
    (parts, body).into_response()
}

/// The answer of a JSON body.
pub(crate) fn json_bytes(body: impl Into<Body>) -> Response {
    ([(CONTENT_TYPE, JSON)], body.into()).into_response()
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
