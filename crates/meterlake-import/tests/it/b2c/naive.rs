//! Counting records by hand, from the rules as they are written down.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde_json::Value;

use super::world::{ACCESS, CALL, CODE, EXCHANGE, ID_TOKEN, SMS};

/// Day, application, and flow or method.
pub(super) type Key = (String, String, String);
/// Attempts and successes.
pub(super) type Count = (u64, u64);

/// Counts all records as one body, each id once; `confidential` names applications.
pub(super) fn count(records: &[Value], confidential: &[&str]) -> BTreeMap<Key, Count> {
    let mut once: HashMap<&str, &Value> = HashMap::new();
    for record in records {
        once.entry(record["id"].as_str().unwrap()).or_insert(record);
    }
    let mut counts: BTreeMap<Key, Count> = BTreeMap::new();
    for record in once.values() {
        let of = |r: &Value| r["activityDisplayName"].as_str().unwrap().to_owned();
        let ok = |r: &Value| r["result"] == "success";
        let group: Vec<&&Value> = once
            .values()
            .filter(|r| {
                if record["correlationId"].is_null() {
                    r["id"] == record["id"]
                } else {
                    r["correlationId"] == record["correlationId"]
                }
            })
            .collect();
        let any = |what: &str| group.iter().any(|r| of(r) == what);
        // A successful record gives way to successful ones only.
        let covered = |what: &str| group.iter().any(|r| of(r) == what && (ok(r) || !ok(record)));
        let application = record["additionalDetails"]
            .as_array()
            .and_then(|all| all.iter().find(|d| d["key"] == "ApplicationId"))
            .and_then(|d| d["value"].as_str())
            .unwrap_or_default();
        let client = if confidential.contains(&application) { "confclient" } else { "publicclient" };
        let what = match of(record).as_str() {
            ID_TOKEN => if any(CODE) { "hybrid" } else { "implicit" }.to_owned(),
            CODE if covered(ID_TOKEN) => continue,
            CODE if any(ID_TOKEN) => "hybrid".to_owned(),
            CODE => format!("{client}-authcode"),
            EXCHANGE => format!("{client}-refreshtoken"),
            ACCESS if covered(ID_TOKEN) || covered(CODE) || covered(EXCHANGE) => continue,
            ACCESS => "other".to_owned(),
            SMS => "SmsMfa".to_owned(),
            CALL => "VoiceMfa".to_owned(),
            _ => continue,
        };
        let day = record["activityDateTime"].as_str().unwrap()[..10].to_owned();
        let count = counts.entry((day, application.to_owned(), what)).or_default();
        count.0 += 1;
        count.1 += u64::from(ok(record));
    }
    counts
}

/// The days from the first to the last record of each file.
pub(super) fn covered(files: &[Vec<Value>]) -> BTreeSet<String> {
    let mut days = BTreeSet::new();
    for file in files {
        let of = |r: &Value| r["activityDateTime"].as_str().unwrap()[..10].to_owned();
        let (Some(first), Some(last)) = (file.iter().map(of).min(), file.iter().map(of).max()) else { continue };
        let (mut day, last): (meterlake_model::Day, meterlake_model::Day) =
            (first.parse().unwrap(), last.parse().unwrap());
        while day <= last {
            days.insert(day.to_string());
            day = day.plus(1).unwrap();
        }
    }
    days
}
