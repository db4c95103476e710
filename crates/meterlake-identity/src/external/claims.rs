//! What a token of another party's issuer says, and whether that holds.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::ExternalIssuer;
use crate::{Audience, Audiences, AuthError};

/// Difference of clocks that is forgiven to other parties' issuers, in seconds.
const LEEWAY_SECONDS: i64 = 300;

/// The issuer that a token names. Nothing of the token is checked.
pub(super) fn unchecked_issuer(token: &str) -> Option<String> {
    #[derive(Deserialize)]
    struct Named {
        iss: String,
    }
    let payload = URL_SAFE_NO_PAD.decode(token.split('.').nth(1)?).ok()?;
    serde_json::from_slice::<Named>(&payload).ok().map(|named| named.iss)
}

/// A claim that is a text and not empty.
pub(super) fn text<'a>(claims: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    claims.get(name)?.as_str().filter(|text| !text.is_empty())
}

/// A claim that counts seconds since 1970, which some issuers write with a fraction.
fn seconds(claims: &Map<String, Value>, name: &'static str) -> Result<Option<i64>, AuthError> {
    match claims.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Number(number)) => {
            let whole = number.to_string();
            let whole = whole.split('.').next().unwrap_or_default();
            whole.parse().map(Some).map_err(|_| AuthError::Malformed("its times are no seconds since 1970"))
        }
        Some(_) => Err(AuthError::Malformed("its times are no numbers")),
    }
}

/// Whether claims are there that only the token of a person who signed in has.
pub(super) fn tells_of_a_sign_in(claims: &Map<String, Value>) -> bool {
    let of_a_session = ["auth_time", "nonce", "session_state", "sid"].iter().any(|name| claims.contains_key(*name));
    of_a_session || text(claims, "scope").is_some_and(|scopes| scopes.split(' ').any(|scope| scope == "openid"))
}

/// Checks the life and the issuer. `now` is in seconds since 1970.
pub(super) fn check(issuer: &ExternalIssuer, claims: &Map<String, Value>, now: i64) -> Result<(), AuthError> {
    let expires = seconds(claims, "exp")?.ok_or(AuthError::Malformed("it has no end (exp)"))?;
    if expires.saturating_add(LEEWAY_SECONDS) <= now {
        return Err(AuthError::Expired);
    }
    for begin in ["nbf", "iat"] {
        if seconds(claims, begin)?.is_some_and(|begin| begin.saturating_sub(LEEWAY_SECONDS) > now) {
            return Err(AuthError::NotYetValid);
        }
    }
    if text(claims, "iss") != Some(&issuer.issuer) {
        return Err(AuthError::Issuer);
    }
    Ok(())
}

/// Whether one of the audiences of the token is taken from this issuer and opens the API.
pub(super) fn audience_fits(
    issuer: &ExternalIssuer,
    claims: &Map<String, Value>,
    audiences: &Audiences,
    wanted: Audience,
) -> bool {
    let opens = |value: &Value| {
        value.as_str().is_some_and(|name| {
            issuer.audiences.iter().any(|taken| taken == name)
                && audiences.find(name).is_none_or(|audience| audience == wanted)
        })
    };
    match claims.get("aud") {
        Some(Value::Array(several)) => several.iter().any(opens),
        Some(one) => opens(one),
        None => false,
    }
}
