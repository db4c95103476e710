//! EA: the life of an asynchronous export by the server's clock, and the conditions of its link.

use chrono::TimeDelta;
use meterlake_control::{ExportJob, ExportStatus};
use meterlake_model::Clock as _;
use meterlake_reports::Selection;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::charge::ea;
use crate::serving::Serving;
use crate::world::{Answer, World};

const SUBMIT: &str = "/v2/enrollments/100/usagedetails/submit?startTime=10/1/2024&endTime=20241031";

async fn world() -> World {
    let mut world = World::new().await;
    world.import((0..40).map(|line| ea(line, "2024-10-31")).collect()).await;
    world
}

/// A job as it lies there while nobody works on it.
async fn job(world: &World, status: ExportStatus) -> ExportJob {
    let job = ExportJob {
        id: Uuid::new_v4(),
        owner: "someone".to_owned(),
        enrolment: "100".parse().unwrap(),
        api_version: 3,
        layout: "legacy".to_owned(),
        selection: serde_json::to_value(Selection::Period("202402".parse().unwrap())).unwrap(),
        snapshot: world.lake.charges().await.unwrap().version(),
        requested_on: world.clock.now(),
        status,
        finished_at: None,
        file: None,
        size: None,
        etag: None,
        error: None,
    };
    world.control.add_export_job(&job, 10).await.unwrap();
    job
}

fn poll(id: Uuid) -> String {
    format!("/v3/enrollments/100/usagedetails/poll/{id}")
}

/// Polls until the record tells an end; what came on the way, and the record.
async fn settled(world: &World, record: &Value) -> (Vec<u64>, Value) {
    let mut seen = vec![record["status"].as_u64().unwrap()];
    for _ in 0..100_000 {
        let record = world.get(record["reportUrl"].as_str().unwrap(), &world.key).await.json();
        let status = record["status"].as_u64().unwrap();
        if seen.last() != Some(&status) {
            seen.push(status);
        }
        if status > 2 {
            return (seen, record);
        }
        tokio::task::yield_now().await;
    }
    panic!("the export does not end");
}

#[tokio::test]
async fn waiting_running_and_too_late() {
    let world = world().await;
    for (status, number) in [(ExportStatus::Queued, 1), (ExportStatus::InProgress, 2)] {
        let job = job(&world, status).await;
        let requested_on = job.requested_on.format("%Y-%m-%dT%H:%M:%S%.6f").to_string() + "0Z";
        let record = |status: u8| {
            format!(
                "{{\"id\":\"{id}\",\"enrollmentNumber\":\"100\",\"requestedOn\":\"{requested_on}\",\"status\":{status},\
                 \"blobPath\":\"\",\"reportUrl\":\"http://usage.example.org{path}\",\
                 \"startDate\":\"2024-02-01T00:00:00\",\"endDate\":\"2024-02-29T00:00:00\"}}",
                id = job.id,
                path = poll(job.id),
            )
        };
        let answer = world.get(&poll(job.id), &world.key).await;
        assert_eq!((answer.status, answer.text()), (200, record(number).as_str()));
        let tag = answer.header("etag").to_owned();
        world.clock.advance(TimeDelta::hours(1) - TimeDelta::microseconds(1));
        let unchanged = world.call("GET", &poll(job.id), &world.key, &[("if-none-match", &tag)]).await;
        assert_eq!((unchanged.status, unchanged.body.len()), (304, 0));
        world.clock.advance(TimeDelta::microseconds(1));
        let over = world.call("GET", &poll(job.id), &world.key, &[("if-none-match", &tag)]).await;
        assert_eq!((over.status, over.text()), (200, record(7).as_str()));
        let kept = world.control.export_job(job.id).await.unwrap().unwrap();
        assert_eq!(kept.status, ExportStatus::TimedOut);
    }
}

#[tokio::test]
async fn from_one_to_three_and_never_six() {
    let world = world().await;
    let submitted = world.post("POST", SUBMIT, &world.key, "").await;
    assert_eq!((submitted.status, submitted.header("content-type")), (202, "application/json; charset=utf-8"));
    let (seen, done) = settled(&world, &submitted.json()).await;
    assert!([&[1, 3][..], &[1, 2, 3]].contains(&seen.as_slice()), "{seen:?}");
    for name in ["id", "enrollmentNumber", "requestedOn", "reportUrl", "startDate", "endDate"] {
        assert_eq!(done[name], submitted.json()[name], "{name}");
    }
    assert_eq!((&done["startDate"], &done["endDate"]), (&json!("2024-10-01T00:00:00"), &json!("2024-10-31T00:00:00")));
    let link = done["blobPath"].as_str().unwrap();
    // Three parts and the id as the last.
    let path = link.split('?').next().unwrap().strip_prefix("http://usage.example.org/").unwrap();
    let parts: Vec<&str> = path.split('/').collect();
    assert_eq!((parts.len(), parts[2]), (3, done["id"].as_str().unwrap()));
    // It stays 3, and the link good, for the hour and no longer.
    world.clock.advance(TimeDelta::minutes(59));
    assert_eq!(world.get(link, "").await.status, 200);
    world.clock.advance(TimeDelta::minutes(1));
    for method in ["GET", "HEAD", "POST", "PUT"] {
        let over = world.call(method, link, &world.key, &[]).await;
        assert_eq!((over.status, over.header("x-ms-error-code")), (403, "AuthenticationFailed"), "{method}");
    }
    let polled = world.get(done["reportUrl"].as_str().unwrap(), &world.key).await.json();
    assert_eq!(
        (&polled["status"], polled["blobPath"].as_str().unwrap().split('?').next()),
        (&json!(3), link.split('?').next())
    );
}

#[tokio::test]
async fn failed_and_without_rows() {
    let world = world().await;
    for file in world.lake.charges().await.unwrap().files() {
        std::fs::remove_file(world.folder.path().join("lake/charges").join(&file.path)).unwrap();
    }
    for (target, expected) in [(SUBMIT, 4), (&*SUBMIT.replace("2024", "2020"), 5)] {
        let submitted = world.post("POST", target, &world.key, "").await;
        assert_eq!(submitted.status, 202, "{}", submitted.text());
        let (_, done) = settled(&world, &submitted.json()).await;
        assert_eq!((&done["status"], &done["blobPath"]), (&json!(expected), &json!("")));
    }
}

#[tokio::test]
async fn conditions_and_ranges_of_the_link() {
    let world = world().await;
    let (_, done) = settled(&world, &world.post("POST", SUBMIT, &world.key, "").await.json()).await;
    let link = done["blobPath"].as_str().unwrap();
    let whole = world.get(link, "").await;
    let (tag, modified) = (whole.header("etag"), whole.header("last-modified"));
    assert!(tag.starts_with("\"0x"), "{tag}");
    assert_eq!(modified, "Fri, 15 Nov 2024 10:20:30 GMT");
    let earlier = "Fri, 15 Nov 2024 10:20:29 GMT";
    let listed = format!("\"other\", {tag}");
    let is = |answer: &Answer, status: u16| {
        assert_eq!(answer.status, status);
        if status == 412 {
            assert_eq!(answer.header("x-ms-error-code"), "ConditionNotMet");
        } else {
            assert_eq!((answer.header("etag"), answer.header("last-modified")), (tag, modified));
        }
        if status == 304 {
            assert!(answer.body.is_empty());
        }
    };
    for (name, value, status) in [
        ("if-match", tag, 200),
        ("if-match", &listed, 200),
        ("if-match", "*", 200),
        ("if-match", "\"other\"", 412),
        ("if-unmodified-since", modified, 200),
        ("if-unmodified-since", earlier, 412),
        ("if-none-match", tag, 304),
        ("if-none-match", &listed, 304),
        ("if-none-match", "\"other\"", 200),
        ("if-modified-since", modified, 304),
        ("if-modified-since", earlier, 200),
    ] {
        for method in ["GET", "HEAD"] {
            is(&world.call(method, link, "", &[(name, value)]).await, status);
        }
    }
    let length = whole.body.len();
    for name in ["range", "x-ms-range"] {
        let part = world
            .call("GET", link, "", &[(name, "bytes=3-7"), ("if-match", tag), ("x-ms-version", "2021-12-02")])
            .await;
        assert_eq!((part.status, &part.body[..]), (206, &whole.body[3..8]));
        assert_eq!(part.header("content-range"), format!("bytes 3-7/{length}"));
        let beyond = world.call("GET", link, "", &[(name, &format!("bytes={length}-"))]).await;
        assert_eq!((beyond.status, beyond.header("content-range")), (416, &*format!("bytes */{length}")));
        assert_eq!(beyond.header("content-type"), "application/xml");
        assert!(beyond.text().contains("<Code>InvalidRange</Code>"), "{}", beyond.text());
        let several = world.call("GET", link, "", &[(name, "bytes=0-1,4-5")]).await;
        assert_eq!((several.status, several.body.len()), (200, length));
    }
    // Where a client names both, the one of the storage libraries holds.
    let both = world.call("GET", link, "", &[("range", "bytes=0-1"), ("x-ms-range", "bytes=4-5")]).await;
    assert_eq!((both.status, &both.body[..]), (206, &whole.body[4..6]));
}

#[tokio::test]
async fn the_body_of_a_submission_is_not_read() {
    let world = world().await;
    let serving = Serving::start(&world).await;
    // A body is announced and never sent.
    let request = format!(
        "POST {SUBMIT} HTTP/1.1\r\nHost: x\r\nAuthorization: bearer {}\r\nContent-Type: application/json\r\n\
         Content-Length: 1000000\r\n\r\nJSON",
        world.key
    );
    let mut stream = serving.connect(&request).await;
    let mut start = [0; 12];
    tokio::io::AsyncReadExt::read_exact(&mut stream, &mut start).await.unwrap();
    assert_eq!(&start, b"HTTP/1.1 202");
    drop(stream);
    serving.stop().await;
}
