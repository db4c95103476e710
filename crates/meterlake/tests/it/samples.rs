//! Public sample files, where they are at hand: each imports, and what the EA API reports is the decimal sum of the source.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::ea::{exact, reported_days};
use crate::program::{Folder, Server};

/// The folder of the samples, or none (then the test says so and passes).
fn samples() -> Option<PathBuf> {
    let folder = std::env::var_os("METERLAKE_SAMPLES")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data"), PathBuf::from);
    let there = folder.is_dir();
    if !there {
        eprintln!("skipped: no sample files at {}", folder.display());
    }
    there.then_some(folder)
}

/// The sum of one column of a CSV file, read by nothing of ours.
fn column_sum(file: &Path, column: &str) -> i128 {
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_path(file).unwrap();
    let at = reader
        .headers()
        .unwrap()
        .iter()
        .position(|name| name.trim_start_matches('\u{feff}') == column || name.ends_with(&format!("({column})")))
        .unwrap();
    reader.records().map(|row| exact(&row.unwrap()[at])).sum()
}

fn check(name: &str, column: &str, options: &[&str], enrolment: &str, days: (&str, &str)) {
    let Some(samples) = samples() else { return };
    let file = samples.join(name);
    let folder = Folder::new();
    let summary = folder.import(&file, options);
    assert_eq!(summary["rejected"], 0, "{summary}");
    folder.succeed(&["enrolment", "set", enrolment]);
    let key = folder.succeed(&["key", "create", enrolment]);
    let server = Server::start(&folder, "serve");
    let (rows, sum) = reported_days(&server, enrolment, key.trim(), days);
    assert_eq!((rows as u64, sum), (summary["taken"].as_u64().unwrap(), column_sum(&file, column)));

    let again = folder.import(&file, options);
    assert_eq!((&again["taken"], &again["duplicate"]), (&Value::from(0), &summary["read"]), "{again}");
    assert_eq!(reported_days(&server, enrolment, key.trim(), days), (rows, sum));
}

#[test]
fn ea_actual_cost() {
    check("azure-cost-export/ea_actual_cost.csv", "Cost", &[], "8611537", ("2023-09-01", "2023-09-30"));
}

#[test]
fn enterprise_headers() {
    check(
        "azure-cost-export/enterprise_headers.csv",
        "CostInBillingCurrency",
        &["--basis", "actual"],
        "12345678",
        ("2021-02-01", "2021-02-28"),
    );
}

#[test]
fn german_headers() {
    check(
        "azure-cost-export/german_headers.csv",
        "PreTaxCost",
        &["--basis", "actual", "--billing-account", "100"],
        "100",
        ("2021-02-01", "2021-02-28"),
    );
}

#[test]
fn legacy_template() {
    check(
        "azure-cost-export/legacy_template.csv",
        "costinbillingcurrency",
        &["--basis", "actual", "--currency", "USD"],
        "0bd50fdf-c923-4e1e-850c-196dd3dcc123",
        ("2021-01-01", "2021-03-31"),
    );
}

/// FOCUS rows of every cloud answer under an enrolment once their billing accounts are mapped to it.
#[test]
fn focus() {
    let Some(samples) = samples() else { return };
    let file = samples.join("focus/focus_1.0_sample.csv");
    let folder = Folder::new();
    let summary = folder.import(&file, &[]);
    let mut reader = csv::Reader::from_path(&file).unwrap();
    let headers = reader.headers().unwrap().clone();
    let at = |name: &str| headers.iter().position(|h| h == name).unwrap();
    let rows: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
    let accounts: std::collections::BTreeSet<&str> =
        rows.iter().map(|row| row[at("BillingAccountId")].rsplit('/').next().unwrap()).collect();
    let mut set = vec!["enrolment", "set", "focus"];
    for account in accounts {
        set.extend(["--billing-account", account]);
    }
    folder.succeed(&set);
    let key = folder.succeed(&["key", "create", "focus"]);
    let server = Server::start(&folder, "serve");
    let (count, sum) = reported_days(&server, "focus", key.trim(), ("2024-01-01", "2024-12-31"));
    let expected: i128 = rows.iter().map(|row| exact(&row[at("BilledCost")])).sum();
    assert_eq!((count, sum), (rows.len(), expected));
    assert_eq!(summary["taken"].as_u64(), Some(rows.len() as u64));
}

/// Both bases of one account and period lie side by side; reports read billed cost only.
#[test]
fn actual_and_amortised_side_by_side() {
    let Some(samples) = samples() else { return };
    let folder = Folder::new();
    let actual = samples.join("azure-cost-export/ea_actual_cost.csv");
    let amortised = samples.join("azure-cost-export/ea_amortized_cost.csv");
    folder.import(&actual, &[]);
    let summary = folder.import(&amortised, &["--basis", "amortized"]);
    assert_eq!(summary["replaced"], 0, "{summary}");
    folder.import(&actual, &[]);
    let key = folder.succeed(&["key", "create", "8611537"]);
    let server = Server::start(&folder, "serve");
    let (rows, sum) = reported_days(&server, "8611537", key.trim(), ("2023-09-01", "2023-09-30"));
    assert_eq!((rows, sum), (11, column_sum(&actual, "Cost")));
}
