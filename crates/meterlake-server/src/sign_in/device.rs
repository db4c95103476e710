//! The page where a person types the code of a program elsewhere (RFC 8628, 3.3).

use axum::body::Body;
use axum::extract::{RawPathParams, State};
use axum::response::Response;
use http::StatusCode;
use meterlake_identity::{Person, TokenError};

use super::authorize::may;
use super::call::{Fields, PageCall, PageRefused};
use super::errors::{answer, not_our_form};
use super::pages::{self, CodePage, ConsentPage, SignInPage};
use super::sealed::Step;
use crate::state::ServerState;

/// `GET` shows the page, `POST` takes each of its steps.
pub(super) async fn device(
    State(_): State<ServerState>,
    mut call: PageCall,
    path: RawPathParams,
    body: Body,
) -> Result<Response, PageRefused> {
    if let Some((_, tenant)) = path.iter().next()
        && let Err(error) = call.identity().check_tenant(tenant).await
    {
        return Ok(answer(&error, &call.moment));
    }
    if !call.is_post {
        return code_page(&mut call, StatusCode::OK, "");
    }
    let fields = call.fields(body).await?;
    match call.open(&fields) {
        Some(Step::Code) => typed(call, &fields).await,
        Some(Step::DeviceSignIn(code)) => signs_in(call, &fields, code).await,
        Some(Step::DeviceConsent(code)) => decides(call, &fields, code).await,
        _ => Ok(not_our_form()),
    }
}

/// The code was typed. It is not looked up before somebody signed in, so that nobody else can try codes.
async fn typed(mut call: PageCall, fields: &Fields) -> Result<Response, PageRefused> {
    let code: String = fields.text("user_code").chars().take(64).collect();
    match call.person().await {
        Ok(Some(person)) => asks(call, &person, code).await,
        Ok(None) => sign_in_page(&mut call, code, None),
        Err(error) => Ok(answer(&error, &call.moment)),
    }
}

async fn signs_in(mut call: PageCall, fields: &Fields, code: String) -> Result<Response, PageRefused> {
    if fields.text("action") == "cancel" {
        return code_page(&mut call, StatusCode::OK, "");
    }
    let (name, password) = (fields.text("name"), fields.text("password"));
    match call.identity().sign_in(name, password, None).await {
        Ok(session) => {
            call.begins(&session);
            asks(call, &session.person, code).await
        }
        Err(error) if error.cause.is_some() => Ok(answer(&error, &call.moment)),
        Err(error) => sign_in_page(&mut call, code, Some((name, &error))),
    }
}

/// Asks whether the program may read: always, also when the person allowed it before, because the code may be one that
/// somebody else sent.
async fn asks(mut call: PageCall, person: &Person, code: String) -> Result<Response, PageRefused> {
    let device = match call.identity().waiting_device(person, &code).await {
        Ok(device) => device,
        Err(error) if error.cause.is_some() => return Ok(answer(&error, &call.moment)),
        Err(error) => return code_page(&mut call, StatusCode::FORBIDDEN, &error.message),
    };
    let action = call.incoming.path.clone();
    let form = call.seal(Step::DeviceConsent(code), true)?;
    let page = ConsentPage {
        api: may(call.identity().api_of(device.resource())),
        offline: device.offline(),
        device: true,
        ..ConsentPage::new(&action, &form, &person.name, &device.application.name)
    };
    Ok(call.finish(pages::form(StatusCode::OK, &page, "")))
}

async fn decides(mut call: PageCall, fields: &Fields, code: String) -> Result<Response, PageRefused> {
    let person = match call.person().await {
        Ok(person) => person.filter(|_| fields.text("action") != "switch"),
        Err(error) => return Ok(answer(&error, &call.moment)),
    };
    let Some(person) = person else { return sign_in_page(&mut call, code, None) };
    let allowed = fields.text("action") == "allow";
    let decided = match call.identity().waiting_device(&person, &code).await {
        Ok(device) => call.identity().decide_device(&person, &device, allowed).await,
        Err(error) => Err(error),
    };
    match decided {
        Ok(true) if allowed => Ok(said("Signed in", "You can close this page and go back to the program.")),
        Ok(true) => Ok(said("Not allowed", "The program gets no access. You can close this page.")),
        Ok(false) => code_page(&mut call, StatusCode::FORBIDDEN, "The code is used or over."),
        Err(error) if error.cause.is_some() => Ok(answer(&error, &call.moment)),
        Err(error) => code_page(&mut call, StatusCode::FORBIDDEN, &error.message),
    }
}

fn said(title: &str, text: &str) -> Response {
    pages::message(StatusCode::OK, title, text, "")
}

fn code_page(call: &mut PageCall, status: StatusCode, problem: &str) -> Result<Response, PageRefused> {
    let form = call.seal(Step::Code, false)?;
    let page = CodePage::new(&call.incoming.path, &form, problem);
    Ok(call.finish(pages::form(status, &page, "")))
}

fn sign_in_page(
    call: &mut PageCall,
    code: String,
    failed: Option<(&str, &TokenError)>,
) -> Result<Response, PageRefused> {
    let action = call.incoming.path.clone();
    let form = call.seal(Step::DeviceSignIn(code), false)?;
    let (name, problem) = failed.map_or(("", ""), |(name, error)| (name, error.message.as_str()));
    let page = SignInPage { name, problem, ..SignInPage::new(&action, &form, "") };
    let status = if failed.is_some() { StatusCode::FORBIDDEN } else { StatusCode::OK };
    Ok(call.finish(pages::form(status, &page, "")))
}
