//! What a group of records counts as.

use serde_json::{Value, json};

use super::naive;
use super::world::{
    ACCESS, CALL, CODE, EXCHANGE, ID_TOKEN, PHONE, SMS, WEB, World, committed, is_current, lines, record,
};

const TIME: &str = "2024-11-05T10:00:00Z";

fn at(id: &str, activity: &str, group: u32, success: bool) -> Value {
    record(id, TIME, activity, group, WEB, success)
}

/// What the records of one sign-in count as: flow or method, attempts and successes.
async fn counted(records: &[Value]) -> Vec<(String, u64, u64)> {
    let world = World::new().await;
    committed(world.import(&[&world.file("a.json", lines(records))]).await);
    let (counts, _) = world.daily().await;
    assert_eq!(counts, naive::count(records, &[]));
    counts.into_iter().map(|((_, _, what), (attempts, successes))| (what, attempts, successes)).collect()
}

fn one(what: &str, attempts: u64, successes: u64) -> Vec<(String, u64, u64)> {
    vec![(what.to_owned(), attempts, successes)]
}

#[tokio::test]
async fn a_sign_in_counts_once() {
    assert_eq!(counted(&[at("a", ID_TOKEN, 1, true)]).await, one("implicit", 1, 1));
    // An id_token and a code of one sign-in are one hybrid authentication, not two token issues.
    assert_eq!(counted(&[at("a", ID_TOKEN, 1, true), at("b", CODE, 1, true)]).await, one("hybrid", 1, 1));
    assert_eq!(counted(&[at("a", CODE, 1, true)]).await, one("publicclient-authcode", 1, 1));
    assert_eq!(counted(&[at("a", EXCHANGE, 1, true)]).await, one("publicclient-refreshtoken", 1, 1));
    let with_access = [at("a", ID_TOKEN, 1, true), at("b", ACCESS, 1, true)];
    assert_eq!(counted(&with_access).await, one("implicit", 1, 1));
    assert_eq!(counted(&[at("a", ACCESS, 1, true)]).await, one("other", 1, 1));
}

#[tokio::test]
async fn each_id_counts_and_groups_stand_apart() {
    // Two token issues under one correlation id have two ids.
    let two = [at("a", ID_TOKEN, 1, true), at("b", ID_TOKEN, 1, true)];
    assert_eq!(counted(&two).await, one("implicit", 2, 2));
    // No correlation id: no group.
    let alone = [at("a", ID_TOKEN, 0, true), at("b", CODE, 0, true)];
    let counts = counted(&alone).await;
    assert_eq!(counts, [one("implicit", 1, 1), one("publicclient-authcode", 1, 1)].concat());
    let later = [at("a", CODE, 1, true), at("b", EXCHANGE, 1, true), at("c", EXCHANGE, 1, true)];
    assert_eq!(
        counted(&later).await,
        [one("publicclient-authcode", 1, 1), one("publicclient-refreshtoken", 2, 2)].concat()
    );
    let mfa = [at("a", ID_TOKEN, 1, true), at("b", SMS, 1, false), at("c", SMS, 1, true), at("d", CALL, 1, true)];
    assert_eq!(counted(&mfa).await, [one("SmsMfa", 2, 1), one("VoiceMfa", 1, 1), one("implicit", 1, 1)].concat());
}

#[tokio::test]
async fn no_success_is_lost_in_a_failure() {
    let code_only = [at("a", ID_TOKEN, 1, false), at("b", CODE, 1, true)];
    assert_eq!(counted(&code_only).await, one("hybrid", 2, 1));
    let token_only = [at("a", ID_TOKEN, 1, true), at("b", CODE, 1, false)];
    assert_eq!(counted(&token_only).await, one("hybrid", 1, 1));
    let neither = [at("a", ID_TOKEN, 1, false), at("b", CODE, 1, false)];
    assert_eq!(counted(&neither).await, one("hybrid", 1, 0));
}

#[tokio::test]
async fn applications_tell_clients_apart() {
    let world = World::new().await;
    let records = [
        record("a", TIME, CODE, 1, WEB, true),
        record("b", TIME, EXCHANGE, 1, WEB, true),
        record("c", TIME, CODE, 2, PHONE, true),
    ];
    let events = world.file("a.json", lines(&records));
    committed(world.import(&[&events]).await);
    let (counts, _) = world.daily().await;
    assert_eq!(counts, naive::count(&records, &[]));
    // The list of applications may come later: the same records then count by it.
    let applications = json!({ "value": [
        { "appId": WEB, "web": { "redirectUris": ["https://contoso.example"] }, "publicClient": { "redirectUris": [] } },
        { "appId": PHONE, "publicClient": { "redirectUris": ["msal://auth"] }, "web": { "redirectUris": [] } } ] });
    let applications = world.file("apps.json", applications.to_string());
    let record = committed(world.import_with(&[&events], |r| r.applications = Some(applications.clone())).await);
    assert_eq!((record.counts.taken, record.counts.duplicate, record.counts.replaced), (0, 3, 3));
    let (counts, _) = world.daily().await;
    assert_eq!(counts, naive::count(&records, &[WEB]));
    // Without the list the flows stay as they are known.
    assert!(is_current(&world.import(&[&events]).await));
}
