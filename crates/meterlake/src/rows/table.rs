//! A table for people.

use std::io::{self, Write};

use comfy_table::presets::NOTHING;
use comfy_table::{Cell, CellAlignment};

use super::{Row, RowPrinter, plain};

pub(super) struct Table<'a> {
    out: &'a mut dyn Write,
    header: Vec<String>,
    rows: Vec<Vec<(String, bool)>>,
}

impl<'a> Table<'a> {
    pub(super) fn new(out: &'a mut dyn Write) -> Self {
        Self { out, header: Vec::new(), rows: Vec::new() }
    }
}

impl RowPrinter for Table<'_> {
    fn row(&mut self, row: &Row) -> io::Result<()> {
        for (name, _) in &row.0 {
            if !self.header.contains(name) {
                self.header.push(name.clone());
            }
        }
        let cell = |name: &String| {
            let value = row.get(name);
            let number = value.is_some_and(|v| v.get().starts_with(|c: char| c == '-' || c.is_ascii_digit()));
            // A cell is one line: line breaks would tear the table.
            (value.map(plain).unwrap_or_default().replace(['\r', '\n', '\t'], " "), number)
        };
        self.rows.push(self.header.iter().map(cell).collect());
        Ok(())
    }

    fn end(&mut self) -> io::Result<()> {
        if self.rows.is_empty() {
            return writeln!(self.out, "no rows");
        }
        let mut table = comfy_table::Table::new();
        table.load_preset(NOTHING).set_header(&self.header);
        for row in self.rows.drain(..) {
            table.add_row(row.into_iter().map(|(text, number)| {
                Cell::new(text).set_alignment(if number { CellAlignment::Right } else { CellAlignment::Left })
            }));
        }
        writeln!(self.out, "{}", table.trim_fmt())
    }
}
