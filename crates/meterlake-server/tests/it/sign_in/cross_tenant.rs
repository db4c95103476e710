//! Users and applications of different tenants.

use meterlake_control::{NewPrincipal, PrincipalKind};
use meterlake_model::TenantId;

use super::{PASSWORD, People, assert_refused};
use crate::world::PARTNER;

const OTHER: &str = "22222222-2222-2222-2222-222222222222";

async fn people() -> People {
    let people = People::new().await;
    let control = &people.world.control;
    let tenant: TenantId = OTHER.parse().unwrap();
    control.set_tenant(tenant, None, &["other.example.org".to_owned()]).await.unwrap();
    let new = NewPrincipal { kind: PrincipalKind::User, tenant, name: "eve".to_owned(), client_id: None };
    let eve = control.add_principal(&new).await.unwrap();
    people.world.identity.set_password(eve.id, PASSWORD).await.unwrap();
    people
}

const EVE: [(&str, &str); 3] = [("name", "eve@other.example.org"), ("password", PASSWORD), ("action", "sign-in")];

#[tokio::test]
async fn a_user_of_another_tenant_is_refused() {
    let people = people().await;
    for place in [PARTNER, "common", "organizations"] {
        let mut browser = people.browser();
        let page = browser.get(&people.asks(&[]).replace(PARTNER, place)).await;
        let refused = browser.submit(&page, &EVE).await;
        assert!(refused.status == 403 && refused.text().contains("does not exist in tenant"), "{}", refused.text());
        assert!(!browser.cookies.contains_key("meterlake_session"));
    }
    // Nor at the application's path in another tenant.
    let mut browser = people.browser();
    let page = browser.get(&people.asks(&[]).replace(PARTNER, OTHER)).await;
    assert!(page.status == 400 && page.text().contains("AADSTS700016"), "{}", page.text());
}

#[tokio::test]
async fn whoever_is_signed_in_from_elsewhere_is_asked_again() {
    let people = people().await;
    let mut browser = people.browser();
    let page = browser.get("/device").await;
    let page = browser.submit(&page, &[("user_code", "BBBB-BBBB")]).await;
    browser.submit(&page, &EVE).await;
    assert!(browser.cookies.contains_key("meterlake_session"));
    assert!(browser.get(&people.asks(&[])).await.text().contains("Password"));
    // A program of the partner's tenant is none of hers to let in.
    let fields = [("client_id", people.desktop.as_str()), ("scope", "openid")];
    let codes = people.post("/common/oauth2/v2.0/devicecode", &fields).await.json();
    let page = browser.get("/device").await;
    let page = browser.submit(&page, &[("user_code", codes["user_code"].as_str().unwrap())]).await;
    assert!(page.status == 403 && page.text().contains("does not exist in tenant"), "{}", page.text());
}

#[tokio::test]
async fn a_code_is_not_redeemed_in_another_tenant() {
    let people = people().await;
    let code = people.code().await;
    let fields =
        [("grant_type", "authorization_code"), ("code", code.as_str()), ("client_id", people.desktop.as_str())];
    let path = format!("/{OTHER}/oauth2/v2.0/token");
    assert_refused(&people.post(&path, &fields).await, 400, "unauthorized_client", 700_016);
    assert_eq!(people.redeem(&code).await.status, 200);
    // Applications get their own tokens of one tenant.
    let (client_id, secret) = people.web.clone();
    let fields = [("grant_type", "client_credentials"), ("client_id", client_id.as_str()), ("client_secret", &secret)];
    assert_refused(&people.post("/common/oauth2/token", &fields).await, 400, "invalid_request", 90_002);
}
