//! Requests that want something to happen that should not.

use super::{LOOPBACK, PASSWORD, People, encode, field};
use crate::world::PARTNER;

#[tokio::test]
async fn no_answer_leaves_for_an_address_that_is_not_registered() {
    let people = People::new().await;
    let mut browser = people.browser();
    for address in [
        "https://evil.example.org",
        "http://localhost.evil.example.org",
        "http://localhost:1@evil.example.org",
        "http://evil.example.org/?http://localhost",
        "http://localhost:51234/other",
        "http://127.0.0.1:51234",
        "https://localhost:51234",
        "http://localhost:51234#x",
        "http://localhost\r\nx: y",
        "http:\\\\localhost:1",
        "//localhost",
        "javascript:alert(1)",
        "localhost",
    ] {
        // Good, and with a mistake that the application would be told of.
        for more in [("state", "a"), ("response_type", "token")] {
            let answer = browser.get(&people.asks(&[("redirect_uri", address), more])).await;
            assert_eq!((answer.status, answer.header("location")), (400, ""), "{address}");
            assert!(answer.text().contains("AADSTS50011"), "{}", answer.text());
            assert!(!answer.text().contains("<form"), "{address}");
        }
    }
}

#[tokio::test]
async fn what_comes_from_outside_is_text() {
    let people = People::new().await;
    let mut browser = people.browser();
    let evil = "\"><script>alert(1)</script>'";
    let page = browser.get(&people.asks(&[("login_hint", evil), ("state", evil), ("nonce", evil)])).await;
    assert_eq!(page.status, 200);
    // The application's own name is one, too.
    let text = page.text();
    assert!(!text.contains("<script") && !text.contains("<b>tool"), "{text}");
    assert!(text.contains("Desktop &#60;b&#62;tool&#60;/b&#62;"), "{text}");
    let tried = [("name", evil), ("password", "wrong"), ("action", "sign-in")];
    let again = browser.submit(&page, &tried).await;
    assert!(again.status == 403 && !again.text().contains("<script"), "{}", again.text());
    let answer = browser.sign_in_and_allow(&again).await;
    assert_eq!(field(answer.header("location"), "state"), evil);

    let quoted = encode([("client_id", evil)]);
    for target in [
        format!("/{PARTNER}/oauth2/authorize?{quoted}"),
        people.asks(&[("redirect_uri", evil)]),
        "/%3Cscript%3Ealert(1)%3C%2Fscript%3E/oauth2/authorize".to_owned(),
        "/%22%3E%3Cscript%3E/oauth2/logout".to_owned(),
        "/%3Cscript%3E/oauth2/deviceauth".to_owned(),
    ] {
        let page = browser.get(&target).await;
        assert_eq!((page.status, page.header("location")), (400, ""), "{target}");
        assert!(!page.text().contains("<script"), "{}", page.text());
    }
    let page = browser.get("/device").await;
    let page = browser.submit(&page, &[("user_code", evil)]).await;
    assert!(!page.text().contains("<script"), "{}", page.text());
}

#[tokio::test]
async fn a_state_stays_one_parameter() {
    let people = People::new().await;
    let mut browser = people.browser();
    let state = "a&code=stolen\r\nset-cookie: x=y #é%";
    let page = browser.get(&people.asks(&[("state", state)])).await;
    let answer = browser.sign_in_and_allow(&page).await;
    let location = answer.header("location");
    assert_eq!(field(location, "state"), state);
    assert!(
        location.starts_with(LOOPBACK) && !location.contains("stolen&") && !location.contains("code=stolen"),
        "{location}"
    );
    assert_eq!(people.redeem(&field(location, "code")).await.status, 200);
}

#[tokio::test]
async fn passwords_cannot_be_tried() {
    let people = People::new().await;
    let mut browser = people.browser();
    let page = browser.get(&people.asks(&[])).await;
    for name in ["olga", "nobody"] {
        let mut answers = Vec::new();
        for _ in 0..11 {
            answers.push(browser.submit(&page, &[("name", name), ("password", "guess"), ("action", "sign-in")]).await);
        }
        // A name that there is and one that there is not are refused alike.
        let first = answers[0].text();
        assert!(answers[0].status == 403 && first.contains("invalid username or password"), "{first}");
        assert!(answers[10].status == 403 && answers[10].text().contains("locked"), "{}", answers[10].text());
    }
    let right = [("name", "olga"), ("password", PASSWORD), ("action", "sign-in")];
    let locked = browser.submit(&page, &right).await;
    assert!(locked.status == 403 && locked.text().contains("locked"), "{}", locked.text());
    people.world.clock.advance(chrono::TimeDelta::minutes(16));
    assert_eq!(browser.submit(&page, &right).await.status, 200);
}

#[tokio::test]
async fn nothing_secret_is_in_the_audit_trail() {
    let people = People::new().await;
    let mut browser = people.browser();
    let page = browser.get(&people.asks(&[])).await;
    browser.submit(&page, &[("name", "hunter2hunter2"), ("password", PASSWORD), ("action", "sign-in")]).await;
    let answer = browser.sign_in_and_allow(&page).await;
    let code = field(answer.header("location"), "code");
    let tokens = people.redeem(&code).await.json();
    let trail = format!("{:?}", people.world.control.audit_entries(100).await.unwrap());
    let secrets = [&tokens["access_token"], &tokens["refresh_token"], &tokens["id_token"]].map(|t| t.as_str().unwrap());
    let cookies = browser.cookies.values().map(String::as_str);
    for secret in secrets.into_iter().chain(cookies).chain([code.as_str(), PASSWORD, "hunter2"]) {
        assert!(!trail.contains(secret), "{secret}");
    }
    for action in ["session.begin", "consent.give", "code.issue", "code.redeem", "refresh-token.issue", "token.issue"] {
        assert!(trail.contains(&format!("action: \"{action}\"")), "{action}");
    }
}
