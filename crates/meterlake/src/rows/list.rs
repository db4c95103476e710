//! A name–value list: `Name : value` lines, names padded, an empty line between rows.

use std::io::{self, Write};

use serde_json::value::RawValue;

use super::{Row, RowPrinter, plain};

pub(super) struct List<'a> {
    out: &'a mut dyn Write,
    rows: u64,
}

impl<'a> List<'a> {
    pub(super) fn new(out: &'a mut dyn Write) -> Self {
        Self { out, rows: 0 }
    }
}

/// A value as PowerShell's name–value list shows it: `@{implicit=5; hybrid=2}` for an object; a text on one line.
fn listed(value: &RawValue) -> String {
    match serde_json::from_str::<Row>(value.get()) {
        Ok(inner) => {
            let parts: Vec<String> = inner.0.iter().map(|(name, value)| format!("{name}={}", listed(value))).collect();
            format!("@{{{}}}", parts.join("; "))
        }
        Err(_) => plain(value).replace(char::is_control, " "),
    }
}

impl RowPrinter for List<'_> {
    fn row(&mut self, row: &Row) -> io::Result<()> {
        if self.rows > 0 {
            writeln!(self.out)?;
        }
        self.rows += 1;
        let width = row.0.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
        for (name, value) in &row.0 {
            writeln!(self.out, "{name:width$} : {}", listed(value))?;
        }
        Ok(())
    }

    fn end(&mut self) -> io::Result<()> {
        Ok(())
    }
}
