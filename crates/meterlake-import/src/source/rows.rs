//! The rows of a file in batches of text, whatever its format.

use std::collections::BTreeSet;

use super::ahead::Ahead;
use super::batch::{Spares, TextBatch};
use super::csv::CsvReader;
use super::json::JsonReader;
use super::open::{Content, Taps, open};
use super::parquet::ParquetReader;
use super::window::Window;
use super::{Compression, Format, SourceFile};
use crate::ImportError;

/// An open file.
pub(crate) struct Rows {
    pub(crate) compression: Compression,
    pub(crate) format: Format,
    pub(crate) taps: Taps,
    reader: Reader,
}

enum Reader {
    Csv(Box<CsvReader>),
    Json(Box<JsonReader>),
    Parquet(Box<ParquetReader>),
}

impl Rows {
    /// Opens a file and finds its header. `header` is what an earlier pass found, empty in the first.
    pub(crate) fn open(file: &SourceFile, hashing: bool, header: &[String]) -> Result<Self, ImportError> {
        let opened = open(file, hashing)?;
        let ahead = |bytes| Ahead::new(bytes).map_err(|error| ImportError::Io { path: file.path.clone(), error });
        let window = |bytes| Ok::<_, ImportError>(Window::new(Box::new(ahead(bytes)?)));
        let (format, reader) = match opened.content {
            Content::Text(Format::Json, bytes) => {
                (Format::Json, Reader::Json(Box::new(JsonReader::open(&file.name, window(bytes)?, header)?)))
            }
            Content::Text(_, bytes) => {
                (Format::Csv, Reader::Csv(Box::new(CsvReader::open(&file.name, window(bytes)?)?)))
            }
            Content::Parquet(source) => {
                (Format::Parquet, Reader::Parquet(Box::new(ParquetReader::open(&file.name, source)?)))
            }
        };
        Ok(Self { compression: opened.compression, format, taps: opened.taps, reader })
    }

    /// The headers; those of a JSON file grow while it is read.
    pub(crate) fn header(&self) -> &[String] {
        match &self.reader {
            Reader::Csv(reader) => reader.header(),
            Reader::Json(reader) => reader.header(),
            Reader::Parquet(reader) => reader.header(),
        }
    }

    /// The separator of a CSV, `,` otherwise.
    pub(crate) fn separator(&self) -> u8 {
        match &self.reader {
            Reader::Csv(reader) => reader.separator(),
            _ => b',',
        }
    }

    /// Names of columns that hold binary floating point.
    pub(crate) fn doubles(&self) -> Vec<String> {
        match &self.reader {
            Reader::Parquet(reader) => reader.doubles(),
            _ => Vec::new(),
        }
    }

    /// Lets columns of other places be passed over where that saves work; their cells are then empty.
    pub(crate) fn want(&mut self, places: &BTreeSet<usize>) {
        if let Reader::Csv(reader) = &mut self.reader {
            reader.want(places);
        }
    }

    /// Takes batches that are done with; `None` where no reader makes use of them.
    pub(crate) fn spares(&self) -> Option<Spares> {
        match &self.reader {
            Reader::Csv(reader) => Some(reader.spares()),
            _ => None,
        }
    }

    /// The next rows; none at the end.
    pub(crate) fn next_batch(&mut self) -> Result<Option<TextBatch>, ImportError> {
        match &mut self.reader {
            Reader::Csv(reader) => reader.next_batch(),
            Reader::Json(reader) => reader.next_batch(),
            Reader::Parquet(reader) => reader.next_batch(),
        }
    }
}
