//! The records of a source file, whatever its form.

use std::collections::VecDeque;

use serde_json::{Map, Value};

use super::json_records::JsonRecords;
use crate::source::csv::CsvReader;
use crate::source::open::{Content, Taps, open};
use crate::source::window::Window;
use crate::source::{Compression, Format, SourceFile};
use crate::{ImportError, Progress};

/// What stands at a place of a file.
pub(crate) enum Entry {
    /// A record: of JSON its members, of CSV its fields as texts under their headers.
    Record {
        /// Line on which it starts, from 1.
        line: u64,
        /// Its members.
        fields: Map<String, Value>,
    },
    /// Something that is no record.
    Fault {
        /// Line on which it starts, from 1.
        line: u64,
        /// Why not.
        reason: String,
    },
}

/// An open file of records, read once from start to end.
pub(crate) struct RecordFile {
    reader: Reader,
    /// Outer packing.
    pub(crate) compression: Compression,
    taps: Taps,
}

enum Reader {
    Json(Box<JsonRecords>),
    Csv { reader: Box<CsvReader>, ready: VecDeque<Entry> },
}

impl RecordFile {
    /// Opens a file, plain or packed.
    ///
    /// # Errors
    /// [`ImportError`] when it cannot be read or is neither JSON nor CSV.
    pub(crate) fn open(file: &SourceFile) -> Result<Self, ImportError> {
        let opened = open(file, true)?;
        let reader = match opened.content {
            Content::Text(Format::Json, bytes) => {
                Reader::Json(Box::new(JsonRecords::new(&file.name, Window::new(bytes))))
            }
            Content::Text(_, bytes) => {
                let reader = Box::new(CsvReader::open(&file.name, Window::new(bytes))?);
                Reader::Csv { reader, ready: VecDeque::new() }
            }
            Content::Parquet(_) => {
                let reason = "this is Parquet; expected JSON (lines, an array, pages) or CSV".to_owned();
                return Err(ImportError::Unrecognised { file: file.name.clone(), reason });
            }
        };
        Ok(Self { reader, compression: opened.compression, taps: opened.taps })
    }

    /// The next record or fault; none at the end.
    ///
    /// # Errors
    /// [`ImportError::Damaged`] where the file cannot be read on.
    pub(crate) fn next(&mut self, progress: &dyn Progress) -> Result<Option<Entry>, ImportError> {
        let (reader, ready) = match &mut self.reader {
            Reader::Json(reader) => {
                let next = reader.next();
                progress.advance(self.taps.advanced());
                return next;
            }
            Reader::Csv { reader, ready } => (reader, ready),
        };
        if ready.is_empty()
            && let Some(batch) = reader.next_batch()?
        {
            progress.advance(self.taps.advanced());
            let header = reader.header();
            for row in 0..batch.rows() {
                let names = header.iter().enumerate();
                let fields = names.map(|(at, name)| (name.clone(), batch.value(at, row).into())).collect();
                ready.push_back(Entry::Record { line: batch.lines[row], fields });
            }
            let faults = batch.faults.into_iter();
            ready.extend(faults.map(|f| Entry::Fault { line: f.line, reason: f.reason }));
        }
        Ok(ready.pop_front())
    }

    /// Pages read so far, and those of them that name a next page.
    pub(crate) fn pages(&self) -> (u64, u64) {
        match &self.reader {
            Reader::Json(reader) => (reader.pages, reader.unfinished),
            Reader::Csv { .. } => (0, 0),
        }
    }

    /// Whether the last page names a next one.
    pub(crate) fn goes_on(&self) -> bool {
        match &self.reader {
            Reader::Json(reader) => reader.goes_on,
            Reader::Csv { .. } => false,
        }
    }

    /// `@odata.context` of the last page, empty if it has none.
    pub(crate) fn context(&self) -> &str {
        match &self.reader {
            Reader::Json(reader) => &reader.context,
            Reader::Csv { .. } => "",
        }
    }

    /// The last page's link to itself, as Partner Center writes it; empty if it has none.
    pub(crate) fn self_link(&self) -> &str {
        match &self.reader {
            Reader::Json(reader) => &reader.self_link,
            Reader::Csv { .. } => "",
        }
    }

    /// SHA-256 of the file's bytes and of its unpacked bytes, once the last record was read.
    pub(crate) fn digests(&self) -> (String, String) {
        self.taps.digests()
    }
}
