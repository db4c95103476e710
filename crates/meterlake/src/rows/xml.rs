//! `<Objects><Object><Property Name="…">…`, an object in a field as properties of its own.

use std::io::{self, Write};

use super::{Row, RowPrinter, plain};

pub(super) struct Xml<'a> {
    out: &'a mut dyn Write,
    rows: u64,
}

impl<'a> Xml<'a> {
    pub(super) fn new(out: &'a mut dyn Write) -> Self {
        Self { out, rows: 0 }
    }

    fn properties(&mut self, row: &Row) -> io::Result<()> {
        for (name, value) in &row.0 {
            write!(self.out, "<Property Name=\"{}\">", escaped(name).replace('"', "&quot;"))?;
            match serde_json::from_str::<Row>(value.get()) {
                Ok(inner) => self.properties(&inner)?,
                Err(_) => write!(self.out, "{}", escaped(&plain(value)))?,
            }
            write!(self.out, "</Property>")?;
        }
        Ok(())
    }
}

/// Text as XML holds it; a control character that XML cannot hold becomes the replacement character.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '\r' => escaped.push_str("&#13;"),
            '\t' | '\n' => escaped.push(c),
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => escaped.push(char::REPLACEMENT_CHARACTER),
            c => escaped.push(c),
        }
    }
    escaped
}

impl RowPrinter for Xml<'_> {
    fn row(&mut self, row: &Row) -> io::Result<()> {
        write!(self.out, "{}", if self.rows == 0 { "<Objects><Object>" } else { "<Object>" })?;
        self.rows += 1;
        self.properties(row)?;
        write!(self.out, "</Object>")
    }

    fn end(&mut self) -> io::Result<()> {
        writeln!(self.out, "{}", if self.rows == 0 { "<Objects></Objects>" } else { "</Objects>" })
    }
}
