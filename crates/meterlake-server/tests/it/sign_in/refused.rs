//! What is refused at the authorization and token endpoints, and who is told.

use super::{AUDIENCE, LOOPBACK, PASSWORD, People, assert_refused, field};
use crate::world::PARTNER;

#[tokio::test]
async fn mistakes_that_the_application_is_told_of() {
    let people = People::new().await;
    let mut browser = people.browser();
    for (more, error, code) in [
        (("response_type", "token"), "unsupported_response_type", 700_054),
        (("response_type", "id_token"), "unsupported_response_type", 700_054),
        (("response_type", "code id_token"), "unsupported_response_type", 700_054),
        (("response_type", ""), "invalid_request", 900_144),
        (("response_mode", "fragment"), "invalid_request", 9_002_313),
        (("scope", ""), "invalid_request", 900_144),
        (("scope", "https://graph.microsoft.com/Mail.Read"), "invalid_scope", 70_011),
        (("scope", "https://management.azure.com/.default"), "invalid_scope", 500_011),
        (("scope", "api://meterlake/.default https://graph.windows.net/.default"), "invalid_scope", 28_000),
        (("code_challenge_method", "plain"), "invalid_request", 501_491),
        (("code_challenge_method", ""), "invalid_request", 501_491),
        (("code_challenge", ""), "invalid_request", 501_491),
        (("code_challenge", "short"), "invalid_request", 501_491),
    ] {
        let answer = browser.get(&people.asks(&[more])).await;
        let location = answer.header("location");
        assert!(answer.status == 302 && location.starts_with(&format!("{LOOPBACK}?error=")), "{more:?}: {location}");
        assert_eq!(field(location, "error"), error, "{more:?}");
        let description = field(location, "error_description");
        assert!(description.starts_with(&format!("AADSTS{code}: ")), "{description}");
        assert!(description.contains("\r\nTrace ID: ") && description.contains("\r\nTimestamp: 2024-11-15 10:20:30Z"));
        assert_eq!(field(location, "state"), "a state");
    }
    // A public application has no other proof than its verifier.
    let answer = browser.get(&people.asks(&[("code_challenge", ""), ("code_challenge_method", "")])).await;
    assert!(field(answer.header("location"), "error_description").starts_with("AADSTS9002325: "));
}

#[tokio::test]
async fn mistakes_that_the_person_is_told_of() {
    let people = People::new().await;
    let mut browser = people.browser();
    let web = people.web.0.clone();
    let asks = |more: &[(&str, &str)]| people.asks(more);
    for (target, code) in [
        (asks(&[("client_id", "")]), 900_144),
        (asks(&[("client_id", "x")]), 700_016),
        (asks(&[]).replace(PARTNER, "nowhere.example.org"), 90_002),
        (asks(&[]).replace(PARTNER, "consumers"), 90_002),
        (asks(&[("client_id", &web)]), 50_011),
        (asks(&[("redirect_uri", "http://localhost/x")]), 50_011),
    ] {
        let page = browser.get(&target).await;
        assert_eq!((page.status, page.header("location")), (400, ""), "{target}");
        assert!(page.text().contains(&format!("AADSTS{code}.")), "{}", page.text());
    }
    let control = &people.world.control;
    let desktop = control.find_principal(&people.desktop).await.unwrap().id;
    control.add_redirect_uri(desktop, "http://localhost/other").await.unwrap();
    assert!(browser.get(&asks(&[("redirect_uri", "")])).await.text().contains("AADSTS50011"));
    control.set_principal_enabled(desktop, false).await.unwrap();
    assert!(browser.get(&asks(&[])).await.text().contains("AADSTS7000112"));
    let put = browser.send("PUT", &asks(&[]), String::new()).await;
    assert_eq!((put.status, put.header("allow")), (405, "GET, POST, HEAD"));
    assert!(put.text().contains("<html"));
}

#[tokio::test]
async fn there_is_no_password_grant() {
    let people = People::new().await;
    for grant in ["password", "implicit", "urn:ietf:params:oauth:grant-type:jwt-bearer", "Authorization_Code"] {
        let fields = [("grant_type", grant), ("username", "olga"), ("password", PASSWORD), ("scope", "openid")];
        assert_refused(&people.token(&fields).await, 400, "unsupported_grant_type", 70_003);
    }
}

#[tokio::test]
async fn a_public_application_gets_no_token_of_its_own() {
    let people = People::new().await;
    let scope = format!("{AUDIENCE}/.default");
    let fields = [("grant_type", "client_credentials"), ("scope", scope.as_str())];
    assert_refused(&people.token(&fields).await, 401, "invalid_client", 7_000_218);
    let fields = [("grant_type", "client_credentials"), ("scope", scope.as_str()), ("client_secret", "x")];
    assert_refused(&people.token(&fields).await, 401, "invalid_client", 7_000_215);
    let desktop = people.world.control.find_principal(&people.desktop).await.unwrap().id;
    let secret = people.world.identity.create_secret(desktop, chrono::TimeDelta::days(1)).await;
    assert!(secret.unwrap_err().to_string().contains("is public"));
    let web = people.world.control.find_principal("app").await.unwrap().id;
    let public = people.world.control.set_application_public(web, true).await;
    assert!(public.unwrap_err().to_string().contains("has a secret in force"));
}

#[tokio::test]
async fn a_user_that_was_stopped_does_not_sign_in() {
    let people = People::new().await;
    let mut browser = people.browser();
    let page = browser.get(&people.asks(&[])).await;
    let olga = people.world.control.find_principal("olga").await.unwrap().id;
    people.world.control.set_principal_enabled(olga, false).await.unwrap();
    assert!(browser.sign_in(&page).await.text().contains("account is disabled"));
    // Who does not know the password does not learn of it.
    let guess = browser.submit(&page, &[("name", "olga"), ("password", "guess"), ("action", "sign-in")]).await;
    assert!(guess.text().contains("invalid username or password"));
    // An application is nobody who signs in.
    let app = browser.submit(&page, &[("name", "app"), ("password", PASSWORD), ("action", "sign-in")]).await;
    assert!(app.text().contains("invalid username or password"));
    let all = browser.submit(&page, &[("name", "all"), ("password", ""), ("action", "sign-in")]).await;
    assert!(all.text().contains("invalid username or password"));
    assert!(!browser.cookies.contains_key("meterlake_session"));
}

/// A name that nobody has is counted as a known one is, whatever its case and with a domain of ours behind it or not: so
/// that lock-outs do not tell which names are known.
#[tokio::test]
async fn unknown_names_are_locked_out_as_known_ones_are() {
    let people = People::new().await;
    for names in [
        ["olga", "OLGA", "olga@partner.example.org", "Olga@PARTNER.example.org"],
        ["nadia", "NADIA", "nadia@partner.example.org", "Nadia@PARTNER.example.org"],
    ] {
        let mut browser = people.browser();
        let page = browser.get(&people.asks(&[])).await;
        for guess in 0..10 {
            let fields = [("name", names[guess % 4]), ("password", "guess"), ("action", "sign-in")];
            let refused = browser.submit(&page, &fields).await;
            assert!(refused.text().contains("invalid username or password"), "{names:?}");
        }
        for name in names {
            let fields = [("name", name), ("password", "guess"), ("action", "sign-in")];
            let locked = browser.submit(&page, &fields).await;
            assert!(!locked.text().contains("invalid username or password"), "{name}: {}", locked.text());
        }
    }
}

/// Whoever is not known yet is limited by address, however many names or applications are tried.
#[tokio::test]
async fn forms_and_device_codes_a_minute() {
    let mut people = People::new().await;
    people.world.config.sign_ins_per_minute = 3;
    people.world.restart();
    for _ in 0..2 {
        let page = people.browser().send("POST", "/device", "user_code=BCDF-GHJK".to_owned()).await;
        assert_eq!(page.status, 400, "{}", page.text());
    }
    let fields = [("client_id", people.desktop.as_str()), ("scope", "openid")];
    assert_eq!(people.post("/common/oauth2/v2.0/devicecode", &fields).await.status, 200);
    let refused = people.post("/common/oauth2/v2.0/devicecode", &fields).await;
    assert_eq!((refused.status, refused.header("retry-after")), (429, "20"));
    assert_eq!(refused.json()["error"], "temporarily_unavailable");
    let page = people.browser().send("POST", "/device", String::new()).await;
    assert_eq!((page.status, page.header("retry-after")), (429, "20"));
    assert_eq!(people.browser().get("/device").await.status, 200);
}
