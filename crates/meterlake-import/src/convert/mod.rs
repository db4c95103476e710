//! Pass 2: rows into typed batches of `charges`, rejects aside.

mod assemble;
mod cells;
mod derive;
mod reservation;

use std::sync::Arc;

use arrow::array::{BooleanArray, BooleanBufferBuilder};
use arrow::record_batch::RecordBatch;
use meterlake_lake::charges::columns;
use meterlake_model::{CostBasis, ImportId, InvoiceState, SourceKind};

use self::cells::Cells;
use crate::mapping::Plan;
use crate::source::batch::truncate;
use crate::source::{Format, Rows, SourceFile};
use crate::{DateFormat, ImportError, Inspected, NumberFormat, Options, Progress};

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
    file: String,
    kind: SourceKind,
    expected_rows: u64,
    formats: (DateFormat, NumberFormat),
    header: Vec<String>,
    plan: Plan,
    rows: Rows,
    context: ConvertContext,
    read: u64,
    ended: bool,
}

/// Starts pass 2 over a file that was inspected with the same options.
///
/// # Errors
/// [`ImportError`] when the file cannot be opened, or a row would lack account, currency or invoice state and no
/// option gives it.
pub fn convert(file: &SourceFile, inspected: &Inspected, context: &ConvertContext) -> Result<Converter, ImportError> {
    let plan = Plan::new(inspected.kind, &inspected.header);
    let needed = |reason: &str, option| {
        Err(ImportError::OptionNeeded { file: file.name.clone(), reason: reason.to_owned(), option })
    };
    let options = &context.options;
    if inspected.rows > 0 {
        if !inspected.names_account && options.billing_account.is_none() && context.billing_account.is_none() {
            return needed("no row names a billing account", "--billing-account");
        }
        if !inspected.names_currency && options.currency.is_none() {
            return needed("no row names a currency", "--currency");
        }
        let state = options.invoice_state.or(context.invoice_state);
        if inspected.kind == SourceKind::RatedUsage && state.is_none() && plan.slot(columns::INVOICE_ID).is_none() {
            return needed("nothing tells whether the rows are billed", "--invoice-state");
        }
    }
    let two_costs = context.basis == CostBasis::Both;
    if two_costs && inspected.kind != SourceKind::Focus {
        return Err(ImportError::OptionConflict {
            file: file.name.clone(),
            reason: format!("{} has one cost; its basis is actual or amortized, not both", inspected.kind),
        });
    }
    context.progress.stage(&format!("reading {}", file.name), Some(file.size));
    let rows = Rows::open(file, false, &inspected.header)?;
    if rows.format != Format::Json && rows.header() != inspected.header {
        return Err(changed(&file.name));
    }
    Ok(Converter {
        file: file.name.clone(),
        kind: inspected.kind,
        expected_rows: inspected.rows,
        formats: (inspected.date_format, inspected.number_format),
        header: inspected.header.clone(),
        plan,
        rows,
        context: context.clone(),
        read: 0,
        ended: false,
    })
}

fn changed(file: &str) -> ImportError {
    ImportError::Damaged {
        file: file.to_owned(),
        place: "second reading".to_owned(),
        reason: "the file changed while it was being imported".to_owned(),
    }
}

impl Iterator for Converter {
    type Item = Result<Converted, ImportError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let step = self.step();
        self.ended = !matches!(step, Ok(Some(_)));
        step.transpose()
    }
}

impl Converter {
    fn step(&mut self) -> Result<Option<Converted>, ImportError> {
        let batch = self.rows.next_batch()?;
        self.context.progress.advance(self.rows.taps.advanced());
        let Some(batch) = batch else {
            return if self.read == self.expected_rows { Ok(None) } else { Err(changed(&self.file)) };
        };
        if self.rows.header().len() != self.header.len() {
            return Err(changed(&self.file));
        }
        let rows_read = (batch.rows() + batch.faults.len()) as u64;
        self.read += rows_read;
        let (dates, numbers) = self.formats;
        let mut cells = Cells::new(self.kind, &self.plan, &batch, dates, numbers);
        let typed = assemble::assemble(&mut cells, self.kind, &self.context, &batch.lines);
        let (typed, flaws) = (typed.map_err(|e| self.internal(&e))?, cells.flaws);
        let mut rejects: Vec<Reject> = batch
            .faults
            .iter()
            .map(|fault| self.reject(fault.line, String::new(), String::new(), fault.reason.clone(), fault.raw.clone()))
            .collect();
        let mut keep = BooleanBufferBuilder::new(batch.rows());
        keep.append_n(batch.rows(), true);
        for (row, flaw) in flaws {
            keep.set_bit(row, false);
            let column = flaw.column.and_then(|at| self.header.get(at)).cloned().unwrap_or_default();
            rejects.push(self.reject(batch.lines[row], column, flaw.value, flaw.reason, batch.raw_row(row)));
        }
        rejects.sort_by_key(|r| r.line);
        let typed = if rejects.len() > batch.faults.len() {
            let keep = BooleanArray::new(keep.finish(), None);
            arrow::compute::filter_record_batch(&typed, &keep).map_err(|e| self.internal(&e))?
        } else {
            typed
        };
        Ok(Some(Converted { batch: typed, rejects, rows_read }))
    }

    fn reject(&self, line: u64, column: String, mut value: String, reason: String, raw: String) -> Reject {
        truncate(&mut value, 256);
        Reject { file: self.file.clone(), line, column, value, reason, raw }
    }

    fn internal(&self, error: &arrow::error::ArrowError) -> ImportError {
        ImportError::Damaged {
            file: self.file.clone(),
            place: format!("row {}", self.read),
            reason: format!("the rows could not be assembled: {error}"),
        }
    }
}
