//! Input that cannot be taken: a clear message with place and reason, and no change in the lake.

use std::io::Write as _;

use crate::cost_export::{HEADER, export, line};
use crate::program::Folder;

/// A folder whose lake holds one good import.
fn filled() -> Folder {
    let folder = Folder::new();
    let good = folder.file("good.csv", export(&[(1, 1, "1.25"), (2, 2, "2.5")]));
    let summary = folder.import(&good, &["--basis", "actual"]);
    assert_eq!(summary["taken"], 2, "{summary}");
    folder
}

/// Names and sizes of everything in the lake that is not a lock.
fn lake(folder: &Folder) -> Vec<(String, u64)> {
    fn walk(dir: &std::path::Path, found: &mut Vec<(String, u64)>) {
        for entry in std::fs::read_dir(dir).unwrap() {
            let entry = entry.unwrap();
            if entry.path().is_dir() {
                walk(&entry.path(), found);
            } else if entry.path().extension().is_none_or(|e| e != "lock") {
                found.push((entry.path().display().to_string(), entry.metadata().unwrap().len()));
            }
        }
    }
    let mut found = Vec::new();
    walk(&folder.data().join("lake"), &mut found);
    found.sort();
    found
}

fn refused(contents: impl AsRef<[u8]>, expected: &[&str]) {
    let folder = filled();
    let before = lake(&folder);
    let file = folder.file("input.dat", contents);
    let error = folder.refuse(&["import", "charges", file.to_str().unwrap(), "--basis", "actual"]);
    for text in expected {
        assert!(error.contains(text), "expected {text:?} in: {error}");
    }
    assert!(error.contains("input.dat"), "the file is named: {error}");
    assert_eq!(lake(&folder), before, "the lake changed");
}

fn gzip(contents: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(contents).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn truncated_gzip() {
    let whole = gzip(crate::cost_export::large(500).as_bytes());
    refused(&whole[..whole.len() / 2], &["line ", "truncated"]);
}

#[test]
fn wrong_columns() {
    refused("Name,Amount\r\nx,1\r\n", &["Name"]);
    let without_cost = export(&[(1, 1, "1")]).replace("CostInBillingCurrency", "SomethingElse");
    refused(without_cost, &["CostInBillingCurrency"]);
}

#[test]
fn broken_line_in_the_middle() {
    let broken =
        format!("{HEADER}{}{}{}", line(1, 1, "1"), line(1, 2, "2").replace("11/02/2024", "yesterday"), line(1, 3, "3"));
    refused(broken, &["line 3", "yesterday"]);
    let longer = format!("{HEADER}{}{}", line(1, 1, "1"), line(1, 2, "2").replace("\r\n", ",more\r\n"));
    refused(longer, &["line 3"]);
}

#[test]
fn a_number_of_forty_digits() {
    refused(
        export(&[(1, 1, "1"), (1, 2, "1234567890123456789012345678901234567890")]),
        &["line 3", "CostInBillingCurrency"],
    );
    refused(export(&[(1, 1, "0.1234567890123456789012345678901")]), &["line 2", "CostInBillingCurrency"]);
}

#[test]
fn empty_file() {
    refused("", &["empty"]);
    refused(HEADER, &["no data row"]);
}

#[test]
fn a_file_of_another_kind() {
    refused(b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj", &["PDF"]);
    refused(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", &[]);
    refused(b"PAR1 this is not Parquet", &["Parquet"]);
    refused(b"PK\x03\x04 this is not a zip", &["zip"]);
    refused([0u8, 159, 146, 150, 0, 1, 2, 3], &[]);
}

#[test]
fn a_folder_without_manifest() {
    let folder = filled();
    let before = lake(&folder);
    folder.file("export/part.csv", export(&[(1, 1, "9")]));
    let error = folder.refuse(&["import", "charges", folder.path("export").to_str().unwrap()]);
    assert!(error.contains("manifest.json"), "{error}");
    assert_eq!(lake(&folder), before);
}

#[test]
fn a_file_that_is_not_there() {
    let folder = filled();
    let error = folder.refuse(&["import", "charges", folder.path("nowhere.csv").to_str().unwrap()]);
    assert!(error.contains("nowhere.csv"), "{error}");
}

#[test]
fn allowed_rejects_are_kept_and_the_good_rows_taken() {
    let folder = Folder::new();
    let text = format!("{HEADER}{}{}{}", line(1, 1, "1.5"), line(1, 2, "a lot"), line(1, 3, "3.5"));
    let file = folder.file("some.csv", text);
    let over = folder.refuse(&["import", "charges", file.to_str().unwrap(), "--basis", "actual", "--allow-rejects=0"]);
    assert!(over.contains("a lot"), "{over}");
    let summary = folder.import(&file, &["--basis", "actual", "--allow-rejects=1"]);
    assert_eq!((&summary["taken"], &summary["rejected"]), (&2.into(), &1.into()), "{summary}");
    assert_eq!(summary["totals"]["billed_cost"]["EUR"], "5", "{summary}");
    let rejects = folder.data().join("rejects").join(format!("{}.csv", summary["id"].as_str().unwrap()));
    let kept = std::fs::read_to_string(rejects).unwrap();
    assert!(kept.contains("a lot") && kept.contains("CostInBillingCurrency") && kept.contains(",3,"), "{kept}");
}

/// The file is named, what it looks like, and where it belongs; nothing is kept of it.
#[test]
fn a_file_of_another_kind_is_refused_as_a_whole() {
    let many = |record: &str| format!("{{\"value\":[{}]}}", vec![record; 1_500].join(","));
    let audits = many(r#"{"id":"a","activityDisplayName":"Exchange token","activityDateTime":"2024-11-05T10:00:00Z"}"#);
    let users = many(r#"{"id":"u","identities":[{"signInType":"emailAddress","issuer":"contoso.example"}]}"#);
    let skus =
        many(r#"{"skuId":"05e9a617-0261-4cee-bb44-138d3ef5d965","prepaidUnits":{"enabled":1},"consumedUnits":1}"#);
    let sign_ins = many(r#"{"id":"s","OperationName":"Sign-in activity","ConditionalAccessStatus":"success"}"#);
    let charges = export(&[(1, 1, "1.25"), (2, 2, "2.5")]);
    let other = many(r#"{"colour":"red","size":7}"#);
    let tenant = ["--tenant", "11111111-1111-4111-8111-111111111111"];
    for (command, expected, strange) in [
        ("b2c-events", "expected audit records", [&users, &skus, &sign_ins, &charges, &other]),
        ("users", "expected Graph users", [&audits, &skus, &sign_ins, &charges, &other]),
        ("licences", "expected licences", [&audits, &users, &sign_ins, &charges, &other]),
    ] {
        let folder = Folder::new();
        for contents in strange {
            let looks = match contents {
                c if *c == audits => "looks like audit records, which `meterlake import b2c-events` takes",
                c if *c == users => "looks like users (Graph), which `meterlake import users` takes",
                c if *c == skus => "looks like subscribedSkus, which `meterlake import licences` takes",
                c if *c == sign_ins => "looks like sign-ins",
                c if *c == charges => "which `meterlake import charges` takes",
                _ => "looks like records of colour, size;",
            };
            let file = folder.file("input.dat", contents);
            let path = file.to_str().unwrap();
            for allow in [&[][..], &["--allow-rejects"]] {
                let error = folder.refuse(&[&["import", command, path], &tenant[..], allow].concat());
                for text in ["input.dat", expected, looks] {
                    assert!(error.contains(text), "{command}: expected {text:?} in: {error}");
                }
                assert!(error.len() < 600, "one error: {error}");
            }
        }
        let rejects = folder.data().join("rejects");
        assert!(!rejects.exists() || std::fs::read_dir(rejects).unwrap().next().is_none(), "{command} left rejects");
    }
}
