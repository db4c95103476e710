//! Reads the B2C tenant's files back with other code and counts again.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;

use flate2::read::MultiGzDecoder;
use meterlake_model::{BillingPeriod, Day};
use meterlake_testkit::{Attempts, DemoUserCount, generate_demo};
use serde_json::{Deserializer, Value};
use uuid::Uuid;

/// One record in the terms of either form.
struct Record {
    at: String,
    what: String,
    success: bool,
    correlation: String,
    application: Uuid,
    user: String,
}

fn nested(value: &Value) -> Value {
    value.as_str().map_or_else(|| value.clone(), |text| serde_json::from_str(text).unwrap())
}

fn record(json: &Value, names: [&str; 7]) -> (String, Record) {
    let text = |name: &str| json[name].as_str().unwrap().to_owned();
    let [id, at, what, result, correlation, details, targets] = names;
    let details = nested(&json[details]);
    let application = details.as_array().unwrap().iter().find(|d| d["key"] == "ApplicationId").unwrap();
    let record = Record {
        at: text(at),
        what: text(what),
        success: text(result) == "success",
        correlation: text(correlation),
        application: application["value"].as_str().unwrap().parse().unwrap(),
        user: nested(&json[targets])[0]["id"].as_str().unwrap().to_owned(),
    };
    (text(id), record)
}

#[test]
fn what_customers_did_is_in_the_files() {
    let dir = tempfile::tempdir().unwrap();
    let today: Day = "2026-11-21".parse().unwrap();
    let b2c = generate_demo(dir.path(), today, 7).unwrap().b2c;
    let mut records = BTreeMap::new();
    let mut lines = 0;
    for path in &b2c.events {
        let file = std::fs::File::open(path).unwrap();
        let mut text = String::new();
        let graph = path.extension().is_some_and(|e| e == "gz");
        if graph {
            MultiGzDecoder::new(file).read_to_string(&mut text).unwrap();
        } else {
            std::io::BufReader::new(file).read_to_string(&mut text).unwrap();
        }
        for page in Deserializer::from_str(&text).into_iter::<Value>() {
            let page = page.unwrap();
            let (some, names) = if graph {
                let names = [
                    "id",
                    "activityDateTime",
                    "activityDisplayName",
                    "result",
                    "correlationId",
                    "additionalDetails",
                    "targetResources",
                ];
                (page["value"].as_array().unwrap().clone(), names)
            } else {
                let names = [
                    "Id",
                    "TimeGenerated",
                    "OperationName",
                    "Result",
                    "CorrelationId",
                    "AdditionalDetails",
                    "TargetResources",
                ];
                (vec![page], names)
            };
            lines += some.len() as u64;
            records.extend(some.iter().map(|json| record(json, names)));
        }
    }
    assert_eq!((records.len() as u64, lines), (b2c.counts.records, b2c.counts.records_in_files));
    assert!(lines > b2c.counts.records && (8_000..=50_000).contains(&lines), "{lines}");

    let coded: BTreeSet<&String> =
        records.values().filter(|r| r.what.contains("authorization code")).map(|r| &r.correlation).collect();
    let issued: BTreeSet<&String> =
        records.values().filter(|r| r.what.contains("id_token")).map(|r| &r.correlation).collect();
    let confidential = |id: Uuid| b2c.applications.iter().find(|a| a.id == id).unwrap().confidential;
    let mut authentications: BTreeMap<(Day, Uuid, &str), Attempts> = BTreeMap::new();
    let mut mfa: BTreeMap<(Day, Uuid, &str), Attempts> = BTreeMap::new();
    let mut users: BTreeMap<(BillingPeriod, Option<Uuid>), BTreeSet<&String>> = BTreeMap::new();
    for r in records.values() {
        let day: Day = r.at[..10].parse().unwrap();
        let key = |client: &str| {
            if confidential(r.application) { format!("confclient-{client}") } else { format!("publicclient-{client}") }
        };
        let flow: Option<&str> = match r.what.as_str() {
            "Issue an id_token to the application" if coded.contains(&r.correlation) => Some("hybrid"),
            "Issue an id_token to the application" => Some("implicit"),
            "Issue an authorization code to the application" if issued.contains(&r.correlation) => None,
            "Issue an authorization code to the application" => Some(key("authcode").leak()),
            "Exchange token" => Some(key("refreshtoken").leak()),
            "Issue a SAML assertion to the application" => Some("other"),
            _ => None,
        };
        let method = match r.what.as_str() {
            "Send SMS to verify phone number" => Some("SmsMfa"),
            "Make phone call to verify phone number" => Some("VoiceMfa"),
            _ => None,
        };
        for (counts, key) in [(&mut authentications, flow), (&mut mfa, method)] {
            if let Some(key) = key {
                let count = counts.entry((day, r.application, key)).or_default();
                count.attempts += 1;
                count.successes += u64::from(r.success);
            }
        }
        if flow.is_some() && r.success {
            for whom in [None, Some(r.application)] {
                users.entry((BillingPeriod::containing(day), whom)).or_default().insert(&r.user);
            }
        }
    }
    assert_eq!(authentications, b2c.counts.authentications);
    assert_eq!(mfa, b2c.counts.mfa);
    let users: BTreeMap<_, _> = users.into_iter().map(|(key, users)| (key, users.len() as u64)).collect();
    assert_eq!(users, b2c.counts.monthly_users);
    let flows: BTreeSet<&str> = authentications.keys().map(|(_, _, flow)| *flow).collect();
    assert_eq!(flows.len(), 7, "{flows:?}");
    let days: BTreeSet<Day> = authentications.keys().map(|(day, ..)| *day).collect();
    assert_eq!((days.len(), days.last()), (90, Some(&today)));
    assert!(mfa.keys().any(|(_, _, m)| *m == "VoiceMfa") && mfa.values().any(|a| a.successes < a.attempts));
}

#[test]
fn users_are_what_the_snapshots_hold() {
    let dir = tempfile::tempdir().unwrap();
    let today: Day = "2026-11-21".parse().unwrap();
    let sources = generate_demo(dir.path(), today, 7).unwrap();
    let mut counts = BTreeMap::new();
    for (day, path) in &sources.b2c.users {
        let text = std::fs::read_to_string(path).unwrap();
        let mut count = DemoUserCount::default();
        for page in Deserializer::from_str(&text).into_iter::<Value>() {
            for user in page.unwrap()["value"].as_array().unwrap() {
                count.total += 1;
                let identities = user["identities"].as_array().unwrap();
                let kinds: Vec<&str> = identities.iter().map(|i| i["signInType"].as_str().unwrap()).collect();
                if kinds.iter().any(|k| !matches!(*k, "federated" | "userPrincipalName")) {
                    count.local += 1;
                } else if let Some(at) = kinds.iter().position(|k| *k == "federated") {
                    count.alternate += 1;
                    let issuer = identities[at]["issuer"].as_str().unwrap().replace('.', "_");
                    *count.by_provider.entry(issuer).or_default() += 1;
                } else {
                    count.other += 1;
                }
            }
        }
        assert!(count.local > 0 && count.alternate > 0 && count.other > 0);
        counts.insert(*day, count);
    }
    assert_eq!(counts, sources.b2c.counts.users);
    assert_eq!((counts.len(), counts.keys().last()), (13, Some(&today)));
    let numbers: BTreeSet<Uuid> = sources.customers.iter().map(|c| c.c3_id).collect();
    assert_eq!(numbers.len(), sources.customers.len());
}
