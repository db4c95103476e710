//! The rows that the benchmark generates, through a real import and the APIs that it asks.

use meterlake_bench::charges::{BILLING_ACCOUNT, Estate, Form, Scale, Totals, describe, periods, write_month};

use crate::ea::{exact, reported};
use crate::program::{Folder, Server};

#[test]
fn an_import_of_generated_rows_yields_the_generators_totals() {
    let folder = Folder::new();
    let estate = Estate::draw(Scale { rows: 72_000, seed: 3 });
    let period = periods()[34];
    let parts = write_month(&estate, period, &folder.path("month"), Form { parts: 2, gzip: true }).unwrap();
    let made = describe(&parts);
    let files: Vec<&str> = parts.iter().map(|part| part.path.to_str().unwrap()).collect();
    let summary = folder.json(&[&["import", "charges", "--json", "--basis", "actual"], files.as_slice()].concat());
    assert_eq!((&summary["read"], &summary["taken"], &summary["rejected"]), (&2_000.into(), &2_000.into(), &0.into()));
    assert_eq!(summary["totals"]["billed_cost"], serde_json::json!({"USD": made["cost"]}), "{summary}");

    // The enrolment's API gives the partner's rows.
    folder.succeed(&["enrolment", "set", "8214577", "--billing-account", BILLING_ACCOUNT]);
    let key = folder.succeed(&["key", "create", "8214577"]);
    let server = Server::start(&folder, "serve");
    let path = format!("/v3/enrollments/8214577/billingPeriods/{period}/usagedetails");
    let mut totals = Totals::default();
    parts.iter().for_each(|part| totals.add(&part.totals));
    assert_eq!(reported(&server, key.trim(), path), (2_000, exact(&totals.cost_text())));
}
