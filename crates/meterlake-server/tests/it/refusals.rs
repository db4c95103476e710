//! The order of refusals and the shapes of errors.

use serde_json::json;

use crate::world::{PLAN, World};

#[tokio::test]
async fn ea_in_order() {
    let world = World::new().await;
    let path = "/v2/enrollments/100/usagedetailsbycustomdate?startTime=x";
    // No token beats a wrong method, a wrong method beats a malformed parameter.
    for token in ["", "wrong", &world.all] {
        let answer = world.call("POST", path, token, &[]).await;
        assert_eq!((answer.status, &answer.json()["error"]["code"]), (401, &json!("Unauthorized")));
        assert!(answer.header("www-authenticate").starts_with("Bearer"));
    }
    let method = world.call("POST", path, &world.key, &[]).await;
    assert_eq!((method.status, method.header("allow")), (405, "GET, HEAD"));
    let malformed = world.get(path, &world.key).await;
    assert_eq!(malformed.status, 400);
    insta::assert_snapshot!("ea_malformed", malformed.text());
    // A key of another enrolment, whether there is one or not, is no key.
    let wrong = world.get("/v2/enrollments/100/usagedetails", "wrong").await;
    for enrolment in ["200", "300", "x%20y"] {
        let answer = world.get(&format!("/v2/enrollments/{enrolment}/usagedetails"), &world.key).await;
        assert_eq!((answer.status, answer.text()), (401, wrong.text()), "{enrolment}");
    }
    let lower = format!("bearer {}", world.key);
    let scheme = world.call("GET", "/v2/enrollments/100/usagedetails", "", &[("authorization", &lower)]).await;
    assert_eq!(scheme.status, 200);
}

#[tokio::test]
async fn every_malformed_parameter_of_ea_names_itself() {
    let world = World::new().await;
    for (path, name) in [
        ("billingPeriods/2017/usagedetails", "billingPeriod"),
        ("billingPeriods/201713/usagedetails", "billingPeriod"),
        ("usagedetailsbycustomdate", "startTime"),
        ("usagedetailsbycustomdate?startTime=2017-01-01", "endTime"),
        ("usagedetailsbycustomdate?startTime=2017-01-01&endTime=2016-01-01", "endTime"),
        ("usagedetailsbycustomdate?startTime=2017-01-01&endTime=2020-01-01", "endTime"),
        ("usagedetailsbycustomdate?startTime=2017-01-01&STARTTIME=2017-01-01&endTime=2017-01-02", "startTime"),
        ("usagedetailsbycustomdate?startTime=%ff&endTime=2017-01-02", "startTime"),
        ("usagedetails?skiptoken=x", "skiptoken"),
        ("usagedetails/download", "billingPeriod"),
        ("usagedetails/download?billingPeriod=x", "billingPeriod"),
        ("usagedetails/download?startTime=2017-01-01&endTime=2017-02-01", "endTime"),
        ("usagedetails/download?billingPeriod=201701&layout=fancy", "layout"),
    ] {
        let answer = world.get(&format!("/v2/enrollments/100/{path}"), &world.key).await;
        assert_eq!(answer.status, 400, "{path}");
        let json = answer.json();
        assert_eq!(json["error"]["code"], "BadRequest");
        let message = json["error"]["message"].as_str().unwrap();
        assert!(message.contains(&format!("'{name}'")) && message.contains("expected"), "{path}: {message}");
    }
}

#[tokio::test]
async fn every_malformed_parameter_of_analytics_names_itself() {
    let world = World::new().await;
    for (query, name) in [
        ("top=0", "top"),
        ("$top=1&top=2", "top"),
        ("skip=x", "skip"),
        ("filter=usageDate eq 'never'", "filter"),
        ("filter=((((", "filter"),
        ("%24filter=%zz", "filter"),
        ("orderby=x", "orderby"),
        ("groupby=x", "groupby"),
        ("aggregationLevel=day", "aggregationLevel"),
        ("startDate=2018-13-01", "startDate"),
        ("endDate=", "endDate"),
        ("skiptoken=abc", "skiptoken"),
    ] {
        let target = format!("/partner/v1/analytics/azureusage?{}", query.replace(' ', "%20"));
        // Malformed comes before not granted.
        for token in [&world.all, &world.none, &world.app] {
            let answer = world.get(&target, token).await;
            let json = answer.json();
            assert_eq!(
                (answer.status, &json["code"], &json["data"][0]),
                (400, &json!(800_002), &json!(name)),
                "{query}"
            );
            assert!(json["description"].as_str().unwrap().contains("expected") && json["source"].is_string());
        }
    }
    let method = world.call("DELETE", "/partner/v1/analytics/azureusage?top=0", &world.app, &[]).await;
    assert_eq!((method.status, method.header("allow")), (405, "GET, HEAD"));
    let nobody = world.call("DELETE", "/partner/v1/analytics/azureusage?top=0", "", &[]).await;
    assert_eq!((nobody.status, &nobody.json()["code"]), (401, &json!(800_001)));
}

#[tokio::test]
async fn unknown_paths() {
    let world = World::new().await;
    for path in ["/", "/v4/enrollments/100/usagedetails", "/ea/v2/enrollments/100/usagedetails", "/%2e"] {
        let answer = world.get(path, &world.key).await;
        assert_eq!((answer.status, &answer.json()["error"]["code"]), (404, &json!("NotFound")), "{path}");
        assert_eq!(world.call("HEAD", path, "", &[]).await.body.len(), 0);
    }
    // Where Partner Center's paths lie, its clients are answered in the shape they read.
    for path in ["/v1/customers", "//V1/Customers/x/nothing", "/partner/v1/analytics/other"] {
        let answer = world.call("GET", path, "", &[("ms-correlationid", "c")]).await;
        assert_eq!((answer.status, &answer.json()["code"]), (404, &json!(1000)), "{path}");
        assert_eq!(answer.header("ms-correlationid"), "c");
        assert!(!answer.header("ms-requestid").is_empty());
    }
}

#[tokio::test]
async fn rate_limits() {
    let mut world = World::new().await;
    world.config.rate_limit_per_minute = 2;
    world.restart();
    let summary = format!("/v1/customers/{PLAN}/usagesummary");
    for _ in 0..2 {
        assert_eq!(world.get(&summary, &world.all).await.status, 200);
    }
    let answer = world.get(&summary, &world.all).await;
    assert_eq!((answer.status, answer.header("retry-after")), (429, "30"));
    assert_eq!(
        answer.json(),
        json!({"statusCode": 429, "message": "Rate limit is exceeded. Try again in 30 seconds."})
    );
    assert_eq!(world.get(&summary, &world.one).await.status, 200);
    world.clock.advance(chrono::TimeDelta::seconds(30));
    assert_eq!(world.get(&summary, &world.all).await.status, 200);
    for _ in 0..3 {
        world.get("/v2/enrollments/100/billingperiods", &world.key).await;
    }
    let ea = world.get("/v2/enrollments/100/billingperiods", &world.key).await;
    assert_eq!((ea.status, &ea.json()["error"]["code"]), (429, &json!("TooManyRequests")));
}

#[tokio::test]
async fn revocation_acts_at_once() {
    let world = World::new().await;
    let path = "/partner/v1/analytics/azureusage";
    assert_eq!(world.get(path, &world.one).await.status, 200);
    let principal = world.control.find_principal("one").await.unwrap();
    let grant = meterlake_control::GrantScope::Customer(PLAN.parse().unwrap());
    world.control.remove_grant(principal.id, &grant).await.unwrap();
    assert_eq!(world.get(path, &world.one).await.status, 403);
    world.control.set_principal_enabled(principal.id, false).await.unwrap();
    assert_eq!(world.get(path, &world.one).await.status, 401);
    let number = "100".parse().unwrap();
    world.control.revoke_key(&number, meterlake_control::KeySlot::Primary).await.unwrap();
    assert_eq!(world.get("/v2/enrollments/100/usagedetails", &world.key).await.status, 401);
}
