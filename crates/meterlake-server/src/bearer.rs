//! The `Authorization` header.

use http::HeaderMap;
use http::header::AUTHORIZATION;
use meterlake_identity::bearer_token;

use crate::refusal::Refusal;

/// The token of `Authorization: Bearer <token>`, the scheme in any case.
pub(crate) fn token(headers: &HeaderMap) -> Result<&str, Refusal> {
    let refuse = |reason: &str| Refusal::Unauthenticated(reason.to_owned());
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let value = values.next().ok_or_else(|| refuse("The request has no Authorization header."))?;
    if values.next().is_some() {
        return Err(refuse("The request has more than one Authorization header."));
    }
    value
        .to_str()
        .ok()
        .and_then(bearer_token)
        .ok_or_else(|| refuse("The Authorization header is not of the form 'Bearer <token>'."))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn schemes() {
        for (value, expected) in [
            ("Bearer abc", Some("abc")),
            ("bearer  abc ", Some("abc")),
            ("BEARER abc", Some("abc")),
            ("Basic abc", None),
            ("Bearer", None),
            ("Bearer ", None),
            ("abc", None),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(AUTHORIZATION, HeaderValue::from_str(value).unwrap());
            assert_eq!(token(&headers).ok(), expected, "{value}");
            headers.append(AUTHORIZATION, HeaderValue::from_static("Bearer x"));
            assert!(token(&headers).is_err());
        }
        assert!(token(&HeaderMap::new()).is_err());
    }
}
