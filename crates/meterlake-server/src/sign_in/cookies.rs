//! The two cookies of a browser: who it is, and who is signed in in it.

use http::header::COOKIE;
use http::{HeaderMap, HeaderValue};

/// Tells one browser from another, so that a form is taken from the browser only that got its page.
pub(super) const BROWSER: &str = "meterlake_browser";
/// Who is signed in.
pub(super) const SESSION: &str = "meterlake_session";

/// Longest value of a cookie of ours.
const LONGEST: usize = 128;

/// The value of a cookie.
pub(super) fn read(headers: &HeaderMap, name: &str) -> Option<String> {
    headers
        .get_all(COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(given, value)| *given == name && (1..=LONGEST).contains(&value.len()))
        .map(|(_, value)| value.to_owned())
}

/// The header that keeps a cookie until the browser is closed; scripts and other sites' forms do not get it.
pub(super) fn keep(name: &str, value: &str, secure: bool) -> Option<HeaderValue> {
    set(name, value, "", secure)
}

/// The header that ends a cookie.
pub(super) fn end(name: &str, secure: bool) -> Option<HeaderValue> {
    set(name, "", "; Max-Age=0", secure)
}

fn set(name: &str, value: &str, life: &str, secure: bool) -> Option<HeaderValue> {
    let secure = if secure { "; Secure" } else { "" };
    HeaderValue::from_str(&format!("{name}={value}; Path=/; HttpOnly; SameSite=Lax{life}{secure}")).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cookies_are_found_among_others() {
        let mut headers = HeaderMap::new();
        headers.append(COOKIE, HeaderValue::from_static("a=b; meterlake_session_x=1"));
        headers.append(COOKIE, HeaderValue::from_static("c; meterlake_session=v=1; meterlake_browser="));
        assert_eq!(read(&headers, SESSION).as_deref(), Some("v=1"));
        assert_eq!(read(&headers, BROWSER), None);
        assert_eq!(keep(SESSION, "v", true).unwrap(), "meterlake_session=v; Path=/; HttpOnly; SameSite=Lax; Secure");
        assert_eq!(end(SESSION, false).unwrap(), "meterlake_session=; Path=/; HttpOnly; SameSite=Lax; Max-Age=0");
    }
}
