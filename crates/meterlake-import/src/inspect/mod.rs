//! Pass 1: what a file is, decided from all of its rows in constant memory.

mod basis;
mod facts;

use meterlake_model::{CostBasis, DayRange, SourceKind};

use self::facts::Facts;
use crate::source::{Compression, Format, Rows, SourceFile};
use crate::{DateFormat, ImportError, NumberFormat, Options, Progress};

/// What pass 1 found out about one file.
#[derive(Clone, Debug)]
pub struct Inspected {
    /// The kind, by its headers.
    pub kind: SourceKind,
    /// Version or variant within the kind for messages, for example `2024-08-01` or `v3`.
    pub variant: String,
    /// The headers as they stand in the file (blanks and BOM cut).
    pub header: Vec<String>,
    /// SHA-256 of the file's bytes, lower-case hex.
    pub sha256: String,
    /// SHA-256 of the decompressed bytes.
    pub content_sha256: String,
    /// Bytes on disk.
    pub size: u64,
    /// Data rows, bad ones included.
    pub rows: u64,
    /// Outer packing.
    pub compression: Compression,
    /// How rows are written.
    pub format: Format,
    /// Field separator, for CSV.
    pub separator: u8,
    /// Order of day and month, decided over all rows.
    pub date_format: DateFormat,
    /// Decimal mark, decided over all rows.
    pub number_format: NumberFormat,
    /// Basis that the contents prove; `None` when they prove none.
    pub basis: Option<CostBasis>,
    /// Why the contents prove that basis, for messages.
    pub basis_reason: String,
    /// First and last day of usage, when any row has a day.
    pub days: Option<DayRange>,
    /// Whether some row names no billing account; `Options::billing_account` fills it, else the row is a reject.
    pub lacks_account: bool,
    /// Whether some row names no currency; `Options::currency` fills it, else the row is a reject.
    pub lacks_currency: bool,
    /// Whether any row names a billing account; if none does, `Options::billing_account` is needed.
    pub names_account: bool,
    /// Whether any row names a currency; if none does, `Options::currency` is needed.
    pub names_currency: bool,
    /// Remarks for the user: unknown columns, missing trailing fields, approximate numbers.
    pub warnings: Vec<String>,
}

/// Reads a file once: recognises compression, format and kind, decides date order, separator and decimal mark,
/// hashes, and collects evidence for the cost basis. Memory does not grow with the file.
///
/// # Errors
/// [`ImportError`] when the file is of another kind, damaged, or something cannot be decided without an option.
pub fn inspect(file: &SourceFile, options: &Options, progress: &dyn Progress) -> Result<Inspected, ImportError> {
    progress.stage(&format!("checking {}", file.name), Some(file.size));
    let unrecognised = |reason: String| ImportError::Unrecognised { file: file.name.clone(), reason };
    let mut rows = Rows::open(file, true, &[])?;
    let mut facts = Facts::new(rows.format);
    if rows.format != Format::Json {
        facts.follow(rows.header()).map_err(unrecognised)?;
        rows.want(&facts.wanted());
    }
    let spares = rows.spares();
    while let Some(batch) = rows.next_batch()? {
        if facts.width != rows.header().len() {
            facts.follow(rows.header()).map_err(unrecognised)?;
        }
        facts.see(&batch);
        progress.advance(rows.taps.advanced());
        if let Some(spares) = &spares {
            spares.give(batch);
        }
    }
    progress.advance(rows.taps.advanced());
    let Some(kind) = facts.kind.clone() else {
        return Err(unrecognised("there is not one record in it".to_owned()));
    };
    if let Some(expected) = file.expected.as_ref().and_then(|e| e.rows).filter(|&n| n != facts.rows) {
        return Err(ImportError::Discovery {
            place: file.name.clone(),
            reason: format!("has {} rows, but the manifest states {expected} rows for it", facts.rows),
        });
    }
    let needed = |option| move |reason| ImportError::OptionNeeded { file: file.name.clone(), reason, option };
    let date_format = facts.dates.decide(options.date_format).map_err(needed("--date-format iso|mdy|dmy"))?;
    let number_format = match rows.format {
        Format::Csv => facts.numbers.decide(options.number_format, rows.separator()),
        _ => Ok(NumberFormat::Point),
    };
    let number_format = number_format.map_err(needed("--number-format point|comma"))?;
    let (basis, basis_reason) = facts.basis.verdict(kind.kind);
    let (sha256, content_sha256) = rows.taps.digests();
    Ok(Inspected {
        kind: kind.kind,
        variant: kind.variant,
        header: rows.header().to_vec(),
        sha256,
        content_sha256,
        size: file.size,
        rows: facts.rows,
        compression: rows.compression,
        format: rows.format,
        separator: rows.separator(),
        date_format,
        number_format,
        basis,
        basis_reason,
        days: facts.days(date_format),
        lacks_account: facts.lacks_account,
        lacks_currency: facts.lacks_currency,
        names_account: facts.names_account,
        names_currency: facts.names_currency,
        warnings: facts.warnings(&rows),
    })
}
