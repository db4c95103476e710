//! Pass 2: rows into typed batches of `charges`, rejects aside.

mod assemble;
mod cells;
mod derive;
mod distinct;
mod reservation;
mod sources;
mod values;

use std::sync::Arc;

use arrow::record_batch::RecordBatch;
use meterlake_lake::Table;
use meterlake_lake::charges::columns;
use meterlake_lake::coded::CodedRows;
use meterlake_model::{CostBasis, ImportId, InvoiceState, SourceKind};

use self::cells::{Cells, Memos};
pub(crate) use self::distinct::Distinct;
use self::sources::{Source, sources};
use crate::mapping::Plan;
use crate::source::batch::{Spares, TextBatch, truncate};
use crate::source::{Format, Rows, SourceFile};
use crate::{DateFormat, ImportError, Inspected, NoProgress, NumberFormat, Options, Progress};

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

impl ConvertContext {
    /// For the first file of an import of billed cost, of which nothing is said but the options.
    #[must_use]
    pub fn new(import: ImportId, options: Options) -> Self {
        Self {
            import,
            ordinal: 0,
            basis: CostBasis::Actual,
            export_scope: String::new(),
            invoice_state: None,
            billing_account: None,
            options,
            progress: Arc::new(NoProgress),
        }
    }
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
    texts: Texts,
    coder: Coder,
    distinct: Distinct,
    ended: bool,
}

/// The rows of one file as text.
pub(crate) struct Texts {
    file: String,
    rows: Rows,
    width: usize,
    expected_rows: u64,
    read: u64,
    progress: Arc<dyn Progress>,
}

/// From text to coded rows, for one file.
pub(crate) struct Coder {
    file: String,
    kind: SourceKind,
    formats: (DateFormat, NumberFormat),
    header: Vec<String>,
    plan: Plan,
    sources: Option<Vec<Source>>,
    memos: Memos,
    context: ConvertContext,
}

/// One step of pass 2, in codes.
pub(crate) struct Coded {
    /// Good rows; may be none.
    pub(crate) rows: CodedRows,
    /// Bad rows among the rows read.
    pub(crate) rejects: Vec<Reject>,
    /// Rows read in this step, bad ones included.
    pub(crate) rows_read: u64,
}

/// Starts pass 2 over a file that was inspected with the same options.
///
/// # Errors
/// [`ImportError`] when the file cannot be opened, or a row would lack account, currency or invoice state and no
/// option gives it.
pub fn convert(file: &SourceFile, inspected: &Inspected, context: &ConvertContext) -> Result<Converter, ImportError> {
    let (texts, coder) = open(file, inspected, context)?;
    Ok(Converter { texts, coder, distinct: Distinct::default(), ended: false })
}

/// The two halves of pass 2, which may run beside one another.
///
/// # Errors
/// As [`convert`].
pub(crate) fn open(
    file: &SourceFile,
    inspected: &Inspected,
    context: &ConvertContext,
) -> Result<(Texts, Coder), ImportError> {
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
    let mut rows = Rows::open(file, false, &inspected.header)?;
    if rows.format != Format::Json && rows.header() != inspected.header {
        return Err(changed(&file.name));
    }
    rows.want(&plan.positions_of(|_| true));
    let texts = Texts {
        file: file.name.clone(),
        rows,
        width: inspected.header.len(),
        expected_rows: inspected.rows,
        read: 0,
        progress: Arc::clone(&context.progress),
    };
    let coder = Coder {
        file: file.name.clone(),
        kind: inspected.kind,
        formats: (inspected.date_format, inspected.number_format),
        header: inspected.header.clone(),
        plan,
        sources: None,
        memos: Memos::default(),
        context: context.clone(),
    };
    Ok((texts, coder))
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
        let Some(batch) = self.texts.next()? else { return Ok(None) };
        let Coded { rows, rejects, rows_read } = self.coder.code(&batch, &mut self.distinct);
        let batch = rows.to_batch(Table::Charges, &self.distinct.dictionaries)?;
        Ok(Some(Converted { batch, rejects, rows_read }))
    }
}

impl Texts {
    /// Takes batches that are done with; `None` where no reader makes use of them.
    pub(crate) fn spares(&self) -> Option<Spares> {
        self.rows.spares()
    }

    /// The next rows; none at the end.
    pub(crate) fn next(&mut self) -> Result<Option<TextBatch>, ImportError> {
        let batch = self.rows.next_batch()?;
        self.progress.advance(self.rows.taps.advanced());
        let Some(batch) = batch else {
            return if self.read == self.expected_rows { Ok(None) } else { Err(changed(&self.file)) };
        };
        if self.rows.header().len() != self.width {
            return Err(changed(&self.file));
        }
        self.read += (batch.rows() + batch.faults.len()) as u64;
        Ok(Some(batch))
    }
}

impl Coder {
    /// Turns rows into codes of the dictionaries.
    pub(crate) fn code(&mut self, batch: &TextBatch, distinct: &mut Distinct) -> Coded {
        let mut own = self.sources.take().unwrap_or_else(|| sources(&self.plan, &self.header, distinct));
        let mut memos = std::mem::take(&mut self.memos);
        let mut cells = Cells::new(self.kind, &self.plan, &mut own, batch, self.formats, distinct, &mut memos);
        let mut rows = assemble::assemble(&mut cells, self.kind, &self.context, &batch.lines);
        let flaws = cells.flaws;
        (self.sources, self.memos) = (Some(own), memos);
        let mut rejects: Vec<Reject> = batch
            .faults
            .iter()
            .map(|fault| self.reject(fault.line, String::new(), String::new(), fault.reason.clone(), fault.raw.clone()))
            .collect();
        if !flaws.is_empty() {
            let good = (0..batch.rows()).filter(|row| !flaws.contains_key(row));
            let good: Vec<u32> = good.filter_map(|row| u32::try_from(row).ok()).collect();
            rows.keep(&good);
        }
        for (row, flaw) in flaws {
            let column = flaw.column.and_then(|at| self.header.get(at)).cloned().unwrap_or_default();
            rejects.push(self.reject(batch.lines[row], column, flaw.value, flaw.reason, batch.raw_row(row)));
        }
        rejects.sort_by_key(|r| r.line);
        Coded { rows, rejects, rows_read: (batch.rows() + batch.faults.len()) as u64 }
    }

    fn reject(&self, line: u64, column: String, mut value: String, reason: String, raw: String) -> Reject {
        truncate(&mut value, 256);
        Reject { file: self.file.clone(), line, column, value, reason, raw }
    }
}
