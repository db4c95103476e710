//! The table as it lies, read by Python's deltalake and by DuckDB.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::cost_export::export;
use crate::program::{Folder, text};

#[test]
fn python_deltalake_and_duckdb_read_the_table() {
    let Some(python) = std::env::var_os("METERLAKE_PYTHON") else {
        eprintln!("skipped: METERLAKE_PYTHON names no Python with the packages of tests/python/requirements.txt");
        return;
    };
    let folder = Folder::new();
    let source =
        folder.file("source.csv", export(&[(1, 1, "0.123456789012345678901234"), (2, 2, "2.5"), (1, 3, "-1E-05")]));
    folder.import(&source, &["--basis", "actual"]);
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/python/read_lake.py");
    let output = Command::new(python).arg(script).arg(folder.data().join("lake/charges")).output().unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
    let seen: Value = serde_json::from_slice(&output.stdout).unwrap();
    for reader in ["deltalake", "duckdb"] {
        assert_eq!(
            seen[reader],
            serde_json::json!({
                "rows": 3, "billed_cost": "2.623446789012345678901234", "quantity": "4.5", "periods": [202_411],
            }),
            "{reader}"
        );
    }
    assert!(seen["comments"]["billed_cost"].as_str().unwrap().contains("Billed"), "{seen}");
}
