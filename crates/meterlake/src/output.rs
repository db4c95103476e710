//! What commands print: tables for people, JSON for programs.

use std::io::Write as _;

use comfy_table::presets::NOTHING;
use comfy_table::{Cell, Table};
use serde::Serialize;

/// Prints rows under headings, or a line that says there are none.
pub(crate) fn table<const N: usize>(headings: [&str; N], rows: Vec<[String; N]>, none: &str) -> anyhow::Result<()> {
    if rows.is_empty() {
        return line(none);
    }
    let mut table = Table::new();
    table.load_preset(NOTHING).set_header(headings.map(|h| Cell::new(h.to_uppercase())));
    for row in rows {
        table.add_row(row);
    }
    line(&table.trim_fmt())
}

/// Prints a value as indented JSON.
pub(crate) fn json(value: &impl Serialize) -> anyhow::Result<()> {
    line(&serde_json::to_string_pretty(value)?)
}

/// Prints a line to standard output; a reader that went away is no error.
pub(crate) fn line(text: &str) -> anyhow::Result<()> {
    match writeln!(std::io::stdout().lock(), "{text}") {
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        other => Ok(other?),
    }
}
