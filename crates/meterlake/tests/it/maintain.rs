//! `meterlake maintain`, by hand and by the server: answers stay as they are, wherever it dies.

use std::fmt::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::cost_export::{HEADER, line};
use crate::program::{Folder, Server, text};

const DAYS: u8 = 6;

/// A lake in which November came in six imports, a day each.
fn daily_imports(rows: u16) -> Folder {
    let folder = Folder::new();
    for day in 1..=DAYS {
        let mut text = HEADER.to_owned();
        for row in 0..rows {
            let _ = write!(text, "{}", line(u8::try_from(row % 9 + 1).unwrap(), day, "0.37"));
        }
        let file = folder.file(&format!("day-{day}.csv"), text);
        folder.import(&file, &["--basis", "actual", "--scope", &format!("days=2024-11-{day:02}..2024-11-{day:02}")]);
    }
    folder.succeed(&["enrolment", "set", "100"]);
    folder
}

/// The CSV of the month, from the data folder itself.
fn month(folder: &Folder) -> String {
    folder.succeed(&["report", "ea-usage-details", "--enrolment", "100", "--period", "202411", "--format", "csv"])
}

fn row<'a>(rows: &'a Value, table: &str) -> &'a Value {
    rows.as_array().unwrap().iter().find(|row| row["table"] == table).unwrap()
}

fn data_files(folder: &Folder) -> usize {
    std::fs::read_dir(folder.data().join("lake/charges/billing_period=202411")).unwrap().count()
}

fn now(folder: &Folder, instant: &str, arguments: &[&str]) -> Value {
    let output = folder.command().args(arguments).env("METERLAKE_NOW", instant).output().unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn it_merges_and_deletes_and_no_answer_changes() {
    let folder = daily_imports(40);
    let before = month(&folder);
    let imports = folder.json(&["imports", "--json"]);

    let plan = folder.json(&["maintain", "--dry-run", "--format", "json"]);
    let merge = row(&plan, "charges");
    assert_eq!((&merge["action"], &merge["files"]), (&"merge".into(), &u64::from(DAYS).into()), "{plan}");
    assert!(merge["place"].as_str().unwrap().starts_with("billing_period=202411, cost-export"), "{plan}");
    assert_eq!(data_files(&folder), usize::from(DAYS));

    let done = folder.json(&["maintain", "--format", "json"]);
    let charges = row(&done, "charges");
    assert_eq!((&charges["files"], &charges["merged_files"]), (&1.into(), &u64::from(DAYS).into()), "{done}");
    assert_eq!(charges["deleted_files"], 0);
    assert_eq!(month(&folder), before);
    assert_eq!(folder.json(&["imports", "--json"]), imports);
    assert_eq!(data_files(&folder), usize::from(DAYS) + 1);
    assert_eq!(folder.json(&["maintain", "--dry-run", "--format", "json"]).as_array().unwrap().len(), 0);

    // A file that was imported before is still known by its rows.
    let again =
        folder.import(&folder.path("day-3.csv"), &["--basis", "actual", "--scope", "days=2024-11-03..2024-11-03"]);
    assert_eq!(again["outcome"], "already-current", "{again}");

    // In two years nothing needs the old files.
    let later = "2029-01-01T00:00:00Z";
    let plan = now(&folder, later, &["maintain", "--dry-run", "--format", "json"]);
    let doomed: Vec<_> = plan.as_array().unwrap().iter().filter(|row| row["action"] == "delete").collect();
    assert_eq!(doomed.len(), usize::from(DAYS), "{plan}");
    let done = now(&folder, later, &["maintain", "--table", "charges", "--format", "json"]);
    assert_eq!(done.as_array().unwrap().len(), 1, "{done}");
    assert_eq!(done[0]["deleted_files"], u64::from(DAYS));
    let bytes: u64 = doomed.iter().map(|row| row["bytes"].as_u64().unwrap()).sum();
    assert_eq!(done[0]["deleted_bytes"], bytes);
    assert_eq!((data_files(&folder), month(&folder)), (1, before));

    let error = folder.run(&["maintain", "--table", "nothing"]);
    assert!(text(&error.stderr).contains("expected one of charges"), "{}", text(&error.stderr));
}

/// Dies at a place, and is run again.
fn dies_at(folder: &Folder, place: &str, instant: Option<&str>) {
    let mut command = folder.command();
    command.args(["maintain", "--quiet"]).env("METERLAKE_CRASH_AT", place);
    if let Some(instant) = instant {
        command.env("METERLAKE_NOW", instant);
    }
    let status = command.stderr(std::process::Stdio::null()).status().unwrap();
    assert!(!status.success(), "it was to die at {place}");
}

#[test]
fn wherever_it_dies_the_rows_are_there_and_the_next_run_cleans_up() {
    for place in ["merge-half-written", "merge-written", "merge-committed"] {
        let folder = daily_imports(40);
        let before = month(&folder);
        dies_at(&folder, place, None);
        assert_eq!(month(&folder), before, "{place}");
        let files = data_files(&folder);
        assert!(files >= usize::from(DAYS), "{place}");
        folder.succeed(&["maintain"]);
        assert_eq!((month(&folder), data_files(&folder)), (before, usize::from(DAYS) + 1), "{place}");
        assert!(!folder.data().join("staging").read_dir().is_ok_and(|mut entries| entries.next().is_some()), "{place}");
    }
    for place in ["vacuum-begun", "vacuum-half"] {
        let folder = daily_imports(40);
        let (before, later) = (month(&folder), Some("2029-01-01T00:00:00Z"));
        folder.succeed(&["maintain"]);
        dies_at(&folder, place, later);
        assert_eq!(month(&folder), before, "{place}");
        now(&folder, later.unwrap(), &["maintain", "--format", "json"]);
        assert_eq!((month(&folder), data_files(&folder)), (before, 1), "{place}");
    }
}

#[test]
fn a_walk_over_files_that_are_gone_is_told_that_its_snapshot_is() {
    let folder = daily_imports(300);
    let key = folder.succeed(&["key", "create", "100"]);
    let key = key.trim();
    std::fs::write(folder.data().join("meterlake.toml"), "[maintenance]\nevery_hours = 0\n").unwrap();
    let server = Server::start(&folder, "serve");
    let path = "/v3/enrollments/100/billingPeriods/202411/usagedetails";
    let (status, first) = server.get(path, key);
    assert_eq!(status, 200, "{first}");
    let next = serde_json::from_str::<Value>(&first).unwrap()["nextLink"].as_str().unwrap().to_owned();
    folder.succeed(&["maintain"]);
    let (status, second) = server.get(&next, key);
    assert_eq!(status, 200, "merging leaves the old files: {second}");
    now(&folder, "2029-01-01T00:00:00Z", &["maintain", "--format", "json"]);
    let (status, gone) = server.get(&next, key);
    assert_eq!(status, 400, "{gone}");
    assert!(gone.contains("start the walk again"), "{gone}");
    let (status, anew) = server.get(path, key);
    assert_eq!(status, 200, "{anew}");
}

#[test]
fn a_server_keeps_the_lake_in_order_by_itself() {
    let folder = daily_imports(40);
    let before = month(&folder);
    // The last time was long ago.
    let last = r#"{"ended_at": "2020-01-01T00:00:00Z", "versions": {}}"#;
    std::fs::write(folder.data().join("maintenance.json"), last).unwrap();
    let _server = Server::start(&folder, "serve");
    let deadline = Instant::now() + Duration::from_secs(120);
    let noted = |path: &Path| std::fs::read_to_string(path).unwrap();
    while noted(&folder.data().join("maintenance.json")).contains("2020-01-01") {
        assert!(Instant::now() < deadline, "the server did nothing");
        std::thread::sleep(Duration::from_millis(200));
    }
    assert_eq!(data_files(&folder), usize::from(DAYS) + 1);
    assert_eq!(month(&folder), before);
}
