//! Whose forms are taken, and how the pages are dressed.

use chrono::TimeDelta;

use super::browser::Form;
use super::{LOOPBACK, PASSWORD, People, WEB, encode, field};
use crate::world::Answer;

fn assert_begin_again(answer: &Answer) {
    assert!(answer.status == 400 && answer.text().contains("begin again"), "{}: {}", answer.status, answer.text());
}

#[tokio::test]
async fn a_form_is_taken_from_the_browser_that_got_it() {
    let people = People::new().await;
    let mut browser = people.browser();
    let page = browser.get(&people.asks(&[])).await;
    let fields = [("name", "olga"), ("password", PASSWORD), ("action", "sign-in")];
    // From another browser, from another site's form, and altered.
    assert_begin_again(&people.browser().submit(&page, &fields).await);
    let form = Form::of(&page);
    assert_begin_again(&browser.send("POST", &form.action, encode(fields)).await);
    let sealed = &form.hidden[0].1;
    for bad in [&sealed[..sealed.len() - 1], "", &format!("A{}", &sealed[1..])] {
        let all = fields.into_iter().chain([("form", bad)]);
        assert_begin_again(&browser.send("POST", &form.action, encode(all)).await);
    }
    // A form of one step is nothing to another.
    let consent = form.action.replace("sign-in", "consent");
    let all = fields.into_iter().chain([("form", sealed.as_str()), ("action", "allow")]);
    assert_eq!(browser.send("POST", &consent, encode(all)).await.status, 400);
    assert_begin_again(&browser.send("POST", "/device", encode([("form", sealed.as_str())])).await);
    assert!(!browser.cookies.contains_key("meterlake_session"));
    // An hour later it is over.
    people.world.clock.advance(TimeDelta::hours(1));
    assert_begin_again(&browser.submit(&page, &fields).await);
}

#[tokio::test]
async fn a_consent_is_of_the_person_whom_the_page_named() {
    let people = People::new().await;
    let mut browser = people.browser();
    let page = browser.get(&people.asks(&[])).await;
    let consent = browser.sign_in(&page).await;
    let session = browser.cookies.insert("meterlake_session".to_owned(), "x".repeat(43)).unwrap();
    assert_begin_again(&browser.submit(&consent, &[("action", "allow")]).await);
    browser.cookies.insert("meterlake_session".to_owned(), session);
    assert_eq!(browser.submit(&consent, &[("action", "allow")]).await.status, 302);
}

#[tokio::test]
async fn denied_cancelled_and_switched() {
    let people = People::new().await;
    let mut browser = people.browser();
    let page = browser.get(&people.asks(&[])).await;
    let cancelled = browser.submit(&page, &[("action", "cancel")]).await;
    let location = cancelled.header("location");
    assert!(location.starts_with(&format!("{LOOPBACK}?error=access_denied&")), "{location}");
    assert!(field(location, "error_description").starts_with("AADSTS65004: "), "{location}");
    assert_eq!(field(location, "state"), "a state");
    let consent = browser.sign_in(&page).await;
    let denied = browser.submit(&consent, &[("action", "deny")]).await;
    assert_eq!(field(denied.header("location"), "error"), "access_denied");
    // Whatever is not a yes is a no.
    let nothing = browser.submit(&consent, &[]).await;
    assert_eq!(field(nothing.header("location"), "error"), "access_denied");
    assert!(people.world.control.consents(None).await.unwrap().is_empty());
    let other = browser.submit(&consent, &[("action", "switch")]).await;
    assert!(other.text().contains("Password"));
}

#[tokio::test]
async fn prompts() {
    let people = People::new().await;
    let mut browser = people.browser();
    let silent = browser.get(&people.asks(&[("prompt", "none")])).await;
    assert_eq!(field(silent.header("location"), "error"), "login_required");
    let page = browser.get(&people.asks(&[])).await;
    browser.sign_in_and_allow(&page).await;
    assert_eq!(browser.get(&people.asks(&[])).await.status, 302);
    for more in [("prompt", "login"), ("prompt", "select_account"), ("login_hint", "somebody")] {
        let page = browser.get(&people.asks(&[more])).await;
        assert!(page.status == 200 && page.text().contains("Password"), "{more:?}");
    }
    let page = browser.get(&people.asks(&[("prompt", "login")])).await;
    assert_eq!(browser.sign_in(&page).await.status, 302);
    for bad in ["none login", "create", "none consent"] {
        let refused = browser.get(&people.asks(&[("prompt", bad)])).await;
        assert_eq!(field(refused.header("location"), "error"), "invalid_request", "{bad}");
    }
    // The session ends by its time.
    people.world.clock.advance(TimeDelta::hours(8));
    assert!(browser.get(&people.asks(&[])).await.text().contains("Password"));
}

#[tokio::test]
async fn answers_by_form() {
    let people = People::new().await;
    let mut browser = people.browser();
    let asks = people.asks(&[("response_mode", "form_post"), ("state", "\"><script>alert(1)</script>")]);
    let page = browser.get(&asks).await;
    let answer = browser.sign_in_and_allow(&page).await;
    assert!(answer.status == 200 && answer.header("location").is_empty());
    assert!(!answer.text().contains("<script>alert"), "{}", answer.text());
    let policy = answer.header("content-security-policy");
    assert!(policy.contains(&format!("form-action {LOOPBACK};")) && policy.contains("script-src 'sha256-"), "{policy}");
    let form = Form::of(&answer);
    assert_eq!((form.action.as_str(), form.hidden[0].0.as_str()), (LOOPBACK, "code"));
    assert_eq!(form.hidden[1], ("state".to_owned(), "\"><script>alert(1)</script>".to_owned()));
    assert_eq!(people.redeem(&form.hidden[0].1).await.status, 200);
}

#[tokio::test]
async fn requests_by_form() {
    let people = People::new().await;
    let mut browser = people.browser();
    let asks = people.asks(&[]);
    let (path, query) = asks.split_once('?').unwrap();
    let page = browser.send("POST", path, query.to_owned()).await;
    let answer = browser.sign_in_and_allow(&page).await;
    assert_eq!(people.redeem(&field(answer.header("location"), "code")).await.status, 200);
    let twice = browser.send("POST", path, format!("{query}&state=b")).await;
    assert_eq!((twice.status, twice.header("location")), (400, ""));
    assert_eq!(browser.get(&format!("{asks}&state=b")).await.status, 400);
}

#[tokio::test]
async fn pages_are_private_and_plain() {
    let people = People::new().await;
    let mut browser = people.browser();
    let page = browser.get(&people.asks(&[])).await;
    let consent = browser.sign_in(&page).await;
    let code = browser.get("/device").await;
    let error = browser.get("/nowhere.example.org/oauth2/authorize").await;
    for page in [&page, &consent, &code, &error] {
        for (name, value) in [
            ("x-frame-options", "DENY"),
            ("x-content-type-options", "nosniff"),
            ("referrer-policy", "no-referrer"),
            ("cache-control", "no-cache, no-store"),
        ] {
            assert_eq!(page.header(name), value);
        }
        let policy = page.header("content-security-policy");
        for part in ["default-src 'none'", "style-src 'sha256-", "base-uri 'none'", "frame-ancestors 'none'"] {
            assert!(policy.contains(part), "{policy}");
        }
        let text = page.text();
        for outside in ["http://", "https://", "<script", "src="] {
            assert!(!text.contains(outside), "{outside}: {text}");
        }
        assert!(text.contains("<html lang=\"en\">") && text.contains("name=\"viewport\""));
        assert_eq!(text.matches("<label for=").count(), text.matches("<input id=").count());
    }
    assert!(page.header("content-security-policy").contains(&format!("form-action 'self' {LOOPBACK};")));
}

#[tokio::test]
async fn cookies_are_secure_where_the_connection_is() {
    let mut people = People::new().await;
    people.world.config.base_url = Some("https://usage.example.org".to_owned());
    people.world.restart();
    let page = people.world.get(&people.asks(&[]), "").await;
    let cookies: Vec<_> = page.headers.get_all("set-cookie").iter().map(|c| c.to_str().unwrap()).collect();
    assert!(cookies.iter().all(|c| c.ends_with("; Secure")), "{cookies:?}");
}

#[tokio::test]
async fn signing_out() {
    let people = People::new().await;
    let mut browser = people.browser();
    let page = browser.get(&people.asks(&[])).await;
    browser.sign_in_and_allow(&page).await;
    let session = browser.cookies["meterlake_session"].clone();
    let out = browser.get("/common/oauth2/v2.0/logout").await;
    assert!(out.status == 200 && out.text().contains("signed out"));
    assert!(!browser.cookies.contains_key("meterlake_session"));
    // Also for whoever kept the cookie.
    browser.cookies.insert("meterlake_session".to_owned(), session);
    assert!(browser.get(&people.asks(&[])).await.text().contains("Password"));
    for (next, sent_to) in [
        (WEB, format!("{WEB}?state=x+y")),
        ("http://localhost:4711", "http://localhost:4711?state=x+y".to_owned()),
        ("https://evil.example.org", String::new()),
        ("https://app.example.org.evil.test/auth", String::new()),
        ("//evil.example.org", String::new()),
        ("javascript:alert(1)", String::new()),
    ] {
        let query = encode([("post_logout_redirect_uri", next), ("state", "x y")]);
        let out = browser.get(&format!("/common/oauth2/logout?{query}")).await;
        assert_eq!(out.header("location"), sent_to, "{next}");
    }
}
