//! Bytes of a row group, as Parquet's page readers take them.

use std::{ops::Range, sync::Arc};

use bytes::{Buf, Bytes, buf::Reader};
use parquet::{
    arrow::arrow_reader::RowGroups,
    column::page::{PageIterator, PageReader},
    errors::{ParquetError, Result},
    file::{
        metadata::{ParquetMetaData, RowGroupMetaData},
        reader::{ChunkReader, Length, SerializedPageReader},
    },
};

/// Pieces of a file, by where they start.
#[derive(Debug, Clone)]
pub(super) struct Pieces(Arc<[(u64, Bytes)]>);

impl Pieces {
    /// The pieces of these ranges, which are sorted.
    pub(super) fn new(ranges: &[Range<u64>], bytes: Vec<Bytes>) -> Self {
        Self(ranges.iter().map(|range| range.start).zip(bytes).collect())
    }

    /// All their bytes.
    pub(super) fn size(&self) -> usize {
        self.0.iter().map(|(_, bytes)| bytes.len()).sum()
    }

    /// So many bytes from this place on.
    pub(super) fn bytes(&self, start: u64, length: usize) -> Result<Bytes> {
        self.get_bytes(start, length)
    }

    /// What there is from this place on to the end of its piece.
    fn from(&self, start: u64) -> Result<Bytes> {
        let after = self.0.partition_point(|(first, _)| *first <= start);
        let found = after.checked_sub(1).and_then(|place| {
            let (first, bytes) = &self.0[place];
            let skipped = usize::try_from(start - first).ok()?;
            (skipped < bytes.len()).then(|| bytes.slice(skipped..))
        });
        found.ok_or_else(|| ParquetError::EOF(format!("the bytes at {start} were not read")))
    }
}

impl Length for Pieces {
    fn len(&self) -> u64 {
        self.0.last().map_or(0, |(start, bytes)| start + bytes.len() as u64)
    }
}

impl ChunkReader for Pieces {
    type T = Reader<Bytes>;

    fn get_read(&self, start: u64) -> Result<Self::T> {
        Ok(self.from(start)?.reader())
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes> {
        if length == 0 {
            return Ok(Bytes::new());
        }
        let bytes = self.from(start)?;
        if bytes.len() < length {
            return Err(ParquetError::EOF(format!("{length} bytes at {start} were not read, only {}", bytes.len())));
        }
        Ok(bytes.slice(..length))
    }
}

/// One row group of which the wanted column chunks, or the wanted pages of them, are in memory.
pub(super) struct InMemory<'a> {
    pub(super) metadata: &'a ParquetMetaData,
    pub(super) index: usize,
    /// Whether only some pages are there.
    pub(super) sparse: bool,
    pub(super) pieces: Pieces,
}

impl InMemory<'_> {
    fn group(&self) -> &RowGroupMetaData {
        self.metadata.row_group(self.index)
    }
}

impl RowGroups for InMemory<'_> {
    fn num_rows(&self) -> usize {
        usize::try_from(self.group().num_rows()).unwrap_or(0)
    }

    fn column_chunks(&self, column: usize) -> Result<Box<dyn PageIterator>> {
        let pages = if self.sparse {
            let index = self.metadata.offset_index().and_then(|groups| groups.get(self.index)?.get(column));
            index.map(|index| index.page_locations.clone())
        } else {
            None
        };
        let chunk = Arc::new(self.pieces.clone());
        let reader = SerializedPageReader::new(chunk, self.group().column(column), self.num_rows(), pages)?;
        Ok(Box::new(OneChunk(Some(Box::new(reader)))))
    }

    fn row_groups(&self) -> Box<dyn Iterator<Item = &RowGroupMetaData> + '_> {
        Box::new(std::iter::once(self.group()))
    }

    fn metadata(&self) -> &ParquetMetaData {
        self.metadata
    }
}

/// The pages of one column chunk.
struct OneChunk(Option<Box<dyn PageReader>>);

impl Iterator for OneChunk {
    type Item = Result<Box<dyn PageReader>>;

    fn next(&mut self) -> Option<Self::Item> {
        self.0.take().map(Ok)
    }
}

impl PageIterator for OneChunk {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_read_is_given() {
        let pieces = Pieces::new(&[10..14, 20..23], vec![Bytes::from_static(b"abcd"), Bytes::from_static(b"xyz")]);
        assert_eq!(pieces.get_bytes(11, 2).unwrap(), "bc");
        assert_eq!(pieces.get_bytes(20, 3).unwrap(), "xyz");
        assert_eq!(pieces.get_bytes(99, 0).unwrap(), "");
        assert_eq!((pieces.size(), pieces.len()), (7, 23));
        for (start, length) in [(9, 1), (13, 2), (14, 1), (19, 1), (22, 2), (23, 1)] {
            assert!(pieces.get_bytes(start, length).is_err(), "{start} {length}");
        }
    }
}
