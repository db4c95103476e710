//! What the discovery documents promise, and that it is there.

use serde_json::{Value, json};

use super::People;
use crate::world::PARTNER;

#[tokio::test]
async fn every_endpoint_named_is_served() {
    let people = People::new().await;
    let world = &people.world;
    for (tenant, version) in [
        (PARTNER, ""),
        ("partner.example.org", "v2.0/"),
        ("common", ""),
        ("common", "v2.0/"),
        ("organizations", "v2.0/"),
    ] {
        let document = world.get(&format!("/{tenant}/{version}.well-known/openid-configuration"), "").await.json();
        let at = |name: &str| document[name].as_str().unwrap_or_else(|| panic!("{name}: {document}")).to_owned();
        assert_eq!(world.get(&at("jwks_uri"), "").await.json()["keys"][0]["kty"], "RSA");
        for post in ["token_endpoint", "device_authorization_endpoint"] {
            assert_eq!(
                (world.get(&at(post), "").await.status, world.post("POST", &path(&at(post)), "", "").await.status),
                (405, 400)
            );
        }
        let page = world.get(&at("authorization_endpoint"), "").await;
        assert!(page.status == 400 && page.text().contains("client_id"), "{}", page.text());
        assert_eq!(world.get(&at("end_session_endpoint"), "").await.status, 200);
        let v2 = !version.is_empty();
        assert_eq!(at("token_endpoint").contains("/oauth2/v2.0/"), v2);
        let issued_for = if tenant.starts_with(['c', 'o']) { "{tenantid}" } else { PARTNER };
        let issuer = format!("http://usage.example.org/{issued_for}/{}", if v2 { "v2.0" } else { "" });
        assert_eq!(document["issuer"], json!(issuer));
        assert_eq!(document["code_challenge_methods_supported"], json!(["S256"]));
        assert_eq!(document["response_types_supported"], json!(["code"]));
        assert_eq!(document["response_modes_supported"], json!(["query", "form_post"]));
        let grants = document["grant_types_supported"].as_array().unwrap();
        assert_eq!(grants.contains(&json!("client_credentials")), issued_for == PARTNER);
    }
    assert_eq!(world.get("/consumers/v2.0/.well-known/openid-configuration", "").await.status, 400);
}

fn path(address: &str) -> String {
    address.strip_prefix("http://usage.example.org").unwrap().to_owned()
}

#[tokio::test]
async fn the_claims_named_are_those_of_an_id_token() {
    let people = People::new().await;
    let mut browser = people.browser();
    let scope = "openid profile email offline_access";
    let page = browser.get(&people.asks(&[("scope", scope), ("nonce", "n")])).await;
    let answer = browser.sign_in_and_allow(&page).await;
    let tokens = people.redeem(&super::field(answer.header("location"), "code")).await.json();
    let held = super::claims(&tokens["id_token"]);
    let mut held: Vec<&String> = held.as_object().unwrap().keys().collect();
    let document = people.world.get(&format!("/{PARTNER}/v2.0/.well-known/openid-configuration"), "").await.json();
    let mut named: Vec<&str> =
        document["claims_supported"].as_array().unwrap().iter().map(|c| c.as_str().unwrap()).collect();
    held.sort();
    named.sort_unstable();
    assert_eq!(held, named);
    assert_eq!(document["scopes_supported"].as_array().unwrap().len(), scope.split(' ').count());
    let _: &Value = &document;
}
