//! Rows as text, column by column, on their way from a file to typed batches.

use std::borrow::Cow;
use std::sync::{Arc, Mutex, PoisonError};

use arrow::array::StringArray;
use arrow::buffer::{Buffer, OffsetBuffer, ScalarBuffer};
use arrow::error::ArrowError;

/// Rows of a batch at most.
pub(crate) const BATCH_ROWS: usize = 8_192;
/// Bytes of text in a batch that is not CSV, after which it ends early.
pub(crate) const BATCH_BYTES: usize = 32 << 20;
/// Bytes of a raw row that a reject keeps.
pub(crate) const RAW_LIMIT: usize = 4_096;

/// Texts of one column, one after the other.
#[derive(Debug, Clone)]
pub(crate) struct TextColumn {
    data: Vec<u8>,
    offsets: Vec<i32>,
}

impl Default for TextColumn {
    fn default() -> Self {
        Self { data: Vec::new(), offsets: vec![0] }
    }
}

impl TextColumn {
    /// Rows so far.
    pub(crate) fn len(&self) -> usize {
        self.offsets.len() - 1
    }

    /// Adds a row.
    pub(crate) fn push(&mut self, text: &[u8]) {
        self.data.extend_from_slice(text);
        self.close();
    }

    /// Adds empty rows until there are `rows`.
    pub(crate) fn pad(&mut self, rows: usize) {
        let end = self.end();
        self.offsets.resize((rows + 1).max(self.offsets.len()), end);
    }

    /// Drops rows behind the first `rows`.
    pub(crate) fn truncate(&mut self, rows: usize) {
        if rows < self.len() {
            self.offsets.truncate(rows + 1);
            let end = self.offsets.last().and_then(|&end| usize::try_from(end).ok()).unwrap_or(0);
            self.data.truncate(end);
        }
    }

    fn close(&mut self) {
        let end = self.end();
        self.offsets.push(end);
    }

    /// Batches end long before 2 GiB, see [`BATCH_BYTES`] and the readers' limit on a row.
    fn end(&self) -> i32 {
        i32::try_from(self.data.len()).unwrap_or(i32::MAX)
    }

    /// The column as an array; checks that it is UTF-8.
    pub(crate) fn finish(self) -> Result<StringArray, ArrowError> {
        let offsets = OffsetBuffer::new(ScalarBuffer::from(self.offsets));
        StringArray::try_new(offsets, Buffer::from_vec(self.data), None)
    }
}

/// A row that could not even be split into fields.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) line: u64,
    pub(crate) reason: String,
    pub(crate) raw: String,
}

/// Where a cell lies in the text of its batch.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Span {
    start: u32,
    /// The end; its highest bit tells that doubled quotes stand for one each.
    end: u32,
}

const DOUBLED: u32 = 1 << 31;

impl Span {
    pub(crate) const EMPTY: Self = Self { start: 0, end: 0 };

    /// A cell between two places. Batches are far below 2 GiB, see [`BATCH_BYTES`] and the readers' limit on a row.
    pub(crate) fn new(start: usize, end: usize, doubled: bool) -> Self {
        let place = |at: usize| u32::try_from(at).unwrap_or(u32::MAX) & !DOUBLED;
        Self { start: place(start), end: place(end) | if doubled { DOUBLED } else { 0 } }
    }

    pub(crate) fn is_empty(self) -> bool {
        self.start == self.end & !DOUBLED
    }

    /// Whether doubled quotes in the cell stand for one each.
    pub(crate) fn is_doubled(self) -> bool {
        self.end & DOUBLED != 0
    }
}

/// Some rows of a file.
#[derive(Debug, Clone, Default)]
pub(crate) struct TextBatch {
    /// The text in which all cells lie.
    pub(crate) text: String,
    /// Cells of a column for each header; none at all where the reader was told that a column does not matter. JSON
    /// files may show further headers later.
    pub(crate) columns: Vec<Vec<Span>>,
    /// Line on which each row starts.
    pub(crate) lines: Vec<u64>,
    /// Rows that end early, and how many fields they have.
    pub(crate) short: Vec<(usize, usize)>,
    /// The rows as they stand in the file; none for Parquet.
    pub(crate) raw: Option<Vec<Span>>,
    /// Rows that are not in the columns.
    pub(crate) faults: Vec<Fault>,
}

impl TextBatch {
    /// A batch of columns that were made one by one.
    pub(crate) fn of_columns(
        columns: &[StringArray],
        raw: Option<&StringArray>,
        lines: Vec<u64>,
        faults: Vec<Fault>,
    ) -> Self {
        let mut text = String::new();
        let mut spans = |array: &StringArray| {
            let start = text.len();
            text.push_str(std::str::from_utf8(array.value_data()).unwrap_or_default());
            let place = |at: i32| start + usize::try_from(at).unwrap_or(0);
            let mut last = Span::EMPTY;
            let of_row = |row: usize| {
                // Cells that repeat the one before have its place.
                if row == 0 || array.value(row) != array.value(row - 1) {
                    let ends = &array.value_offsets()[row..];
                    last = Span::new(place(ends[0]), place(ends[1]), false);
                }
                last
            };
            (0..array.value_offsets().len() - 1).map(of_row).collect::<Vec<_>>()
        };
        let columns = columns.iter().map(&mut spans).collect();
        let raw = raw.map(spans);
        Self { text, columns, lines, short: Vec::new(), raw, faults }
    }

    /// Rows in the columns.
    pub(crate) fn rows(&self) -> usize {
        self.lines.len()
    }

    /// The cell of a row as it lies in the text, and whether quotes in it are doubled.
    pub(crate) fn span(&self, column: usize, row: usize) -> Span {
        self.columns.get(column).and_then(|cells| cells.get(row)).copied().unwrap_or_default()
    }

    /// The text of a cell as it stands, doubled quotes and all.
    pub(crate) fn raw_cell(&self, span: Span) -> &str {
        self.text.get(span.start as usize..(span.end & !DOUBLED) as usize).unwrap_or_default()
    }

    /// A cell.
    pub(crate) fn value(&self, column: usize, row: usize) -> Cow<'_, str> {
        self.cell(self.span(column, row))
    }

    /// A cell by its place.
    pub(crate) fn cell(&self, span: Span) -> Cow<'_, str> {
        let cell = self.raw_cell(span);
        if span.is_doubled() { Cow::Owned(cell.replace("\"\"", "\"")) } else { Cow::Borrowed(cell) }
    }

    /// A row for a reject.
    pub(crate) fn raw_row(&self, row: usize) -> String {
        let mut text = match &self.raw {
            Some(raw) => raw_text(self.raw_cell(raw[row]).as_bytes()),
            None => (0..self.columns.len()).map(|at| self.value(at, row)).collect::<Vec<_>>().join(","),
        };
        truncate(&mut text, RAW_LIMIT);
        text
    }
}

/// Batches that are done with, for their memory: what is taken from the system anew costs more than what is done with it.
#[derive(Clone, Default)]
pub(crate) struct Spares(Arc<Mutex<Vec<TextBatch>>>);

impl Spares {
    /// Most batches that are kept.
    const KEPT: usize = 8;

    /// Takes a batch back.
    pub(crate) fn give(&self, batch: TextBatch) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() < Self::KEPT && batch.text.capacity() <= BATCH_BYTES {
            kept.push(batch);
        }
    }

    /// An empty batch of so many columns, and a buffer of any contents.
    pub(super) fn take(&self, width: usize) -> (TextBatch, Vec<u8>) {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut batch = kept.unwrap_or_default();
        let buffer = std::mem::take(&mut batch.text).into_bytes();
        batch.columns.resize_with(width, Vec::new);
        batch.columns.iter_mut().chain(batch.raw.as_mut()).for_each(Vec::clear);
        batch.lines.clear();
        batch.short.clear();
        batch.faults.clear();
        (batch, buffer)
    }
}

/// Cuts a text at a character, `limit` bytes or a little earlier.
pub(crate) fn truncate(text: &mut String, limit: usize) {
    if text.len() > limit {
        let at = (0..=limit).rev().find(|&i| text.is_char_boundary(i)).unwrap_or(0);
        text.truncate(at);
    }
}

/// A row of UTF-8 without its line end, cut at [`RAW_LIMIT`] or a little earlier.
pub(crate) fn raw_bytes(row: &[u8]) -> &[u8] {
    let row = row.strip_suffix(b"\n").unwrap_or(row);
    let row = row.strip_suffix(b"\r").unwrap_or(row);
    if row.len() <= RAW_LIMIT {
        return row;
    }
    let continues = |&at: &usize| row[at] & 0xC0 != 0x80;
    &row[..(0..=RAW_LIMIT).rev().find(continues).unwrap_or(0)]
}

/// [`raw_bytes`] as text, bytes that are no UTF-8 replaced.
pub(crate) fn raw_text(row: &[u8]) -> String {
    String::from_utf8_lossy(raw_bytes(row)).into_owned()
}
