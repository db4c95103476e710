//! `docs/charges.md` and `docs/openapi.json` are generated from the code and must not drift from it.

use std::fmt::Write as _;
use std::path::Path;

use meterlake_import::mapping::field_sources;
use meterlake_lake::charges::ColumnType;
use meterlake_lake::charges::columns::{COLUMNS, SCOPE, SORT};
use meterlake_model::SourceKind;
use meterlake_reports::{analytics_columns, ea_columns, summary_columns};

fn type_name(kind: ColumnType) -> &'static str {
    match kind {
        ColumnType::Text => "text",
        ColumnType::Integer => "long",
        ColumnType::Period => "integer",
        ColumnType::Day => "date",
        ColumnType::Instant => "timestamp",
        ColumnType::Boolean => "boolean",
        ColumnType::Amount => "decimal(38, 24)",
        ColumnType::Quantity => "decimal(38, 20)",
    }
}

/// The API fields that a column feeds, by family.
fn api_fields(column: &str) -> String {
    let of = |family: &str, pairs: &[(&'static str, &'static str)]| {
        let names: Vec<String> =
            pairs.iter().filter(|(_, c)| *c == column).map(|(name, _)| format!("`{name}`")).collect();
        (!names.is_empty()).then(|| format!("{family} {}", names.join(", ")))
    };
    [of("EA", ea_columns()), of("analytics", &analytics_columns()), of("summary", summary_columns())]
        .into_iter()
        .flatten()
        .collect::<Vec<_>>()
        .join("; ")
}

fn page() -> String {
    let mut page = String::from(
        "# The table `charges`\n\n\
         Generated from the code; do not edit. A row is a charge line. Text is never null: the empty text stands for \"the source has none\".\n\n",
    );
    let _ = writeln!(page, "Partition: `billing_period`. A data file holds one scope ({}),", list(SCOPE));
    let _ = writeln!(page, "its rows sorted by {}.\n\n## Columns\n", list(SORT));
    page.push_str("| column | type | meaning | API fields |\n| --- | --- | --- | --- |\n");
    for column in COLUMNS {
        let null = if column.nullable { ", may be null" } else { "" };
        let (name, kind) = (column.name, type_name(column.kind));
        let _ = writeln!(page, "| `{name}` | {kind}{null} | {} | {} |", column.meaning, api_fields(name));
    }
    page.push_str(
        "\n## Source fields\n\nIn each row the first field that is not empty counts. Headers match without regard to case, blanks and byte order mark.\n",
    );
    for kind in SourceKind::ALL {
        let _ = writeln!(page, "\n### `{kind}`\n\n| column | source fields |\n| --- | --- |");
        for (column, sources) in field_sources(*kind) {
            let _ = writeln!(page, "| `{column}` | {} |", list(&sources));
        }
    }
    page
}

fn list(names: &[&str]) -> String {
    names.iter().map(|n| format!("`{n}`")).collect::<Vec<_>>().join(", ")
}

/// Holds a page of the documentation against what the code says of it, or writes it when asked to.
fn is_up_to_date(name: &str, page: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs").join(name);
    if std::env::var_os("METERLAKE_WRITE_DOCS").is_some() {
        std::fs::write(&path, page).unwrap();
    }
    assert!(
        std::fs::read_to_string(&path).is_ok_and(|there| there == page),
        "docs/{name} is not what the code says; run the tests once with METERLAKE_WRITE_DOCS=1"
    );
}

#[test]
fn the_page_of_columns_is_up_to_date() {
    is_up_to_date("charges.md", &page());
}

#[test]
fn the_openapi_document_is_up_to_date() {
    let printed = std::process::Command::new(env!("CARGO_BIN_EXE_meterlake")).arg("openapi").output().unwrap();
    assert!(printed.status.success(), "{}", String::from_utf8_lossy(&printed.stderr));
    is_up_to_date("openapi.json", &String::from_utf8(printed.stdout).unwrap());
}
