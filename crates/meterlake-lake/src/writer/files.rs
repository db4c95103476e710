//! Cutting sorted rows into data files.

use std::{ops::Range, sync::Arc};

use arrow::{
    array::{Array, ArrayRef, AsArray, Date32Array, RecordBatch},
    compute::partition,
    datatypes::{DataType, Date32Type, Int32Type, TimeUnit, TimestampMicrosecondType},
};
use meterlake_model::{BillingPeriod, ImportId};
use object_store::{ObjectStoreExt, buffered::BufWriter, path::Path as StorePath};
use parquet::{
    arrow::AsyncArrowWriter,
    basic::{Compression, Encoding, ZstdLevel},
    file::{
        metadata::{KeyValue, SortingColumn},
        properties::{EnabledStatistics, WriterProperties},
    },
    schema::types::ColumnPath,
};

use super::{NewFile, WriterOptions};
use crate::{error::LakeError, root::TableRoot, scope::key_of, stats::FileStats, tables::Table};

/// A row group is closed at about this many bytes in memory, whatever its rows.
const ROW_GROUP_BYTES: usize = 64 << 20;

/// Rows of a page in rollups.
const ROLLUP_PAGE_ROWS: usize = 4096;

const MICROS_OF_DAY: i64 = 86_400_000_000;

/// Takes sorted batches and writes one file after the other.
pub(super) struct FileSplitter<'a> {
    table: Table,
    root: &'a TableRoot,
    import: ImportId,
    options: &'a WriterOptions,
    next: u32,
    open: Option<OpenFile>,
    written: Vec<NewFile>,
}

/// What all rows of a file have in common.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct FileKey {
    pub(crate) partition: Option<i32>,
    pub(crate) scope: Vec<String>,
}

struct OpenFile {
    key: FileKey,
    path: String,
    writer: AsyncArrowWriter<BufWriter>,
    stats: FileStats,
    last_day: i32,
}

impl<'a> FileSplitter<'a> {
    pub(super) fn new(
        table: Table,
        root: &'a TableRoot,
        import: ImportId,
        options: &'a WriterOptions,
        next: u32,
    ) -> Self {
        Self { table, root, import, options, next, open: None, written: Vec::new() }
    }

    /// Number of the next file.
    pub(super) fn next(&self) -> u32 {
        self.next
    }

    /// Writes the next rows.
    pub(super) async fn take(&mut self, batch: &RecordBatch) -> Result<(), LakeError> {
        for range in self.ranges(batch)? {
            let rows = batch.slice(range.start, range.len());
            let key = FileKey::of(self.table, &rows)?;
            let day = first_day(&days(self.table, &rows)?);
            if self.open.as_ref().is_some_and(|open| open.key != key || self.is_full(open, day)) {
                self.close().await?;
            }
            let mut open = match self.open.take() {
                Some(open) => open,
                None => self.create(key)?,
            };
            let stored = self.stored(&rows)?;
            open.stats.add(&stored);
            open.last_day = day;
            open.writer.write(&stored).await?;
            self.open = Some(open);
        }
        Ok(())
    }

    /// Closes the last file. Returns all files.
    pub(super) async fn finish(mut self) -> Result<Vec<NewFile>, LakeError> {
        self.close().await?;
        Ok(self.written)
    }

    /// Whether rows of this day belong into a new file. Files end with a day, so that the next file follows in order.
    fn is_full(&self, open: &OpenFile, day: i32) -> bool {
        let bytes = (open.writer.bytes_written() + open.writer.in_progress_size()) as u64;
        let full = |times: u64| {
            bytes >= self.options.file_bytes.saturating_mul(times)
                || open.stats.rows >= self.options.file_rows.saturating_mul(times)
        };
        let between_days = !self.table.layout().is_led_by_time() || day != open.last_day;
        (full(1) && between_days) || full(2)
    }

    fn create(&mut self, key: FileKey) -> Result<OpenFile, LakeError> {
        let path = path(self.table, &key, self.import, self.next);
        self.next += 1;
        let target = BufWriter::new(Arc::clone(&self.root.bucket), self.root.in_bucket(&path));
        let properties = properties(self.table, self.options, self.import, &key)?;
        let writer = AsyncArrowWriter::try_new(target, Arc::clone(&self.table.layout().stored), Some(properties))?;
        let stats = FileStats::of_scope(self.table, &key.scope);
        Ok(OpenFile { key, path, writer, stats, last_day: i32::MIN })
    }

    async fn close(&mut self) -> Result<(), LakeError> {
        let Some(open) = self.open.take() else { return Ok(()) };
        open.writer.close().await?;
        let size = self.root.store.head(&StorePath::from(open.path.as_str())).await?.size;
        self.written.push(NewFile {
            path: open.path,
            partition: open.key.partition,
            scope_key: key_of(&open.key.scope),
            scope: open.key.scope,
            rows: open.stats.rows,
            size,
            stats: open.stats.to_json(),
        });
        Ok(())
    }

    /// The rows without the partition column.
    fn stored(&self, rows: &RecordBatch) -> Result<RecordBatch, LakeError> {
        let schema = &self.table.layout().stored;
        let columns = schema.fields().iter().map(|field| column(rows, field.name()).cloned());
        Ok(RecordBatch::try_new(Arc::clone(schema), columns.collect::<Result<Vec<_>, _>>()?)?)
    }

    /// Runs of rows with one partition, scope and day.
    fn ranges(&self, batch: &RecordBatch) -> Result<Vec<Range<usize>>, LakeError> {
        if batch.num_rows() == 0 {
            return Ok(Vec::new());
        }
        let keys = self.table.partition().into_iter().chain(self.table.scope().iter().copied());
        let mut keys = keys.map(|name| column(batch, name).cloned()).collect::<Result<Vec<_>, _>>()?;
        if self.table.layout().is_led_by_time() {
            keys.push(Arc::new(days(self.table, batch)?));
        }
        Ok(partition(&keys)?.ranges())
    }
}

impl FileKey {
    /// The key of a partition and scope.
    pub(crate) fn new(table: Table, partition: Option<i32>, scope: Vec<String>) -> Result<Self, LakeError> {
        match table.partition().zip(partition) {
            Some((name, number)) if BillingPeriod::from_number(number).is_none() => {
                Err(LakeError::Rows(format!("{number} in {name} is not a period written yyyymm")))
            }
            _ => Ok(Self { partition, scope }),
        }
    }

    fn of(table: Table, rows: &RecordBatch) -> Result<Self, LakeError> {
        let number = |name| Ok::<_, LakeError>(column(rows, name)?.as_primitive::<Int32Type>().value(0));
        let partition = table.partition().map(number).transpose()?;
        let scope = table.scope().iter().map(|name| Ok(column(rows, name)?.as_string::<i32>().value(0).to_owned()));
        Self::new(table, partition, scope.collect::<Result<_, LakeError>>()?)
    }
}

/// The path of an import's data file with this number.
pub(super) fn path(table: Table, key: &FileKey, import: ImportId, number: u32) -> String {
    let folder = table.partition().zip(key.partition);
    let folder = folder.map_or_else(String::new, |(column, number)| format!("{column}={number}/"));
    format!("{folder}{}-{import}-{number}.parquet", key_of(&key.scope))
}

fn column<'a>(rows: &'a RecordBatch, name: &str) -> Result<&'a ArrayRef, LakeError> {
    rows.column_by_name(name).ok_or_else(|| LakeError::Rows(format!("column {name} is missing")))
}

/// The UTC days of the column that orders the rows first.
fn days(table: Table, rows: &RecordBatch) -> Result<Date32Array, LakeError> {
    let name = table.layout().stats[table.layout().lead()];
    let lead = column(rows, name)?;
    match lead.data_type() {
        DataType::Date32 => Ok(lead.as_primitive::<Date32Type>().clone()),
        DataType::Timestamp(TimeUnit::Microsecond, _) => Ok(lead
            .as_primitive::<TimestampMicrosecondType>()
            .unary(|micros| i32::try_from(micros.div_euclid(MICROS_OF_DAY)).unwrap_or(i32::MAX))),
        other => Err(LakeError::Rows(format!("column {name} is {other}; expected days or instants"))),
    }
}

fn first_day(days: &Date32Array) -> i32 {
    if days.is_empty() { i32::MIN } else { days.value(0) }
}

/// How the files of a table are written.
pub(crate) fn properties(
    table: Table,
    options: &WriterOptions,
    import: ImportId,
    key: &FileKey,
) -> Result<WriterProperties, LakeError> {
    let mut metadata = vec![KeyValue::new("meterlake.import_id".to_owned(), import.to_string())];
    let partition = table.partition().zip(key.partition).map(|(name, number)| (name, number.to_string()));
    let scope = table.scope().iter().copied().zip(key.scope.iter().cloned());
    metadata.extend(
        partition.into_iter().chain(scope).map(|(name, value)| KeyValue::new(format!("meterlake.{name}"), value)),
    );
    let schema = &table.layout().stored;
    let sorting = table.sort().iter().map(|name| {
        let place = schema.index_of(name)?;
        Ok(SortingColumn {
            column_idx: i32::try_from(place).unwrap_or(i32::MAX),
            descending: false,
            nulls_first: false,
        })
    });
    let mut builder = WriterProperties::builder()
        .set_created_by(format!("Meterlake {}", env!("CARGO_PKG_VERSION")))
        // Level 1 costs little more than Snappy and halves what these repetitive texts take.
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(1)?))
        .set_max_row_group_row_count(Some(options.row_group_rows))
        .set_max_row_group_bytes(Some(ROW_GROUP_BYTES))
        .set_data_page_row_count_limit(20_000)
        .set_statistics_enabled(EnabledStatistics::Page)
        // Ids and names are long but few; the default of 1 MiB makes them fall back to plain text.
        .set_dictionary_page_size_limit(4 << 20)
        .set_sorting_columns(Some(sorting.collect::<Result<Vec<_>, LakeError>>()?))
        .set_key_value_metadata(Some(metadata));
    // A dictionary of values that differ in every row, like line numbers, only costs.
    for name in table.distinct() {
        builder = builder.set_column_dictionary_enabled(ColumnPath::from(*name), false);
        if *schema.field_with_name(name)?.data_type() != DataType::Utf8 {
            builder = builder.set_column_encoding(ColumnPath::from(*name), Encoding::DELTA_BINARY_PACKED);
        }
    }
    if matches!(table, Table::ChargesRollup | Table::ChargesRollupMonths) {
        // The rows of a customer lie together: in small pages, others are passed over. Hardly two sums are the same.
        builder = builder.set_data_page_row_count_limit(ROLLUP_PAGE_ROWS);
        for name in table.raw() {
            let column = ColumnPath::from(*name);
            builder = builder.set_column_dictionary_enabled(column.clone(), false);
            builder = builder.set_column_compression(column, Compression::UNCOMPRESSED);
        }
    }
    // Least and greatest texts are worth their cost (a third of the writing) only where rows are ordered by them.
    for field in schema.fields().iter().filter(|field| *field.data_type() == DataType::Utf8) {
        if table.layout().stat(field.name()).is_none() {
            let column = ColumnPath::from(field.name().as_str());
            builder = builder.set_column_statistics_enabled(column, EnabledStatistics::None);
        }
    }
    Ok(builder.build())
}
