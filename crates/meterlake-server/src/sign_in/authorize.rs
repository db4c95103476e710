//! The authorization endpoint, its sign-in page and its consent page.

use axum::body::Body;
use axum::extract::{Path, State};
use axum::response::Response;
use http::StatusCode;
use meterlake_identity::{
    Audience, Authorization, AuthorizeAnswer, AuthorizeRefusal, AuthorizeRequest, Person, TokenError,
};

use super::call::{PageCall, PageRefused};
use super::errors::{answer, not_our_form};
use super::pages::{self, ConsentPage, SignInPage};
use super::sealed::{Asked, Step};
use crate::state::ServerState;

pub(super) async fn authorize_v1(
    State(_): State<ServerState>,
    call: PageCall,
    Path(tenant): Path<String>,
    body: Body,
) -> Result<Response, PageRefused> {
    authorize(call, false, tenant, body).await
}

pub(super) async fn authorize_v2(
    State(_): State<ServerState>,
    call: PageCall,
    Path(tenant): Path<String>,
    body: Body,
) -> Result<Response, PageRefused> {
    authorize(call, true, tenant, body).await
}

/// `GET` with the request in the query, `POST` with it in a form (OpenID Connect Core, 3.1.2.1).
async fn authorize(mut call: PageCall, v2: bool, tenant: String, body: Body) -> Result<Response, PageRefused> {
    let request = if call.is_post {
        let fields = call.fields(body).await?;
        AuthorizeRequest::read(|name| fields.get(name))
    } else {
        AuthorizeRequest::read(|name| call.incoming.parameters.get(name))
    };
    let asked = Asked { v2, tenant, request };
    let authorization = match checked(&call, &asked).await {
        Ok(authorization) => authorization,
        Err(response) => return Ok(response),
    };
    let person = match call.person().await {
        Ok(person) => person.filter(|person| suits(person, &authorization)),
        Err(error) => return Ok(answer(&error, &call.moment)),
    };
    match person {
        Some(person) => go_on(call, asked, authorization, &person).await,
        None if authorization.prompts("none") => Ok(deliver(&authorization.nobody(&call.moment), &authorization)),
        None => sign_in_page(&mut call, asked, &authorization, None),
    }
}

/// `POST` of the sign-in page.
pub(super) async fn sign_in(mut call: PageCall, body: Body) -> Result<Response, PageRefused> {
    let fields = call.fields(body).await?;
    let Some(Step::SignIn(asked)) = call.open(&fields) else { return Ok(not_our_form()) };
    let authorization = match checked(&call, &asked).await {
        Ok(authorization) => authorization,
        Err(response) => return Ok(response),
    };
    if fields.text("action") == "cancel" {
        return Ok(deliver(&authorization.denied(&call.moment), &authorization));
    }
    let (name, password) = (fields.text("name"), fields.text("password"));
    match call.identity().sign_in(name, password, Some(&authorization.application)).await {
        Ok(session) => {
            call.begins(&session);
            go_on(call, asked, authorization, &session.person).await
        }
        Err(error) if error.cause.is_some() => Ok(answer(&error, &call.moment)),
        Err(error) => sign_in_page(&mut call, asked, &authorization, Some((name, &error))),
    }
}

/// `POST` of the consent page.
pub(super) async fn consent(mut call: PageCall, body: Body) -> Result<Response, PageRefused> {
    let fields = call.fields(body).await?;
    let Some(Step::Consent(asked)) = call.open(&fields) else { return Ok(not_our_form()) };
    let authorization = match checked(&call, &asked).await {
        Ok(authorization) => authorization,
        Err(response) => return Ok(response),
    };
    let person = match call.person().await {
        Ok(person) => person.filter(|person| person.is_at_home_in(&authorization.application)),
        Err(error) => return Ok(answer(&error, &call.moment)),
    };
    let Some(person) = person else { return sign_in_page(&mut call, asked, &authorization, None) };
    match fields.text("action") {
        "allow" => {}
        "switch" => return sign_in_page(&mut call, asked, &authorization, None),
        _ => return Ok(deliver(&authorization.denied(&call.moment), &authorization)),
    }
    let given = call.identity().consent(&person.user, &authorization).await;
    Ok(match given {
        Ok(()) => code(&call, &authorization, &person).await,
        Err(error) => answer(&error, &call.moment),
    })
}

/// The checked request, or the answer that refuses it.
async fn checked(call: &PageCall, asked: &Asked) -> Result<Authorization, Response> {
    let Asked { v2, tenant, request } = asked;
    call.identity().check_authorization(*v2, tenant, request, &call.moment).await.map_err(|refusal| match refusal {
        AuthorizeRefusal::Page(error) => answer(&error, &call.moment),
        AuthorizeRefusal::Answer(refused) => pages::deliver(&refused, &refused.form_target()),
    })
}

/// Whether the person signed in is one whom the request means.
fn suits(person: &Person, authorization: &Authorization) -> bool {
    let hint = authorization.login_hint.as_str();
    person.is_at_home_in(&authorization.application)
        && !authorization.prompts("login")
        && !authorization.prompts("select_account")
        && (hint.is_empty() || [&person.name, &person.user.name].iter().any(|name| name.eq_ignore_ascii_case(hint)))
}

/// Asks the person who is signed in where that has to be, else sends the code.
async fn go_on(
    mut call: PageCall,
    asked: Asked,
    authorization: Authorization,
    person: &Person,
) -> Result<Response, PageRefused> {
    match call.identity().must_consent(&person.user, &authorization).await {
        Err(error) => return Ok(answer(&error, &call.moment)),
        Ok(false) => {
            let response = code(&call, &authorization, person).await;
            return Ok(call.finish(response));
        }
        Ok(true) if authorization.prompts("none") => {
            return Ok(deliver(&authorization.consent_required(&call.moment), &authorization));
        }
        Ok(true) => {}
    }
    let action = format!("/{}/oauth2/consent", asked.tenant);
    let form = call.seal(Step::Consent(asked), true)?;
    let destination = authorization.destination();
    let page = ConsentPage {
        destination: &destination,
        api: may(call.identity().api_of(authorization.resource())),
        offline: authorization.offline(),
        ..ConsentPage::new(&action, &form, &person.name, &authorization.application.name)
    };
    Ok(call.finish(pages::form(StatusCode::OK, &page, &authorization.form_target())))
}

/// What an application may do with an API, as people are told.
pub(super) fn may(api: Option<Audience>) -> &'static str {
    match api {
        None => "",
        Some(Audience::B2c) => "read the Azure AD B2C usage reports that you may read",
        Some(Audience::PartnerCenter) => {
            "read the Partner Center usage of the customers that you may read, and set their budgets"
        }
        Some(Audience::Meterlake) => "read the licence reports and estimates that you may read",
    }
}

async fn code(call: &PageCall, authorization: &Authorization, person: &Person) -> Response {
    match call.identity().authorize(&person.user, person.signed_in_at, authorization).await {
        Ok(given) => deliver(&given, authorization),
        Err(error) => answer(&error, &call.moment),
    }
}

fn deliver(answer: &AuthorizeAnswer, authorization: &Authorization) -> Response {
    pages::deliver(answer, &authorization.form_target())
}

/// The sign-in page, after a try that failed with what was typed and why.
fn sign_in_page(
    call: &mut PageCall,
    asked: Asked,
    authorization: &Authorization,
    failed: Option<(&str, &TokenError)>,
) -> Result<Response, PageRefused> {
    let action = format!("/{}/oauth2/sign-in", asked.tenant);
    let form = call.seal(Step::SignIn(asked), false)?;
    let (name, problem) = match failed {
        Some((name, error)) => (name, error.message.as_str()),
        None => (authorization.login_hint.as_str(), ""),
    };
    let page = SignInPage { name, problem, ..SignInPage::new(&action, &form, &authorization.application.name) };
    let status = if failed.is_some() { StatusCode::FORBIDDEN } else { StatusCode::OK };
    Ok(call.finish(pages::form(status, &page, &authorization.form_target())))
}
