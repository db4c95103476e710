//! Next links: every paged call of every family.

use std::collections::BTreeSet;

use chrono::TimeDelta;
use meterlake_control::KeySlot;
use meterlake_model::Clock as _;
use serde_json::Value;

use crate::charge::{customer, ea, with};
use crate::every_call::{Call, Every, Kind};
use crate::world::{Answer, PLAN, at};

/// A call whose answer has several pages.
struct Paged {
    call: Call,
    /// The first page.
    target: String,
    /// Another principal that may make the call.
    other: String,
    /// Changes to the link that make it one of another request.
    changes: Vec<(&'static str, &'static str)>,
}

/// The absolute link to the next page.
fn next(answer: &Answer) -> Option<String> {
    let json = answer.json();
    let link = json.get("nextLink").or_else(|| json.get("@nextLink"));
    match link {
        Some(link) => link.as_str().map(str::to_owned),
        None => answer
            .header("link")
            .strip_prefix('<')
            .and_then(|link| link.strip_suffix(">; rel=\"next\""))
            .map(str::to_owned),
    }
}

fn rows(answer: &Answer) -> Vec<Value> {
    let json = answer.json();
    let rows = ["data", "Value", "value"].into_iter().find_map(|name| json.get(name).and_then(Value::as_array));
    rows.unwrap().clone()
}

async fn paged() -> (Every, Vec<Paged>) {
    let mut every = Every::new().await;
    let number = |line: usize| format!("{line:05}");
    let charges = (0..2_300).map(|line| with(&ea(line, "2024-11-03"), &[("resource_id", &number(line))])).collect();
    every.world.import(charges).await;
    let usage = |line: usize| with(&customer(line, PLAN, "2024-11-03", "GBP"), &[("resource_location", &number(line))]);
    every.world.import((0..25).map(usage).collect()).await;
    let second = every.world.identity.create_ea_key(&"100".parse().unwrap(), KeySlot::Secondary).await.unwrap().text;
    let mut paged = Vec::new();
    for call in &every.calls {
        let mut add = |target: String, other: &str, changes: &[(&'static str, &'static str)]| {
            paged.push(Paged { call: call.clone(), target, other: other.to_owned(), changes: changes.to_vec() });
        };
        let target = call.target.as_str();
        let version = match &target[..4] {
            "/v1/" => ("/v1/", "/v2/"),
            "/v2/" => ("/v2/", "/v3/"),
            _ => ("/v3/", "/v1/"),
        };
        let report =
            if target.ends_with("Summary") { ("Summary?", "?") } else { ("tenantUserCount", "b2cMfaRequestCount") };
        match call.kind {
            Kind::Ea if target.ends_with("/usagedetails") => {
                add(target.replace("202410", "202411"), &second, &[version]);
            }
            Kind::Ea if target.contains("bycustomdate") => add(
                target.replace("10-31", "11-30"),
                &second,
                &[version, ("11-30", "11-29"), ("startTime=2024-10-01", "startTime=2024-10-02")],
            ),
            Kind::Partner if target.contains("analytics") => add(
                format!("{target}?top=10&filter=meterUnit+eq+'10,000s'"),
                &call.all,
                &[("top=10", "top=11"), ("10%2C000s", "10%2C001s"), ("top=10&", ""), ("top=10", "top=10&skip=1")],
            ),
            Kind::B2c if target.ends_with("Summary") || target.ends_with("UserCount") => {
                add(format!("{target}?$top=2"), &call.all, &[("top=2", "top=3"), report]);
            }
            _ => {}
        }
    }
    assert_eq!(paged.len(), 9 + 2 + 3);
    (every, paged)
}

#[tokio::test]
async fn a_link_is_of_one_request_of_one_principal() {
    let (every, paged) = paged().await;
    let world = &every.world;
    for Paged { call, target, other, changes } in &paged {
        let first = world.get(target, &call.may).await;
        let link = next(&first).unwrap_or_else(|| panic!("{target}: {}", first.text()));
        let path = target.split('?').next().unwrap();
        assert!(link.starts_with(&format!("http://usage.example.org{path}?")), "{link}");
        let second = world.get(&link, &call.may).await;
        assert_eq!(second.status, 200, "{link}: {}", second.text());
        assert_eq!(world.call("HEAD", &link, &call.may, &[]).await.status, 200);
        // Read again it is the same page, under any spelling of the parameter.
        for spelling in ["$skiptoken=", "%24SkipToken="] {
            let again = world.get(&link.replace("skiptoken=", spelling), &call.may).await;
            assert_eq!(rows(&again), rows(&second), "{link}");
        }
        let (start, token) = link.split_once("skiptoken=").unwrap();
        let middle = token.len() / 2;
        let flipped = if token.as_bytes()[middle] == b'A' { "B" } else { "A" };
        let mut refused = vec![
            (format!("{start}skiptoken={}{flipped}{}", &token[..middle], &token[middle + 1..]), &call.may),
            (format!("{start}skiptoken={}", &token[..middle]), &call.may),
            (format!("{start}skiptoken="), &call.may),
            (format!("{start}skiptoken={token}{token}"), &call.may),
            (link.clone(), other),
        ];
        refused.extend(changes.iter().map(|(from, to)| {
            let changed = link.replacen(from, to, 1);
            assert_ne!(changed, link, "{from}");
            (changed, &call.may)
        }));
        // A position of another call is none here.
        if let Some(foreign) = paged.iter().find(|paged| paged.call.may == call.may && paged.call.target != call.target)
        {
            let foreign = next(&world.get(&foreign.target, &call.may).await).unwrap();
            let token = foreign.split_once("skiptoken=").unwrap().1;
            refused.push((format!("{start}skiptoken={token}"), &call.may));
        }
        for (link, token) in refused {
            let answer = world.get(&link, token).await;
            assert_eq!(answer.status, 400, "{link}");
            let message = call.message(&answer);
            assert!(message.starts_with("The parameter 'skiptoken' has the value '"), "{link}: {message}");
            assert!(message.contains(
                "; expected a next link of this server, unaltered, for the same request and the same caller"
            ));
        }
        assert_eq!(world.get(&link, "").await.status, 401);
        assert_eq!(world.call("PUT", &link, &call.may, &[]).await.status, 405);
    }
}

#[tokio::test]
async fn a_link_lives_a_day() {
    let (every, paged) = paged().await;
    let world = &every.world;
    let mut links = Vec::new();
    for Paged { call, target, .. } in &paged {
        links.push((call, next(&world.get(target, &call.may).await).unwrap()));
    }
    world.clock.advance(TimeDelta::hours(24) - TimeDelta::seconds(1));
    for (call, link) in &links {
        let answer = world.get(link, &call.may).await;
        assert_eq!(answer.status, 200, "{link}: {}", answer.text());
        // The link of a later page lives a day of its own.
        let later = next(&answer);
        world.clock.advance(TimeDelta::seconds(1));
        let answer = world.get(link, &call.may).await;
        assert_eq!(answer.status, 400, "{link}");
        let message = call.message(&answer);
        assert!(message.starts_with("The parameter 'skiptoken' has the value '"), "{message}");
        let expected = "; expected a next link that has not expired; this one expired at 2024-11-16T10:20:30Z, 24 hours \
                        after it was made.";
        assert!(message.ends_with(expected), "{message}");
        if let Some(later) = later {
            assert_eq!(world.get(&later, &call.may).await.status, 200, "{later}");
        }
        world.clock.advance(-TimeDelta::seconds(1));
    }
}

#[tokio::test]
async fn a_walk_reads_one_snapshot_and_one_period() {
    let (mut every, paged) = paged().await;
    let to_the_end = at("2024-11-30T23:59:00Z") - every.world.clock.now();
    every.world.clock.advance(to_the_end);
    // Tokens live a day; keys and these live on.
    for Paged { call, target, .. } in paged.iter().filter(|paged| paged.call.kind == Kind::Ea) {
        let mut answer = every.world.get(target, &call.may).await;
        assert_eq!(rows(&answer).len(), 1_000);
        let mut all = rows(&answer);
        let mut pages = 1;
        while let Some(link) = next(&answer) {
            // Rows come before and after what was read, and the month goes by.
            every.world.import(vec![ea(9_999, "2024-11-01"), ea(9_998, "2024-11-30")]).await;
            if pages == 1 {
                every.world.clock.advance(TimeDelta::hours(1));
            }
            answer = every.world.get(&link, &call.may).await;
            assert_eq!(answer.status, 200, "{}", answer.text());
            all.extend(rows(&answer));
            pages += 1;
        }
        every.world.clock.advance(-TimeDelta::hours(1));
        let numbered: BTreeSet<&str> =
            all.iter().filter_map(|row| row["instanceId"].as_str()).filter(|id| id.len() == 5).collect();
        assert_eq!((pages, numbered.len()), (3, 2_300), "{target}");
        let days: Vec<&str> = all.iter().map(|row| row["date"].as_str().unwrap()).collect();
        assert!(days.is_sorted(), "{target}");
        let now = every.world.get(target, &call.may).await;
        assert_eq!(rows(&now).len(), 1_000);
    }
}

#[tokio::test]
async fn a_walk_of_analytics_counts_once() {
    let (mut every, paged) = paged().await;
    for Paged { call, target, .. } in paged.iter().filter(|paged| paged.call.kind == Kind::Partner) {
        let mut answer = every.world.get(&format!("{target}&skip=3"), &call.may).await;
        let total = answer.json()["TotalCount"].as_u64().unwrap();
        let mut sizes = vec![rows(&answer).len()];
        let mut seen: Vec<String> = rows(&answer).iter().map(ToString::to_string).collect();
        while let Some(link) = next(&answer) {
            every
                .world
                .import(vec![with(&customer(99, PLAN, "2024-11-30", "GBP"), &[("resource_location", "zz")])])
                .await;
            answer = every.world.get(&link, &call.may).await;
            assert_eq!(answer.json()["TotalCount"], total, "{link}");
            sizes.push(rows(&answer).len());
            seen.extend(rows(&answer).iter().map(ToString::to_string));
        }
        let distinct: BTreeSet<&String> = seen.iter().collect();
        assert_eq!(u64::try_from(distinct.len()).unwrap(), total - 3, "{target}");
        assert_eq!(seen.len(), distinct.len());
        assert!(sizes[..sizes.len() - 1].iter().all(|size| *size == 10), "{sizes:?}");
        assert!(answer.text().contains("\"@nextLink\":null,"), "{}", answer.text());
    }
}
