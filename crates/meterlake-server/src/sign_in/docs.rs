//! What the OpenAPI document says of the pages where people sign in.

use utoipa::openapi::ObjectBuilder;
use utoipa::openapi::schema::Type;

use crate::openapi::{Answer, Call, Named, RefusalBody, header, query, tenant, text};

const FORM: &str = "application/x-www-form-urlencoded";
const HTML: &str = "text/html";

/// How the family writes a refusal: for people.
pub(crate) fn refusal_body() -> RefusalBody {
    RefusalBody { media: HTML, schema: Named::new("Page", text()) }
}

fn page() -> Answer {
    Answer::new("A page.").body(HTML, Named::new("Page", text()))
}

fn sent_on() -> Answer {
    let to = "The redirect URI of the application, with `code` or `error` and `state` in its query.";
    Answer::new("The browser is sent back to the application.").header("Location", header(to, text()))
}

/// What an application asks for; names and meanings.
const ASKED: &[(&str, &str)] = &[
    ("client_id", "The application."),
    ("response_type", "`code`."),
    ("redirect_uri", "Where the answer is sent: registered for the application."),
    ("response_mode", "`query` or `form_post`."),
    ("scope", "v2: `openid`, `profile`, `email`, `offline_access`, `<audience>/.default`."),
    ("resource", "v1: the audience."),
    ("state", "Repeated in the answer."),
    ("nonce", "Repeated in the id token."),
    ("prompt", "`none`, `login`, `consent`, `select_account`."),
    ("login_hint", "The name to fill in."),
    ("code_challenge", "Base64url of the SHA-256 of the verifier (PKCE)."),
    ("code_challenge_method", "`S256`."),
];

fn fields(names: &[(&str, &str)]) -> ObjectBuilder {
    names.iter().fold(ObjectBuilder::new().schema_type(Type::Object), |object, (name, about)| {
        object.property(*name, text().description(Some(*about)))
    })
}

fn authorize(id: &str, version: &str) -> Vec<Call> {
    let asks = |call: Call| {
        ASKED.iter().fold(call.parameter(tenant()), |call, (name, about)| call.parameter(query(name, about, text())))
    };
    let about = "Signs the person in, asks whether the application may read, and sends the browser back to it \
                 (RFC 6749, RFC 7636, OpenID Connect).";
    let get = asks(Call::get(id, &format!("Sign a person in to an application ({version})")));
    let post = asks(Call::post(format!("{id}ByForm"), &format!("The same with the request in a form ({version})")))
        .body(FORM, false, "What the application asks for.", Named::new("AuthorizeRequest", fields(ASKED)));
    [get, post].map(|call| call.about(about).answers(200, page()).answers(302, sent_on()).refuses(&[400])).into()
}

pub(super) fn authorize_v1() -> Vec<Call> {
    authorize("authorizeV1", "v1")
}

pub(super) fn authorize_v2() -> Vec<Call> {
    authorize("authorizeV2", "v2")
}

const FORM_FIELD: (&str, &str) = ("form", "What the page leads on to, sealed.");

fn step(id: &str, summary: &str, form: Named) -> Vec<Call> {
    vec![
        Call::post(id, summary)
            .about("The target of a page's form, taken only from the browser that got the page.")
            .parameter(tenant())
            .body(FORM, true, "The fields of the page.", form)
            .answers(200, page())
            .answers(302, sent_on())
            .refuses(&[400, 403]),
    ]
}

pub(super) fn sign_in() -> Vec<Call> {
    let names = [FORM_FIELD, ("name", "User name."), ("password", "Password."), ("action", "`sign-in` or `cancel`.")];
    step("signIn", "The sign-in page's form", Named::new("SignInForm", fields(&names)))
}

pub(super) fn consent() -> Vec<Call> {
    let names = [FORM_FIELD, ("action", "`allow`, `deny` or `switch`.")];
    step("consent", "The consent page's form", Named::new("ConsentForm", fields(&names)))
}

fn device_calls(ids: [&str; 2], with_tenant: bool) -> Vec<Call> {
    let names = [
        FORM_FIELD,
        ("user_code", "The code that the program shows."),
        ("name", "User name."),
        ("password", "Password."),
        ("action", "What the person does."),
    ];
    let form = Named::new("DeviceForm", fields(&names));
    let get = Call::get(ids[0], "The page for the code of a program elsewhere");
    let post = Call::post(ids[1], "The forms of that page").body(FORM, true, "The fields of the page.", form);
    [get, post.refuses(&[403])]
        .map(|call| {
            let call = if with_tenant { call.parameter(tenant()) } else { call };
            call.answers(200, page()).refuses(&[400])
        })
        .into()
}

pub(super) fn device() -> Vec<Call> {
    device_calls(["devicePage", "deviceForm"], false)
}

pub(super) fn device_of_tenant() -> Vec<Call> {
    device_calls(["devicePageOfTenant", "deviceFormOfTenant"], true)
}

/// Parameters of signing out; names and meanings.
const ENDS: &[(&str, &str)] = &[
    ("post_logout_redirect_uri", "Where to go on: an address registered for some application."),
    ("state", "Repeated there."),
    ("id_token_hint", "Taken, without an effect."),
    ("client_id", "Taken, without an effect."),
    ("logout_hint", "Taken, without an effect."),
];

fn sign_out(id: &str) -> Vec<Call> {
    let asks = |call: Call| {
        ENDS.iter().fold(call.parameter(tenant()), |call, (name, about)| call.parameter(query(name, about, text())))
    };
    let get = asks(Call::get(id, "Sign the browser out"));
    let post = asks(Call::post(format!("{id}ByForm"), "The same with the parameters in a form"));
    let post = post.body(FORM, false, "The parameters.", Named::new("SignOutForm", fields(ENDS)));
    [get, post].map(|call| call.answers(200, page()).answers(302, sent_on()).refuses(&[400])).into()
}

pub(super) fn sign_out_v1() -> Vec<Call> {
    sign_out("signOutV1")
}

pub(super) fn sign_out_v2() -> Vec<Call> {
    sign_out("signOutV2")
}
