//! `docs/tables.md` is generated from the code and must not drift from it.

use std::{fmt::Write as _, path::Path};

use meterlake_lake::{Table, tables::ColumnType};

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

fn list(names: &[&str]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

fn page() -> String {
    let mut page = String::from(
        "# The tables beside `charges`\n\n\
         Generated from the code; do not edit. The table of charges has [a page of its own](charges.md). Text is never \
         null: the empty text stands for \"the source has none\".\n",
    );
    for table in &Table::ALL[1..] {
        let _ = writeln!(page, "\n## `{table}`\n\n{}\n", table.meaning());
        let partition = table.partition().map_or_else(|| "none".to_owned(), |column| format!("`{column}`"));
        let _ = write!(page, "Partition: {partition}. A data file holds one {}, ", list(table.scope()));
        let _ = write!(page, "its rows sorted by {}.", list(table.sort()));
        let rollup = table.built_from() == [Table::Charges];
        if rollup {
            page.push_str(
                " Built from `charges`: a billing period and scope has one file, in whose name a fingerprint of the \
                 files of `charges` that it was summed from stands in the place of the import. Where the charges have \
                 changed since, there is no file of that name until the rollup is built again, and reports read the \
                 charges.",
            );
        }
        for source in table.built_from().iter().filter(|_| !rollup) {
            let _ =
                write!(page, " Built from `{source}`: each commit notes, as the Delta transaction `{source}`, the ");
            let _ = write!(page, "version of it that the rows come from; read it at that version.");
        }
        page.push_str("\n\n| column | type | meaning |\n| --- | --- | --- |\n");
        for column in table.columns() {
            let null = if column.nullable { ", may be null" } else { "" };
            let _ = writeln!(page, "| `{}` | {}{null} | {} |", column.name, type_name(column.kind), column.meaning);
        }
    }
    page
}

#[test]
fn the_page_of_tables_is_up_to_date() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/tables.md");
    let page = page();
    if std::env::var_os("METERLAKE_WRITE_DOCS").is_some() {
        std::fs::write(&path, &page).unwrap();
    }
    assert!(
        std::fs::read_to_string(&path).is_ok_and(|there| there == page),
        "docs/tables.md is not what the code says; run the tests once with METERLAKE_WRITE_DOCS=1"
    );
}
