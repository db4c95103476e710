//! Sign-in of people, through the pages as a browser sees them.

mod browser;
mod code_flow;
mod cross_tenant;
mod device;
mod discovery;
mod forms;
mod hostile;
mod refresh;
mod refused;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use browser::Browser;
use meterlake_control::{GrantScope, NewPrincipal, PrincipalKind};
use meterlake_model::TenantId;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::world::{Answer, PARTNER, World};

pub(crate) const PASSWORD: &str = "correct horse battery";
pub(crate) const LOOPBACK: &str = "http://localhost:51234";
pub(crate) const WEB: &str = "https://app.example.org/auth";
pub(crate) const AUDIENCE: &str = "https://api.partnercenter.microsoft.com";
pub(crate) const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";

/// A world with a user who may read all customers, a public application on this machine, and a confidential one.
pub(crate) struct People {
    pub(crate) world: World,
    pub(crate) desktop: String,
    pub(crate) web: (String, String),
}

impl People {
    pub(crate) async fn new() -> Self {
        let world = World::new().await;
        let tenant: TenantId = PARTNER.parse().unwrap();
        let new = |kind, name: &str| NewPrincipal { kind, tenant, name: name.to_owned(), client_id: None };
        let olga = world.control.add_principal(&new(PrincipalKind::User, "olga")).await.unwrap();
        world.control.add_grant(olga.id, &GrantScope::AllCustomers).await.unwrap();
        world.identity.set_password(olga.id, PASSWORD).await.unwrap();
        let desktop =
            world.control.add_principal(&new(PrincipalKind::Application, "Desktop <b>tool</b>")).await.unwrap();
        world.control.set_application_public(desktop.id, true).await.unwrap();
        world.identity.add_redirect_uri(desktop.id, "http://localhost").await.unwrap();
        let web = world.control.find_principal("app").await.unwrap();
        world.identity.add_redirect_uri(web.id, WEB).await.unwrap();
        Self { desktop: desktop.client_id.unwrap().to_string(), web: world.client.clone(), world }
    }

    /// A browser that has never been here.
    pub(crate) fn browser(&self) -> Browser<'_> {
        Browser::new(&self.world)
    }

    /// The address of an authorization request of the public application, with these further parameters.
    pub(crate) fn asks(&self, more: &[(&str, &str)]) -> String {
        let challenge = challenge();
        let own = [
            ("client_id", self.desktop.as_str()),
            ("response_type", "code"),
            ("redirect_uri", LOOPBACK),
            ("scope", "openid profile offline_access https://api.partnercenter.microsoft.com/.default"),
            ("state", "a state"),
            ("code_challenge", challenge.as_str()),
            ("code_challenge_method", "S256"),
        ];
        let kept = own.into_iter().filter(|(name, _)| more.iter().all(|(other, _)| other != name));
        let query = encode(kept.chain(more.iter().copied()).filter(|(_, value)| !value.is_empty()));
        format!("/{PARTNER}/oauth2/v2.0/authorize?{query}")
    }

    /// The code that a person who signs in and allows gets for the public application.
    pub(crate) async fn code(&self) -> String {
        let mut browser = self.browser();
        let page = browser.get(&self.asks(&[])).await;
        let answer = browser.sign_in_and_allow(&page).await;
        field(answer.header("location"), "code")
    }

    pub(crate) async fn post(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        self.world.post("POST", path, "", &encode(fields.iter().copied())).await
    }

    /// A call of the second token endpoint by the public application.
    pub(crate) async fn token(&self, fields: &[(&str, &str)]) -> Answer {
        let own = [("client_id", self.desktop.as_str())];
        let all: Vec<(&str, &str)> = own.into_iter().chain(fields.iter().copied()).collect();
        self.post(&format!("/{PARTNER}/oauth2/v2.0/token"), &all).await
    }

    /// The code redeemed as it should be.
    pub(crate) async fn redeem(&self, code: &str) -> Answer {
        let fields = [
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", LOOPBACK),
            ("code_verifier", VERIFIER),
            ("client_info", "1"),
        ];
        self.token(&fields).await
    }

    pub(crate) async fn refresh(&self, token: &str) -> Answer {
        self.token(&[("grant_type", "refresh_token"), ("refresh_token", token)]).await
    }

    /// The status of a call to Partner Center with the token of an answer.
    pub(crate) async fn opens(&self, answer: &Value) -> u16 {
        let token = answer["access_token"].as_str().unwrap();
        self.world.get("/partner/v1/analytics/azureusage", token).await.status
    }
}

pub(crate) fn challenge() -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(VERIFIER))
}

pub(crate) fn encode<'a>(fields: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish()
}

/// A field in the query of an address.
pub(crate) fn field(address: &str, name: &str) -> String {
    let query = address.split_once('?').unwrap_or_else(|| panic!("{address:?} has no query")).1;
    let mut found = url::form_urlencoded::parse(query.as_bytes()).filter(|(n, _)| n == name);
    found.next().unwrap_or_else(|| panic!("{address:?} has no {name}")).1.into_owned()
}

/// The claims of a token, unchecked.
pub(crate) fn claims(token: &Value) -> Value {
    let part = token.as_str().unwrap().split('.').nth(1).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
}

/// Asserts the status, error name and AADSTS code of a refusal.
pub(crate) fn assert_refused(answer: &Answer, status: u16, error: &str, code: u32) {
    let json = answer.json();
    assert_eq!(
        (answer.status, &json["error"], &json["error_codes"]),
        (status, &error.into(), &serde_json::json!([code])),
        "{json}"
    );
    assert!(answer.header("cache-control").contains("no-store"));
}
