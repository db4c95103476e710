//! Request and response headers that several families have alike.

use http::header::{HOST, HeaderMap, HeaderName};
use http::uri::Authority;
use http::{HeaderValue, Uri};
use uuid::Uuid;

use crate::ServerConfig;

/// The content type of every JSON answer.
pub(crate) const JSON: &str = "application/json; charset=utf-8";
/// Names the parameters that a request carried and no one read.
pub(crate) const IGNORED_PARAMETERS: HeaderName = HeaderName::from_static("meterlake-ignored-parameters");
/// The request's id in the two Partner Center families.
pub(crate) const MS_REQUEST_ID: HeaderName = HeaderName::from_static("ms-requestid");
/// The id that ties several requests together in the two Partner Center families.
pub(crate) const MS_CORRELATION_ID: HeaderName = HeaderName::from_static("ms-correlationid");
/// The request's id in the B2C family.
pub(crate) const B2C_REQUEST_ID: HeaderName = HeaderName::from_static("request-id");
/// The request's id in the other families.
pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static("x-ms-request-id");

/// The header's value to echo, or a new GUID when it is absent, empty or overlong.
pub(crate) fn echoed_or_made(headers: &HeaderMap, name: &HeaderName) -> HeaderValue {
    headers.get(name).filter(|value| (1..=128).contains(&value.len())).cloned().unwrap_or_else(made)
}

/// A new request id.
pub(crate) fn made() -> HeaderValue {
    HeaderValue::from_str(&Uuid::new_v4().to_string()).unwrap_or_else(|_| HeaderValue::from_static("0"))
}

/// Scheme and authority that absolute links of the answer start with, without a final slash; `scheme` is the
/// listener's, `own` the authority of a request that names none.
pub(crate) fn base_url(config: &ServerConfig, headers: &HeaderMap, uri: &Uri, (scheme, own): (&str, &str)) -> String {
    if let Some(base) = &config.base_url {
        return base.trim_end_matches('/').to_owned();
    }
    let text = |name: &str| {
        headers.get(name).and_then(|value| value.to_str().ok()).and_then(|value| value.split(',').next()).map(str::trim)
    };
    let forwarded = |name: &str| text(name).filter(|_| config.trust_forwarded);
    let scheme = forwarded("x-forwarded-proto").filter(|s| matches!(*s, "http" | "https")).unwrap_or(scheme);
    let authority = forwarded("x-forwarded-host")
        .or_else(|| text(HOST.as_str()))
        .and_then(|host| host.parse::<Authority>().ok())
        .or_else(|| uri.authority().cloned())
        .filter(|authority| !authority.as_str().contains('@'));
    format!("{scheme}://{}", authority.as_ref().map_or(own, Authority::as_str))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base_urls() {
        let mut config = ServerConfig::new("x");
        let mut headers = HeaderMap::new();
        let uri = Uri::from_static("/v2");
        assert_eq!(base_url(&config, &headers, &uri, ("https", "localhost:81")), "https://localhost:81");
        assert_eq!(base_url(&config, &headers, &uri, ("http", "localhost:81")), "http://localhost:81");
        headers.insert(HOST, HeaderValue::from_static("127.0.0.1:8080"));
        headers.insert("x-forwarded-proto", HeaderValue::from_static("https"));
        headers.insert("x-forwarded-host", HeaderValue::from_static("usage.example.org, inner"));
        assert_eq!(base_url(&config, &headers, &uri, ("http", "localhost:81")), "http://127.0.0.1:8080");
        config.trust_forwarded = true;
        assert_eq!(base_url(&config, &headers, &uri, ("http", "localhost:81")), "https://usage.example.org");
        headers.insert("x-forwarded-host", HeaderValue::from_static("evil\"<>"));
        assert_eq!(base_url(&config, &headers, &uri, ("http", "localhost:81")), "https://localhost:81");
        headers.insert("x-forwarded-proto", HeaderValue::from_static("http"));
        assert_eq!(base_url(&config, &headers, &uri, ("https", "localhost:81")), "http://localhost:81");
        config.base_url = Some("https://set.example.org/".to_owned());
        assert_eq!(base_url(&config, &headers, &uri, ("http", "localhost:81")), "https://set.example.org");
    }
}
