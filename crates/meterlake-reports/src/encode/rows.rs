//! The loop over rows that JSON and CSV share.

use std::marker::PhantomData;
use std::ops::Range;

use datafusion::arrow::array::Array;
use datafusion::arrow::record_batch::RecordBatch;
use meterlake_lake::read::CodedColumn;
use meterlake_model::Day;

use super::coded::CodedRows;
use super::source::Source;
use super::{EncodeError, WireField, number};

/// What a format writes in its own way.
pub(super) trait Notation {
    /// Stands before and after every text and day.
    const QUOTE: &'static [u8];
    /// Stands for a day that there is not.
    const NO_DAY: &'static [u8];
    /// Begins a row.
    const ROW_START: &'static [u8];
    /// Ends a row.
    const ROW_END: &'static [u8];
    /// Stands between two rows.
    const JOIN: &'static [u8];

    /// Appends a text without its quotes.
    fn text(text: &[u8], out: &mut Vec<u8>);

    /// Appends a text with its ASCII letters in upper case.
    fn upper_text(text: &[u8], out: &mut Vec<u8>) {
        Self::text(&text.to_ascii_uppercase(), out);
    }
}

/// Rows in one notation.
#[derive(Clone, Debug)]
pub(super) struct Rows<N> {
    fields: Vec<Field>,
    /// Bytes that a row took so far, to make room at once.
    row_size: usize,
    notation: PhantomData<N>,
}

#[derive(Clone, Debug)]
pub(super) struct Field {
    pub(super) wire: WireField,
    /// What stands before the value.
    pub(super) lead: Vec<u8>,
}

impl<N: Notation> Rows<N> {
    /// Rows of these fields, each with what stands before its value.
    pub(super) fn new(fields: impl IntoIterator<Item = (WireField, Vec<u8>)>) -> Self {
        let fields = fields.into_iter().map(|(wire, lead)| Field { wire, lead }).collect();
        Self { fields, row_size: 256, notation: PhantomData }
    }

    /// Prepares the rows of a row group, as [`CodedRows::new`] does.
    pub(super) fn coded<'a>(
        &self,
        rows: usize,
        column: impl Fn(&str) -> Option<&'a CodedColumn>,
    ) -> Result<CodedRows, EncodeError> {
        CodedRows::new::<N>(&self.fields, rows, column)
    }

    /// The columns that the fields read.
    pub(super) fn columns(&self) -> impl Iterator<Item = &'static str> {
        let read = self.fields.iter().filter(|field| field.wire.kind.is_read());
        read.map(|field| field.wire.column)
    }

    /// Appends the rows; `row_start` gives what begins the row.
    pub(super) fn encode(
        &mut self,
        batch: &RecordBatch,
        out: &mut Vec<u8>,
        mut row_start: impl FnMut(&mut Vec<u8>),
    ) -> Result<(), EncodeError> {
        let rows = batch.num_rows();
        let mut columns = Vec::with_capacity(self.fields.len());
        // What stands between two values that change: names, and the values that are the same in every row.
        let mut fixed: Vec<u8> = Vec::new();
        for field in &self.fields {
            let mut column = Column { lead: Vec::new(), source: Source::bind(&field.wire, batch)?, day: None };
            fixed.extend_from_slice(&field.lead);
            let quote = if column.source.is_text() { N::QUOTE } else { b"" };
            fixed.extend_from_slice(quote);
            if column.source.is_constant() {
                column.append::<N>(0, &mut fixed);
            } else {
                column.lead = std::mem::take(&mut fixed);
                columns.push(column);
            }
            fixed.extend_from_slice(quote);
        }
        fixed.extend_from_slice(N::ROW_END);
        let start = out.len();
        out.reserve(rows.saturating_mul(self.row_size + self.row_size / 8));
        for row in 0..rows {
            row_start(out);
            for column in &mut columns {
                out.extend_from_slice(&column.lead);
                column.append::<N>(row, out);
            }
            out.extend_from_slice(&fixed);
        }
        if let Some(size) = (out.len() - start).checked_div(rows) {
            self.row_size = size;
        }
        Ok(())
    }
}

/// A field bound to a batch.
struct Column<'a> {
    lead: Vec<u8>,
    source: Source<'a>,
    /// The day last written, with its place in the output: charges lie sorted by day.
    day: Option<(i32, Range<usize>)>,
}

impl Column<'_> {
    #[inline]
    fn append<N: Notation>(&mut self, row: usize, out: &mut Vec<u8>) {
        match &mut self.source {
            Source::Text(texts) => texts.append(row, out, N::text),
            Source::UpperText(texts) => texts.append(row, out, N::upper_text),
            Source::Long(values) => integer(values.is_valid(row).then(|| values.value(row)), out),
            Source::Short(values) => integer(values.is_valid(row).then(|| values.value(row)), out),
            Source::Decimal(values, _) if values.is_null(row) => out.push(b'0'),
            Source::Decimal(values, scale) => number::decimal(values.value(row), *scale, out),
            Source::Boolean(values) => {
                let value = values.is_valid(row) && values.value(row);
                out.extend_from_slice(if value { b"true" } else { b"false" });
            }
            Source::Day(values, _) if values.is_null(row) => out.extend_from_slice(N::NO_DAY),
            Source::Day(values, format) => {
                let days = values.value(row);
                if let Some((before, place)) = &self.day
                    && *before == days
                {
                    out.extend_from_within(place.clone());
                    return;
                }
                let start = out.len();
                match Day::from_since_epoch(days) {
                    Some(day) => {
                        out.extend_from_slice(N::QUOTE);
                        number::day(day, *format, out);
                        out.extend_from_slice(N::QUOTE);
                    }
                    None => out.extend_from_slice(N::NO_DAY),
                }
                self.day = Some((days, start..out.len()));
            }
            Source::Constant(text) => N::text(text.as_bytes(), out),
            Source::Literal(bytes) => out.extend_from_slice(bytes.as_bytes()),
        }
    }
}

#[inline]
fn integer<I: itoa::Integer + Default>(value: Option<I>, out: &mut Vec<u8>) {
    out.extend_from_slice(itoa::Buffer::new().format(value.unwrap_or_default()).as_bytes());
}
