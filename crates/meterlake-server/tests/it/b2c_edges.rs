//! B2C reports where there is little or nothing, literally.

use meterlake_lake::Table;
use serde_json::{Value, json};

use crate::b2c_world::{APPLICATION, B2cWorld, DOMAIN, Event, OTHER_APPLICATION, TENANT};

const FOUR: [&str; 4] =
    ["b2cAuthenticationCountSummary", "b2cAuthenticationCount", "b2cMfaRequestCountSummary", "b2cMfaRequestCount"];

fn value(answer: &crate::world::Answer) -> Value {
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()["value"].clone()
}

/// A row of `tenantUserCount` stands at its midnight, and carries the last count forward.
#[tokio::test]
async fn users_stand_at_midnight() {
    let b2c = B2cWorld::new().await;
    for (filter, expected) in [
        ("TimeStamp gt 2024-11-13", &[(14, 25), (15, 25)][..]),
        ("TimeStamp ge 2024-11-13", &[(13, 25), (14, 25), (15, 25)]),
        ("TimeStamp ge 2024-11-13T00:00:01Z", &[(14, 25), (15, 25)]),
        ("TimeStamp eq 2024-11-13", &[(13, 25)]),
        ("TimeStamp eq 2024-11-13T00:00:00Z", &[(13, 25)]),
        ("TimeStamp eq 2024-11-13T00:00:01Z", &[]),
        // No file of the 12th: the count of the 8th.
        ("TimeStamp eq 2024-11-12", &[(12, 10)]),
        ("TimeStamp lt 2024-11-10", &[(8, 10), (9, 10)]),
        ("TimeStamp le 2024-11-10", &[(8, 10), (9, 10), (10, 10)]),
        ("TimeStamp gt 2024-11-08 and TimeStamp lt 11/10/2024 1:00:00 AM +01:00", &[(9, 10)]),
        // Nothing before the first count, and no day that has not begun.
        ("TimeStamp lt 2024-11-08", &[]),
        ("TimeStamp gt 2024-11-15", &[]),
    ] {
        let query: String = url::form_urlencoded::byte_serialize(filter.as_bytes()).collect();
        let rows = value(&b2c.get(&format!("tenantUserCount?$filter={query}")).await);
        let expected: Vec<(String, u64)> =
            expected.iter().map(|(day, users)| (format!("2024-11-{day:02}T00:00:00Z"), *users)).collect();
        let found: Vec<(String, u64)> = rows
            .as_array()
            .unwrap()
            .iter()
            .map(|row| (row["TimeStamp"].as_str().unwrap().to_owned(), row["TotalUserCount"].as_u64().unwrap()))
            .collect();
        assert_eq!(found, expected, "{filter}");
        for row in rows.as_array().unwrap() {
            let parts = row["AlternateIdUserBreakDown"].as_object().unwrap().values();
            assert_eq!(row["AlternateIdUserCount"], parts.map(|part| part.as_u64().unwrap()).sum::<u64>());
        }
    }
}

/// An application that does not exist, and one that has nothing in the window, in all four reports.
#[tokio::test]
async fn an_application_without_data_is_an_empty_value() {
    let b2c = B2cWorld::new().await;
    let unknown = "ApplicationId+eq+00000000-aaaa-bbbb-cccc-00000000ffff".to_owned();
    let past = format!("ApplicationId+eq+{OTHER_APPLICATION}+and+TimeStamp+gt+2024-11-13");
    for report in FOUR {
        let context = format!("http://usage.example.org/{DOMAIN}/$metadata#{report}");
        let empty = format!(r#"{{"odata.metadata":"{context}","@odata.context":"{context}","value":[]}}"#);
        for filter in [&unknown, &past] {
            let target = format!("{report}?%24filter={filter}&api-version=beta");
            let answer = b2c.get(&target).await;
            assert_eq!((answer.status, answer.text()), (200, empty.as_str()), "{target}");
            let xml = b2c.get(&format!("{target}&$format=xml")).await;
            assert_eq!(xml.text(), r#"<?xml version="1.0" encoding="utf-8"?><Objects></Objects>"#);
            let csv = b2c.get(&format!("{target}&$format=csv")).await;
            assert_eq!(csv.text().lines().count(), 1, "the header alone: {}", csv.text());
            assert_eq!(b2c.get(&format!("{target}&$format=list")).await.text(), "");
        }
    }
}

/// Without the filter by application the two counts have their one row, whatever is known.
#[tokio::test]
async fn a_tenant_of_which_nothing_is_known() {
    let b2c = B2cWorld::new().await;
    let fresh = "b2c0b2c0-7777-2222-3333-444444444444";
    b2c.world.control.set_tenant(fresh.parse().unwrap(), None, &[]).await.unwrap();
    for (report, expected) in [
        ("tenantUserCount", "[]"),
        ("b2cAuthenticationCountSummary", "[]"),
        (
            "b2cAuthenticationCount",
            r#"[{"StartTimeStamp":null,"EndTimeStamp":null,"AuthenticationCount":0,"AuthFlowTypeBreakDown":{}}]"#,
        ),
        ("b2cMfaRequestCountSummary", "[]"),
        (
            "b2cMfaRequestCount",
            r#"[{"StartTimeStamp":null,"EndTimeStamp":null,"MfaCount":0,"MfaTypeBreakDown":{"SmsMfa":0,"VoiceMfa":0}}]"#,
        ),
    ] {
        for query in ["", "?$filter=TimeStamp+gt+2016-10-15", "?$filter=TimeStamp+lt+2016-10-15"] {
            let answer = b2c.world.get(&format!("/{fresh}/reports/{report}{query}"), &b2c.all).await;
            assert!(answer.text().ends_with(&format!(r#","value":{expected}}}"#)), "{report}: {}", answer.text());
            assert_eq!(answer.header("last-modified"), "");
        }
    }
}

/// Every key that a breakdown can have; a flow with 0 is left out, both methods stay.
#[tokio::test]
async fn every_key_of_the_breakdowns() {
    let b2c = B2cWorld::new().await;
    let event =
        |key: &'static str, success: bool| -> Event { (TENANT, "2024-11-10T09:30:00Z", APPLICATION, key, success) };
    let mut events = vec![event("implicit", true), event("implicit", true), event("implicit", false)];
    let flows = ["hybrid", "confclient-authcode", "publicclient-authcode", "publicclient-refreshtoken"];
    events.extend(flows.map(|flow| event(flow, true)));
    events.extend([event("confclient-refreshtoken", true), event("", true), event("VoiceMfa", false)]);
    // On another day, without any authentication.
    events.push((TENANT, "2024-11-08T09:30:00Z", APPLICATION, "SmsMfa", true));
    b2c.import(&events).await;
    let day = "?$filter=TimeStamp+eq+2024-11-10";
    assert_eq!(
        value(&b2c.get(&format!("b2cAuthenticationCountSummary{day}")).await),
        json!([{
            "Date": "2024-11-10T00:00:00Z", "AuthenticationCount": 8, "AuthFlowTypeBreakDown": {
                "confclient-authcode": 1, "confclient-refreshtoken": 1, "hybrid": 1, "implicit": 2, "other": 1,
                "publicclient-authcode": 1, "publicclient-refreshtoken": 1,
            },
        }])
    );
    assert_eq!(
        value(&b2c.get(&format!("b2cMfaRequestCountSummary{day}")).await),
        json!([{"Date": "2024-11-10T00:00:00Z", "MfaCount": 1, "MfaTypeBreakDown": {"SmsMfa": 0, "VoiceMfa": 1}}])
    );
    let quiet = value(&b2c.get("b2cAuthenticationCount?$filter=TimeStamp+eq+2024-11-08").await);
    assert_eq!((&quiet[0]["AuthenticationCount"], &quiet[0]["AuthFlowTypeBreakDown"]), (&json!(0), &json!({})));
}

/// `$format` goes before `Accept`, and holds for the catalogue, too.
#[tokio::test]
async fn formats_are_negotiated() {
    let b2c = B2cWorld::new().await;
    for (target, accept, expected) in [
        ("reports/b2cMfaRequestCount", "", "application/json"),
        ("reports/b2cMfaRequestCount", "application/json;odata=minimalmetadata", "application/json"),
        ("reports/b2cMfaRequestCount", "application/xml, */*;q=0.1", "application/json"),
        ("reports/b2cMfaRequestCount", "application/json;q=0, text/xml", "application/xml"),
        ("reports/b2cMfaRequestCount", "text/csv", "text/csv"),
        ("reports/b2cMfaRequestCount?$format=JSON", "application/xml", "application/json"),
        ("reports/b2cMfaRequestCount?format=application/xml", "application/json", "application/xml"),
        ("reports/b2cMfaRequestCount?%24format=list", "application/json", "text/plain"),
        ("reports", "application/xml", "application/xml"),
        ("reports?$format=csv", "", "text/csv"),
    ] {
        let headers = [("accept", accept)];
        let headers = if accept.is_empty() { &headers[..0] } else { &headers[..] };
        let answer = b2c.world.call("GET", &format!("/{DOMAIN}/{target}"), &b2c.one, headers).await;
        assert_eq!(answer.status, 200, "{target}");
        assert_eq!(answer.header("content-type"), format!("{expected}; charset=utf-8"), "{target}, {accept}");
        assert_eq!(answer.header("vary"), "Accept");
    }
    let catalogue = b2c.world.get(&format!("/{DOMAIN}/reports?$format=list"), &b2c.one).await;
    assert!(
        catalogue.text().starts_with("Name            : tenantUserCount\nLicenseRequired : False\n\nName "),
        "{}",
        catalogue.text()
    );
}

#[tokio::test]
async fn what_cannot_be_read_is_a_fault_in_the_shape_of_the_family() {
    let b2c = B2cWorld::new().await;
    let table = b2c.world.lake.snapshot(Table::B2cDaily).await.unwrap();
    for file in table.files() {
        std::fs::remove_file(b2c.world.folder.path().join("lake/b2c_daily").join(&*file.path)).unwrap();
    }
    let answer = b2c.get("b2cAuthenticationCountSummary?$format=csv").await;
    assert_eq!((answer.status, answer.header("content-type")), (500, "application/json; charset=utf-8"));
    assert_eq!(answer.json()["odata.error"]["code"], "Service_InternalServerError");
    assert!(!answer.text().contains("parquet"), "{}", answer.text());
    assert_eq!(answer.header("request-id").len(), 36);
}
