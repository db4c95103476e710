//! EA: submit, poll, and the signed link.

use std::time::Duration;

use chrono::TimeDelta;
use serde_json::Value;

use crate::charge::{ea, with};
use crate::serving::Serving;
use crate::world::World;

async fn world() -> World {
    let mut world = World::new().await;
    world.import((0..40).map(|line| ea(line, "2024-10-31")).collect()).await;
    world
}

/// Charges of two accounts on the same days, whose rows must be merged.
async fn merged_world() -> World {
    let mut world = world().await;
    let other = |line| with(&ea(line, "2024-10-31"), &[("export_scope", "another")]);
    world.import((40..60).map(other).collect()).await;
    world
}

const SUBMIT: &str = "/v2/enrollments/100/usagedetails/submit?billingPeriod=202410";

async fn settled(world: &World, record: &Value) -> Value {
    for _ in 0..400 {
        let answer = world.get(record["reportUrl"].as_str().unwrap(), &world.key).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        let record = answer.json();
        if record["status"].as_u64() > Some(2) {
            return record;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    panic!("the export does not end");
}

#[tokio::test]
async fn submitted_polled_fetched() {
    for world in [world().await, merged_world().await] {
        submitted_polled_fetched_of(&world).await;
    }
}

async fn submitted_polled_fetched_of(world: &World) {
    let answer = world.post("POST", SUBMIT, &world.key, "JSON").await;
    assert_eq!(answer.status, 202);
    let record = answer.json();
    let id = record["id"].as_str().unwrap();
    assert_eq!(
        record,
        serde_json::json!({
            "id": id,
            "enrollmentNumber": "100",
            "requestedOn": "2024-11-15T10:20:30.1234560Z",
            "status": 1,
            "blobPath": "",
            "reportUrl": format!("http://usage.example.org/v2/enrollments/100/usagedetails/poll/{id}"),
            "startDate": "2024-10-01T00:00:00",
            "endDate": "2024-10-31T00:00:00",
        })
    );
    let done = settled(world, &record).await;
    assert_eq!(done["status"], 3);
    let link = done["blobPath"].as_str().unwrap();
    let path = link.split('?').next().unwrap();
    assert_eq!(path, format!("http://usage.example.org/meterlake/exports/{id}"));

    let whole = world.get(link, "").await;
    let direct = world.get("/v2/enrollments/100/usagedetails/download?billingPeriod=202410", &world.key).await;
    assert_eq!((whole.status, whole.text()), (200, direct.text()));
    assert_eq!(world.get(link, "any other token").await.status, 200);
    let length = whole.body.len();
    assert_eq!(whole.header("content-length"), length.to_string());
    for name in ["etag", "last-modified", "accept-ranges", "x-ms-request-id"] {
        assert!(!whole.header(name).is_empty(), "{name}");
    }
    let head = world.call("HEAD", link, "", &[]).await;
    assert_eq!((head.status, head.body.len()), (200, 0));
    assert_eq!(head.header("content-length"), length.to_string());

    for (header, value, expected) in [
        ("x-ms-range", "bytes=0-33554431", 0..length),
        ("range", "bytes=5-9", 5..10),
        ("range", "bytes=-4", length - 4..length),
    ] {
        let part = world.call("GET", link, "", &[(header, value)]).await;
        assert_eq!(part.status, 206, "{value}");
        assert_eq!(part.body, whole.body[expected.clone()]);
        let range = format!("bytes {}-{}/{length}", expected.start, expected.end - 1);
        assert_eq!(part.header("content-range"), range);
        assert_eq!(part.header("content-length"), expected.len().to_string());
    }
    let beyond = world.call("GET", link, "", &[("range", &format!("bytes={length}-"))]).await;
    assert_eq!((beyond.status, beyond.header("x-ms-error-code")), (416, "InvalidRange"));
    let tag = whole.header("etag");
    for (state, expected) in [(tag, 206), (whole.header("last-modified"), 206), ("\"other\"", 200)] {
        let part = world.call("GET", link, "", &[("range", "bytes=5-9"), ("if-range", state)]).await;
        assert_eq!(part.status, expected, "{state}");
    }
    assert_eq!(world.call("GET", link, "", &[("if-none-match", tag)]).await.status, 304);
    assert_eq!(world.call("GET", link, "", &[("if-match", tag)]).await.status, 200);
    assert_eq!(world.call("GET", link, "", &[("if-match", "\"other\"")]).await.status, 412);
    let posted = world.call("POST", link, &world.key, &[]).await;
    assert_eq!((posted.status, posted.header("allow")), (405, "GET, HEAD"));
}

#[tokio::test]
async fn links_that_are_altered_or_over() {
    let world = world().await;
    let record = world.post("POST", SUBMIT, &world.key, "").await.json();
    let other = world.post("POST", SUBMIT, &world.key, "").await.json();
    let done = settled(&world, &record).await;
    let link = done["blobPath"].as_str().unwrap();
    let altered = [
        link.replace("se=2024", "se=2025"),
        link.replace("sp=r", "sp=rw"),
        link.replace("sig=", "sig=A"),
        link.split("&sig").next().unwrap().to_owned(),
        link.split('?').next().unwrap().to_owned(),
        link.replace(record["id"].as_str().unwrap(), other["id"].as_str().unwrap()),
        link.replace(record["id"].as_str().unwrap(), "x"),
        format!("{link}&se=2024-11-15T11:20:30Z"),
    ];
    for link in altered {
        let answer = world.get(&link, "").await;
        assert_eq!((answer.status, answer.header("x-ms-error-code")), (403, "AuthenticationFailed"), "{link}");
        assert!(answer.text().starts_with("<?xml version=\"1.0\" encoding=\"utf-8\"?><Error><Code>Authentic"));
        assert_eq!(answer.header("content-type"), "application/xml");
        let request = format!("RequestId:{}</Message>", answer.header("x-ms-request-id"));
        assert!(answer.text().contains(&request), "{}", answer.text());
    }
    world.clock.advance(TimeDelta::hours(1));
    let over = world.get(link, "").await;
    assert_eq!((over.status, over.header("x-ms-error-code")), (403, "AuthenticationFailed"));
    assert!(over.text().contains("Expiry [2024-11-15T11:20:30Z] - Current [2024-11-15T11:20:30Z]"), "{}", over.text());
    // Still polled, as what it was.
    assert_eq!(world.get(record["reportUrl"].as_str().unwrap(), &world.key).await.json()["status"], 3);
}

#[tokio::test]
async fn no_rows_and_foreign_jobs() {
    let world = world().await;
    let nothing = world
        .post("POST", "/v3/enrollments/100/usagedetails/submit?startTime=2020-01-01&endTime=2022-12-31", &world.key, "")
        .await
        .json();
    let done = settled(&world, &nothing).await;
    assert_eq!((&done["status"], &done["blobPath"]), (&Value::from(5), &Value::from("")));
    assert_eq!(done["endDate"], "2022-12-31T00:00:00");
    let poll = nothing["reportUrl"].as_str().unwrap();
    let number = "200".parse().unwrap();
    let key = world.identity.create_ea_key(&number, meterlake_control::KeySlot::Primary).await.unwrap().text;
    assert_eq!(world.get(poll, &key).await.status, 401);
    let foreign = world.get(&poll.replace("/100/", "/200/"), &key).await;
    let unknown = world.get(&format!("/v2/enrollments/200/usagedetails/poll/{}", uuid::Uuid::nil()), &key).await;
    assert_eq!((foreign.status, unknown.status), (404, 404));
    assert_eq!(world.get("/v2/enrollments/100/usagedetails/poll/x", &world.key).await.status, 400);
}

#[tokio::test]
async fn jobs_survive_a_restart_and_files_go() {
    use meterlake_control::{ExportJob, ExportStatus};
    let world = world().await;
    let snapshot = world.lake.charges().await.unwrap().version();
    let requested_on = meterlake_model::Clock::now(world.clock.as_ref());
    let mut ids = Vec::new();
    // As a process that died left them: one queued, one half written, one whose hour is over.
    for (status, age) in [(ExportStatus::Queued, 0), (ExportStatus::InProgress, 10), (ExportStatus::InProgress, 61)] {
        let job = ExportJob {
            id: uuid::Uuid::new_v4(),
            owner: "key".to_owned(),
            enrolment: "100".parse().unwrap(),
            api_version: 2,
            layout: "plain".to_owned(),
            selection: serde_json::to_value(meterlake_reports::Selection::Period("202410".parse().unwrap())).unwrap(),
            snapshot,
            requested_on: requested_on - TimeDelta::minutes(age),
            status,
            finished_at: None,
            file: None,
            size: None,
            etag: None,
            error: None,
        };
        world.control.add_export_job(&job, 10).await.unwrap();
        ids.push(job.id);
    }
    let serving = Serving::start(&world).await;
    let poll = |id: uuid::Uuid| format!("/v2/enrollments/100/usagedetails/poll/{id}");
    for (id, expected) in [(ids[0], 3), (ids[1], 3), (ids[2], 7)] {
        let done = settled(&world, &serde_json::json!({"reportUrl": poll(id)})).await;
        assert_eq!(done["status"], expected);
    }
    // Over a real connection, too.
    let answer = serving.exchange("HEAD /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 200 OK") && answer.to_lowercase().contains("content-length: 15"), "{answer}");
    // A request that names no host is given links to where the server listens.
    let request = format!("GET {} HTTP/1.0\r\nAuthorization: Bearer {}\r\n\r\n", poll(ids[0]), world.key);
    let answer = serving.exchange(&request).await;
    assert!(answer.contains(&format!("\"reportUrl\":\"http://{}/v2/", serving.address)), "{answer}");
    serving.stop().await;

    // Beside marks of files that are not written out yet.
    let is_file = |entry: &std::fs::DirEntry| !entry.file_name().to_string_lossy().ends_with(".unsynced");
    let files = || std::fs::read_dir(&world.config.exports_dir).unwrap().flatten().filter(is_file).count();
    assert_eq!(files(), 2);
    // What killed processes left goes, too; what is not ours stays.
    for name in [format!("{}.{}.part", ids[1], ids[0]), format!("{}.csv", uuid::Uuid::nil()), "notes.csv".to_owned()] {
        std::fs::write(world.config.exports_dir.join(name), "x").unwrap();
    }
    world.clock.advance(TimeDelta::hours(2));
    let serving = Serving::start(&world).await;
    for _ in 0..200 {
        if files() == 1 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    assert_eq!(files(), 1);
    assert!(world.config.exports_dir.join("notes.csv").exists());
    serving.stop().await;
}

#[tokio::test]
async fn running_exports_are_limited() {
    let mut world = world().await;
    world.config.running_exports = 0;
    world.restart();
    let answer = world.post("POST", SUBMIT, &world.key, "").await;
    assert_eq!((answer.status, answer.header("retry-after")), (429, "10"));
    assert_eq!(answer.json()["error"]["code"], "TooManyRequests");
}

#[tokio::test]
async fn an_export_reads_the_snapshot_it_was_asked_of() {
    let mut world = world().await;
    let record = world.post("POST", SUBMIT, &world.key, "").await.json();
    world.import(vec![with(&ea(99, "2024-10-31"), &[("resource_id", "later")])]).await;
    let done = settled(&world, &record).await;
    let file = world.get(done["blobPath"].as_str().unwrap(), "").await;
    assert_eq!(file.text().lines().count(), 41);
    assert!(!file.text().contains("later"));
}

#[tokio::test]
async fn a_file_that_was_not_on_disk_when_the_system_went_down_is_made_again() {
    let world = merged_world().await;
    let record = world.post("POST", SUBMIT, &world.key, "").await.json();
    let done = settled(&world, &record).await;
    let link = done["blobPath"].as_str().unwrap();
    let whole = world.get(link, "").await.body;
    let id = record["id"].as_str().unwrap();
    let (file, mark) =
        (world.config.exports_dir.join(format!("{id}.csv")), world.config.exports_dir.join(format!("{id}.unsynced")));
    let gone = async || {
        for _ in 0..400 {
            if !mark.exists() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        panic!("the mark stays");
    };
    gone().await;

    // A mark of another run of the system: what the file holds cannot be trusted.
    std::fs::write(&mark, "another run").unwrap();
    std::fs::write(&file, vec![0; whole.len()]).unwrap();
    let serving = Serving::start(&world).await;
    gone().await;
    let again = settled(&world, &record).await;
    assert_eq!(again["status"], 3);
    assert!(world.get(again["blobPath"].as_str().unwrap(), "").await.body == whole);
    serving.stop().await;

    // A mark of this run: only the process died, and the file is whole.
    if let Ok(boot) = std::fs::read_to_string("/proc/sys/kernel/random/boot_id") {
        std::fs::write(&mark, boot.trim()).unwrap();
        std::fs::write(&file, b"as it was").unwrap();
        let serving = Serving::start(&world).await;
        gone().await;
        assert_eq!(world.get(again["blobPath"].as_str().unwrap(), "").await.body, b"as it was");
        serving.stop().await;
    }
}

#[tokio::test]
async fn an_outline_that_cannot_be_used_is_drawn_again() {
    let world = world().await;
    let record = world.post("POST", SUBMIT, &world.key, "").await.json();
    let done = settled(&world, &record).await;
    let link = done["blobPath"].as_str().unwrap();
    let whole = world.get(link, "").await.body;
    let file = world.config.exports_dir.join(format!("{}.outline", record["id"].as_str().unwrap()));
    let drawn: Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
    let mut foreign = drawn.clone();
    foreign["bytes_of"] = "another program".into();
    for unusable in [foreign.to_string(), "{}".to_owned(), drawn.to_string()[..40].to_owned()] {
        std::fs::write(&file, unusable).unwrap();
        assert_eq!(world.get(link, "").await.status, 500);
        let serving = Serving::start(&world).await;
        let is_drawn =
            || std::fs::read(&file).is_ok_and(|now| serde_json::from_slice::<Value>(&now).ok() == Some(drawn.clone()));
        for _ in 0..400 {
            if is_drawn() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        assert!(is_drawn());
        let again = settled(&world, &record).await;
        assert_eq!(again["status"], 3);
        assert!(world.get(again["blobPath"].as_str().unwrap(), "").await.body == whole);
        serving.stop().await;
    }
    std::fs::remove_file(&file).unwrap();
    assert_eq!(world.get(link, "").await.status, 404);
}
