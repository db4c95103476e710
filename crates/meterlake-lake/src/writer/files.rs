//! Cutting sorted rows into data files.

use std::{ops::Range, sync::Arc};

use arrow::{
    array::{ArrayRef, AsArray, RecordBatch},
    compute::partition,
    datatypes::{DataType, Date32Type, Int32Type, Schema, SchemaRef},
};
use meterlake_model::{BillingPeriod, ImportId};
use object_store::{ObjectStoreExt, buffered::BufWriter, path::Path as StorePath};
use parquet::{
    arrow::AsyncArrowWriter,
    basic::{Compression, ZstdLevel},
    file::{
        metadata::{KeyValue, SortingColumn},
        properties::{EnabledStatistics, WriterProperties},
    },
    schema::types::ColumnPath,
};

use super::{WriterOptions, WrittenFile};
use crate::{
    charges::columns,
    error::LakeError,
    root::TableRoot,
    scope::{ScopeValues, scope_key},
    stats::FileStats,
};

/// A row group is closed at about this many bytes in memory, whatever its rows.
const ROW_GROUP_BYTES: usize = 64 << 20;

/// Takes sorted batches and writes one file after the other.
pub(super) struct FileSplitter<'a> {
    root: &'a TableRoot,
    import: ImportId,
    options: &'a WriterOptions,
    next: u32,
    /// The columns in the files: all but the partition column.
    schema: SchemaRef,
    open: Option<OpenFile>,
    written: Vec<WrittenFile>,
}

/// What all rows of a file have in common.
#[derive(Clone, PartialEq, Eq)]
struct FileKey {
    period: BillingPeriod,
    scope: ScopeValues,
}

struct OpenFile {
    key: FileKey,
    path: String,
    writer: AsyncArrowWriter<BufWriter>,
    stats: FileStats,
    last_day: i32,
}

impl<'a> FileSplitter<'a> {
    pub(super) fn new(root: &'a TableRoot, import: ImportId, options: &'a WriterOptions, next: u32) -> Self {
        let stored: Vec<_> =
            columns::schema().fields().iter().filter(|f| f.name() != columns::BILLING_PERIOD).cloned().collect();
        Self { root, import, options, next, schema: Arc::new(Schema::new(stored)), open: None, written: Vec::new() }
    }

    /// Number of the next file.
    pub(super) fn next(&self) -> u32 {
        self.next
    }

    /// Writes the next rows.
    pub(super) async fn take(&mut self, batch: &RecordBatch) -> Result<(), LakeError> {
        for range in key_ranges(batch)? {
            let rows = batch.slice(range.start, range.len());
            let key = FileKey::of(&rows)?;
            let day = first_day(&rows)?;
            if self.open.as_ref().is_some_and(|open| open.key != key || self.is_full(open, day)) {
                self.close().await?;
            }
            let mut open = match self.open.take() {
                Some(open) => open,
                None => self.create(key)?,
            };
            let stored = self.without_period(&rows)?;
            open.stats.add(&stored);
            open.last_day = day;
            open.writer.write(&stored).await?;
            self.open = Some(open);
        }
        Ok(())
    }

    /// Closes the last file. Returns all files.
    pub(super) async fn finish(mut self) -> Result<Vec<WrittenFile>, LakeError> {
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
        (full(1) && day != open.last_day) || full(2)
    }

    fn create(&mut self, key: FileKey) -> Result<OpenFile, LakeError> {
        let scope = scope_key(key.scope.each_ref().map(String::as_str));
        let path = format!(
            "{}={}/{scope}-{}-{}.parquet",
            columns::BILLING_PERIOD,
            key.period.number(),
            self.import,
            self.next
        );
        self.next += 1;
        let target = BufWriter::new(Arc::clone(&self.root.bucket), self.root.in_bucket(&path));
        let properties = properties(&self.schema, self.options, self.import, &key)?;
        let writer = AsyncArrowWriter::try_new(target, Arc::clone(&self.schema), Some(properties))?;
        let stats = FileStats::of_scope(&key.scope);
        Ok(OpenFile { key, path, writer, stats, last_day: i32::MIN })
    }

    async fn close(&mut self) -> Result<(), LakeError> {
        let Some(open) = self.open.take() else { return Ok(()) };
        open.writer.close().await?;
        let size = self.root.store.head(&StorePath::from(open.path.as_str())).await?.size;
        self.written.push(WrittenFile {
            path: open.path,
            period: open.key.period,
            scope_key: scope_key(open.key.scope.each_ref().map(String::as_str)),
            scope: open.key.scope,
            rows: open.stats.rows,
            size,
            stats: open.stats.to_json(),
        });
        Ok(())
    }

    fn without_period(&self, rows: &RecordBatch) -> Result<RecordBatch, LakeError> {
        let columns = self.schema.fields().iter().map(|field| column(rows, field.name()).cloned());
        Ok(RecordBatch::try_new(Arc::clone(&self.schema), columns.collect::<Result<Vec<_>, _>>()?)?)
    }
}

impl FileKey {
    fn of(rows: &RecordBatch) -> Result<Self, LakeError> {
        let number = column(rows, columns::BILLING_PERIOD)?.as_primitive::<Int32Type>().value(0);
        let period = BillingPeriod::from_number(number)
            .ok_or_else(|| LakeError::Rows(format!("{number} in billing_period is not a period written yyyymm")))?;
        let mut scope = ScopeValues::default();
        for (value, name) in scope.iter_mut().zip(columns::SCOPE) {
            column(rows, name)?.as_string::<i32>().value(0).clone_into(value);
        }
        Ok(Self { period, scope })
    }
}

fn column<'a>(rows: &'a RecordBatch, name: &str) -> Result<&'a ArrayRef, LakeError> {
    rows.column_by_name(name).ok_or_else(|| LakeError::Rows(format!("column {name} is missing")))
}

fn first_day(rows: &RecordBatch) -> Result<i32, LakeError> {
    let days = column(rows, columns::USAGE_DATE)?.as_primitive::<Date32Type>();
    Ok(if days.is_empty() { i32::MIN } else { days.value(0) })
}

/// Runs of rows with one period, scope and day.
fn key_ranges(batch: &RecordBatch) -> Result<Vec<Range<usize>>, LakeError> {
    if batch.num_rows() == 0 {
        return Ok(Vec::new());
    }
    let keys = std::iter::once(&columns::BILLING_PERIOD).chain(columns::SCOPE).chain([&columns::USAGE_DATE]);
    let keys = keys.map(|name| column(batch, name).cloned()).collect::<Result<Vec<_>, _>>()?;
    Ok(partition(&keys)?.ranges())
}

fn properties(
    schema: &SchemaRef,
    options: &WriterOptions,
    import: ImportId,
    key: &FileKey,
) -> Result<WriterProperties, LakeError> {
    let mut metadata = vec![
        KeyValue::new("meterlake.import_id".to_owned(), import.to_string()),
        KeyValue::new(format!("meterlake.{}", columns::BILLING_PERIOD), key.period.number().to_string()),
    ];
    for (name, value) in columns::SCOPE.iter().zip(&key.scope) {
        metadata.push(KeyValue::new(format!("meterlake.{name}"), value.clone()));
    }
    let sorting = columns::SORT.iter().map(|name| {
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
        // Line numbers differ in every row.
        .set_column_dictionary_enabled(ColumnPath::from(columns::SOURCE_LINE), false)
        .set_column_encoding(ColumnPath::from(columns::SOURCE_LINE), parquet::basic::Encoding::DELTA_BINARY_PACKED)
        .set_sorting_columns(Some(sorting.collect::<Result<Vec<_>, LakeError>>()?))
        .set_key_value_metadata(Some(metadata));
    // Least and greatest texts are worth their cost (a third of the writing) only where rows are ordered by them.
    for field in schema.fields().iter().filter(|field| *field.data_type() == DataType::Utf8) {
        if !columns::SORT.contains(&field.name().as_str()) && !columns::SCOPE.contains(&field.name().as_str()) {
            let column = ColumnPath::from(field.name().as_str());
            builder = builder.set_column_statistics_enabled(column, EnabledStatistics::None);
        }
    }
    Ok(builder.build())
}
