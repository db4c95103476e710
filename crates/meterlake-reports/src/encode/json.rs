//! JSON objects.

use datafusion::arrow::record_batch::RecordBatch;
use meterlake_lake::read::CodedColumn;

use super::coded::CodedRows;
use super::rows::{Notation, Rows};
use super::scan::json_special;
use super::{EncodeError, WireField};

/// Writes rows as JSON objects joined by commas, without the brackets around them.
#[derive(Clone, Debug)]
pub struct JsonRows {
    rows: Rows<Json>,
    started: bool,
}

impl JsonRows {
    /// An encoder of rows with these fields in this order.
    #[must_use]
    pub fn new(fields: &[WireField]) -> Self {
        let fields = fields.iter().enumerate().map(|(index, field)| {
            let mut lead = if index == 0 { Vec::new() } else { vec![b','] };
            lead.push(b'"');
            Json::text(field.name.as_bytes(), &mut lead);
            lead.extend_from_slice(b"\":");
            (*field, lead)
        });
        Self { rows: Rows::new(fields), started: false }
    }

    /// Appends the rows of the batch, after a comma when rows were written before.
    ///
    /// # Errors
    /// [`EncodeError`] when the batch does not suit the fields; nothing is appended then.
    pub fn encode(&mut self, batch: &RecordBatch, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        let started = &mut self.started;
        self.rows.encode(batch, out, |out| {
            out.extend_from_slice(if *started { b",{" } else { b"{" });
            *started = true;
        })
    }

    /// The columns that [`Self::coded`] asks for.
    pub(crate) fn columns(&self) -> impl Iterator<Item = &'static str> {
        self.rows.columns()
    }

    /// Prepares the rows of a row group.
    ///
    /// # Errors
    /// [`EncodeError`] when a column is missing or does not suit its field.
    pub(crate) fn coded<'a>(
        &self,
        rows: usize,
        column: impl Fn(&str) -> Option<&'a CodedColumn>,
    ) -> Result<CodedRows, EncodeError> {
        self.rows.coded(rows, column)
    }
}

#[derive(Clone, Debug)]
struct Json;

impl Notation for Json {
    const QUOTE: &'static [u8] = b"\"";
    const NO_DAY: &'static [u8] = b"null";
    const ROW_START: &'static [u8] = b"{";
    const ROW_END: &'static [u8] = b"}";
    const JOIN: &'static [u8] = b",";

    fn text(mut text: &[u8], out: &mut Vec<u8>) {
        while let Some(at) = json_special(text) {
            out.extend_from_slice(&text[..at]);
            escape(text[at], out);
            text = &text[at + 1..];
        }
        out.extend_from_slice(text);
    }
}

fn escape(byte: u8, out: &mut Vec<u8>) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    let short = match byte {
        b'"' | b'\\' => byte,
        b'\n' => b'n',
        b'\r' => b'r',
        b'\t' => b't',
        0x08 => b'b',
        0x0c => b'f',
        _ => {
            out.extend_from_slice(b"\\u00");
            out.push(HEX[usize::from(byte >> 4)]);
            out.push(HEX[usize::from(byte & 15)]);
            return;
        }
    };
    out.extend_from_slice(&[b'\\', short]);
}
