//! `meterlake check`: a lake as Meterlake wrote it has nothing wrong, and each thing that is spoilt by hand is named.

use std::fs;
use std::path::PathBuf;

use serde_json::{Value, json};

use crate::cost_export::{export, line};
use crate::program::{Folder, text};

/// Three imports: two days, of which the second is replaced in part, and another month.
fn lake() -> Folder {
    let folder = Folder::new();
    let first = folder.file("first.csv", export(&[(1, 1, "0.5"), (2, 1, "1.25"), (1, 2, "2"), (3, 2, "-0.125")]));
    folder.import(&first, &["--basis", "actual"]);
    let second = folder.file("second.csv", export(&[(1, 2, "3"), (3, 2, "-0.125"), (4, 2, "7")]));
    folder.import(&second, &["--basis", "actual", "--scope", "days=2024-11-02..2024-11-02"]);
    let october = line(5, 9, "11.5")
        .replace("11/01/2024,11/30/2024", "10/01/2024,10/31/2024")
        .replace("11/09/2024", "10/09/2024");
    let third = folder.file("third.csv", format!("{}{october}", export(&[])));
    folder.import(&third, &["--basis", "actual"]);
    folder
}

/// The findings; with the exit code that goes with them.
fn check(folder: &Folder, options: &[&str]) -> Vec<Value> {
    let output = folder.command().args(["check", "--format", "json"]).args(options).output().unwrap();
    let findings: Vec<Value> =
        serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", text(&output.stderr)));
    assert_eq!(output.status.code(), Some(i32::from(!findings.is_empty())), "{}", text(&output.stderr));
    findings
}

fn charges(folder: &Folder) -> PathBuf {
    folder.data().join("lake/charges")
}

/// The live file of November, by the newest entry that adds one.
fn november(folder: &Folder) -> (PathBuf, String) {
    let log = charges(folder).join("_delta_log");
    let mut entries: Vec<PathBuf> = fs::read_dir(log).unwrap().map(|e| e.unwrap().path()).collect();
    entries.sort();
    let live = entries.iter().rev().find_map(|entry| {
        let text = fs::read_to_string(entry).ok()?;
        let actions = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        let paths = actions.filter_map(|action| Some(action["add"]["path"].as_str()?.to_owned()));
        paths.into_iter().find(|path| path.contains("202411"))
    });
    let path = live.unwrap();
    (charges(folder).join(&path), path)
}

/// Changes an action of the log entry that adds the file.
fn change_add(folder: &Folder, path: &str, change: impl Fn(&mut Value)) {
    for entry in fs::read_dir(charges(folder).join("_delta_log")).unwrap() {
        let entry = entry.unwrap().path();
        let Ok(text) = fs::read_to_string(&entry) else { continue };
        if !text.contains(path) {
            continue;
        }
        let lines = text.lines().map(|line| {
            let mut action: Value = serde_json::from_str(line).unwrap();
            if action["add"]["path"] == path {
                change(&mut action["add"]);
            }
            action.to_string()
        });
        let changed: Vec<String> = lines.collect();
        fs::write(&entry, changed.join("\n")).unwrap();
    }
}

#[test]
fn a_lake_as_it_was_written_has_nothing_wrong_merged_or_not() {
    let folder = lake();
    assert_eq!(check(&folder, &[]), [] as [Value; 0]);
    assert_eq!(check(&folder, &["--quick"]), [] as [Value; 0]);
    folder.succeed(&["maintain"]);
    assert_eq!(check(&folder, &[]), [] as [Value; 0]);
    let printed = folder.run(&["check", "--table", "charges", "--table", "licences"]);
    assert!(printed.status.success());
    assert_eq!(text(&printed.stdout), "no rows\n");
    assert!(text(&printed.stderr).contains("verified charges@"), "{}", text(&printed.stderr));
}

#[test]
fn files_that_are_cut_gone_or_counted_wrong() {
    let folder = lake();
    let (disk, path) = november(&folder);
    let whole = fs::read(&disk).unwrap();
    fs::write(&disk, &whole[..whole.len() - 1]).unwrap();
    let expected = json!({"table": "charges", "file": path, "place": "size in bytes",
        "expected": whole.len().to_string(), "found": (whole.len() - 1).to_string()});
    assert_eq!(check(&folder, &["--quick"]), [expected]);
    fs::remove_file(&disk).unwrap();
    let expected = json!({"table": "charges", "file": path, "place": "file", "expected": "a file", "found": "none"});
    assert_eq!(check(&folder, &[]), [expected]);
    fs::write(&disk, &whole).unwrap();
    assert_eq!(check(&folder, &[]), [] as [Value; 0]);

    change_add(&folder, &path, |add| {
        let mut stats: Value = serde_json::from_str(add["stats"].as_str().unwrap()).unwrap();
        stats["numRecords"] = json!(99);
        add["stats"] = stats.to_string().into();
    });
    let places: Vec<_> =
        check(&folder, &["--quick"]).iter().map(|f| (f["place"].clone(), f["expected"].clone())).collect();
    assert_eq!(places, [(json!("rows by the footer"), json!("99")), (json!("rows of the row groups"), json!("99"))]);
}

#[test]
fn a_file_that_is_named_after_another_scope_is_a_finding_though_the_lake_does_not_open() {
    let folder = lake();
    let (disk, path) = november(&folder);
    let (head, name) = path.split_once('/').unwrap();
    let other = format!("{head}/{}{}", "0".repeat(16), &name[16..]);
    fs::rename(&disk, charges(&folder).join(&other)).unwrap();
    change_add(&folder, &path, |add| add["path"] = other.clone().into());
    let findings = check(&folder, &[]);
    assert_eq!((findings.len(), &findings[0]["file"]), (1, &json!(other)), "{findings:?}");
    assert!(findings[0]["found"].as_str().unwrap().contains("another scope"), "{findings:?}");
}

/// Changes a record beside the table.
fn change_record(folder: &Folder, import: &str, change: impl Fn(&mut Value)) {
    let path = charges(folder).join(format!("_imports/{import}.json"));
    let mut sidecar: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    change(&mut sidecar["record"]);
    fs::write(path, sidecar.to_string()).unwrap();
}

#[test]
fn rows_and_totals_that_are_not_those_of_the_records() {
    let folder = lake();
    let imports = folder.json(&["imports", "--json"]);
    let id = |at: usize| imports[at]["id"].as_str().unwrap().to_owned();
    // Newest first.
    let (third, second, first) = (id(0), id(1), id(2));
    let whole = |import: &str| fs::read(charges(&folder).join(format!("_imports/{import}.json"))).unwrap();
    let back =
        |import: &str, text: &[u8]| fs::write(charges(&folder).join(format!("_imports/{import}.json")), text).unwrap();

    // A cost that is another than that of its rows; the control state tells too.
    let before = whole(&third);
    change_record(&folder, &third, |record| record["sets"][0]["billed_cost"] = json!("11.6"));
    let findings = check(&folder, &[]);
    let places: Vec<&str> = findings.iter().map(|f| f["place"].as_str().unwrap()).collect();
    assert!(findings.iter().all(|f| f["file"] == format!("import {third}")), "{findings:?}");
    assert_eq!(places[0], "files, counts, totals and scopes");
    assert!(places[1].starts_with("billed cost of cost-export-ea, 100, actual, EUR, period 202410"), "{places:?}");
    assert_eq!((&findings[1]["expected"], &findings[1]["found"]), (&json!("11.6"), &json!("11.5")));
    assert_eq!(places[2], "billed cost in EUR of the record");
    back(&third, &before);

    // Rows that nobody says he replaced.
    let before = whole(&second);
    change_record(&folder, &second, |record| record["replacements"] = json!([]));
    let findings = check(&folder, &[]);
    let finding = findings.iter().find(|f| f["file"] == format!("import {first}")).unwrap();
    assert!(finding["place"].as_str().unwrap().starts_with("live rows of"), "{finding}");
    assert_eq!((&finding["expected"], &finding["found"]), (&json!("4"), &json!("2")));
    back(&second, &before);

    // A record that is gone, and one that is no record.
    fs::remove_file(charges(&folder).join(format!("_imports/{third}.json"))).unwrap();
    let findings = check(&folder, &[]);
    assert_eq!(findings.len(), 1, "{findings:?}");
    assert_eq!(findings[0]["expected"], "no rows by any record");
    back(&third, b"{half");
    let findings = check(&folder, &["--quick"]);
    assert_eq!((findings.len(), &findings[0]["file"]), (1, &json!(format!("_imports/{third}.json"))), "{findings:?}");
}

#[test]
fn a_control_state_that_does_not_know_an_import() {
    let folder = lake();
    for name in ["meterlake.db", "meterlake.db-wal", "meterlake.db-shm"] {
        let _ = fs::remove_file(folder.data().join(name));
    }
    let findings = check(&folder, &["--quick"]);
    assert_eq!(findings.len(), 3, "{findings:?}");
    assert!(findings.iter().all(|f| f["table"] == "control state" && f["found"] == "none"), "{findings:?}");
    // The next command that settles takes them from the lake.
    folder.succeed(&["imports"]);
    assert_eq!(check(&folder, &[]), [] as [Value; 0]);
}
