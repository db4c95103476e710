//! `kill -9` in the middle of an import: it is wholly there or not at all, the record agrees with the lake, and running it
//! again gives the right totals.

use std::time::{Duration, Instant};

use rand::Rng as _;
use serde_json::Value;

use crate::cost_export::large;
use crate::ea::exact;
use crate::program::{Folder, Server};

const ROWS: usize = 30_000;

fn totals(folder: &Folder) -> (usize, i128) {
    folder.succeed(&["enrolment", "set", "100"]);
    let key = folder.succeed(&["key", "create", "100"]);
    let server = Server::start(folder, "serve");
    let (status, body) = server.get("/v2/enrollments/100/usagedetails/download?billingPeriod=202411", key.trim());
    assert_eq!(status, 200, "{body}");
    let mut reader = csv::Reader::from_reader(body.as_bytes());
    let at = reader.headers().unwrap().iter().position(|h| h == "Cost").unwrap();
    let costs: Vec<i128> = reader.records().map(|row| exact(&row.unwrap()[at])).collect();
    (costs.len(), costs.iter().sum())
}

/// After the crash: the record says what the lake holds, and nothing uncommitted is left.
fn settled(folder: &Folder) -> bool {
    let records = folder.json(&["imports", "--json"]);
    let states: Vec<&str> = records.as_array().unwrap().iter().map(|r| r["state"].as_str().unwrap()).collect();
    assert!(states.iter().all(|s| matches!(*s, "committed" | "abandoned")), "{states:?}");
    let committed = states.contains(&"committed");
    let (rows, cost) = totals(folder);
    let expected = if committed { (ROWS, exact("300")) } else { (0, 0) };
    assert_eq!((rows, cost), expected, "the record says {states:?}");
    committed
}

fn again(folder: &Folder, file: &std::path::Path) {
    let summary: Value = folder.import(file, &["--basis", "actual"]);
    assert_eq!(summary["read"], ROWS, "{summary}");
    assert_eq!(totals(folder), (ROWS, exact("300")));
}

#[test]
fn killed_at_twenty_random_moments() {
    let source = Folder::new();
    let file = source.file("large.csv", large(ROWS));
    let arguments = ["import", "charges", file.to_str().unwrap(), "--basis", "actual"];
    // How long a whole import takes here; moments are drawn from a little more than that.
    let whole = {
        let folder = Folder::new();
        let start = Instant::now();
        folder.succeed(&arguments);
        start.elapsed()
    };
    let mut random = rand::rng();
    let mut committed = 0;
    for _ in 0..20 {
        let folder = Folder::new();
        // What only looks makes no data folder, and the import may die before it has.
        std::fs::create_dir(folder.data()).unwrap();
        let mut child = folder.command().args(arguments).stderr(std::process::Stdio::null()).spawn().unwrap();
        std::thread::sleep(whole.mul_f64(random.random_range(0.02..1.1)));
        child.kill().unwrap();
        child.wait().unwrap();
        committed += usize::from(settled(&folder));
        again(&folder, &file);
    }
    println!("{committed} of 20 were committed before they were killed; a whole import took {whole:?}");
}

#[test]
fn killed_before_the_commit_and_between_commit_and_record() {
    let source = Folder::new();
    let file = source.file("large.csv", large(ROWS));
    for (moment, expected) in [("written", false), ("committed", true)] {
        let folder = Folder::new();
        let status = folder
            .command()
            .args(["import", "charges", file.to_str().unwrap(), "--basis", "actual"])
            .env("METERLAKE_CRASH_AT", moment)
            .stderr(std::process::Stdio::null())
            .status()
            .unwrap();
        assert!(!status.success(), "it was to die when {moment}");
        assert_eq!(settled(&folder), expected, "{moment}");
        again(&folder, &file);
    }
}

/// A server that runs while an import dies goes on answering, and settles nothing that is still under way.
#[test]
fn a_running_server_does_not_mistake_a_running_import_for_a_dead_one() {
    let folder = Folder::new();
    let file = folder.file("large.csv", large(ROWS));
    let mut child = folder
        .command()
        .args(["import", "charges", file.to_str().unwrap(), "--basis", "actual"])
        .stdout(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let deadline = Instant::now() + Duration::from_secs(300);
    while child.try_wait().unwrap().is_none() {
        assert!(Instant::now() < deadline, "the import did not end");
        // What only looks makes no data folder, so it is asked from when the import has made one.
        if folder.data().join("lake").is_dir() {
            folder.succeed(&["imports"]);
        }
    }
    assert!(settled(&folder));
}
