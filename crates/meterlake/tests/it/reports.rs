//! `meterlake report`: what it prints, and what it leaves alone.

use crate::cost_export::export;
use crate::program::{Folder, Server};

/// A lake with charges of one enrolment, in November 2024.
fn filled() -> Folder {
    let folder = Folder::new();
    let file = folder.file("a.csv", export(&[(1, 1, "1.25"), (2, 2, "2.5")]));
    folder.import(&file, &["--basis", "actual"]);
    folder
}

#[test]
fn csv_without_rows_is_its_header() {
    let folder = filled();
    let csv = |arguments: &[&str]| folder.succeed(&[&["report"], arguments, &["--format", "csv"]].concat());
    let november = ["ea-usage-details", "--enrolment", "100", "--period", "202411"];
    let october = ["ea-usage-details", "--enrolment", "100", "--period", "202410"];
    for version in ["v1", "v2", "v3"] {
        let with = |period: &[&str]| csv(&[period, &["--ea-version", version]].concat());
        let (rows, empty) = (with(&november), with(&october));
        assert!(rows.lines().count() > 1, "{rows}");
        assert_eq!(empty.trim_end(), rows.lines().next().unwrap(), "{version}");
    }
    let nothing = ["--filter", "meterCategory eq 'nothing'"];
    let usage = |more: &[&str]| csv(&[&["azure-usage"], &nothing[..], more].concat());
    assert!(
        usage(&[]).starts_with("customerTenantId,customerName,") && usage(&[]).ends_with(",serviceType,quantity\r\n")
    );
    assert_eq!(usage(&["--group-by", "METERUNIT,usageDate"]), "meterUnit,usageDate,Quantity\r\n");
    // Other forms say it in their own way.
    let json = [&["report"], &october[..], &["--format", "json"]].concat();
    assert_eq!(folder.succeed(&json), "[]\n");
}

#[test]
fn asking_a_server_makes_no_data_folder() {
    let (asked, asking) = (filled(), Folder::new());
    let key = asked.succeed(&["key", "create", "100"]);
    let server = Server::start(&asked, "serve");
    let address = server.url("/");
    let arguments = ["report", "ea-usage-details", "--enrolment", "100", "--period", "202411", "--format", "csv"];
    let remote = [&arguments[..], &["--server", &address, "--key", key.trim()]].concat();
    assert_eq!(asking.succeed(&remote), asked.succeed(&arguments));
    assert!(!asking.data().exists());
    // Nor does a look at a folder that is not there.
    assert!(asking.refuse(&arguments).contains("there is no data folder"));
    assert!(!asking.data().exists());
}
