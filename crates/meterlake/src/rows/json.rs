//! A JSON array, a row a line.

use std::io::{self, Write};

use super::{Row, RowPrinter};

pub(super) struct Json<'a> {
    out: &'a mut dyn Write,
    rows: u64,
}

impl<'a> Json<'a> {
    pub(super) fn new(out: &'a mut dyn Write) -> Self {
        Self { out, rows: 0 }
    }
}

impl RowPrinter for Json<'_> {
    fn row(&mut self, row: &Row) -> io::Result<()> {
        write!(self.out, "{}", if self.rows == 0 { "[\n  {" } else { ",\n  {" })?;
        self.rows += 1;
        for (at, (name, value)) in row.0.iter().enumerate() {
            let comma = if at == 0 { "" } else { ", " };
            write!(self.out, "{comma}{}: {}", serde_json::to_string(name)?, value.get())?;
        }
        write!(self.out, "}}")
    }

    fn end(&mut self) -> io::Result<()> {
        writeln!(self.out, "{}", if self.rows == 0 { "[]" } else { "\n]" })
    }
}
