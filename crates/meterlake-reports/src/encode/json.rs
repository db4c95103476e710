//! JSON objects.

use datafusion::arrow::record_batch::RecordBatch;

use super::{EncodeError, WireField};

/// Writes rows as JSON objects joined by commas, without the brackets around them.
pub struct JsonRows {}

impl JsonRows {
    /// An encoder of rows with these fields in this order.
    #[must_use]
    pub fn new(_fields: &[WireField]) -> Self {
        todo!()
    }

    /// Appends the rows of the batch, after a comma when rows were written before.
    ///
    /// # Errors
    /// [`EncodeError`] when the batch does not suit the fields; nothing is appended then.
    pub fn encode(&mut self, _batch: &RecordBatch, _out: &mut Vec<u8>) -> Result<(), EncodeError> {
        todo!()
    }
}
