//! The pages.

use std::sync::LazyLock;

use askama::Template;
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderMap, LOCATION, PRAGMA, REFERRER_POLICY,
    X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use http::{HeaderValue, StatusCode};
use meterlake_identity::AuthorizeAnswer;
use sha2::{Digest as _, Sha256};

const STYLE: &str = include_str!("../../templates/sign_in/style.css");
/// Spares the person a click where scripts run; without them the button does it.
const SCRIPT: &str = "document.forms[0].submit()";

static STYLE_SOURCE: LazyLock<String> = LazyLock::new(|| source(STYLE));
static SCRIPT_SOURCE: LazyLock<String> = LazyLock::new(|| source(SCRIPT));

/// What a policy calls an inline text.
fn source(text: &str) -> String {
    format!("'sha256-{}'", STANDARD.encode(Sha256::digest(text.as_bytes())))
}

/// Asks for name and password.
#[derive(Template)]
#[template(path = "sign_in/sign_in.html")]
pub(super) struct SignInPage<'a> {
    pub(super) style: &'static str,
    pub(super) action: &'a str,
    pub(super) form: &'a str,
    /// The application that the person comes from; empty for a device code.
    pub(super) application: &'a str,
    pub(super) name: &'a str,
    /// What was wrong with the last try.
    pub(super) problem: &'a str,
}

impl<'a> SignInPage<'a> {
    pub(super) fn new(action: &'a str, form: &'a str, application: &'a str) -> Self {
        Self { style: STYLE, action, form, application, name: "", problem: "" }
    }
}

/// Asks whether an application may read.
#[derive(Template)]
#[template(path = "sign_in/consent.html")]
pub(super) struct ConsentPage<'a> {
    pub(super) style: &'static str,
    pub(super) action: &'a str,
    pub(super) form: &'a str,
    pub(super) name: &'a str,
    pub(super) application: &'a str,
    pub(super) destination: &'a str,
    /// What it may do with the API; empty without one.
    pub(super) api: &'static str,
    pub(super) offline: bool,
    pub(super) device: bool,
}

impl<'a> ConsentPage<'a> {
    pub(super) fn new(action: &'a str, form: &'a str, name: &'a str, application: &'a str) -> Self {
        Self { style: STYLE, action, form, name, application, destination: "", api: "", offline: false, device: false }
    }
}

/// Asks for the code of a program elsewhere.
#[derive(Template)]
#[template(path = "sign_in/code.html")]
pub(super) struct CodePage<'a> {
    pub(super) style: &'static str,
    action: &'a str,
    form: &'a str,
    problem: &'a str,
}

impl<'a> CodePage<'a> {
    pub(super) fn new(action: &'a str, form: &'a str, problem: &'a str) -> Self {
        Self { style: STYLE, action, form, problem }
    }
}

/// Says something.
#[derive(Template)]
#[template(path = "sign_in/message.html")]
struct MessagePage<'a> {
    pub(super) style: &'static str,
    title: &'a str,
    text: &'a str,
    detail: &'a str,
}

/// Brings an answer to an application.
#[derive(Template)]
#[template(path = "sign_in/form_post.html")]
struct FormPostPage<'a> {
    pub(super) style: &'static str,
    action: &'a str,
    fields: &'a [(&'static str, String)],
    script: &'static str,
}

/// A page that says something.
pub(super) fn message(status: StatusCode, title: &str, text: &str, detail: &str) -> Response {
    page(status, &MessagePage { style: STYLE, title, text, detail }, "'none'", "")
}

/// A page whose form ends, after any redirects, here or at `target`.
pub(super) fn form(status: StatusCode, template: &impl Template, target: &str) -> Response {
    page(status, template, &format!("'self' {target}"), "")
}

fn page(status: StatusCode, template: &impl Template, forms: &str, script: &str) -> Response {
    let Ok(body) = template.render() else {
        return (StatusCode::INTERNAL_SERVER_ERROR, private()).into_response();
    };
    let style = STYLE_SOURCE.as_str();
    let policy = format!(
        "default-src 'none'; style-src {style}; {script}form-action {forms}; base-uri 'none'; frame-ancestors 'none'"
    );
    let mut headers = private();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    match HeaderValue::from_str(policy.trim_end()) {
        Ok(policy) => headers.insert(CONTENT_SECURITY_POLICY, policy),
        // A page without its policy is not sent.
        Err(_) => return (StatusCode::INTERNAL_SERVER_ERROR, private()).into_response(),
    };
    (status, headers, body).into_response()
}

/// No answer about sign-in may be kept, nor its address be told to others.
fn private() -> HeaderMap {
    HeaderMap::from_iter([
        (CACHE_CONTROL, HeaderValue::from_static("no-cache, no-store")),
        (PRAGMA, HeaderValue::from_static("no-cache")),
        (REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    ])
}

/// Sends the browser to an address.
pub(super) fn redirect(location: &str) -> Response {
    match HeaderValue::from_str(location) {
        Ok(location) => {
            let mut headers = private();
            headers.insert(LOCATION, location);
            (StatusCode::FOUND, headers).into_response()
        }
        Err(_) => {
            message(StatusCode::BAD_REQUEST, "This does not work", "The address of the application is not one.", "")
        }
    }
}

/// Sends the browser back to the application with an answer.
pub(super) fn deliver(answer: &AuthorizeAnswer, target: &str) -> Response {
    if !answer.form_post {
        return redirect(&answer.location());
    }
    let template = FormPostPage { style: STYLE, action: &answer.redirect_uri, fields: &answer.fields, script: SCRIPT };
    page(StatusCode::OK, &template, target, &format!("script-src {}; ", SCRIPT_SOURCE.as_str()))
}
