//! One column of one row group in Parquet, from codes of a dictionary of its own.

use std::{ops::Range, sync::Arc};

use bytes::Bytes;
use parquet::{
    basic::{BoundaryOrder, Compression, Encoding, PageType},
    column::{
        page::{CompressedPage, Page, PageWriter},
        writer::ColumnCloseResult,
    },
    errors::ParquetError,
    file::{
        metadata::{ColumnChunkMetaData, ColumnIndexBuilder, LevelHistogram, OffsetIndexBuilder, PageEncodingStats},
        statistics::Statistics,
        writer::{SerializedPageWriter, TrackedWrite},
    },
    schema::types::ColumnDescPtr,
};

use super::hybrid;

/// Rows of a page. Pages of one row group begin at the same rows in every column.
pub(super) const PAGE_ROWS: usize = 20_480;

/// Stands for a null among codes.
pub(super) const NONE: u32 = u32::MAX;

/// The codes of a column's rows.
#[derive(Clone, Copy, Debug)]
pub(super) enum Codes<'a> {
    /// So many rows of code 0.
    Same(usize),
    /// So many nulls.
    Nulls(usize),
    /// A code or [`NONE`] a row.
    Each(&'a [u32]),
    /// Values themselves in plain encoding, where most differ.
    Plain {
        /// The values of all rows, any for those that have none.
        bytes: &'a [u8],
        /// Bytes of a value.
        size: usize,
        rows: usize,
        /// Which rows have no value; empty where all have one.
        nulls: &'a [bool],
    },
}

impl Codes<'_> {
    fn rows(&self) -> usize {
        match self {
            Self::Same(rows) | Self::Nulls(rows) | Self::Plain { rows, .. } => *rows,
            Self::Each(codes) => codes.len(),
        }
    }
}

/// The distinct values of a column in plain encoding.
#[derive(Debug, Default)]
pub(super) struct Plain {
    pub(super) bytes: Vec<u8>,
    pub(super) entries: usize,
}

/// Least and greatest value of some rows, as the column index has them, and their order.
#[derive(Debug)]
pub(super) struct PageBounds<K> {
    pub(super) least: (K, Vec<u8>),
    pub(super) greatest: (K, Vec<u8>),
}

/// A column chunk, ready to be put behind the others of its row group.
#[derive(Debug)]
pub(super) struct Encoded {
    pub(super) bytes: Bytes,
    pub(super) close: ColumnCloseResult,
}

/// Writes dictionary and pages. `bounds` tells least and greatest values of rows, or none where no row has a value;
/// a column without it gets no index of columns. `statistics` are those of all rows.
pub(super) fn encode<K: Ord>(
    descr: &ColumnDescPtr,
    compressor: &mut zstd::bulk::Compressor<'_>,
    codec: Compression,
    plain: &Plain,
    codes: Codes<'_>,
    bounds: Option<&dyn Fn(Range<usize>) -> Option<PageBounds<K>>>,
    statistics: Option<Statistics>,
) -> Result<Encoded, ParquetError> {
    let mut out = Out::new();
    let width = hybrid::width(plain.entries);
    let encoding = if plain.entries > 0 {
        let page = Page::DictionaryPage {
            buf: packed(compressor, codec, &plain.bytes)?,
            num_values: number(plain.entries)?,
            encoding: Encoding::PLAIN,
            is_sorted: false,
        };
        out.write(CompressedPage::new(page, plain.bytes.len()))?;
        Encoding::RLE_DICTIONARY
    } else {
        Encoding::PLAIN
    };
    let mut index = bounds.map(|_| Index::new(ColumnIndexBuilder::new(descr.physical_type())));
    let mut offsets = OffsetIndexBuilder::new();
    let mut body = Vec::new();
    let rows = codes.rows();
    for start in (0..rows).step_by(PAGE_ROWS) {
        let range = start..rows.min(start + PAGE_ROWS);
        body.clear();
        let nulls = page_body(&codes, range.clone(), descr.max_def_level() > 0, width, &mut body);
        if let (Some(index), Some(bounds)) = (&mut index, bounds) {
            index.page(bounds(range.clone()), nulls);
            if descr.max_def_level() > 0 {
                index.builder.append_histograms(&None, &Some(histogram(nulls, range.len())));
            }
        }
        out.nulls += nulls;
        let page = Page::DataPage {
            buf: packed(compressor, codec, &body)?,
            num_values: number(range.len())?,
            encoding,
            def_level_encoding: Encoding::RLE,
            rep_level_encoding: Encoding::RLE,
            statistics: None,
        };
        let (offset, size) = out.write(CompressedPage::new(page, body.len()))?;
        offsets.append_row_count(i64::try_from(range.len()).unwrap_or(i64::MAX));
        offsets.append_offset_and_size(offset, size);
    }
    out.close(descr, codec, rows, encoding, statistics, index, offsets)
}

/// Definition levels (when the column may have nulls) and codes of the rows; returns how many are null.
fn page_body(codes: &Codes<'_>, range: Range<usize>, nullable: bool, width: u32, body: &mut Vec<u8>) -> usize {
    let rows = range.len();
    let mut nulls = 0;
    if nullable {
        body.extend_from_slice(&[0; 4]);
        match codes {
            Codes::Same(_) => hybrid::repeated(1, rows, 1, body),
            Codes::Nulls(_) => {
                nulls = rows;
                hybrid::repeated(0, rows, 1, body);
            }
            Codes::Each(codes) => {
                let is_null = codes[range.clone()].iter().map(|code| *code == NONE);
                nulls = levels(is_null, body);
            }
            Codes::Plain { nulls: [], .. } => hybrid::repeated(1, rows, 1, body),
            Codes::Plain { nulls: is_null, .. } => nulls = levels(is_null[range.clone()].iter().copied(), body),
        }
        let length = u32::try_from(body.len() - 4).unwrap_or(u32::MAX);
        body[..4].copy_from_slice(&length.to_le_bytes());
    }
    match codes {
        Codes::Nulls(_) => {}
        Codes::Plain { bytes, size, nulls: is_null, .. } => {
            let values = &bytes[range.start * size..range.end * size];
            if nulls == 0 {
                body.extend_from_slice(values);
            } else {
                let present = values.chunks_exact(*size).zip(&is_null[range]).filter(|(_, null)| !**null);
                present.for_each(|(value, _)| body.extend_from_slice(value));
            }
        }
        Codes::Same(_) => {
            body.push(width.to_le_bytes()[0]);
            hybrid::repeated(0, rows, width, body);
        }
        Codes::Each(codes) => {
            body.push(width.to_le_bytes()[0]);
            if nulls == 0 {
                hybrid::numbers(&codes[range], width, body);
            } else {
                let present: Vec<u32> = codes[range].iter().copied().filter(|code| *code != NONE).collect();
                hybrid::numbers(&present, width, body);
            }
        }
    }
    nulls
}

/// Definition levels of rows; returns how many are null.
fn levels(is_null: impl ExactSizeIterator<Item = bool> + Clone, body: &mut Vec<u8>) -> usize {
    let rows = is_null.len();
    let nulls = is_null.clone().filter(|null| *null).count();
    if nulls == 0 || nulls == rows {
        hybrid::repeated(u32::from(nulls == 0), rows, 1, body);
    } else {
        let levels: Vec<u32> = is_null.map(|null| u32::from(!null)).collect();
        hybrid::numbers(&levels, 1, body);
    }
    nulls
}

/// How many of the rows are null and how many are not.
fn histogram(nulls: usize, rows: usize) -> LevelHistogram {
    let count = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
    vec![count(nulls), count(rows - nulls)].into()
}

/// The bytes of a page as they are stored.
fn packed(
    compressor: &mut zstd::bulk::Compressor<'_>,
    codec: Compression,
    bytes: &[u8],
) -> Result<Bytes, ParquetError> {
    match codec {
        Compression::UNCOMPRESSED => Ok(Bytes::copy_from_slice(bytes)),
        _ => Ok(compressor.compress(bytes)?.into()),
    }
}

fn number(count: usize) -> Result<u32, ParquetError> {
    u32::try_from(count).map_err(|_| ParquetError::General("a page has too many values".to_owned()))
}

/// The column index, and whether the bounds of pages still ascend or descend.
struct Index<K> {
    builder: ColumnIndexBuilder,
    last: Option<(K, K)>,
    ascending: bool,
    descending: bool,
}

impl<K: Ord> Index<K> {
    fn new(builder: ColumnIndexBuilder) -> Self {
        Self { builder, last: None, ascending: true, descending: true }
    }

    fn page(&mut self, bounds: Option<PageBounds<K>>, nulls: usize) {
        let nulls = i64::try_from(nulls).unwrap_or(i64::MAX);
        let Some(PageBounds { least, greatest }) = bounds else {
            self.builder.append(true, Vec::new(), Vec::new(), nulls);
            return;
        };
        if let Some((last_least, last_greatest)) = &self.last {
            self.ascending &= *last_least <= least.0 && *last_greatest <= greatest.0;
            self.descending &= *last_least >= least.0 && *last_greatest >= greatest.0;
        }
        self.builder.append(false, least.1, greatest.1, nulls);
        self.last = Some((least.0, greatest.0));
    }
}

struct Out {
    sink: TrackedWrite<Vec<u8>>,
    uncompressed: usize,
    dictionary: Option<i64>,
    data: Option<i64>,
    pages: i32,
    nulls: usize,
}

impl Out {
    fn new() -> Self {
        Self { sink: TrackedWrite::new(Vec::new()), uncompressed: 0, dictionary: None, data: None, pages: 0, nulls: 0 }
    }

    /// Writes a page; returns its place and size, header included.
    fn write(&mut self, page: CompressedPage) -> Result<(i64, i32), ParquetError> {
        let written = SerializedPageWriter::new(&mut self.sink).write_page(page)?;
        let offset = i64::try_from(written.offset).unwrap_or(i64::MAX);
        self.uncompressed += written.uncompressed_size;
        if written.page_type == PageType::DICTIONARY_PAGE {
            self.dictionary = Some(offset);
        } else {
            self.data.get_or_insert(offset);
            self.pages += 1;
        }
        Ok((offset, i32::try_from(written.compressed_size).unwrap_or(i32::MAX)))
    }

    #[allow(clippy::too_many_arguments)]
    fn close<K>(
        self,
        descr: &ColumnDescPtr,
        codec: Compression,
        rows: usize,
        encoding: Encoding,
        statistics: Option<Statistics>,
        index: Option<Index<K>>,
        offsets: OffsetIndexBuilder,
    ) -> Result<Encoded, ParquetError> {
        let bytes = self.sink.into_inner()?;
        let mut encodings = vec![Encoding::PLAIN, Encoding::RLE];
        let mut pages = Vec::new();
        if self.dictionary.is_some() {
            encodings.push(Encoding::RLE_DICTIONARY);
            pages.push(PageEncodingStats { page_type: PageType::DICTIONARY_PAGE, encoding: Encoding::PLAIN, count: 1 });
        }
        pages.push(PageEncodingStats { page_type: PageType::DATA_PAGE, encoding, count: self.pages });
        let mut metadata = ColumnChunkMetaData::builder(Arc::clone(descr))
            .set_compression(codec)
            .set_encodings(encodings)
            .set_page_encoding_stats(pages)
            .set_total_compressed_size(i64::try_from(bytes.len()).unwrap_or(i64::MAX))
            .set_total_uncompressed_size(i64::try_from(self.uncompressed).unwrap_or(i64::MAX))
            .set_num_values(i64::try_from(rows).unwrap_or(i64::MAX))
            .set_data_page_offset(self.data.unwrap_or(0))
            .set_dictionary_page_offset(self.dictionary);
        if let Some(statistics) = statistics {
            metadata = metadata.set_statistics(statistics);
            if descr.max_def_level() > 0 {
                metadata = metadata.set_definition_level_histogram(Some(histogram(self.nulls, rows)));
            }
        }
        let column_index = index.map(|mut index| {
            index.builder.set_boundary_order(match (index.ascending, index.descending) {
                (true, _) => BoundaryOrder::ASCENDING,
                (false, true) => BoundaryOrder::DESCENDING,
                (false, false) => BoundaryOrder::UNORDERED,
            });
            index.builder.build()
        });
        Ok(Encoded {
            close: ColumnCloseResult {
                bytes_written: bytes.len() as u64,
                rows_written: rows as u64,
                bloom_filter: None,
                metadata: metadata.build()?,
                column_index: column_index.transpose()?,
                offset_index: Some(offsets.build()),
            },
            bytes: bytes.into(),
        })
    }
}
