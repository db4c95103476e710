//! A name–value list: `Name : value` lines, names padded, an empty line between rows.

use std::io::{self, Write};

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

impl RowPrinter for List<'_> {
    fn row(&mut self, row: &Row) -> io::Result<()> {
        if self.rows > 0 {
            writeln!(self.out)?;
        }
        self.rows += 1;
        let width = row.0.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
        for (name, value) in &row.0 {
            writeln!(self.out, "{name:width$} : {}", plain(value))?;
        }
        Ok(())
    }

    fn end(&mut self) -> io::Result<()> {
        Ok(())
    }
}
