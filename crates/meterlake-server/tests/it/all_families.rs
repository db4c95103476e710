//! What holds of every call of every family.

use http::HeaderMap;

use crate::every_call::{Call, Every, Kind};
use crate::world::Answer;

const METHODS: &[&str] = &["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW"];

/// The body without the ids that are made for each answer.
fn lasting(answer: &Answer) -> String {
    let text = answer.text();
    if !answer.header("content-type").starts_with("application/json") {
        return text.to_owned();
    }
    let mut json = answer.json();
    for id in ["id", "RequestCorrelationID"] {
        if let Some(value) = json.get_mut(id) {
            value.take();
        }
    }
    json.to_string()
}

fn takes(call: &Call, method: &str) -> bool {
    call.allow.split(", ").any(|allowed| allowed == method)
}

async fn send(every: &Every, call: &Call, target: &str, token: &str) -> Answer {
    every.world.call(call.method, target, token, &[]).await
}

#[tokio::test]
async fn no_token_comes_before_everything() {
    let every = Every::new().await;
    for call in &every.calls {
        let targets = [Some(&call.target), call.malformed.as_ref().map(|(target, _)| target)];
        let others = [call.foreign.as_ref(), call.unknown.as_ref().map(|(target, _)| target)];
        for target in targets.into_iter().chain(others).flatten() {
            for method in METHODS {
                let answer = every.world.call(method, target, "", &[]).await;
                assert_eq!(answer.status, 401, "{method} {target}");
                assert!(answer.header("www-authenticate").starts_with("Bearer"), "{method} {target}");
                if *method != "HEAD" {
                    call.message(&answer);
                }
            }
        }
        // A token that is none, and those of the other families, are told apart from no valid one.
        let audience = |kind| if kind == Kind::Native { Kind::C3 } else { kind };
        let wrong = send(&every, call, &call.target, "wrong").await;
        for other in every.calls.iter().filter(|other| audience(other.kind) != audience(call.kind)) {
            let answer = send(&every, call, &call.target, &other.may).await;
            assert_eq!((answer.status, lasting(&answer)), (401, lasting(&wrong)), "{}", call.target);
        }
        for scheme in ["Basic", "OAuth", "Bearerx"] {
            let value = format!("{scheme} {}", call.may);
            let answer = every.world.call(call.method, &call.target, "", &[("authorization", &value)]).await;
            assert_eq!(answer.status, 401, "{scheme}");
        }
        for scheme in ["bearer", "BEARER", "bEaReR"] {
            let value = format!("{scheme} {}", call.may);
            let answer = every.world.call(call.method, &call.target, "", &[("authorization", &value)]).await;
            assert!(answer.status < 300, "{scheme} {}: {}", call.target, answer.text());
        }
    }
}

#[tokio::test]
async fn a_wrong_method_comes_before_a_malformed_part() {
    let every = Every::new().await;
    for call in &every.calls {
        let target = call.malformed.as_ref().map_or(&call.target, |(target, _)| target);
        for method in METHODS.iter().filter(|method| !takes(call, method)) {
            for token in call.may_not.iter().chain([&call.may]) {
                let answer = every.world.call(method, target, token, &[]).await;
                assert_eq!((answer.status, answer.header("allow")), (405, call.allow), "{method} {target}");
                if *method != "HEAD" {
                    call.message(&answer);
                }
            }
        }
    }
}

#[tokio::test]
async fn a_malformed_part_comes_before_the_grant_and_names_itself() {
    let every = Every::new().await;
    for call in &every.calls {
        let Some((target, name)) = &call.malformed else { continue };
        for token in call.may_not.iter().chain([&call.may, &call.all]) {
            let answer = send(&every, call, target, token).await;
            assert_eq!(answer.status, 400, "{target}: {}", answer.text());
            let message = call.message(&answer);
            if call.kind != Kind::C3 {
                assert!(message.contains(&format!("'{name}' has the value '")), "{target}: {message}");
                assert!(message.contains("; expected "), "{target}: {message}");
            }
        }
    }
}

#[tokio::test]
async fn the_grant_comes_before_existence() {
    let every = Every::new().await;
    for call in &every.calls {
        let answer = send(&every, call, &call.target, &call.may).await;
        assert_eq!(answer.status, if call.method == "POST" { 202 } else { 200 }, "{}: {}", call.target, answer.text());
        for token in &call.may_not {
            let answer = send(&every, call, &call.target, token).await;
            assert_eq!(answer.status, 403, "{}: {}", call.target, answer.text());
            call.message(&answer);
        }
        if let Some((unknown, status)) = &call.unknown {
            let answer = send(&every, call, unknown, &call.all).await;
            assert_eq!(answer.status, *status, "{unknown}: {}", answer.text());
            call.message(&answer);
        }
        if let (Some(foreign), Some((unknown, _))) = (&call.foreign, &call.unknown) {
            for token in call.may_not.iter().chain([&call.may]) {
                let (foreign, unknown) =
                    (send(&every, call, foreign, token).await, send(&every, call, unknown, token).await);
                assert_eq!((foreign.status, unknown.status), (403, 403), "{}", call.target);
                assert_eq!(lasting(&foreign), lasting(&unknown), "{}", call.target);
            }
            // What there is to see is seen by who may see all.
            assert_ne!(send(&every, call, foreign, &call.all).await.status, 403, "{foreign}");
        }
    }
}

/// The headers without those that are made for each answer.
fn lasting_headers(headers: &HeaderMap) -> Vec<(String, String)> {
    let made = ["x-ms-request-id", "request-id", "ms-requestid", "ms-correlationid"];
    let mut headers: Vec<_> = headers
        .iter()
        .filter(|(name, _)| !made.contains(&name.as_str()))
        .map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()))
        .collect();
    headers.sort();
    headers
}

#[tokio::test]
async fn head_is_get_without_a_body() {
    let every = Every::new().await;
    for call in every.calls.iter().filter(|call| call.method == "GET") {
        let malformed = call.malformed.as_ref().map_or(&call.target, |(target, _)| target);
        for (target, token) in [(&call.target, &call.may), (malformed, &call.may), (&call.target, &String::new())] {
            let get = every.world.get(target, token).await;
            let head = every.world.call("HEAD", target, token, &[]).await;
            assert_eq!((head.status, head.body.len()), (get.status, 0), "{target}");
            assert_eq!(lasting_headers(&head.headers), lasting_headers(&get.headers), "{target}");
        }
    }
}

#[tokio::test]
async fn paths_in_other_spellings() {
    let every = Every::new().await;
    for call in &every.calls {
        let usual = lasting(&send(&every, call, &call.target, &call.may).await).to_lowercase();
        let (path, query) = call.target.split_once('?').unwrap_or((&call.target, ""));
        for path in [
            format!("/{path}"),
            path.to_uppercase(),
            path.to_lowercase(),
            format!("{}/", path.replace('/', "//")),
            path.replace("us", "%75%73").replace("rep", "%72ep"),
        ] {
            let answer = send(&every, call, &format!("{path}?{query}"), &call.may).await;
            assert!(answer.status < 300, "{path}: {}", answer.text());
            if call.method == "GET" {
                assert_eq!(lasting(&answer).to_lowercase(), usual, "{path}");
            }
        }
        let beyond = send(&every, call, &format!("{path}/x/y/z?{query}"), &call.may).await;
        assert_eq!(beyond.status, 404, "{path}/x/y/z");
        assert_eq!(beyond.header("content-type"), "application/json; charset=utf-8");
    }
}

#[tokio::test]
async fn unknown_parameters_are_ignored_and_named() {
    let every = Every::new().await;
    for call in &every.calls {
        let target = call.with("fliter=x&top%20s=1&fliter=y&$count=true&lang=%zz");
        for (token, refused) in [(call.may.as_str(), false), ("", true)] {
            let answer = send(&every, call, &target, token).await;
            assert_eq!(answer.status >= 400, refused, "{target}: {}", answer.text());
            assert_eq!(answer.header("meterlake-ignored-parameters"), "fliter, top%20s, $count, lang", "{target}");
        }
        let plain = send(&every, call, &call.target, &call.may).await;
        assert_eq!(plain.header("meterlake-ignored-parameters"), "", "{}", call.target);
    }
}

#[tokio::test]
async fn known_parameters_that_are_repeated_or_badly_encoded() {
    let every = Every::new().await;
    for call in &every.calls {
        for name in call.parameters {
            let mut spellings = vec![(*name).to_owned(), name.to_uppercase(), name.to_lowercase()];
            if ["filter", "top", "skip", "orderby", "format", "groupby", "skiptoken"].contains(name) {
                spellings.extend([format!("${name}"), format!("%24{name}"), format!("%24{}", name.to_uppercase())]);
            }
            for spelling in spellings {
                for (query, value) in [
                    (format!("{spelling}=a%20b&{name}=1"), "a b, 1"),
                    (format!("{spelling}=a+b&{name}=a+b"), "a b, a b"),
                    (format!("{spelling}=%2"), "%2"),
                    (format!("{spelling}=%ff"), "%ff"),
                ] {
                    let path = call.target.split('?').next().unwrap();
                    let answer = send(&every, call, &format!("{path}?{query}"), &call.may).await;
                    assert_eq!(answer.status, 400, "{path}?{query}");
                    let message = call.message(&answer);
                    assert!(message.contains(&format!("'{name}' has the value '{value}'; expected ")), "{message}");
                }
            }
        }
    }
}

#[tokio::test]
async fn byte_order_marks_where_they_are_switched_on() {
    let mut every = Every::new().await;
    for call in &every.calls {
        for token in [&call.may, &String::new()] {
            let answer = send(&every, call, &call.target, token).await;
            let json = answer.header("content-type").starts_with("application/json");
            assert!(!(json && answer.text().starts_with('\u{feff}')), "{}", call.target);
        }
    }
    for family in 0..5 {
        let config = &mut every.world.config;
        let switches = [
            &mut config.ea.bom,
            &mut config.analytics.bom,
            &mut config.summary.bom,
            &mut config.b2c.bom,
            &mut config.c3.bom,
        ];
        for (number, switch) in switches.into_iter().enumerate() {
            *switch = number == family;
        }
        every.world.restart();
        for call in &every.calls {
            let of = match call.kind {
                Kind::Ea => 0,
                Kind::Partner if call.target.contains("analytics") => 1,
                Kind::Partner => 2,
                Kind::B2c => 3,
                Kind::C3 => 4,
                Kind::Native => 5,
            };
            let malformed = call.malformed.as_ref().map_or(&call.target, |(target, _)| target);
            for (target, token) in [(&call.target, &call.may), (malformed, &call.may), (&call.target, &String::new())] {
                let answer = send(&every, call, target, token).await;
                let json = answer.header("content-type").starts_with("application/json");
                if json {
                    assert_eq!(answer.text().starts_with('\u{feff}'), of == family, "{family} {target}");
                    let length = answer.header("content-length");
                    assert!(length.is_empty() || length == answer.body.len().to_string(), "{target}: {length}");
                    serde_json::from_str::<serde_json::Value>(answer.text().trim_start_matches('\u{feff}')).unwrap();
                    if call.method == "GET" {
                        let head = every.world.call("HEAD", target, token, &[]).await;
                        assert_eq!(head.header("content-length"), length, "HEAD {target}");
                    }
                }
            }
        }
        // Near a family's paths, too.
        for (path, of) in [
            ("/partner/v1/analytics/nothing", 1),
            ("/v1/customers/x/nothing", 2),
            ("/api/licenseConsumptionReport", 4),
            ("/nothing", 5),
        ] {
            let answer = every.world.get(path, "").await;
            assert_eq!((answer.status, answer.text().starts_with('\u{feff}')), (404, of == family), "{family} {path}");
        }
    }
}
