//! A request of a person's browser.

use std::collections::BTreeMap;

use axum::body::Body;
use axum::extract::FromRequestParts;
use axum::response::Response;
use http::Method;
use http::header::SET_COOKIE;
use http::request::Parts;
use meterlake_identity::{Identity, Moment, NewSession, Person, TokenError};

use super::cookies::{self, BROWSER, SESSION};
use super::errors::SignInShape;
use super::sealed::{Form, Step};
use crate::refusal::{Malformed, Refused};
use crate::routing::Incoming;
use crate::state::ServerState;

/// The largest form read.
const LARGEST_FORM: usize = 64 * 1024;

pub(super) type PageRefused = Refused<SignInShape>;

/// A request of an allowed method with well-formed parameters.
pub(super) struct PageCall {
    pub(super) incoming: Incoming,
    pub(super) moment: Moment,
    pub(super) is_post: bool,
    state: ServerState,
    identity: Identity,
    /// The text of the browser's cookie, and whether the answer has to bring it.
    browser: Option<String>,
    session: Option<String>,
}

/// The fields of a form that a browser sent.
pub(super) struct Fields(BTreeMap<String, String>);

impl Fields {
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    pub(super) fn text(&self, name: &str) -> &str {
        self.get(name).unwrap_or_default()
    }
}

impl FromRequestParts<ServerState> for PageCall {
    type Rejection = PageRefused;

    async fn from_request_parts(parts: &mut Parts, state: &ServerState) -> Result<Self, PageRefused> {
        let incoming = Incoming::of(parts)?;
        incoming.method_allowed()?;
        incoming.parameters.well_formed()?;
        if parts.method == Method::POST {
            // A hash of a password is dear, and spraying one over many names locks none of them.
            state.sign_ins().admit(&incoming.origin())?;
        }
        let identity = state.identity().coming_from(&incoming.origin());
        Ok(Self {
            incoming,
            identity,
            moment: Moment::new(state.clock().now()),
            is_post: parts.method == Method::POST,
            state: state.clone(),
            browser: cookies::read(&parts.headers, BROWSER),
            session: cookies::read(&parts.headers, SESSION),
        })
    }
}

impl PageCall {
    pub(super) fn identity(&self) -> &Identity {
        &self.identity
    }

    /// The form that the browser sent; a field that comes twice is refused.
    pub(super) async fn fields(&self, body: Body) -> Result<Fields, PageRefused> {
        let expected = format!("a form of at most {LARGEST_FORM} bytes");
        let bytes =
            axum::body::to_bytes(body, LARGEST_FORM).await.map_err(|_| Malformed::body("body", "", expected))?;
        let mut fields = BTreeMap::new();
        for (name, value) in url::form_urlencoded::parse(&bytes).into_owned() {
            let twice = Malformed::body("form", &name, "each field once");
            if fields.insert(name, value).is_some() {
                return Err(twice.into());
            }
        }
        Ok(Fields(fields))
    }

    /// Who is signed in in the browser.
    pub(super) async fn person(&self) -> Result<Option<Person>, TokenError> {
        match &self.session {
            Some(cookie) => self.identity().signed_in(cookie).await,
            None => Ok(None),
        }
    }

    /// Takes the session that was just begun for the browser's.
    pub(super) fn begins(&mut self, session: &NewSession) {
        self.session = Some(session.cookie.clone());
    }

    /// Signs the browser out.
    pub(super) async fn ends(&mut self) -> Result<(), TokenError> {
        match self.session.take() {
            Some(cookie) => self.identity().sign_out(&cookie).await,
            None => Ok(()),
        }
    }

    /// Seals what a form leads on to; `of_person` when only for the person whom the page shows.
    pub(super) fn seal(&mut self, step: Step, of_person: bool) -> Result<String, PageRefused> {
        let browser = match &self.browser {
            Some(browser) => browser.clone(),
            None => self.identity().random_text().map_err(|error| crate::refusal::Refusal::fault(&error))?,
        };
        let session = self.session.as_deref().filter(|_| of_person);
        let form = Form::new(step, &browser, session, self.moment.at.timestamp());
        let sealed = serde_json::to_vec(&form).map_err(|error| crate::refusal::Refusal::fault(&error))?;
        self.browser = Some(browser);
        Ok(self.state.sign_in_forms().seal(&sealed))
    }

    /// What the form leads on to that the browser sent, if it is one of ours and its own.
    pub(super) fn open(&self, fields: &Fields) -> Option<Step> {
        let sealed = self.state.sign_in_forms().open(fields.get("form")?)?;
        let form: Form = serde_json::from_slice(&sealed).ok()?;
        let (browser, session) = (self.browser.as_deref(), self.session.as_deref());
        form.holds(browser, session, self.moment.at.timestamp()).then_some(form.step)
    }

    /// The answer with the cookies that the browser is to keep.
    pub(super) fn finish(&self, mut response: Response) -> Response {
        let secure = self.incoming.is_https();
        let kept = [(BROWSER, &self.browser), (SESSION, &self.session)];
        for (name, value) in kept {
            let cookie = match value {
                Some(value) => cookies::keep(name, value, secure),
                None => cookies::end(name, secure),
            };
            if let Some(cookie) = cookie {
                response.headers_mut().append(SET_COOKIE, cookie);
            }
        }
        response
    }
}
