//! CSV by RFC 4180: header, CRLF, quotes only where needed. An object in a field is its JSON.

use std::io::{self, Write};

use super::{Row, RowPrinter, plain};

pub(super) struct Csv<'a> {
    out: &'a mut dyn Write,
    header: Option<Vec<String>>,
    /// The header where no row comes.
    otherwise: Vec<String>,
}

impl<'a> Csv<'a> {
    pub(super) fn new(otherwise: &[&str], out: &'a mut dyn Write) -> Self {
        Self { out, header: None, otherwise: otherwise.iter().map(|name| (*name).to_owned()).collect() }
    }

    fn line<'t>(&mut self, cells: impl Iterator<Item = std::borrow::Cow<'t, str>>) -> io::Result<()> {
        for (at, cell) in cells.enumerate() {
            if at > 0 {
                write!(self.out, ",")?;
            }
            if cell.contains([',', '"', '\r', '\n']) {
                write!(self.out, "\"{}\"", cell.replace('"', "\"\""))?;
            } else {
                write!(self.out, "{cell}")?;
            }
        }
        write!(self.out, "\r\n")
    }
}

impl RowPrinter for Csv<'_> {
    fn row(&mut self, row: &Row) -> io::Result<()> {
        let header = match self.header.take() {
            Some(header) => header,
            None => {
                let header: Vec<String> = row.0.iter().map(|(name, _)| name.clone()).collect();
                self.line(header.iter().map(|name| name.as_str().into()))?;
                header
            }
        };
        if let Some((name, _)) = row.0.iter().find(|(name, _)| !header.contains(name)) {
            return Err(io::Error::other(format!(
                "a row has the field {name:?}, which the first row lacks; print json"
            )));
        }
        self.line(header.iter().map(|name| row.get(name).map(plain).unwrap_or_default().into()))?;
        self.header = Some(header);
        Ok(())
    }

    fn end(&mut self) -> io::Result<()> {
        let otherwise = std::mem::take(&mut self.otherwise);
        if self.header.is_none() && !otherwise.is_empty() {
            self.line(otherwise.iter().map(|name| name.as_str().into()))?;
        }
        Ok(())
    }
}
