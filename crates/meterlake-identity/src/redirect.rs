//! Addresses that the answers of the sign-in pages are sent to.

use meterlake_model::PrincipalId;
use url::{Host, Url};

use crate::{Identity, IdentityError};

/// Longest redirect URI.
const LONGEST: usize = 2048;

/// Checks an address before it is registered as one that answers may be sent to.
///
/// # Errors
/// [`IdentityError::RedirectUri`] for one that is not https, http on this machine, or of a scheme of the application's
/// own.
pub fn check_redirect_uri(uri: &str) -> Result<(), IdentityError> {
    let refuse = |reason| Err(IdentityError::RedirectUri { given: uri.to_owned(), reason });
    if uri.len() > LONGEST || uri.chars().any(|c| c.is_control() || c.is_whitespace() || !c.is_ascii()) {
        return refuse("expected at most 2048 printable ASCII characters without blanks");
    }
    let Ok(url) = Url::parse(uri) else {
        return refuse("expected an absolute URI such as https://app.example.org/auth");
    };
    if url.fragment().is_some() {
        return refuse("expected a URI without a fragment (#)");
    }
    if uri.contains('*') {
        return refuse("expected one URI without a wildcard (*)");
    }
    if !url.username().is_empty() || url.password().is_some() {
        return refuse("expected a URI without user name and password");
    }
    match url.scheme() {
        "https" => Ok(()),
        "http" if is_loopback(&url) => Ok(()),
        "http" => refuse("http is for localhost, 127.0.0.1 and [::1] only; expected https"),
        // A scheme of an application's own (RFC 8252, 7.1).
        scheme if scheme.contains('.') || scheme.starts_with("msal") => Ok(()),
        _ => refuse("expected https, http on localhost, or a scheme of the application's own with a dot in it"),
    }
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

/// Whether an address that a request names is the registered one: the same text, or the same address on this machine
/// at whatever port (RFC 8252, 7.3).
pub(crate) fn matches(registered: &str, named: &str) -> bool {
    if registered == named {
        return true;
    }
    // What a parser would forgive, or take for a slash.
    if named.bytes().any(|byte| !byte.is_ascii_graphic() || byte == b'\\') {
        return false;
    }
    let (Ok(registered), Ok(mut named)) = (Url::parse(registered), Url::parse(named)) else { return false };
    if registered.scheme() != "http" || !is_loopback(&registered) || named.scheme() != "http" {
        return false;
    }
    named.set_port(registered.port()).is_ok() && named == registered
}

/// What a page's policy may name as the target of a form that ends in a redirect there: the origin, or the scheme of
/// an application's own.
#[must_use]
pub(crate) fn form_target(uri: &str) -> String {
    match Url::parse(uri) {
        Ok(url) if matches!(url.scheme(), "http" | "https") => url.origin().ascii_serialization(),
        Ok(url) => format!("{}:", url.scheme()),
        Err(_) => "'none'".to_owned(),
    }
}

impl Identity {
    /// Registers an address that answers for an application may be sent to. Whether it was not there before.
    ///
    /// # Errors
    /// [`IdentityError::RedirectUri`] for an address that is not https, on this machine, or of a scheme of the
    /// application's own; when there is no such principal, or it is a user.
    pub async fn add_redirect_uri(&self, application: PrincipalId, uri: &str) -> Result<bool, IdentityError> {
        check_redirect_uri(uri)?;
        Ok(self.inner.control.add_redirect_uri(application, uri).await?)
    }

    /// Whether a browser may be sent to `uri` after it signed out: an address registered for some application.
    ///
    /// # Errors
    /// When the control state fails.
    pub async fn is_redirect_uri(&self, uri: &str) -> Result<bool, IdentityError> {
        let registered = self.inner.control.redirect_uris(None).await?;
        Ok(registered.iter().any(|known| matches(&known.uri, uri)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_be_registered() {
        for good in [
            "https://app.example.org/auth?x=1",
            "http://localhost",
            "http://localhost:5000/auth",
            "http://127.0.0.1/",
            "http://[::1]:80/",
            "org.example.app:/auth",
            "msal0a0a://auth",
        ] {
            assert!(check_redirect_uri(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "/auth",
            "http://app.example.org/auth",
            "http://localhost.example.org",
            "https://app.example.org/#x",
            "https://*.example.org/",
            "https://a:b@example.org/",
            "https://app.example.org/a b",
            "https://app.example.org/\n",
            "javascript:alert(1)",
            "data:text/html,x",
            "file:///etc/passwd",
            "urn:ietf:wg:oauth:2.0:oob",
        ] {
            let error = check_redirect_uri(bad).unwrap_err().to_string();
            assert!(error.contains("expected"), "{error}");
        }
    }

    #[test]
    fn only_the_port_of_this_machine_may_differ() {
        let app = "https://app.example.org/auth";
        assert!(matches(app, app));
        for other in [
            "https://app.example.org/auth/",
            "https://app.example.org:8443/auth",
            "https://APP.example.org/auth",
            "https://app.example.org/auth?x",
            "https://app.example.org.evil.test/auth",
            "https://app.example.org/auth/../other",
            "",
        ] {
            assert!(!matches(app, other), "{other}");
        }
        for same in ["http://localhost", "http://localhost:1", "http://localhost:65535/"] {
            assert!(matches("http://localhost", same), "{same}");
        }
        for other in [
            "http://localhost:1/x",
            "http://127.0.0.1:1",
            "https://localhost:1",
            "http://localhost:1?x",
            "http://localhost:1#x",
            "http://u@localhost:1",
            "http://localhost.evil.test",
            "http://evil.test/?http://localhost",
            "http://localhost\r\n:1",
            " http://localhost:1",
            "http:\\\\localhost:1",
        ] {
            assert!(!matches("http://localhost", other), "{other}");
        }
    }

    #[test]
    fn targets_of_forms() {
        for (uri, target) in [
            ("https://app.example.org/auth?x", "https://app.example.org"),
            ("http://localhost:5000", "http://localhost:5000"),
            ("org.example.app:/auth", "org.example.app:"),
            ("nothing", "'none'"),
        ] {
            assert_eq!(form_target(uri), target);
        }
    }
}
