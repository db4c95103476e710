//! Too many requests, and more load than the server takes: in the shape of each family.

use std::sync::Arc;

use async_trait::async_trait;
use chrono::TimeDelta;
use datafusion::execution::SendableRecordBatchStream;
use datafusion::logical_expr::LogicalPlan;
use datafusion::physical_plan::ExecutionPlan;
use meterlake_control::ExportStatus;
use meterlake_reports::{QueryEngine, ReportError, Reports};
use meterlake_server::ServerConfig;
use serde_json::{Value, json};

use crate::every_call::{Call, Every, Kind};
use crate::world::Answer;

/// An engine that takes no query.
struct Full;

#[async_trait]
impl QueryEngine for Full {
    async fn run(&self, _: Vec<LogicalPlan>) -> Result<SendableRecordBatchStream, ReportError> {
        Err(ReportError::Busy { retry_after_seconds: 7 })
    }

    async fn physical_plan(&self, _: LogicalPlan) -> Result<Arc<dyn ExecutionPlan>, ReportError> {
        Err(ReportError::Busy { retry_after_seconds: 7 })
    }
}

#[track_caller]
fn assert_refused(call: &Call, answer: &Answer, codes: [&str; 3], message: &str, seconds: &str) {
    assert_eq!(answer.header("retry-after"), seconds, "{}", call.target);
    assert_eq!(answer.header("content-type"), "application/json; charset=utf-8");
    let [ea, b2c, c3] = codes;
    let expected = match call.kind {
        Kind::Ea | Kind::Native => json!({"error": {"code": ea, "message": message}}),
        Kind::Partner => json!({"statusCode": answer.status, "message": message}),
        Kind::B2c => json!({"odata.error": {"code": b2c, "message": {"lang": "en", "value": message}}}),
        Kind::C3 => json!({
            "OperationType": null, "Status": "Error", "RequestCorrelationID": answer.json()["RequestCorrelationID"],
            "ErrorMessage": c3, "ErrorDetail": c3, "Data": [],
        }),
    };
    assert_eq!(answer.json(), expected, "{}", call.target);
}

async fn send(every: &Every, call: &Call) -> Answer {
    every.world.call(call.method, &call.target, &call.may, &[]).await
}

#[test]
fn the_usual_limits() {
    let config = ServerConfig::new("exports");
    assert_eq!((config.rate_limit_per_minute, config.running_exports), (600, 4));
}

#[tokio::test]
async fn too_many_requests_of_a_principal() {
    let mut every = Every::new().await;
    every.world.config.rate_limit_per_minute = 2;
    every.world.restart();
    let codes = ["TooManyRequests", "Request_ThrottledTemporarily", "ERROR_DESC_TOO_MANY_REQUESTS"];
    for call in &every.calls {
        // Whatever it asks for, a request counts: also one that is refused.
        for method in ["GET", "BREW"] {
            assert_ne!(every.world.call(method, &call.target, &call.may, &[]).await.status, 429, "{}", call.target);
        }
        let answer = send(&every, call).await;
        assert_eq!(answer.status, 429, "{}", call.target);
        assert_refused(call, &answer, codes, "Rate limit is exceeded. Try again in 30 seconds.", "30");
        // Others go on; so does the principal when its time has come. Without a token nothing is counted.
        let other = call.may_not.first().unwrap_or(&call.all);
        if *other != call.may {
            assert_eq!(every.world.call(call.method, &call.target, other, &[]).await.status, 403, "{}", call.target);
        }
        assert_eq!(every.world.call(call.method, &call.target, "", &[]).await.status, 401);
        every.world.clock.advance(TimeDelta::milliseconds(29_001));
        assert_eq!(send(&every, call).await.header("retry-after"), "1", "whole seconds, rounded up");
        every.world.clock.advance(TimeDelta::milliseconds(999));
        assert!(send(&every, call).await.status < 300, "{}", call.target);
        every.world.clock.advance(TimeDelta::minutes(2));
    }
}

#[tokio::test]
async fn the_fifth_running_export_of_a_principal() {
    let mut every = Every::new().await;
    every.world.config.running_exports = ServerConfig::new("exports").running_exports;
    // Exports wait for the engine, which takes none: they stay running.
    every.world.reports = Reports::with_engine(every.world.lake.clone(), Arc::new(Full));
    every.world.restart();
    let submit = |version: &str| format!("/{version}/enrollments/100/usagedetails/submit?billingPeriod=202410");
    let world = &every.world;
    let mut records = Vec::new();
    for version in ["v1", "v2", "v3", "v3"] {
        let answer = world.call("POST", &submit(version), &world.key, &[]).await;
        assert_eq!(answer.status, 202, "{}", answer.text());
        records.push(answer.json());
    }
    let answer = world.call("POST", &submit("v1"), &world.key, &[]).await;
    let message = "Running exports limit is exceeded. Try again in 10 seconds.";
    assert_eq!((answer.status, answer.header("retry-after")), (429, "10"));
    assert_eq!(answer.json(), json!({"error": {"code": "TooManyRequests", "message": message}}));
    // The other key of the enrolment is another principal.
    let number = "100".parse().unwrap();
    let other = world.identity.create_ea_key(&number, meterlake_control::KeySlot::Secondary).await.unwrap().text;
    assert_eq!(world.call("POST", &submit("v1"), &other, &[]).await.status, 202);
    // One that has ended makes room.
    let id = records[0]["id"].as_str().unwrap().parse().unwrap();
    let failed = meterlake_control::ExportOutcome::Failed { error: "x".to_owned() };
    world.control.finish_export_job(id, &failed).await.unwrap();
    assert_eq!(world.control.export_job(id).await.unwrap().unwrap().status, ExportStatus::Failed);
    assert_eq!(world.call("POST", &submit("v1"), &world.key, &[]).await.status, 202);
    let poll = world.get(records[0]["reportUrl"].as_str().unwrap(), &world.key).await.json();
    assert_eq!((&poll["status"], &poll["blobPath"]), (&json!(4), &json!("")));
}

#[tokio::test]
async fn load_that_is_shed() {
    let mut every = Every::new().await;
    let before = tags(&every).await;
    every.world.reports = Reports::with_engine(every.world.lake.clone(), Arc::new(Full));
    every.world.restart();
    let codes = ["ServiceUnavailable", "Service_TemporarilyUnavailable", "ERROR_DESC_SERVICE_UNAVAILABLE"];
    let mut shed = 0;
    for (call, tag) in every.calls.iter().zip(before) {
        let answer = send(&every, call).await;
        // Some calls run no query.
        if answer.status != 503 {
            assert!(answer.status < 300, "{}: {}", call.target, answer.text());
            continue;
        }
        shed += 1;
        assert_refused(call, &answer, codes, "The server is busy. Try again in 7 seconds.", "7");
        // Whoever has the answer already is told so without a query, once it is known that they may.
        if tag.is_empty() {
            continue;
        }
        let known = [("if-none-match", tag.as_str())];
        let unchanged = every.world.call("GET", &call.target, &call.may, &known).await;
        assert_eq!((unchanged.status, unchanged.body.len(), unchanged.header("etag")), (304, 0, tag.as_str()));
        assert_eq!(every.world.call("GET", &call.target, "", &known).await.status, 401, "{}", call.target);
        for token in &call.may_not {
            assert_eq!(every.world.call("GET", &call.target, token, &known).await.status, 403, "{}", call.target);
        }
        if let Some((malformed, _)) = &call.malformed {
            assert_eq!(every.world.call("GET", malformed, &call.may, &known).await.status, 400, "{malformed}");
        }
        assert_eq!(every.world.call("PUT", &call.target, &call.may, &known).await.status, 405, "{}", call.target);
    }
    assert!(shed >= 20, "{shed}");
    // Nothing is left half done: the submitted exports wait.
    let submitted: Vec<&Call> = every.calls.iter().filter(|call| call.method == "POST").collect();
    assert_eq!(submitted.len(), 3);
}

/// The tag of each call's answer; every one of EA that is no submission has one, weak and its own.
async fn tags(every: &Every) -> Vec<String> {
    let mut tags: Vec<String> = Vec::new();
    for call in &every.calls {
        let answer = send(every, call).await;
        let tag = answer.header("etag").to_owned();
        if call.method == "GET" && (call.kind == Kind::Ea || call.target.contains("analytics")) {
            assert!(tag.starts_with("W/\"") && tag.ends_with('"') && !tags.contains(&tag), "{}: {tag}", call.target);
        }
        if !tag.is_empty() {
            let again = send(every, call).await;
            assert_eq!(again.header("etag"), tag, "{}", call.target);
        }
        assert_eq!(Value::from(answer.status), if call.method == "POST" { 202 } else { 200 });
        tags.push(tag);
    }
    tags
}
