//! Rows of any table of the lake, written as an import writes them.

use std::path::Path;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use datafusion::arrow::array::{
    ArrayRef, BooleanArray, Date32Array, Int32Array, Int64Array, StringArray, TimestampMicrosecondArray,
};
use datafusion::arrow::record_batch::RecordBatch;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use meterlake_lake::tables::{Column, ColumnType};
use meterlake_lake::{Lake, Table, TableCommit};
use meterlake_model::{Day, ImportId};

/// A value of a column.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    Text(String),
    Integer(i64),
    Day(Day),
    Instant(DateTime<Utc>),
    Boolean(bool),
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Integer(number)
    }
}

impl From<Day> for Value {
    fn from(day: Day) -> Self {
        Self::Day(day)
    }
}

impl From<DateTime<Utc>> for Value {
    fn from(instant: DateTime<Utc>) -> Self {
        Self::Instant(instant)
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Boolean(value)
    }
}

/// Some columns of a row; the others are empty, 0 or null.
pub(crate) type Row = Vec<(&'static str, Value)>;

fn batch(table: Table, rows: &[Row]) -> RecordBatch {
    let value = |row: &Row, column: &Column| row.iter().find(|(name, _)| *name == column.name).map(|(_, v)| v.clone());
    let array = |column: &Column| -> ArrayRef {
        let values = rows.iter().map(|row| value(row, column));
        let integer = |value: Option<Value>| match value {
            Some(Value::Integer(number)) => Some(number),
            _ => (!column.nullable).then_some(0),
        };
        match column.kind {
            ColumnType::Text => Arc::new(StringArray::from_iter_values(values.map(|value| match value {
                Some(Value::Text(text)) => text,
                _ => String::new(),
            }))),
            ColumnType::Integer => Arc::new(values.map(integer).collect::<Int64Array>()),
            ColumnType::Period => {
                Arc::new(values.map(|v| integer(v).map(|n| i32::try_from(n).unwrap())).collect::<Int32Array>())
            }
            ColumnType::Day => Arc::new(
                values
                    .map(|v| if let Some(Value::Day(day)) = v { Some(day.since_epoch()) } else { None })
                    .collect::<Date32Array>(),
            ),
            ColumnType::Instant => {
                let instants: TimestampMicrosecondArray = values
                    .map(|v| if let Some(Value::Instant(at)) = v { Some(at.timestamp_micros()) } else { None })
                    .collect();
                Arc::new(instants.with_timezone("UTC"))
            }
            ColumnType::Boolean => {
                Arc::new(values.map(|v| Some(v == Some(Value::Boolean(true)))).collect::<BooleanArray>())
            }
            other => panic!("no test writes {other:?}"),
        }
    };
    RecordBatch::try_new(table.schema(), table.columns().iter().map(array).collect()).unwrap()
}

/// Commits the rows in place of all that the table holds, or beside it. The new version.
pub(crate) async fn commit(
    lake: &Lake,
    staging: &Path,
    import: ImportId,
    table: Table,
    rows: &[Row],
    replace: bool,
    notes: Vec<(Table, u64)>,
) -> u64 {
    let batches: Vec<_> = rows.chunks(500).map(|rows| Ok(batch(table, rows))).collect();
    let stream = RecordBatchStreamAdapter::new(table.schema(), futures::stream::iter(batches));
    let mut writer = lake.table_writer(table, import, staging);
    let adds = writer.write(Box::pin(stream)).await.unwrap();
    let before = lake.snapshot(table).await.unwrap();
    let removes = if replace { before.files().to_vec() } else { Vec::new() };
    let read_version = before.version();
    let record = Some(serde_json::json!({}));
    let commit = TableCommit { import, adds, removes, read_version, source_hashes: Vec::new(), record, notes };
    lake.commit_to(table, commit).await.unwrap()
}
