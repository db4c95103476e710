//! Authorization code with PKCE, from the application's request to the rows it reads.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::TimeDelta;
use serde_json::json;

use super::{AUDIENCE, LOOPBACK, PASSWORD, People, VERIFIER, WEB, assert_refused, claims, encode, field};
use crate::world::PARTNER;

#[tokio::test]
async fn a_person_reads_partner_center_through_an_application() {
    let people = People::new().await;
    let mut browser = people.browser();
    let page = browser.get(&people.asks(&[("nonce", "a nonce"), ("login_hint", "olga")])).await;
    assert_eq!((page.status, page.header("content-type")), (200, "text/html; charset=utf-8"));
    assert!(page.text().contains("value=\"olga\""), "{}", page.text());
    let answer = browser.sign_in_and_allow(&page).await;
    let location = answer.header("location");
    assert_eq!(answer.status, 302);
    assert!(location.starts_with(&format!("{LOOPBACK}?code=")), "{location}");
    assert_eq!(field(location, "state"), "a state");

    let answer = people.redeem(&field(location, "code")).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let body = answer.json();
    assert_eq!((&body["token_type"], &body["expires_in"]), (&json!("Bearer"), &json!(3600)));
    let scope = format!("{AUDIENCE}/user_impersonation {AUDIENCE}/.default openid profile");
    assert_eq!(body["scope"], json!(scope));
    assert_eq!(people.opens(&body).await, 200);

    let user = people.world.control.find_principal("olga").await.unwrap();
    let access = claims(&body["access_token"]);
    assert_eq!(access["scp"], "user_impersonation openid profile");
    assert!(access.get("roles").is_none() && access.get("idtyp").is_none(), "{access}");
    assert_eq!((&access["aud"], &access["ver"]), (&json!(AUDIENCE), &json!("2.0")));
    assert_eq!((&access["azp"], &access["azpacr"]), (&json!(people.desktop), &json!("0")));
    assert_eq!(access["preferred_username"], "olga@partner.example.org");
    assert_eq!((&access["oid"], &access["tid"]), (&json!(user.id), &json!(PARTNER)));

    let id = claims(&body["id_token"]);
    assert_eq!((&id["aud"], &id["nonce"]), (&json!(people.desktop), &json!("a nonce")));
    assert_eq!(id["iss"], json!(format!("http://usage.example.org/{PARTNER}/v2.0")));
    assert_eq!((&id["preferred_username"], &id["name"]), (&json!("olga@partner.example.org"), &json!("olga")));
    // It is for the application; here it opens nothing.
    let id_token = body["id_token"].as_str().unwrap();
    assert_eq!(people.world.get("/partner/v1/analytics/azureusage", id_token).await.status, 401);

    let info = URL_SAFE_NO_PAD.decode(body["client_info"].as_str().unwrap()).unwrap();
    let info: serde_json::Value = serde_json::from_slice(&info).unwrap();
    assert_eq!(info, json!({ "uid": user.id, "utid": PARTNER }));
}

#[tokio::test]
async fn version_1_answers_with_strings() {
    let people = People::new().await;
    let mut browser = people.browser();
    let (client_id, secret) = people.web.clone();
    // A confidential application, here without PKCE.
    let query = encode([("client_id", client_id.as_str()), ("response_type", "code"), ("resource", AUDIENCE)]);
    let page = browser.get(&format!("/partner.example.org/oauth2/authorize?{query}")).await;
    let answer = browser.sign_in_and_allow(&page).await;
    let location = answer.header("location");
    assert!(location.starts_with(&format!("{WEB}?code=")) && !location.contains("state"), "{location}");
    let code = field(location, "code");
    let path = format!("/{PARTNER}/oauth2/token");
    let fields = [("grant_type", "authorization_code"), ("code", code.as_str()), ("client_id", client_id.as_str())];
    // Its secret is asked for before anything is said about the code.
    assert_refused(&people.post(&path, &fields).await, 401, "invalid_client", 7_000_218);
    let with = |secret| fields.into_iter().chain([("client_secret", secret)]).collect::<Vec<_>>();
    assert_refused(&people.post(&path, &with("wrong")).await, 401, "invalid_client", 7_000_215);
    let body = people.post(&path, &with(&secret)).await.json();
    assert!(body.as_object().unwrap().values().all(serde_json::Value::is_string), "{body}");
    assert_eq!((&body["expires_in"], &body["resource"]), (&json!("3600"), &json!(AUDIENCE)));
    assert_eq!(body["scope"], "user_impersonation");
    assert_eq!(people.opens(&body).await, 200);
    let access = claims(&body["access_token"]);
    assert_eq!((&access["upn"], &access["unique_name"]), (&access["upn"], &json!("olga@partner.example.org")));
    assert_eq!((&access["appidacr"], &access["ver"]), (&json!("1"), &json!("1.0")));
    assert_eq!(claims(&body["id_token"])["upn"], "olga@partner.example.org");

    let refresh = body["refresh_token"].as_str().unwrap();
    let mut fields = vec![("grant_type", "refresh_token"), ("refresh_token", refresh)];
    fields.extend([("client_id", client_id.as_str()), ("client_secret", secret.as_str()), ("resource", AUDIENCE)]);
    let body = people.post(&path, &fields).await.json();
    assert!(body["id_token"].is_string() && body["refresh_token"] != refresh, "{body}");
    assert_eq!(people.opens(&body).await, 200);
}

#[tokio::test]
async fn consent_is_remembered_and_can_be_taken_away() {
    let people = People::new().await;
    let mut browser = people.browser();
    let page = browser.get(&people.asks(&[])).await;
    let first = browser.sign_in_and_allow(&page).await;
    let first = people.redeem(&field(first.header("location"), "code")).await.json();
    // The browser is signed in and the application allowed: no page.
    let again = browser.get(&people.asks(&[("prompt", "none")])).await;
    assert_eq!(again.status, 302);
    people.redeem(&field(again.header("location"), "code")).await;
    // For another API it has to be asked again, and also where the application wants it.
    let other = "openid api://meterlake/.default";
    let page = browser.get(&people.asks(&[("scope", other)])).await;
    assert!(page.text().contains("licence reports"), "{}", page.text());
    let silent = browser.get(&people.asks(&[("scope", other), ("prompt", "none")])).await;
    assert_eq!(field(silent.header("location"), "error"), "interaction_required");
    assert!(browser.get(&people.asks(&[("prompt", "consent")])).await.text().contains("Allow access?"));

    let control = &people.world.control;
    let olga = control.find_principal("olga").await.unwrap();
    let desktop = control.find_principal(&people.desktop).await.unwrap();
    // That to the API, and that to go on reading when she is gone.
    assert_eq!(control.remove_consents(olga.id, desktop.id).await.unwrap(), 2);
    assert_eq!(people.opens(&first).await, 401);
    assert_refused(&people.refresh(first["refresh_token"].as_str().unwrap()).await, 400, "invalid_grant", 50_173);
    assert!(browser.get(&people.asks(&[])).await.text().contains("Allow access?"));
}

#[tokio::test]
async fn who_wants_to_stay_later_asks_again() {
    let people = People::new().await;
    let mut browser = people.browser();
    let meanwhile = "openid https://api.partnercenter.microsoft.com/.default";
    let page = browser.get(&people.asks(&[("scope", meanwhile)])).await;
    assert_eq!(browser.sign_in_and_allow(&page).await.status, 302);
    assert_eq!(browser.get(&people.asks(&[("scope", meanwhile), ("prompt", "none")])).await.status, 302);
    let silent = browser.get(&people.asks(&[("prompt", "none")])).await;
    assert_eq!(field(silent.header("location"), "error"), "interaction_required");
    let page = browser.get(&people.asks(&[])).await;
    assert!(page.text().contains("Allow access?"), "{}", page.text());
    assert_eq!(browser.submit(&page, &[("action", "allow")]).await.status, 302);
    for scope in [meanwhile, "openid offline_access https://api.partnercenter.microsoft.com/.default"] {
        let silent = browser.get(&people.asks(&[("scope", scope), ("prompt", "none")])).await;
        assert!(silent.header("location").contains("code="), "{scope}");
    }
}

#[tokio::test]
async fn a_code_is_good_once() {
    let people = People::new().await;
    let code = people.code().await;
    let tokens = people.redeem(&code).await.json();
    assert_eq!(people.opens(&tokens).await, 200);
    // The second use, however wrong the rest of it, ends what came from the first.
    let fields =
        [("grant_type", "authorization_code"), ("code", code.as_str()), ("redirect_uri", "http://localhost/x")];
    assert_refused(&people.token(&fields).await, 400, "invalid_grant", 54_005);
    assert_eq!(people.opens(&tokens).await, 401);
    assert_refused(&people.refresh(tokens["refresh_token"].as_str().unwrap()).await, 400, "invalid_grant", 50_173);
    assert_refused(&people.redeem(&code).await, 400, "invalid_grant", 54_005);
    let actions = audit(&people).await;
    assert!(actions.contains(&"code.reuse".to_owned()) && actions.contains(&"family.revoke".to_owned()), "{actions:?}");
}

#[tokio::test]
async fn one_of_many_redemptions_at_once_wins() {
    let people = People::new().await;
    let code = people.code().await;
    let answers = futures::future::join_all((0..8).map(|_| people.redeem(&code))).await;
    let good: Vec<_> = answers.iter().filter(|answer| answer.status == 200).collect();
    assert!(good.len() <= 1, "{}", good.len());
    for answer in good {
        // The others ended it.
        assert_eq!(people.opens(&answer.json()).await, 401);
    }
}

#[tokio::test]
async fn a_code_needs_its_verifier_its_address_its_application_and_its_time() {
    let people = People::new().await;
    let code = people.code().await;
    let try_with = |more: Vec<(&'static str, String)>| {
        let code = code.clone();
        let people = &people;
        async move {
            let own = [
                ("grant_type", "authorization_code".to_owned()),
                ("code", code),
                ("redirect_uri", LOOPBACK.to_owned()),
                ("code_verifier", VERIFIER.to_owned()),
            ];
            let kept = own.into_iter().filter(|(name, _)| more.iter().all(|(other, _)| other != name));
            let all: Vec<_> = kept.chain(more.clone()).collect();
            let all: Vec<(&str, &str)> = all.iter().map(|(name, value)| (*name, value.as_str())).collect();
            people.token(&all).await
        }
    };
    let with = |name: &'static str, value: &str| try_with(vec![(name, value.to_owned())]);
    let wrong = "x".repeat(43);
    assert_refused(&with("code_verifier", &wrong).await, 400, "invalid_grant", 501_481);
    assert_refused(&with("code_verifier", "").await, 400, "invalid_grant", 501_481);
    assert_refused(&with("redirect_uri", "http://localhost:51235").await, 400, "invalid_grant", 500_112);
    assert_refused(&with("redirect_uri", "").await, 400, "invalid_grant", 500_112);
    assert_refused(&with("code", &wrong).await, 400, "invalid_grant", 70_000);
    assert_refused(&with("code", "").await, 400, "invalid_request", 900_144);
    assert_refused(&with("client_secret", "x").await, 401, "invalid_client", 700_025);
    // Another application's: it learns nothing of the code, and does not use it up.
    let (client_id, secret) = people.web.clone();
    let fields = [
        ("grant_type", "authorization_code"),
        ("code", code.as_str()),
        ("client_id", client_id.as_str()),
        ("client_secret", secret.as_str()),
        ("redirect_uri", LOOPBACK),
        ("code_verifier", VERIFIER),
    ];
    let path = format!("/{PARTNER}/oauth2/v2.0/token");
    assert_refused(&people.post(&path, &fields).await, 400, "invalid_grant", 70_000);
    // None of that used it up.
    people.world.clock.advance(TimeDelta::seconds(599));
    assert_eq!(with("scope", "openid").await.status, 200);

    let late = people.code().await;
    people.world.clock.advance(TimeDelta::minutes(10));
    assert_refused(&people.redeem(&late).await, 400, "invalid_grant", 70_008);
}

#[tokio::test]
async fn openid_alone_gives_no_api() {
    let people = People::new().await;
    let mut browser = people.browser();
    let page = browser.get(&people.asks(&[("scope", "openid email"), ("redirect_uri", "")])).await;
    let answer = browser.sign_in_and_allow(&page).await;
    let code = field(answer.header("location"), "code");
    let fields = [("grant_type", "authorization_code"), ("code", code.as_str()), ("code_verifier", VERIFIER)];
    let body = people.token(&fields).await.json();
    assert_eq!(body["scope"], "openid email");
    assert!(body.get("refresh_token").is_none() && body.get("client_info").is_none(), "{body}");
    assert_eq!(claims(&body["id_token"])["email"], "olga@partner.example.org");
    assert_eq!(claims(&body["access_token"])["aud"], json!(people.desktop));
    for path in ["/partner/v1/analytics/azureusage", "/meterlake/v1/b2c/x/estimate", "/x.org/reports"] {
        assert_eq!(people.world.get(path, body["access_token"].as_str().unwrap()).await.status, 401, "{path}");
    }
    // Nor does the sign-in reach further later.
    let refused = people.world.control.consents(None).await.unwrap();
    assert_eq!(refused.iter().map(|c| c.audience.as_str()).collect::<Vec<_>>(), [""]);
}

#[tokio::test]
async fn a_new_password_ends_what_the_old_one_opened() {
    let people = People::new().await;
    let mut browser = people.browser();
    let page = browser.get(&people.asks(&[])).await;
    let answer = browser.sign_in_and_allow(&page).await;
    let tokens = people.redeem(&field(answer.header("location"), "code")).await.json();
    let olga = people.world.control.find_principal("olga").await.unwrap();
    people.world.identity.set_password(olga.id, "another one entirely").await.unwrap();
    assert_eq!(people.opens(&tokens).await, 401);
    assert_refused(&people.refresh(tokens["refresh_token"].as_str().unwrap()).await, 400, "invalid_grant", 50_173);
    let page = browser.get(&people.asks(&[])).await;
    assert!(page.text().contains("Password"));
    let fields = [("name", "olga"), ("password", PASSWORD), ("action", "sign-in")];
    assert!(browser.submit(&page, &fields).await.text().contains("invalid username or password"));
    let fields = [("name", "OLGA@partner.example.org"), ("password", "another one entirely"), ("action", "sign-in")];
    assert_eq!(browser.submit(&page, &fields).await.status, 302);
}

async fn audit(people: &People) -> Vec<String> {
    people.world.control.audit_entries(100).await.unwrap().into_iter().map(|entry| entry.action).collect()
}
