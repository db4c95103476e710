//! Column chunks page by page, in buffers that are used again: what sums need, and no more.

use std::{fs::File, ops::Range};

use parquet::{
    basic::{Compression, Encoding, Type},
    file::{metadata::ColumnChunkMetaData, page_index::offset_index::PageLocation},
};

use super::{
    RowGroup,
    chunks::Pieces,
    header::{self, Header, Kind},
    rle::{self, Hybrid, Run},
};
use crate::{error::LakeError, root};

/// Column chunks of at most so many bytes are read at once; of larger ones, one page after the other.
const READ_AT_ONCE: u64 = 256 << 10;

/// A header, without its statistics, is shorter, and so are levels when all rows have a value.
const HEADER_BYTES: u64 = 256;

/// The bytes of a row group: of a local file, which is read where and when they are needed, or fetched beforehand.
pub(crate) struct OpenGroup {
    group: RowGroup,
    file: Option<File>,
    fetched: Vec<(String, Pieces)>,
}

/// A column chunk of which the places of pages are known.
#[derive(Debug)]
pub(crate) struct Chunk {
    pub(crate) physical: Type,
    /// Bytes of a value of fixed length.
    pub(crate) width: usize,
    nullable: bool,
    packed: bool,
    column: String,
    start: u64,
    /// The bytes from `start` on, when they were read at once.
    held: Vec<u8>,
    dictionary: Option<Range<u64>>,
    pages: Vec<PagePlace>,
}

/// Where a page with its header lies, and which rows of the row group it has.
#[derive(Debug)]
struct PagePlace {
    bytes: Range<u64>,
    rows: Range<usize>,
}

/// Buffers and the decompressor, made once and used for many pages.
#[derive(Default)]
pub(crate) struct Buffers {
    zstd: Option<zstd::bulk::Decompressor<'static>>,
    stored: Vec<u8>,
    page: Vec<u8>,
    /// Buffers of chunks that are no longer needed.
    free: Vec<Vec<u8>>,
}

/// A page of data.
pub(crate) struct DataPage<'a> {
    pub(crate) encoding: Encoding,
    /// What follows the levels.
    pub(crate) values: &'a [u8],
    /// Whether each row has a value, 1 or 0; none when all have.
    pub(crate) present: Option<Vec<u32>>,
}

/// Why a column chunk is not read here.
#[derive(Debug)]
pub(crate) enum Unread {
    /// It is damaged, or in a form that only the engine reads.
    Unsupported(&'static str),
    /// The file cannot be read.
    Lake(LakeError),
}

impl From<LakeError> for Unread {
    fn from(error: LakeError) -> Self {
        Self::Lake(error)
    }
}

const DAMAGED: Unread = Unread::Unsupported("damaged");

impl OpenGroup {
    pub(crate) fn open(group: &RowGroup) -> Result<Self, LakeError> {
        let file = match group.local_path() {
            Some(path) => Some(File::open(&path).map_err(LakeError::io(&path))?),
            None => None,
        };
        Ok(Self { group: group.clone(), file, fetched: Vec::new() })
    }

    /// Fetches these columns from a store that is not local.
    pub(crate) async fn prepare(&mut self, columns: &[&'static str]) -> Result<(), LakeError> {
        if self.file.is_some() {
            return Ok(());
        }
        let known = |column: &&&str| !self.fetched.iter().any(|(fetched, _)| fetched == **column);
        let missing: Vec<&str> = columns.iter().filter(known).copied().collect();
        if !missing.is_empty() {
            let pieces = self.group.fetch(&missing).await?.into_pieces();
            self.fetched.extend(missing.iter().map(|column| ((*column).to_owned(), pieces.clone())));
        }
        Ok(())
    }

    /// Reads bytes of a column into the front of a buffer.
    fn read(&self, column: &str, range: &Range<u64>, into: &mut Vec<u8>) -> Result<(), Unread> {
        let length = usize::try_from(range.end.saturating_sub(range.start)).map_err(|_| DAMAGED)?;
        // Zeros are written only when a buffer grows.
        if into.len() < length {
            into.resize(length, 0);
        }
        let into = into.get_mut(..length).ok_or(DAMAGED)?;
        if let Some(file) = &self.file {
            let path = self.group.local_path().unwrap_or_default();
            return Ok(root::read_at(file, range.start, into).map_err(LakeError::io(&path))?);
        }
        let fetched = self.fetched.iter().find(|(fetched, _)| fetched == column).ok_or(DAMAGED)?;
        let bytes = fetched.1.bytes(range.start, length).map_err(LakeError::from)?;
        into.copy_from_slice(&bytes);
        Ok(())
    }

    /// The chunk of a column; none when the file does not have it.
    pub(crate) fn chunk(&self, column: &str, buffers: &mut Buffers) -> Result<Option<Chunk>, Unread> {
        let Some((stored, places)) = self.group.stored(column) else { return Ok(None) };
        let descriptor = stored.column_descr();
        if descriptor.max_rep_level() > 0 || descriptor.max_def_level() > 1 {
            return Err(Unread::Unsupported("nested"));
        }
        let packed = match stored.compression() {
            Compression::ZSTD(_) => true,
            Compression::UNCOMPRESSED => false,
            _ => return Err(Unread::Unsupported("compressed in a way that is not read here")),
        };
        let (start, length) = stored.byte_range();
        let end = start.checked_add(length).ok_or(DAMAGED)?;
        let mut chunk = Chunk {
            physical: descriptor.physical_type(),
            width: usize::try_from(descriptor.type_length()).unwrap_or(0),
            nullable: descriptor.max_def_level() > 0,
            packed,
            column: column.to_owned(),
            start,
            held: Vec::new(),
            dictionary: None,
            pages: Vec::new(),
        };
        let rows = self.group.rows();
        if length > READ_AT_ONCE && chunk.indexed(stored, places, start..end, rows).is_some() {
            return Ok(Some(chunk));
        }
        chunk.held = buffers.free.pop().unwrap_or_default();
        self.read(column, &(start..end), &mut chunk.held)?;
        chunk.walk(usize::try_from(length).map_err(|_| DAMAGED)?, rows).ok_or(DAMAGED)?;
        Ok(Some(chunk))
    }
}

impl Chunk {
    /// Takes the places of pages from the offset index; none when there is no good one.
    fn indexed(
        &mut self,
        stored: &ColumnChunkMetaData,
        places: Option<&[PageLocation]>,
        bytes: Range<u64>,
        rows: usize,
    ) -> Option<()> {
        let places = places.filter(|places| !places.is_empty())?;
        let mut pages = Vec::with_capacity(places.len());
        for (at, place) in places.iter().enumerate() {
            let start = u64::try_from(place.offset).ok()?;
            let end = start.checked_add(u64::try_from(place.compressed_page_size).ok()?)?;
            let first = usize::try_from(place.first_row_index).ok()?;
            let next = places.get(at + 1).map_or(Some(rows), |next| usize::try_from(next.first_row_index).ok())?;
            if first > next || next > rows || start < bytes.start || end > bytes.end {
                return None;
            }
            pages.push(PagePlace { bytes: start..end, rows: first..next });
        }
        let first = pages.first()?;
        if first.rows.start != 0 {
            return None;
        }
        self.dictionary = (stored.dictionary_page_offset().is_some() && first.bytes.start > bytes.start)
            .then_some(bytes.start..first.bytes.start);
        self.pages = pages;
        Some(())
    }

    /// Finds the pages of a chunk that was read at once.
    fn walk(&mut self, length: usize, rows: usize) -> Option<()> {
        let (mut at, mut row) = (0, 0);
        while at < length && row < rows {
            let (header, header_length) = header::parse(self.held.get(at..length)?)?;
            let end = at.checked_add(header_length)?.checked_add(header.stored)?;
            let bytes = self.start + at as u64..self.start + end as u64;
            match header.kind {
                Kind::Dictionary { .. } => self.dictionary = Some(bytes),
                Kind::Data { rows: held, .. } | Kind::Data2 { rows: held, .. } => {
                    let next = row.checked_add(held).filter(|next| *next <= rows)?;
                    self.pages.push(PagePlace { bytes, rows: row..next });
                    row = next;
                }
                Kind::Other => {}
            }
            at = end;
        }
        (row == rows).then_some(())
    }

    /// How many pages of data there are.
    pub(crate) fn pages(&self) -> usize {
        self.pages.len()
    }

    /// The rows of a page; none beyond the last.
    pub(crate) fn rows(&self, page: usize) -> Range<usize> {
        self.pages.get(page).map_or(0..0, |page| page.rows.clone())
    }

    /// The distinct values in plain encoding, and how many there are. None when the chunk has none.
    pub(crate) fn dictionary<'a>(
        &'a self,
        source: &OpenGroup,
        buffers: &'a mut Buffers,
    ) -> Result<Option<(&'a [u8], usize)>, Unread> {
        let Some(place) = &self.dictionary else { return Ok(None) };
        let Buffers { zstd, stored, page, .. } = buffers;
        let (header, body) = self.bytes(source, place, stored)?;
        let Kind::Dictionary { values, encoding: Some(Encoding::PLAIN | Encoding::PLAIN_DICTIONARY) } = header.kind
        else {
            return Err(DAMAGED);
        };
        let plain = self.unpacked(zstd, body, header.unpacked, self.packed, page)?;
        Ok(Some((plain, values)))
    }

    /// A page of data, unpacked.
    pub(crate) fn page<'a>(
        &'a self,
        source: &OpenGroup,
        place: usize,
        buffers: &'a mut Buffers,
    ) -> Result<DataPage<'a>, Unread> {
        let Buffers { zstd, stored, page, .. } = buffers;
        let place = self.pages.get(place).ok_or(DAMAGED)?;
        let (header, body) = self.bytes(source, &place.bytes, stored)?;
        let count = place.rows.len();
        let levels = |bytes: Option<&[u8]>| levels(bytes?, count);
        match header.kind {
            Kind::Data { rows, encoding: Some(encoding), levels: kind } if rows == count => {
                let plain = self.unpacked(zstd, body, header.unpacked, self.packed, page)?;
                if !self.nullable {
                    return Ok(DataPage { encoding, values: plain, present: None });
                }
                let (length, rest) = plain.split_first_chunk::<4>().ok_or(DAMAGED)?;
                let length = usize::try_from(u32::from_le_bytes(*length)).map_err(|_| DAMAGED)?;
                let (bytes, values) = rest.split_at_checked(length).ok_or(DAMAGED)?;
                if kind != Some(Encoding::RLE) {
                    return Err(Unread::Unsupported("levels that are not read here"));
                }
                Ok(DataPage { encoding, values, present: levels(Some(bytes)).ok_or(DAMAGED)? })
            }
            Kind::Data2 { rows, nulls, encoding: Some(encoding), levels: length, compressed } if rows == count => {
                let (bytes, rest) = body.split_at_checked(length).ok_or(DAMAGED)?;
                let present = if nulls > 0 { levels(Some(bytes)).ok_or(DAMAGED)? } else { None };
                let unpacked = header.unpacked.checked_sub(length).ok_or(DAMAGED)?;
                // Without any value there is nothing to unpack.
                let packed = self.packed && compressed && !rest.is_empty();
                let values = self.unpacked(zstd, rest, unpacked, packed, page)?;
                Ok(DataPage { encoding, values, present })
            }
            Kind::Data { .. } | Kind::Data2 { .. } => Err(Unread::Unsupported("in an encoding that is not read here")),
            _ => Err(DAMAGED),
        }
    }

    /// Where in the file the values of a page begin, when they lie there as they are, one for each row: then some of them
    /// can be read without the others.
    pub(crate) fn plain_values(
        &self,
        source: &OpenGroup,
        page: usize,
        buffers: &mut Buffers,
    ) -> Result<Option<u64>, Unread> {
        if self.packed || !self.held.is_empty() {
            return Ok(None);
        }
        let place = self.pages.get(page).ok_or(DAMAGED)?;
        let end = place.bytes.end.min(place.bytes.start + HEADER_BYTES);
        let front = place.bytes.start..end;
        source.read(&self.column, &front, &mut buffers.stored)?;
        let length = usize::try_from(end - place.bytes.start).map_err(|_| DAMAGED)?;
        let bytes = buffers.stored.get(..length).ok_or(DAMAGED)?;
        Ok(header::parse(bytes).and_then(|(header, length)| {
            let Kind::Data { rows, encoding: Some(Encoding::PLAIN), levels: Some(Encoding::RLE) } = header.kind else {
                return None;
            };
            let mut first = length;
            if self.nullable {
                let levels_length = bytes.get(first..)?.first_chunk::<4>()?;
                let end = (first + 4).checked_add(usize::try_from(u32::from_le_bytes(*levels_length)).ok()?)?;
                if levels(bytes.get(first + 4..end)?, rows)?.is_some() {
                    return None;
                }
                first = end;
            }
            let held = length.checked_add(header.stored)?.checked_sub(first)?;
            (rows == place.rows.len() && held >= rows.checked_mul(self.width)?).then_some(())?;
            place.bytes.start.checked_add(first as u64)
        }))
    }

    /// Bytes of the file, which lie among those of a page.
    pub(crate) fn some<'a>(
        &self,
        source: &OpenGroup,
        bytes: Range<u64>,
        buffers: &'a mut Buffers,
    ) -> Result<&'a [u8], Unread> {
        source.read(&self.column, &bytes, &mut buffers.stored)?;
        let length = usize::try_from(bytes.end - bytes.start).map_err(|_| DAMAGED)?;
        buffers.stored.get(..length).ok_or(DAMAGED)
    }

    /// The header of a page, and what follows it.
    fn bytes<'a>(
        &'a self,
        source: &OpenGroup,
        place: &Range<u64>,
        buffer: &'a mut Vec<u8>,
    ) -> Result<(Header, &'a [u8]), Unread> {
        let length = usize::try_from(place.end.saturating_sub(place.start)).map_err(|_| DAMAGED)?;
        let bytes = if self.held.is_empty() {
            source.read(&self.column, place, buffer)?;
            buffer.get(..length)
        } else {
            let first = usize::try_from(place.start.saturating_sub(self.start)).map_err(|_| DAMAGED)?;
            self.held.get(first..first + length)
        };
        let bytes = bytes.ok_or(DAMAGED)?;
        let (header, header_length) = header::parse(bytes).ok_or(DAMAGED)?;
        let end = header_length.checked_add(header.stored).ok_or(DAMAGED)?;
        Ok((header, bytes.get(header_length..end).ok_or(DAMAGED)?))
    }

    fn unpacked<'a>(
        &self,
        zstd: &mut Option<zstd::bulk::Decompressor<'static>>,
        stored: &'a [u8],
        length: usize,
        packed: bool,
        into: &'a mut Vec<u8>,
    ) -> Result<&'a [u8], Unread> {
        if !packed {
            return if stored.len() == length { Ok(stored) } else { Err(DAMAGED) };
        }
        if zstd.is_none() {
            *zstd = zstd::bulk::Decompressor::new().ok();
        }
        let zstd = zstd.as_mut().ok_or(Unread::Unsupported("no memory to unpack it"))?;
        // A damaged length must not ask for any memory there is: zstd shrinks text to a 16,000th at best.
        if length / (1 << 16) > stored.len() {
            return Err(DAMAGED);
        }
        if into.len() < length {
            into.resize(length, 0);
        }
        let target = into.get_mut(..length).ok_or(DAMAGED)?;
        match zstd.decompress_to_buffer(stored, target) {
            Ok(written) if written == length => Ok(into.get(..length).ok_or(DAMAGED)?),
            _ => Err(DAMAGED),
        }
    }
}

impl Buffers {
    /// Takes back what a chunk held.
    pub(crate) fn give_back(&mut self, chunk: Chunk) {
        if !chunk.held.is_empty() {
            self.free.push(chunk.held);
        }
    }

    /// Bytes that they take.
    pub(crate) fn size(&self) -> usize {
        self.stored.capacity() + self.page.capacity() + self.free.iter().map(Vec::capacity).sum::<usize>()
    }
}

/// Definition levels of 0 and 1; none when all are 1.
#[expect(clippy::option_option, reason = "damaged, no nulls, some nulls")]
fn levels(bytes: &[u8], count: usize) -> Option<Option<Vec<u32>>> {
    // Mostly there is one run of ones.
    if let Some(Run::Repeat(1, rows)) = Hybrid::new(bytes, 1)?.run()
        && rows >= count
    {
        return Some(None);
    }
    let mut levels = Vec::new();
    rle::numbers(bytes, 1, count, &mut levels)?;
    Some(levels.contains(&0).then_some(levels))
}
