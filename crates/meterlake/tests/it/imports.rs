//! Repetition, replacement and refusal, through the command line.

use crate::cost_export::export;
use crate::ea::{exact, reported};
use crate::program::{Folder, Server};

const ACTUAL: &[&str] = &["--basis", "actual"];

/// Rows and cost that the EA API reports for November 2024.
fn total(server: &Server, key: &str) -> (usize, i128) {
    reported(server, key, "/v3/enrollments/100/billingPeriods/202411/usagedetails".to_owned())
}

#[test]
fn a_corrected_copy_replaces_and_the_older_one_is_refused() {
    let folder = Folder::new();
    let first = folder.file("first.csv", export(&[(1, 1, "1.25"), (2, 2, "2.5")]));
    folder.import(&first, ACTUAL);
    let key = folder.succeed(&["key", "create", "100"]);
    let server = Server::start(&folder, "serve");
    assert_eq!(total(&server, key.trim()), (2, exact("3.75")));

    let corrected = folder.file("corrected.csv", export(&[(1, 1, "1.75"), (2, 2, "2.5")]));
    let summary = folder.import(&corrected, ACTUAL);
    assert_eq!((&summary["taken"], &summary["replaced"]), (&2.into(), &2.into()), "{summary}");
    let restatement = &summary["restatements"][0];
    assert_eq!(restatement["billed_cost"], serde_json::json!({"old": "3.75", "new": "4.25"}), "{summary}");
    assert_eq!(total(&server, key.trim()), (2, exact("4.25")));

    let error = folder.refuse(&["import", "charges", first.to_str().unwrap(), "--basis", "actual"]);
    assert!(error.contains("--force"), "{error}");
    assert_eq!(total(&server, key.trim()), (2, exact("4.25")));
}

#[test]
fn a_partial_export_stops_and_names_what_would_go() {
    let folder = Folder::new();
    folder.import(&folder.file("whole.csv", export(&[(1, 1, "1"), (2, 2, "2")])), ACTUAL);
    let partial = folder.file("partial.csv", export(&[(1, 1, "1.1")]));
    let error = folder.refuse(&["import", "charges", partial.to_str().unwrap(), "--basis", "actual"]);
    assert!(error.contains("1caaa5a3-2b66-438e-8ab4-bce37d518c52"), "the subscription is named: {error}");
    assert!(error.contains("--replace") && error.contains("--scope"), "{error}");

    // The file covers one subscription: the other one's charges stay as they are.
    let scope = "subscription=1caaa5a3-2b66-438e-8ab4-bce37d518c51";
    let summary = folder.import(&partial, &["--basis", "actual", "--scope", scope]);
    assert_eq!((&summary["taken"], &summary["replaced"]), (&1.into(), &1.into()), "{summary}");
    let key = folder.succeed(&["key", "create", "100"]);
    let server = Server::start(&folder, "serve");
    assert_eq!(total(&server, key.trim()), (2, exact("3.10")));
}

#[test]
fn export_import_export_is_byte_identical() {
    let folder = Folder::new();
    folder.import(&folder.file("source.csv", export(&[(1, 1, "1.250"), (2, 2, "2.5"), (1, 1, "1.250")])), ACTUAL);
    let key = folder.succeed(&["key", "create", "100"]);
    let server = Server::start(&folder, "serve");
    for (version, layout) in [("v1", "plain"), ("v2", "plain"), ("v3", "plain"), ("v3", "legacy")] {
        let path = format!("/{version}/enrollments/100/usagedetails/download?billingPeriod=202411&layout={layout}");
        let (status, exported) = server.get(&path, key.trim());
        assert_eq!(status, 200, "{exported}");
        let second = Folder::new();
        let file = second.file("export.csv", &exported);
        let options = ["--basis", "actual", "--billing-account", "100", "--currency", "EUR", "--period", "202411"];
        second.import(&file, &options);
        let key = second.succeed(&["key", "create", "100"]);
        let (status, again) = Server::start(&second, "serve").get(&path, key.trim());
        assert_eq!((status, again), (200, exported), "{version} {layout}");
    }
}

#[test]
fn the_list_and_one_import() {
    let folder = Folder::new();
    let summary = folder.import(&folder.file("source.csv", export(&[(1, 1, "1.25")])), ACTUAL);
    let id = summary["id"].as_str().unwrap();
    let list = folder.succeed(&["imports"]);
    assert!(list.contains(id) && list.contains("committed") && list.contains("source.csv"), "{list}");
    let shown = folder.succeed(&["imports", "show", id]);
    assert!(shown.contains("1.25") && shown.contains("EUR"), "{shown}");
    let record = folder.json(&["imports", "show", id, "--json"]);
    assert_eq!(record["files"][0]["sha256"].as_str().map(str::len), Some(64), "{record}");
    let unknown = folder.refuse(&["imports", "show", "00000000-0000-7000-8000-000000000000"]);
    assert!(unknown.contains("00000000-0000-7000-8000-000000000000"), "{unknown}");
}
