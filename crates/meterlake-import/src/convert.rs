//! Pass 2: rows into typed batches of `charges`, rejects aside.

use std::sync::Arc;

use arrow::record_batch::RecordBatch;
use meterlake_model::{CostBasis, ImportId, InvoiceState};

use crate::source::SourceFile;
use crate::{ImportError, Inspected, Options, Progress};

/// What pass 2 must know beyond the file.
#[derive(Clone)]
pub struct ConvertContext {
    /// The import that brings the rows.
    pub import: ImportId,
    /// Ordinal of the file within the import, from 0.
    pub ordinal: u32,
    /// The settled basis of the run. Ignored for FOCUS, whose rows are `both`.
    pub basis: CostBasis,
    /// Narrower export scope, empty for the whole account.
    pub export_scope: String,
    /// Invoice state from the manifest, for rated usage whose rows do not tell.
    pub invoice_state: Option<InvoiceState>,
    /// Account that the manifest names, for rows that name none.
    pub billing_account: Option<String>,
    /// What the user said.
    pub options: Options,
    /// Told of the bytes read.
    pub progress: Arc<dyn Progress>,
}

/// A row that could not be taken.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Reject {
    /// Name of the file, with its zip member if any.
    pub file: String,
    /// Line on which the row starts, from 1 (row number for Parquet).
    pub line: u64,
    /// Source column at fault, empty when it is the row as a whole.
    pub column: String,
    /// The value at fault, cut at 256 characters.
    pub value: String,
    /// What was expected.
    pub reason: String,
    /// The row as it stands in the file, cut at 4,096 characters.
    pub raw: String,
}

/// One step of pass 2.
#[derive(Debug)]
pub struct Converted {
    /// Good rows, with the schema of `columns::schema()`; may have none.
    pub batch: RecordBatch,
    /// Bad rows among the rows read.
    pub rejects: Vec<Reject>,
    /// Rows read in this step, bad ones included.
    pub rows_read: u64,
}

/// The batches of one file. Ends after the first error.
pub struct Converter {
    _private: (),
}

/// Starts pass 2 over a file that was inspected with the same options.
///
/// # Errors
/// [`ImportError`] when the file cannot be opened, or a row would lack account or currency and no option gives it.
pub fn convert(file: &SourceFile, inspected: &Inspected, context: &ConvertContext) -> Result<Converter, ImportError> {
    let _ = (file, inspected, context);
    todo!()
}

impl Iterator for Converter {
    type Item = Result<Converted, ImportError>;

    fn next(&mut self) -> Option<Self::Item> {
        todo!()
    }
}
