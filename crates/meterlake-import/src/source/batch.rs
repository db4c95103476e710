//! Rows as text, column by column, on their way from a file to typed batches.

use arrow::array::StringArray;
use arrow::buffer::{Buffer, OffsetBuffer, ScalarBuffer};
use arrow::error::ArrowError;

/// Rows of a batch at most.
pub(crate) const BATCH_ROWS: usize = 8_192;
/// Bytes of text in a batch, after which it ends early.
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

    /// Adds a row in which every doubled quote stands for one.
    pub(crate) fn push_unquoting(&mut self, text: &[u8]) {
        let mut rest = text;
        while let Some(at) = memchr::memchr(b'"', rest) {
            self.data.extend_from_slice(&rest[..=at]);
            rest = rest.get(at + 2..).unwrap_or_default();
        }
        self.data.extend_from_slice(rest);
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

/// Some rows of a file.
#[derive(Debug, Clone)]
pub(crate) struct TextBatch {
    /// A column for each header; JSON files may show further headers later.
    pub(crate) columns: Vec<StringArray>,
    /// Line on which each row starts.
    pub(crate) lines: Vec<u64>,
    /// Rows that end early, and how many fields they have.
    pub(crate) short: Vec<(usize, usize)>,
    /// The rows as they stand in the file, cut at [`RAW_LIMIT`]; none for Parquet.
    pub(crate) raw: Option<StringArray>,
    /// Rows that are not in the columns.
    pub(crate) faults: Vec<Fault>,
}

impl TextBatch {
    /// Rows in the columns.
    pub(crate) fn rows(&self) -> usize {
        self.lines.len()
    }

    /// A row for a reject.
    pub(crate) fn raw_row(&self, row: usize) -> String {
        match &self.raw {
            Some(raw) => raw.value(row).to_owned(),
            None => {
                let mut text = self.columns.iter().map(|c| c.value(row)).collect::<Vec<_>>().join(",");
                truncate(&mut text, RAW_LIMIT);
                text
            }
        }
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
