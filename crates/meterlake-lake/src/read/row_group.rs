//! Row groups: where they are, what they hold, and reading their bytes.

use std::{fmt, ops::Range, path::PathBuf, sync::Arc};

use meterlake_model::{Day, DayRange};
use parquet::{
    arrow::arrow_reader::RowSelection,
    basic::Encoding,
    file::{
        metadata::{ColumnChunkMetaData, ParquetMetaData, RowGroupMetaData},
        page_index::offset_index::{OffsetIndexMetaData, PageLocation},
        statistics::Statistics,
    },
};

use super::{batches::FetchedRowGroup, chunks::Pieces};
use crate::{
    charges::{ChargesFile, ChargesSnapshot},
    error::LakeError,
    root::TableRoot,
    snapshot::{DAY, TableFile, TableSnapshot},
    tables::{ColumnType, Table},
};

/// A row group of a data file: rows that lie together, in the file's order. Cheap to clone.
#[derive(Clone)]
pub struct RowGroup {
    source: Arc<Source>,
    index: usize,
    first_row: u64,
    rows: usize,
    /// Least and greatest value of the first sort column, as a number of days or microseconds, when known.
    span: Option<(i64, i64)>,
}

/// An opened data file.
pub(super) struct Source {
    pub(super) table: Table,
    root: TableRoot,
    pub(super) file: TableFile,
    place: usize,
    pub(super) metadata: Arc<ParquetMetaData>,
}

impl TableSnapshot {
    /// The row groups of these files, file by file, in the order of their rows. With `days`, only those that may have
    /// rows of these UTC days in the day or instant of [`Table::sort`]. Reads the footers of the files that it does not
    /// know yet.
    ///
    /// # Errors
    /// When a file cannot be read or is no Parquet.
    pub async fn row_groups(&self, files: &[TableFile], days: Option<DayRange>) -> Result<Vec<RowGroup>, LakeError> {
        let table = self.table();
        let root = self.root();
        let mut groups = Vec::new();
        for (place, file) in files.iter().enumerate() {
            if days.is_some_and(|days| file.last_day < days.first || days.last < file.first_day) {
                continue;
            }
            let metadata = root.footers.of(root, table, file).await?;
            let source = Arc::new(Source { table, root: root.clone(), file: file.clone(), place, metadata });
            groups.extend(source.groups(days));
        }
        Ok(groups)
    }
}

impl ChargesSnapshot {
    /// The row groups of these files, as [`TableSnapshot::row_groups`] gives them.
    ///
    /// # Errors
    /// As [`TableSnapshot::row_groups`].
    pub async fn row_groups(&self, files: &[ChargesFile], days: Option<DayRange>) -> Result<Vec<RowGroup>, LakeError> {
        let files: Vec<TableFile> = files.iter().map(|file| file.file.clone()).collect();
        self.0.row_groups(&files, days).await
    }
}

impl Source {
    fn groups(self: &Arc<Self>, days: Option<DayRange>) -> Vec<RowGroup> {
        let lead = self.table.layout().stats[self.table.layout().lead()];
        let lead_column = self.column(lead);
        let wanted = days.map(|days| self.span_of(days));
        let mut first_row = 0;
        let mut groups = Vec::with_capacity(self.metadata.num_row_groups());
        for (index, group) in self.metadata.row_groups().iter().enumerate() {
            let rows = usize::try_from(group.num_rows()).unwrap_or(0);
            let span = lead_column.and_then(|column| span(group.column(column)));
            let group = RowGroup { source: Arc::clone(self), index, first_row, rows, span };
            first_row += rows as u64;
            let outside = |wanted: (i64, i64), span: (i64, i64)| span.1 < wanted.0 || wanted.1 < span.0;
            if rows > 0 && !wanted.zip(span).is_some_and(|(wanted, span)| outside(wanted, span)) {
                groups.push(group);
            }
        }
        groups
    }

    /// The days as values of the first sort column.
    fn span_of(&self, days: DayRange) -> (i64, i64) {
        let (first, last) = (i64::from(days.first.since_epoch()), i64::from(days.last.since_epoch()));
        if self.is_by_day() { (first, last) } else { (first * DAY, last * DAY + DAY - 1) }
    }

    fn is_by_day(&self) -> bool {
        let lead = self.table.layout().stats[self.table.layout().lead()];
        self.table.columns().iter().any(|column| column.name == lead && column.kind == ColumnType::Day)
    }

    /// The place of a column in the file.
    pub(super) fn column(&self, name: &str) -> Option<usize> {
        let columns = self.metadata.file_metadata().schema_descr().columns();
        // Mostly the file has the columns of today.
        let usual = self.table.layout().stored.index_of(name).ok();
        let is = |place: &usize| columns.get(*place).is_some_and(|column| column.name() == name);
        usual.filter(is).or_else(|| columns.iter().position(|column| column.name() == name))
    }
}

fn span(column: &ColumnChunkMetaData) -> Option<(i64, i64)> {
    match column.statistics()? {
        Statistics::Int32(values) => Some((i64::from(*values.min_opt()?), i64::from(*values.max_opt()?))),
        Statistics::Int64(values) => Some((*values.min_opt()?, *values.max_opt()?)),
        _ => None,
    }
}

impl RowGroup {
    /// The path of its file under the table's root.
    #[must_use]
    pub fn path(&self) -> &Arc<str> {
        &self.source.file.path
    }

    /// The place of its file in the list that [`TableSnapshot::row_groups`] was given.
    #[must_use]
    pub fn file(&self) -> usize {
        self.source.place
    }

    /// Its place in its file.
    #[must_use]
    pub fn index(&self) -> usize {
        self.index
    }

    /// How many rows of its file come before it.
    #[must_use]
    pub fn first_row(&self) -> u64 {
        self.first_row
    }

    /// How many rows it has; never none.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// The UTC days between which all its rows lie by the day or instant in [`Table::sort`].
    #[must_use]
    pub fn days(&self) -> DayRange {
        let file = &self.source.file;
        let day = |value: i64| {
            let days = if self.source.is_by_day() { value } else { value.div_euclid(DAY) };
            i32::try_from(days).ok().and_then(Day::from_since_epoch)
        };
        let known = self.span.and_then(|(first, last)| Some((day(first)?, day(last)?)));
        let (first, last) = known.unwrap_or((file.first_day, file.last_day));
        DayRange { first, last }
    }

    /// Whether the file holds this text column as a dictionary and numbers of its values, throughout the row group.
    #[must_use]
    pub fn is_dictionary(&self, column: &str) -> bool {
        self.source.column(column).is_some_and(|place| is_dictionary(self.metadata().column(place)))
    }

    /// About how many bytes the columns take in the file, which is what [`RowGroup::fetch`] reads.
    #[must_use]
    pub fn stored_bytes(&self, columns: &[&str]) -> u64 {
        let places = columns.iter().filter_map(|column| self.source.column(column));
        places.map(|place| self.metadata().column(place).byte_range().1).sum()
    }

    /// About how many bytes the columns take in the file when they are no longer compressed.
    #[must_use]
    pub fn unpacked_bytes(&self, columns: &[&str]) -> u64 {
        let places = columns.iter().filter_map(|column| self.source.column(column));
        places.map(|place| u64::try_from(self.metadata().column(place).uncompressed_size()).unwrap_or(0)).sum()
    }

    /// Reads the bytes of these columns; files of a local lake are read on the thread that polls.
    ///
    /// # Errors
    /// [`LakeError::Rows`] when the table has no such column, otherwise when the file cannot be read.
    pub async fn fetch(&self, columns: &[&str]) -> Result<FetchedRowGroup, LakeError> {
        self.fetch_rows(columns, 0..self.rows).await
    }

    /// The same of only some rows, counted from the row group's first: pages without any of them are not read.
    ///
    /// # Errors
    /// As [`RowGroup::fetch`].
    pub async fn fetch_rows(&self, columns: &[&str], rows: Range<usize>) -> Result<FetchedRowGroup, LakeError> {
        for column in columns {
            if !self.source.table.columns().iter().any(|known| known.name == *column) {
                return Err(LakeError::Rows(format!("table {} has no column {column}", self.source.table)));
            }
        }
        let rows = rows.start.min(self.rows)..rows.end.min(self.rows);
        let some = (rows.len() < self.rows && !rows.is_empty()).then(|| self.selection(&rows));
        let mut places: Vec<usize> = columns.iter().filter_map(|column| self.source.column(column)).collect();
        places.sort_unstable();
        places.dedup();
        let pages = self.source.metadata.offset_index().and_then(|groups| groups.get(self.index));
        let sparse = some.as_ref().filter(|_| pages.is_some_and(|pages| pages.len() == self.metadata().num_columns()));
        let mut ranges: Vec<Range<u64>> = Vec::new();
        for place in &places {
            let (start, length) = self.metadata().column(*place).byte_range();
            match (sparse, pages.and_then(|pages| pages.get(*place))) {
                (Some(selection), Some(pages)) => {
                    // What lies before the first page is the dictionary.
                    let first = pages.page_locations.first().and_then(|page| u64::try_from(page.offset).ok());
                    ranges.extend(first.filter(|first| *first > start).map(|first| start..first));
                    ranges.extend(selection.scan_ranges(&pages.page_locations));
                }
                _ => ranges.push(start..start + length),
            }
        }
        let ranges = joined(ranges);
        let bytes = if rows.is_empty() { Vec::new() } else { self.source.root.ranges(self.path(), &ranges).await? };
        Ok(FetchedRowGroup {
            source: Arc::clone(&self.source),
            index: self.index,
            columns: columns.iter().map(|column| (*column).to_owned()).collect(),
            sparse: sparse.is_some(),
            rows,
            selection: some,
            pieces: Pieces::new(&ranges, bytes),
        })
    }

    /// Its table.
    pub(crate) fn table(&self) -> Table {
        self.source.table
    }

    /// Its file.
    pub(crate) fn table_file(&self) -> &TableFile {
        &self.source.file
    }

    /// Where its file lies, when that is local.
    pub(super) fn local_path(&self) -> Option<PathBuf> {
        Some(self.source.root.local.as_ref()?.join(self.path().as_ref()))
    }

    /// What the footer says of a column chunk, and the places of its pages; none when the file does not have it.
    pub(super) fn stored(&self, column: &str) -> Option<(&ColumnChunkMetaData, Option<&[PageLocation]>)> {
        let place = self.source.column(column)?;
        let index = self.source.metadata.offset_index();
        let pages =
            index.and_then(|groups| groups.get(self.index)?.get(place)).map(OffsetIndexMetaData::page_locations);
        Some((self.metadata().column(place), pages.map(Vec::as_slice)))
    }

    /// What the footer says of a column.
    pub(crate) fn statistics(&self, column: &str) -> Option<&Statistics> {
        self.metadata().column(self.source.column(column)?).statistics()
    }

    fn selection(&self, rows: &Range<usize>) -> RowSelection {
        RowSelection::from_consecutive_ranges(std::iter::once(rows.clone()), self.rows)
    }

    fn metadata(&self) -> &RowGroupMetaData {
        self.source.metadata.row_group(self.index)
    }
}

impl fmt::Debug for RowGroup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}#{} ({} rows)", self.path(), self.index, self.rows)
    }
}

/// Whether all pages of a chunk hold numbers of dictionary values.
pub(super) fn is_dictionary(chunk: &ColumnChunkMetaData) -> bool {
    let only = |encoding| chunk.page_encoding_stats_mask().is_some_and(|mask| mask.is_only(encoding));
    chunk.dictionary_page_offset().is_some() && (only(Encoding::RLE_DICTIONARY) || only(Encoding::PLAIN_DICTIONARY))
}

/// The ranges in order, those that touch as one.
fn joined(mut ranges: Vec<Range<u64>>) -> Vec<Range<u64>> {
    ranges.sort_unstable_by_key(|range| range.start);
    let mut joined: Vec<Range<u64>> = Vec::with_capacity(ranges.len());
    for range in ranges {
        match joined.last_mut() {
            Some(last) if range.start <= last.end => last.end = last.end.max(range.end),
            _ => joined.push(range),
        }
    }
    joined
}

#[cfg(test)]
mod tests {
    use super::joined;

    #[test]
    fn ranges_that_touch_are_read_at_once() {
        assert_eq!(joined(vec![5..9, 0..3, 3..4, 20..22, 8..12]), [0..4, 5..12, 20..22]);
        assert!(joined(Vec::new()).is_empty());
    }
}
