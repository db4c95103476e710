//! CSV as the cost services write it: CRLF, quotes only where needed.

use std::io::{self, Write};

use meterlake_model::{Amount, Day, Quantity};

/// Writes rows of a fixed number of columns.
pub(super) struct CsvFile<W: Write> {
    out: W,
    line: Vec<u8>,
    columns: usize,
    fields: usize,
    rows: u64,
}

impl<W: Write> CsvFile<W> {
    /// Starts a file with its header.
    pub(super) fn new(out: W, header: &[&str]) -> io::Result<Self> {
        let mut file = Self { out, line: Vec::with_capacity(2048), columns: header.len(), fields: 0, rows: 0 };
        for name in header {
            file.text(name);
        }
        file.end()?;
        file.rows = 0;
        Ok(file)
    }

    fn separate(&mut self) {
        if self.fields > 0 {
            self.line.push(b',');
        }
        self.fields += 1;
    }

    pub(super) fn text(&mut self, text: &str) {
        self.separate();
        if text.bytes().any(|b| matches!(b, b'"' | b',' | b'\r' | b'\n')) {
            self.line.push(b'"');
            self.line.extend_from_slice(text.replace('"', "\"\"").as_bytes());
            self.line.push(b'"');
        } else {
            self.line.extend_from_slice(text.as_bytes());
        }
    }

    pub(super) fn texts(&mut self, texts: &[&str]) {
        for text in texts {
            self.text(text);
        }
    }

    pub(super) fn amount(&mut self, amount: Amount) {
        self.separate();
        amount.write_to(&mut self.line);
    }

    pub(super) fn quantity(&mut self, quantity: Quantity) {
        self.separate();
        quantity.write_to(&mut self.line);
    }

    /// `11/30/2024`, as cost exports write days.
    pub(super) fn us_day(&mut self, day: Day) {
        self.text(&day.date().format("%m/%d/%Y").to_string());
    }

    /// `2024-11-30T00:00:00Z`, as rated usage files write days.
    pub(super) fn instant(&mut self, day: Day) {
        self.text(&format!("{day}T00:00:00Z"));
    }

    /// Ends the row.
    pub(super) fn end(&mut self) -> io::Result<()> {
        if self.fields != self.columns {
            return Err(io::Error::other(format!("a row of {} fields, expected {}", self.fields, self.columns)));
        }
        self.line.extend_from_slice(b"\r\n");
        self.out.write_all(&self.line)?;
        self.line.clear();
        self.fields = 0;
        self.rows += 1;
        Ok(())
    }

    /// Rows so far, the header not counted.
    pub(super) fn rows(&self) -> u64 {
        self.rows
    }

    /// Gives the writer back.
    pub(super) fn into_inner(self) -> W {
        self.out
    }
}
