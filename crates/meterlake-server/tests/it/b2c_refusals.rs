//! The order of refusals and the shape of errors of the B2C family.

use chrono::TimeDelta;
use meterlake_identity::Audience;
use serde_json::json;

use crate::b2c_world::{APPLICATION, B2cWorld, DOMAIN, FOREIGN, TENANT};
use crate::world::Answer;

#[track_caller]
fn assert_error(answer: &Answer, status: u16, code: &str) {
    let json = answer.json();
    assert_eq!((answer.status, &json["odata.error"]["code"]), (status, &json!(code)), "{}", answer.text());
    let message = &json["odata.error"]["message"];
    assert_eq!(message["lang"], "en");
    assert!(!message["value"].as_str().unwrap().is_empty());
    assert_eq!(answer.header("content-type"), "application/json; charset=utf-8");
    assert_eq!(answer.header("request-id").len(), 36);
}

#[tokio::test]
async fn in_order() {
    let b2c = B2cWorld::new().await;
    let world = &b2c.world;
    let wrong = format!("/{DOMAIN}/reports/b2cAuthenticationCount?$top=x");
    for token in ["", "x", &world.all, &world.key] {
        let answer = world.call("POST", &wrong, token, &[]).await;
        assert_error(&answer, 401, "Authentication_MissingOrMalformed");
        assert!(answer.header("www-authenticate").starts_with("Bearer"));
    }
    let method = world.call("POST", &wrong, &b2c.none, &[]).await;
    assert_error(&method, 405, "Request_BadRequest");
    assert_eq!(method.header("allow"), "GET, HEAD");
    assert_error(&world.get(&wrong, &b2c.none).await, 400, "Request_BadRequest");
    // Before anything about the tenant: a text that can be none.
    for tenant in ["v1", "b2c0b2c0111122223333444444444444", "a..%2F", "%00.com"] {
        let answer = world.get(&format!("/{tenant}/reports/tenantUserCount"), &b2c.none).await;
        assert_error(&answer, 400, "Request_BadRequest");
        assert!(answer.text().contains("'tenant'"));
    }
    // An unknown tenant, report or both look like a foreign tenant to who may not see all.
    for tenant in [FOREIGN, "nobody.onmicrosoft.com", "ffffffff-0000-0000-0000-000000000000"] {
        for report in ["tenantUserCount", "nothing"] {
            let target = format!("/{tenant}/reports/{report}");
            assert_error(&world.get(&target, &b2c.one).await, 403, "Authorization_RequestDenied");
            assert_error(&world.get(&target, &b2c.user).await, 403, "Authorization_RequestDenied");
        }
        let status = if tenant == FOREIGN { 200 } else { 404 };
        assert_eq!(world.get(&format!("/{tenant}/reports"), &b2c.all).await.status, status);
    }
    for token in [&b2c.none, &b2c.user] {
        let answer = world.get(&format!("/{TENANT}/reports/tenantUserCount"), token).await;
        assert_error(&answer, 403, "Authorization_RequestDenied");
    }
    assert_error(&world.get("/nobody.onmicrosoft.com/reports/x", &b2c.all).await, 404, "Request_ResourceNotFound");
    assert_error(&b2c.get("b2cUserJourneySummaryEvents").await, 404, "Request_ResourceNotFound");
}

#[tokio::test]
async fn every_malformed_parameter_names_itself() {
    let b2c = B2cWorld::new().await;
    for (query, name, code) in [
        ("b2cAuthenticationCount?$filter=", "filter", "Request_BadRequest"),
        ("b2cAuthenticationCount?$filter=TimeStamp+gt", "filter", "Request_BadRequest"),
        ("b2cAuthenticationCount?$filter=TimeStamp+gt+yesterday", "filter", "Request_BadRequest"),
        ("b2cAuthenticationCount?$filter=ApplicationId+eq+5", "filter", "Request_BadRequest"),
        ("b2cAuthenticationCount?$filter=TimeStamp+gt+2016-10-15&filter=x", "filter", "Request_BadRequest"),
        ("b2cAuthenticationCount?$filter=TimeStamp+ne+2016-10-15", "filter", "Request_UnsupportedQuery"),
        ("b2cAuthenticationCount?$filter=Date+gt+2016-10-15", "filter", "Request_UnsupportedQuery"),
        ("tenantUserCount?$filter=TimeStamp+gt+2016-10-15+or+TimeStamp+lt+2016", "filter", "Request_BadRequest"),
        ("tenantUserCount?$filter=not+TimeStamp+gt+2016-10-15", "filter", "Request_UnsupportedQuery"),
        ("tenantUserCount?$top=0", "top", "Request_BadRequest"),
        ("tenantUserCount?$top=-1", "top", "Request_BadRequest"),
        ("tenantUserCount?$top=1&top=1", "top", "Request_BadRequest"),
        ("tenantUserCount?$top=%zz", "top", "Request_BadRequest"),
        ("tenantUserCount?$format=pdf", "format", "Request_BadRequest"),
        ("tenantUserCount?$skiptoken=abc", "skiptoken", "Request_BadRequest"),
        ("tenantUserCount?api-version=1&API-Version=2", "api-version", "Request_BadRequest"),
        ("nothing?$top=x", "top", "Request_BadRequest"),
    ] {
        for token in [&b2c.one, &b2c.none, &b2c.user] {
            let answer = b2c.world.get(&format!("/{DOMAIN}/reports/{query}"), token).await;
            assert_error(&answer, 400, code);
            let text = answer.json()["odata.error"]["message"]["value"].as_str().unwrap().to_owned();
            assert!(text.contains(&format!("'{name}'")) && text.contains("expected"), "{query}: {text}");
        }
    }
    let users = b2c.get(&format!("tenantUserCount?$filter=ApplicationId+eq+{APPLICATION}")).await;
    assert_error(&users, 400, "Request_UnsupportedQuery");
    insta::assert_snapshot!("b2c_unsupported", users.text());
    let format = b2c.world.get(&format!("/{DOMAIN}/reports?$format=pdf"), &b2c.one).await;
    assert_error(&format, 400, "Request_BadRequest");
}

#[tokio::test]
async fn tokens_that_no_longer_hold() {
    let mut b2c = B2cWorld::new().await;
    let principal = b2c.world.control.find_principal("one-b2c").await.unwrap().id;
    let short = b2c.world.identity.app_token(principal, Audience::B2c, TimeDelta::hours(1)).await.unwrap().token;
    let target = format!("/{DOMAIN}/reports/tenantUserCount");
    assert_eq!(b2c.world.get(&target, &short).await.status, 200);
    b2c.world.clock.advance(TimeDelta::hours(2));
    assert_error(&b2c.world.get(&target, &short).await, 401, "Authentication_ExpiredToken");
    b2c.world.control.set_principal_enabled(principal, false).await.unwrap();
    assert_error(&b2c.world.get(&target, &b2c.one).await, 401, "Authorization_IdentityDisabled");
    let gone = b2c.world.control.find_principal("none-b2c").await.unwrap().id;
    b2c.world.control.remove_principal(gone).await.unwrap();
    assert_error(&b2c.world.get(&target, &b2c.none).await, 401, "Authorization_IdentityNotFound");
    let partner = b2c.world.identity.app_token(principal, Audience::PartnerCenter, TimeDelta::hours(1)).await;
    if let Ok(partner) = partner {
        assert_error(&b2c.world.get(&target, &partner.token).await, 401, "Authentication_MissingOrMalformed");
    }
    b2c.world.config.rate_limit_per_minute = 1;
    b2c.world.restart();
    b2c.world.get(&target, &b2c.all).await;
    let limited = b2c.world.get(&target, &b2c.all).await;
    assert_error(&limited, 429, "Request_ThrottledTemporarily");
    assert_eq!(limited.header("retry-after"), "60");
}

/// The paths of the other families reach them, whatever a tenant may be called.
#[tokio::test]
async fn no_other_family_is_shadowed() {
    let b2c = B2cWorld::new().await;
    for (path, status) in [
        ("/partner/v1/analytics/azureusage", 401),
        ("/v1/customers/usagerecords", 401),
        ("/v2/enrollments/100/usagedetails", 401),
        ("/common/discovery/instance", 200),
        ("/meterlake/exports/x", 403),
        ("/healthz", 200),
        ("/api/licenseConsumptionReport/customer/x/tenant/y", 401),
    ] {
        let answer = b2c.world.get(path, &b2c.one).await;
        assert_eq!(answer.status, status, "{path}: {}", answer.text());
        assert_eq!(answer.header("request-id"), "", "{path}");
    }
}
