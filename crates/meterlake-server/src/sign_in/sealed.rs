//! What a page leads on to, sealed into its form.

use meterlake_identity::AuthorizeRequest;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

/// Seconds that a page may stand open.
const LIFE: i64 = 3600;

/// What the form of a page is for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Step {
    /// Name and password of a person whom an application sent.
    SignIn(Asked),
    /// The person's answer to that application.
    Consent(Asked),
    /// The code of a program elsewhere.
    Code,
    /// Name and password of the person who typed that code.
    DeviceSignIn(String),
    /// The person's answer to that program.
    DeviceConsent(String),
}

/// What an application asked for, and at which endpoint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Asked {
    pub(super) v2: bool,
    pub(super) tenant: String,
    pub(super) request: AuthorizeRequest,
}

/// A form as it is sealed.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Form {
    pub(super) step: Step,
    /// Hash of the cookie of the browser that got the page.
    browser: String,
    /// Hash of the cookie of the person whom the page shows as signed in.
    session: Option<String>,
    /// Seconds since 1970 from which the page is over.
    until: i64,
}

impl Form {
    pub(super) fn new(step: Step, browser: &str, session: Option<&str>, now: i64) -> Self {
        Self { step, browser: hash(browser), session: session.map(hash), until: now.saturating_add(LIFE) }
    }

    /// Whether the form came from the browser that got it, in time, and with the same person signed in.
    pub(super) fn holds(&self, browser: Option<&str>, session: Option<&str>, now: i64) -> bool {
        browser.is_some_and(|browser| hash(browser) == self.browser)
            && (self.session.is_none() || session.map(hash) == self.session)
            && now < self.until
    }
}

fn hash(cookie: &str) -> String {
    hex::encode(Sha256::digest(cookie.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_is_its_browsers_and_its_persons() {
        let form = Form::new(Step::Code, "b", Some("s"), 100);
        assert!(form.holds(Some("b"), Some("s"), 100 + LIFE - 1));
        for (browser, session, now) in [
            (None, Some("s"), 100),
            (Some("x"), Some("s"), 100),
            (Some("b"), None, 100),
            (Some("b"), Some("x"), 100),
            (Some("b"), Some("s"), 100 + LIFE),
        ] {
            assert!(!form.holds(browser, session, now));
        }
        assert!(Form::new(Step::Code, "b", None, 100).holds(Some("b"), Some("s"), 100));
    }
}
