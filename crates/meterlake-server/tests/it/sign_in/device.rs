//! Device codes, in all their states.

use chrono::TimeDelta;
use serde_json::{Value, json};

use super::browser::Browser;
use super::{AUDIENCE, PASSWORD, People, assert_refused, claims};
use crate::world::{Answer, PARTNER};

const SCOPE: &str = "openid offline_access https://api.partnercenter.microsoft.com/.default";

async fn begin(people: &People) -> Value {
    let fields = [("client_id", people.desktop.as_str()), ("scope", SCOPE)];
    let answer = people.post("/common/oauth2/v2.0/devicecode", &fields).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()
}

async fn poll(people: &People, codes: &Value) -> Answer {
    let code = codes["device_code"].as_str().unwrap();
    let grant = "urn:ietf:params:oauth:grant-type:device_code";
    let fields = [("grant_type", grant), ("client_id", people.desktop.as_str()), ("device_code", code)];
    people.post("/organizations/oauth2/v2.0/token", &fields).await
}

/// The consent page after the code was typed and the person signed in.
async fn to_consent(people: &People, browser: &mut Browser<'_>, codes: &Value) -> Answer {
    let page = browser.get("/device").await;
    let typed = codes["user_code"].as_str().unwrap().to_lowercase().replace('-', " ");
    let page = browser.submit(&page, &[("user_code", &typed)]).await;
    let _ = people;
    let page = browser.submit(&page, &[("name", "olga"), ("password", PASSWORD), ("action", "sign-in")]).await;
    assert!(page.text().contains("another device"), "{}", page.text());
    page
}

#[tokio::test]
async fn a_program_without_a_browser_reads() {
    let people = People::new().await;
    let codes = begin(&people).await;
    assert_eq!((&codes["expires_in"], &codes["interval"]), (&json!(900), &json!(5)));
    assert_eq!(codes["verification_uri"], "http://usage.example.org/device");
    let user_code = codes["user_code"].as_str().unwrap();
    assert!(codes["message"].as_str().unwrap().contains(user_code));
    assert!(user_code.len() == 9 && !user_code.contains(['A', 'E', 'I', 'O', 'U', 'Y']), "{user_code}");

    assert_refused(&poll(&people, &codes).await, 400, "authorization_pending", 70_016);
    people.world.clock.advance(TimeDelta::seconds(2));
    assert_refused(&poll(&people, &codes).await, 400, "slow_down", 70_016);
    people.world.clock.advance(TimeDelta::seconds(5));
    assert_refused(&poll(&people, &codes).await, 400, "slow_down", 70_016);
    people.world.clock.advance(TimeDelta::seconds(15));
    assert_refused(&poll(&people, &codes).await, 400, "authorization_pending", 70_016);

    let mut browser = people.browser();
    let page = to_consent(&people, &mut browser, &codes).await;
    people.world.clock.advance(TimeDelta::seconds(15));
    assert_refused(&poll(&people, &codes).await, 400, "authorization_pending", 70_016);
    let done = browser.submit(&page, &[("action", "allow")]).await;
    assert!(done.text().contains("go back to the program"), "{}", done.text());
    let answer = poll(&people, &codes).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let body = answer.json();
    assert_eq!(people.opens(&body).await, 200);
    assert_eq!(claims(&body["access_token"])["scp"], "user_impersonation openid");
    assert!(body["id_token"].is_string());
    assert_eq!(people.refresh(body["refresh_token"].as_str().unwrap()).await.status, 200);
    // Once only; and the typed code is used.
    assert_refused(&poll(&people, &codes).await, 400, "invalid_grant", 54_005);
    assert!(browser.submit(&page, &[("action", "allow")]).await.text().contains("waits for"));
    // Also when allowed before, the next program is asked about.
    let next = begin(&people).await;
    let page = browser.get("/device").await;
    let page = browser.submit(&page, &[("user_code", next["user_code"].as_str().unwrap())]).await;
    assert!(page.text().contains("Allow access?"), "{}", page.text());
}

#[tokio::test]
async fn version_1_as_older_libraries_ask() {
    let people = People::new().await;
    let fields = [("client_id", people.desktop.as_str()), ("resource", AUDIENCE)];
    let codes = people.post(&format!("/{PARTNER}/oauth2/devicecode?api-version=1.0"), &fields).await.json();
    assert!(codes.as_object().unwrap().values().all(Value::is_string), "{codes}");
    assert_eq!((&codes["expires_in"], &codes["interval"]), (&json!("900"), &json!("5")));
    assert_eq!(codes["verification_url"], "http://usage.example.org/device");
    let mut browser = people.browser();
    let page = to_consent(&people, &mut browser, &codes).await;
    browser.submit(&page, &[("action", "allow")]).await;
    let code = codes["device_code"].as_str().unwrap();
    let fields =
        [("grant_type", "device_code"), ("client_id", people.desktop.as_str()), ("code", code), ("resource", AUDIENCE)];
    let body = people.post(&format!("/{PARTNER}/oauth2/token"), &fields).await.json();
    assert!(body.as_object().unwrap().values().all(Value::is_string), "{body}");
    assert!(body["refresh_token"].is_string() && body["id_token"].is_string());
    assert_eq!(people.opens(&body).await, 200);
}

#[tokio::test]
async fn denied_and_over() {
    let people = People::new().await;
    let codes = begin(&people).await;
    let mut browser = people.browser();
    let page = to_consent(&people, &mut browser, &codes).await;
    let done = browser.submit(&page, &[("action", "deny")]).await;
    assert!(done.text().contains("gets no access"), "{}", done.text());
    assert_refused(&poll(&people, &codes).await, 400, "access_denied", 65_004);
    assert!(people.world.control.consents(None).await.unwrap().is_empty());

    let codes = begin(&people).await;
    let page = browser.get(&format!("/{PARTNER}/oauth2/deviceauth")).await;
    let page = browser.submit(&page, &[("user_code", codes["user_code"].as_str().unwrap())]).await;
    people.world.clock.advance(TimeDelta::seconds(900));
    assert_refused(&poll(&people, &codes).await, 400, "expired_token", 70_020);
    let late = browser.submit(&page, &[("action", "allow")]).await;
    assert_eq!(late.status, 403);
    assert_refused(&poll(&people, &codes).await, 400, "expired_token", 70_020);
}

#[tokio::test]
async fn what_is_no_device_code() {
    let people = People::new().await;
    let codes = begin(&people).await;
    assert_refused(&poll(&people, &json!({ "device_code": "x" })).await, 400, "bad_verification_code", 70_018);
    assert_refused(
        &poll(&people, &json!({ "device_code": codes["user_code"] })).await,
        400,
        "bad_verification_code",
        70_018,
    );
    assert_refused(&poll(&people, &json!({ "device_code": "" })).await, 400, "invalid_request", 900_144);
    // Another application's.
    let (client_id, secret) = people.web.clone();
    let fields = [
        ("grant_type", "urn:ietf:params:oauth:grant-type:device_code"),
        ("client_id", client_id.as_str()),
        ("client_secret", secret.as_str()),
        ("device_code", codes["device_code"].as_str().unwrap()),
    ];
    let answer = people.post("/common/oauth2/v2.0/token", &fields).await;
    assert_refused(&answer, 400, "bad_verification_code", 70_018);
    let path = "/common/oauth2/v2.0/devicecode";
    for (fields, status, error, code) in [
        (vec![("scope", SCOPE)], 400, "invalid_request", 900_144),
        (vec![("client_id", people.desktop.as_str())], 400, "invalid_request", 900_144),
        (vec![("client_id", people.desktop.as_str()), ("scope", "Mail.Read")], 400, "invalid_scope", 70_011),
        (vec![("client_id", "x"), ("scope", SCOPE)], 400, "unauthorized_client", 700_016),
        (vec![("client_id", people.web.0.as_str()), ("scope", SCOPE)], 401, "invalid_client", 7_000_218),
    ] {
        assert_refused(&people.post(path, &fields).await, status, error, code);
    }
}

#[tokio::test]
async fn codes_cannot_be_tried() {
    let people = People::new().await;
    let codes = begin(&people).await;
    let mut browser = people.browser();
    let page = browser.get("/device").await;
    // Nobody is told whether a code is one who is not signed in.
    let asked = browser.submit(&page, &[("user_code", "BBBB-BBBB")]).await;
    assert!(asked.status == 200 && asked.text().contains("Password"));
    let wrong = browser.submit(&asked, &[("name", "olga"), ("password", PASSWORD), ("action", "sign-in")]).await;
    assert!(wrong.status == 403 && wrong.text().contains("typed wrong"), "{}", wrong.text());
    for _ in 0..9 {
        let page = browser.get("/device").await;
        browser.submit(&page, &[("user_code", "BBBB-BBBC")]).await;
    }
    let page = browser.get("/device").await;
    let locked = browser.submit(&page, &[("user_code", codes["user_code"].as_str().unwrap())]).await;
    assert!(locked.status == 403 && !locked.text().contains("Allow access?"), "{}", locked.text());
    people.world.clock.advance(TimeDelta::minutes(15) + TimeDelta::seconds(1));
    let fresh = begin(&people).await;
    let page = browser.get("/device").await;
    let page = browser.submit(&page, &[("user_code", fresh["user_code"].as_str().unwrap())]).await;
    assert!(page.text().contains("Allow access?"), "{}", page.text());
}
