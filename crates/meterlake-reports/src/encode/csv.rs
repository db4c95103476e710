//! CSV lines (RFC 4180, CRLF).

use datafusion::arrow::record_batch::RecordBatch;
use meterlake_lake::read::CodedColumn;

use super::coded::CodedRows;
use super::rows::{Notation, Rows};
use super::scan::csv_special;
use super::{EncodeError, WireField};

/// Writes rows as CSV lines that end in CRLF; a value is quoted only where it must be.
#[derive(Clone, Debug)]
pub struct CsvRows {
    header: Vec<u8>,
    rows: Rows<Csv>,
}

impl CsvRows {
    /// An encoder of rows with these fields in this order.
    #[must_use]
    pub fn new(fields: &[WireField]) -> Self {
        let lead = |index| if index == 0 { Vec::new() } else { vec![b','] };
        let mut header = Vec::new();
        for (index, field) in fields.iter().enumerate() {
            header.extend(lead(index));
            Csv::text(field.name.as_bytes(), &mut header);
        }
        header.extend_from_slice(Csv::ROW_END);
        let fields = fields.iter().enumerate().map(|(index, field)| (*field, lead(index)));
        Self { header, rows: Rows::new(fields) }
    }

    /// Appends the header line.
    pub fn header(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.header);
    }

    /// Appends the rows of the batch.
    ///
    /// # Errors
    /// [`EncodeError`] when the batch does not suit the fields; nothing is appended then.
    pub fn encode(&mut self, batch: &RecordBatch, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        self.rows.encode(batch, out, |_| {})
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
struct Csv;

impl Notation for Csv {
    const QUOTE: &'static [u8] = b"";
    const NO_DAY: &'static [u8] = b"";
    const ROW_START: &'static [u8] = b"";
    const ROW_END: &'static [u8] = b"\r\n";
    const JOIN: &'static [u8] = b"";

    fn text(text: &[u8], out: &mut Vec<u8>) {
        if csv_special(text).is_none() {
            out.extend_from_slice(text);
            return;
        }
        out.push(b'"');
        for part in text.split_inclusive(|byte| *byte == b'"') {
            out.extend_from_slice(part);
            if part.ends_with(b"\"") {
                out.push(b'"');
            }
        }
        out.push(b'"');
    }
}
