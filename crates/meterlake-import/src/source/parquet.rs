//! Parquet columns as text. Decimals, integers, days and instants are exact; a double becomes the shortest text that
//! reads back as the same double.

use std::fs::File;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, StringArray, StringBuilder};
use arrow::datatypes::{DataType, Float32Type, Float64Type, Schema, TimeUnit};
use arrow::error::ArrowError;
use parquet::arrow::arrow_reader::{ArrowReaderOptions, ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};

use super::batch::{BATCH_ROWS, TextBatch};
use crate::ImportError;

/// Reads a Parquet file in batches.
pub(crate) struct ParquetReader {
    file: String,
    header: Vec<String>,
    schema: Arc<Schema>,
    batches: ParquetRecordBatchReader,
    row: u64,
}

impl ParquetReader {
    /// Reads the footer.
    pub(crate) fn open(file: &str, source: File) -> Result<Self, ImportError> {
        let damaged =
            |reason: String| ImportError::Damaged { file: file.to_owned(), place: "footer".to_owned(), reason };
        // The embedded Arrow schema adds nothing to what becomes text.
        let options = ArrowReaderOptions::new().with_skip_arrow_metadata(true);
        let builder = guarded(|| ParquetRecordBatchReaderBuilder::try_new_with_options(source, options))
            .ok_or_else(|| damaged(UNREADABLE.to_owned()))?
            .map_err(|e| damaged(e.to_string()))?;
        let schema = Arc::clone(builder.schema());
        let batches = guarded(|| builder.with_batch_size(BATCH_ROWS).build())
            .ok_or_else(|| damaged(UNREADABLE.to_owned()))?
            .map_err(|e| damaged(e.to_string()))?;
        let header = schema.fields().iter().map(|f| f.name().trim().to_owned()).collect();
        Ok(Self { file: file.to_owned(), header, schema, batches, row: 0 })
    }

    /// The column names.
    pub(crate) fn header(&self) -> &[String] {
        &self.header
    }

    /// Names of the columns that hold binary floating point.
    pub(crate) fn doubles(&self) -> Vec<String> {
        let double = |t: &DataType| matches!(t, DataType::Float16 | DataType::Float32 | DataType::Float64);
        self.schema.fields().iter().filter(|f| double(f.data_type())).map(|f| f.name().clone()).collect()
    }

    /// The next rows; none at the end.
    pub(crate) fn next_batch(&mut self) -> Result<Option<TextBatch>, ImportError> {
        let damaged = |row: u64, reason: String| ImportError::Damaged {
            file: self.file.clone(),
            place: format!("row {}", row + 1),
            reason,
        };
        let next = guarded(|| self.batches.next()).ok_or_else(|| damaged(self.row, UNREADABLE.to_owned()))?;
        let Some(batch) = next else { return Ok(None) };
        let batch = batch.map_err(|e| damaged(self.row, e.to_string()))?;
        let mut columns = Vec::with_capacity(batch.num_columns());
        for (name, column) in self.header.iter().zip(batch.columns()) {
            columns.push(text_of(column).map_err(|e| damaged(self.row, format!("column {name}: {e}")))?);
        }
        let rows = batch.num_rows() as u64;
        let lines = (self.row + 1..=self.row + rows).collect();
        self.row += rows;
        Ok(Some(TextBatch::of_columns(&columns, None, lines, Vec::new())))
    }
}

const UNREADABLE: &str = "the file is damaged";

/// The library panics on some damaged files; that must not end the program.
fn guarded<T>(read: impl FnOnce() -> T) -> Option<T> {
    std::panic::catch_unwind(AssertUnwindSafe(read)).ok()
}

/// A column as text; nulls are empty.
fn text_of(column: &ArrayRef) -> Result<StringArray, ArrowError> {
    match column.data_type() {
        DataType::Float64 => {
            let values = column.as_primitive::<Float64Type>();
            Ok(collect(values.iter().map(|v| v.map(|v| v.to_string()))))
        }
        DataType::Float32 => {
            let values = column.as_primitive::<Float32Type>();
            Ok(collect(values.iter().map(|v| v.map(|v| v.to_string()))))
        }
        DataType::Timestamp(unit, _) => instants(column, *unit),
        DataType::Map(..) => maps(column),
        DataType::Null => Ok(collect((0..column.len()).map(|_| None))),
        _ => {
            let text = arrow::compute::cast(column, &DataType::Utf8)?;
            let text = text.as_string_opt::<i32>().ok_or_else(|| ArrowError::CastError("not text".to_owned()))?;
            Ok(if text.null_count() == 0 { text.clone() } else { collect(text.iter().map(|v| v.map(str::to_owned))) })
        }
    }
}

fn collect(values: impl Iterator<Item = Option<String>>) -> StringArray {
    let mut builder = StringBuilder::new();
    for value in values {
        builder.append_value(value.unwrap_or_default());
    }
    builder.finish()
}

/// Instants of any unit as `yyyy-MM-ddTHH:mm:ss[.f]` in UTC.
fn instants(column: &ArrayRef, unit: TimeUnit) -> Result<StringArray, ArrowError> {
    let plain = arrow::compute::cast(column, &DataType::Int64)?;
    let values = plain.as_primitive::<arrow::datatypes::Int64Type>();
    let text = |v: i64| {
        let instant = match unit {
            TimeUnit::Second => chrono::DateTime::from_timestamp(v, 0),
            TimeUnit::Millisecond => chrono::DateTime::from_timestamp_millis(v),
            TimeUnit::Microsecond => chrono::DateTime::from_timestamp_micros(v),
            TimeUnit::Nanosecond => Some(chrono::DateTime::from_timestamp_nanos(v)),
        };
        instant.map_or_else(|| v.to_string(), |i| i.format("%Y-%m-%dT%H:%M:%S%.f").to_string())
    };
    Ok(collect(values.iter().map(|v| v.map(text))))
}

/// Maps of texts, as FOCUS writes tags, as JSON objects.
fn maps(column: &ArrayRef) -> Result<StringArray, ArrowError> {
    let maps = column.as_map();
    let mut rows = Vec::with_capacity(maps.len());
    for row in 0..maps.len() {
        if maps.is_null(row) {
            rows.push(None);
            continue;
        }
        let entries = maps.value(row);
        let keys = text_of(entries.column(0))?;
        let values = text_of(entries.column(1))?;
        let object: serde_json::Map<String, serde_json::Value> =
            keys.iter().zip(values.iter()).filter_map(|(k, v)| Some((k?.to_owned(), v?.into()))).collect();
        rows.push(Some(if object.is_empty() { String::new() } else { serde_json::Value::Object(object).to_string() }));
    }
    Ok(collect(rows.into_iter()))
}
