//! Azure AD B2C usage reports.

use chrono::TimeDelta;
use meterlake_model::Clock;
use serde_json::{Value, json};

use crate::b2c_world::{APPLICATION, B2cWorld, DOMAIN, EVENTS, OTHER_APPLICATION, TENANT};
use crate::world::{Answer, at, stable};

fn rows(answer: &Answer) -> Vec<Value> {
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()["value"].as_array().unwrap().clone()
}

/// The field of every row.
fn field(answer: &Answer, name: &str) -> Vec<Value> {
    rows(answer).iter().map(|row| row[name].clone()).collect()
}

/// What the document's script sends: a token request with an empty `resource`, then its eight requests, byte for byte.
#[tokio::test]
async fn the_documents_script() {
    let b2c = B2cWorld::new().await;
    let secret: String = url::form_urlencoded::byte_serialize(b2c.client.1.as_bytes()).collect();
    let form = format!("grant_type=client_credentials&resource=&client_id={}&client_secret={secret}", b2c.client.0);
    let token = b2c.world.post("POST", &format!("/{DOMAIN}/oauth2/token?api-version=1.0"), "", &form).await.json();
    let token = format!("{} {}", token["token_type"].as_str().unwrap(), token["access_token"].as_str().unwrap());
    let mut answers = String::new();
    for target in [
        "/reports/tenantUserCount?api-version=beta",
        "/reports/tenantUserCount?%24filter=TimeStamp+gt+2016-10-15&api-version=beta",
        "/reports/b2cAuthenticationCountSummary?api-version=beta",
        "/reports/b2cAuthenticationCount?%24filter=TimeStamp+gt+2016-09-20+and+TimeStamp+lt+2016-10-03&api-version=beta",
        "/reports/b2cAuthenticationCount?%24filter=ApplicationId+eq+ada78934-a6da-4e69-b816-10de0d79db1d&api-version=beta",
        "/reports/b2cMfaRequestCountSummary?api-version=beta",
        "/reports/b2cMfaRequestCount?%24filter=TimeStamp+gt+2016-09-10+and+TimeStamp+lt+2016-10-04&api-version=beta",
        "/reports/b2cMfaRequestCountSummary?%24filter=ApplicationId+eq+ada78934-a6da-4e69-b816-10de0d79db1d&api-version=beta",
    ] {
        let answer =
            b2c.world.call("GET", &format!("/{DOMAIN}{target}"), "", &[("authorization", token.as_str())]).await;
        assert_eq!(answer.status, 200, "{target}: {}", answer.text());
        assert_eq!(answer.header("content-type"), "application/json; charset=utf-8");
        assert_eq!(answer.header("meterlake-ignored-parameters"), "");
        answers.push_str(&format!("{target}\n{}\n\n", answer.text()));
    }
    stable(|| insta::assert_snapshot!("b2c_document", answers));
}

#[tokio::test]
async fn windows() {
    let b2c = B2cWorld::new().await;
    // Covered days only: the last 30 days have 8, and today is one of them.
    let days = field(&b2c.get("b2cAuthenticationCountSummary").await, "Date");
    assert_eq!((days.len(), &days[0], &days[7]), (8, &json!("2024-11-07T00:00:00Z"), &json!("2024-11-15T00:00:00Z")));
    for (filter, days, count) in [
        // Both bounds are midnights: the event on the first is not after it, the one just before the second counts.
        ("TimeStamp gt 2016-09-20 and TimeStamp lt 2016-10-03", 13, 3),
        ("TimeStamp ge 2016-09-20 and TimeStamp le 2016-10-03", 14, 5),
        ("TimeStamp eq 2016-10-03", 1, 1),
        ("TimeStamp eq 2016-10-03T00:00:00Z", 1, 1),
        ("TimeStamp eq 2016-10-03T00:00:01Z", 1, 0),
        // 30 days that end there, of which 23 are covered.
        ("TimeStamp lt 2016-10-03", 23, 4),
        ("TimeStamp gt 2016-10-16", 9, 3),
        ("TimeStamp gt 2025-01-01", 0, 0),
        ("TimeStamp gt 2016-10-03 and TimeStamp lt 2016-09-20", 0, 0),
        ("TimeStamp gt datetime'2024-11-10T09:30:30' and TimeStamp lt 11/12/2024 1:00:00 PM +02:00", 2, 1),
        ("TimeStamp ge 2016-09-01 and ApplicationId eq guid'ADA78934-A6DA-4E69-B816-10DE0D79DB1D'", 45, 6),
        ("ApplicationId eq '00000000-aaaa-bbbb-cccc-000000000001'", 8, 1),
        ("ApplicationId eq 00000000-aaaa-bbbb-cccc-00000000ffff", 0, 0),
        // There, but not in the window.
        ("ApplicationId eq 00000000-aaaa-bbbb-cccc-000000000001 and TimeStamp gt 2024-11-13", 0, 0),
    ] {
        let query = filter.replace('+', "%2B").replace(' ', "+");
        let daily = b2c.get(&format!("b2cAuthenticationCountSummary?$filter={query}")).await;
        let counts = field(&daily, "AuthenticationCount");
        let sum: u64 = counts.iter().map(|count| count.as_u64().unwrap()).sum();
        assert_eq!((counts.len(), sum), (days, count), "{filter}");
        let period = rows(&b2c.get(&format!("b2cAuthenticationCount?filter={query}")).await);
        if filter.contains("ApplicationId") && count == 0 {
            assert_eq!(period, Vec::<Value>::new(), "{filter}");
        } else {
            assert_eq!(period.len(), 1);
            assert_eq!(period[0]["AuthenticationCount"], json!(count), "{filter}");
        }
    }
}

#[tokio::test]
async fn mfa_attempts_or_completions() {
    let mut b2c = B2cWorld::new().await;
    let period = "b2cMfaRequestCount";
    let expected = |voice: u64| json!({"SmsMfa": 1, "VoiceMfa": voice});
    let row = &rows(&b2c.get(period).await)[0];
    assert_eq!((&row["MfaCount"], &row["MfaTypeBreakDown"]), (&json!(2), &expected(1)));
    b2c.world.config.b2c.mfa_counts = meterlake_reports::MfaCounts::Completed;
    b2c.world.restart();
    let row = &rows(&b2c.get(period).await)[0];
    assert_eq!((&row["MfaCount"], &row["MfaTypeBreakDown"]), (&json!(1), &expected(0)));
}

#[tokio::test]
async fn formats() {
    let b2c = B2cWorld::new().await;
    let mut answers = String::new();
    for report in ["b2cAuthenticationCountSummary", "b2cMfaRequestCount", "tenantUserCount"] {
        for format in ["xml", "csv", "list"] {
            let target = format!("{report}?$format={format}&$filter=TimeStamp+ge+2024-11-12");
            let answer = b2c.get(&target).await;
            assert_eq!(answer.status, 200, "{}", answer.text());
            let text = answer.text().replace('\r', "\\r");
            answers.push_str(&format!("{target}\n{}\n{text}\n\n", answer.header("content-type")));
        }
    }
    insta::assert_snapshot!("b2c_formats", answers);
    let target = format!("/{DOMAIN}/reports/b2cMfaRequestCount");
    for (accept, expected) in [
        ("application/json", "application/json"),
        ("application/xml", "application/xml"),
        ("text/plain", "application/json"),
    ] {
        let answer = b2c.world.call("GET", &target, &b2c.one, &[("accept", accept)]).await;
        assert!(answer.header("content-type").starts_with(expected), "{accept}");
    }
    // Errors are JSON whatever was asked for.
    let refused = b2c.world.call("GET", &target, &b2c.none, &[("accept", "application/xml")]).await;
    assert_eq!(refused.json()["odata.error"]["code"], "Authorization_RequestDenied");
}

#[tokio::test]
async fn a_walk() {
    let b2c = B2cWorld::new().await;
    let target = "b2cAuthenticationCountSummary?$filter=TimeStamp+gt+2016-01-01&$top=20";
    let whole = rows(&b2c.get("b2cAuthenticationCountSummary?$filter=TimeStamp+gt+2016-01-01").await);
    let first = b2c.get(target).await;
    assert_eq!(
        first.json().as_object().unwrap().keys().collect::<Vec<_>>(),
        ["odata.metadata", "@odata.context", "value", "odata.nextLink", "@odata.nextLink"]
    );
    // A later import changes nothing about the walk, nor does midnight.
    b2c.import_first(3).await;
    b2c.world.clock.advance(TimeDelta::hours(14));
    let mut walked = rows(&first);
    let mut answer = first;
    while let Some(next) = answer.json()["odata.nextLink"].as_str() {
        assert!(next.starts_with("skiptoken="), "{next}");
        // As clients do: put behind the request, with an option's sign before it.
        let appended = b2c.get(&format!("{target}&${next}")).await;
        let absolute = answer.json()["@odata.nextLink"].as_str().unwrap().to_owned();
        assert_eq!(answer.header("link"), format!("<{absolute}>; rel=\"next\""));
        let followed = b2c.world.get(&absolute, &b2c.one).await;
        assert_eq!(rows(&followed), rows(&appended));
        walked.extend(rows(&appended));
        answer = appended;
    }
    assert_eq!(walked, whole);
    assert_eq!(answer.json().as_object().unwrap().len(), 3);
}

#[tokio::test]
async fn links_are_bound_and_expire() {
    let b2c = B2cWorld::new().await;
    let target = "b2cAuthenticationCountSummary?$top=2";
    let first = b2c.get(target).await.json();
    let next = first["odata.nextLink"].as_str().unwrap();
    let foreign = b2c.world.get(&format!("/{DOMAIN}/reports/{target}&{next}"), &b2c.all).await;
    let altered = b2c.get(&format!("{target}&{next}x")).await;
    let other = b2c.get(&format!("b2cMfaRequestCountSummary?$top=2&{next}")).await;
    b2c.world.clock.advance(TimeDelta::hours(24));
    let token = b2c.world.identity.app_token(
        b2c.world.control.find_principal("one-b2c").await.unwrap().id,
        meterlake_identity::Audience::B2c,
        TimeDelta::days(1),
    );
    let token = token.await.unwrap().token;
    let expired = b2c.world.get(&format!("/{DOMAIN}/reports/{target}&{next}"), &token).await;
    for answer in [&foreign, &altered, &other, &expired] {
        let error = &answer.json()["odata.error"];
        assert_eq!((answer.status, &error["code"]), (400, &json!("Request_BadRequest")));
        assert!(error["message"]["value"].as_str().unwrap().contains("'skiptoken'"));
    }
    assert!(expired.text().contains("expired"), "{}", expired.text());
}

#[tokio::test]
async fn catalogue_and_description() {
    let b2c = B2cWorld::new().await;
    let catalogue = b2c.world.get(&format!("/{DOMAIN}/reports?api-version=beta"), &b2c.one).await;
    insta::assert_snapshot!("b2c_catalogue", catalogue.text());
    for path in ["$metadata", "%24metadata", "$Metadata?api-version=1.6"] {
        let metadata = b2c.world.get(&format!("/{TENANT}/{path}"), &b2c.one).await;
        assert_eq!((metadata.status, metadata.header("content-type")), (200, "application/xml; charset=utf-8"));
        insta::assert_snapshot!("b2c_metadata", metadata.text().replace("><", ">\n<"));
    }
    assert_eq!(b2c.world.get(&format!("/{DOMAIN}/$metadata"), &b2c.none).await.status, 403);
}

#[tokio::test]
async fn headers() {
    let b2c = B2cWorld::new().await;
    let answer = b2c.get("b2cAuthenticationCountSummary").await;
    assert_eq!(answer.header("last-modified"), "Fri, 15 Nov 2024 10:05:00 GMT");
    assert_eq!(answer.header("request-id").len(), 36);
    assert_eq!(b2c.get("tenantUserCount").await.header("last-modified"), "Wed, 13 Nov 2024 02:00:00 GMT");
    let target = format!("/{DOMAIN}/reports/b2cAuthenticationCountSummary");
    let known = [("if-none-match", answer.header("etag"))];
    assert!(known[0].1.starts_with("W/\""));
    let again = b2c.world.call("GET", &target, &b2c.one, &known).await;
    assert_eq!((again.status, again.body.len()), (304, 0));
    // A window that is open to now is the same answer a second later.
    let open = format!("{target}?$filter=TimeStamp%20ge%202024-11-03&$top=2");
    let tag = b2c.world.call("GET", &open, &b2c.one, &[]).await.header("etag").to_owned();
    b2c.world.clock.advance(chrono::TimeDelta::seconds(1));
    assert_eq!(b2c.world.call("GET", &open, &b2c.one, &[("if-none-match", &tag)]).await.status, 304);
    b2c.world.clock.advance(chrono::TimeDelta::hours(13));
    assert_eq!(b2c.world.call("GET", &open, &b2c.one, &[("if-none-match", &tag)]).await.status, 200);
    b2c.world.clock.advance(-chrono::TimeDelta::hours(13));
    // Not before it is clear that the caller may see it.
    assert_eq!(b2c.world.call("GET", &target, &b2c.none, &known).await.status, 403);
    b2c.import_first(12).await;
    assert_eq!(b2c.world.call("GET", &target, &b2c.one, &known).await.status, 200);
    let ignored = b2c.get("tenantUserCount?$fliter=x&api-version=1.6&$skip=1").await;
    assert_eq!((ignored.status, ignored.header("meterlake-ignored-parameters")), (200, "$fliter, $skip"));
    let head = b2c.world.call("HEAD", &target, &b2c.one, &[]).await;
    assert_eq!((head.status, head.body.len()), (200, 0));
}

/// An answer is kept and given again, but a window that ends now takes in each event when its time comes.
#[tokio::test]
async fn kept_answers_are_those_of_the_moment() {
    let b2c = B2cWorld::new().await;
    let today = [
        (TENANT, "2024-11-15T10:30:00Z", APPLICATION, "SmsMfa", true),
        (TENANT, "2024-11-15T10:40:00.000001Z", APPLICATION, "implicit", true),
        (TENANT, "2024-11-15T10:50:00Z", OTHER_APPLICATION, "hybrid", true),
    ];
    b2c.import(&[EVENTS, today.as_slice()].concat()).await;
    let reports = ["b2cAuthenticationCountSummary", "b2cAuthenticationCount", "b2cMfaRequestCount", "tenantUserCount"];
    let filters = ["", "$filter=TimeStamp+ge+2024-11-09", "$filter=TimeStamp+gt+2024-11-15T10:35:00Z"];
    let mut seen = std::collections::BTreeSet::new();
    let start = at("2024-11-15T10:20:30Z");
    for time in
        ["10:20:30", "10:29:59.999999", "10:30:00", "10:34:00", "10:35:00", "10:40:00", "10:40:00.000001", "11:10:00"]
    {
        b2c.world.clock.advance(at(&format!("2024-11-15T{time}Z")) - b2c.world.clock.now().max(start));
        for (report, filter) in reports.iter().flat_map(|report| filters.map(|filter| (report, filter))) {
            // A page by count is never kept, and this one has room for all rows.
            let fresh = b2c.get(&format!("{report}?{filter}&$top=1000")).await;
            for _ in 0..2 {
                let kept = b2c.get(&format!("{report}?{filter}")).await;
                assert_eq!(kept.text(), fresh.text(), "{report} {filter} at {time}");
                assert_eq!(kept.header("last-modified"), fresh.header("last-modified"), "{report} {filter} at {time}");
            }
            seen.insert(fresh.text().to_owned());
        }
        let list = b2c.get(&format!("{}?format=csv", reports[0])).await;
        assert!(list.text().starts_with("Date,"), "{}", list.text());
    }
    assert!(seen.len() > 12, "the events of the day are in some windows and not in others: {}", seen.len());
}

#[tokio::test]
async fn spellings_of_the_path() {
    let b2c = B2cWorld::new().await;
    for path in [
        format!("//{TENANT}//Reports/B2CMFArequestcount"),
        format!("/{}/reports/b2cMfaRequestCount/", DOMAIN.to_uppercase()),
        format!("/{}/%72eports/b2cMfaRequestCount", TENANT.to_uppercase()),
    ] {
        let answer = b2c.world.get(&path, &b2c.one).await;
        assert_eq!(rows(&answer)[0]["MfaCount"], 2, "{path}");
    }
    let mut b2c = b2c;
    b2c.world.config.b2c.bom = true;
    b2c.world.restart();
    assert!(b2c.get("tenantUserCount").await.text().starts_with('\u{feff}'));
    assert_eq!(APPLICATION.len(), 36);
}
