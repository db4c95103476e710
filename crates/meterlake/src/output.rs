//! What commands print: tables for people, JSON for programs.

use std::io::Write as _;

use comfy_table::presets::NOTHING;
use comfy_table::{Cell, Table};
use serde::Serialize;

use crate::rows::{Row, RowFormat, printer};

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

/// Prints rows in the form that was asked for. `fields` head a CSV that no row comes for.
pub(crate) fn rows(format: RowFormat, fields: &[&str], rows: &[Row]) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    let mut print = || {
        let mut printer = printer(format, fields, &mut out);
        rows.iter().try_for_each(|row| printer.row(row))?;
        printer.end()
    };
    match print() {
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        other => Ok(other?),
    }
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
