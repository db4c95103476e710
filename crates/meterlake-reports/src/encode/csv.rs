//! CSV lines (RFC 4180, CRLF).

use datafusion::arrow::record_batch::RecordBatch;

use super::{EncodeError, WireField};

/// Writes rows as CSV lines that end in CRLF; a value is quoted only where it must be.
pub struct CsvRows {}

impl CsvRows {
    /// An encoder of rows with these fields in this order.
    #[must_use]
    pub fn new(_fields: &[WireField]) -> Self {
        todo!()
    }

    /// Appends the header line.
    pub fn header(&self, _out: &mut Vec<u8>) {
        todo!()
    }

    /// Appends the rows of the batch.
    ///
    /// # Errors
    /// [`EncodeError`] when the batch does not suit the fields; nothing is appended then.
    pub fn encode(&mut self, _batch: &RecordBatch, _out: &mut Vec<u8>) -> Result<(), EncodeError> {
        todo!()
    }
}
