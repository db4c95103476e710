//! Made-up rows for any table.

use std::{path::Path, sync::Arc};

use arrow::{
    array::{
        Array, ArrayRef, BooleanArray, Date32Array, Decimal128Array, Int32Array, Int64Array, RecordBatch, StringArray,
        TimestampMicrosecondArray, UInt32Array,
    },
    compute::{SortColumn, cast, concat_batches, lexsort_to_indices, take_record_batch},
    datatypes::DataType,
    util::display::{ArrayFormatter, FormatOptions},
};
use datafusion::{execution::SendableRecordBatchStream, physical_plan::stream::RecordBatchStreamAdapter};
use meterlake_lake::{
    Lake, NewFile, Table, TableCommit,
    tables::{Column, ColumnType},
};
use meterlake_model::ImportId;

use crate::rows::{Random, day, new_import};

const DAY: i64 = 86_400_000_000;

/// `count` rows of one scope with random values, of the month that starts on `first`, in no order.
pub(crate) fn month(table: Table, scope: &str, first: &str, count: usize, seed: u64) -> RecordBatch {
    let first = day(first);
    let period: i32 = first.to_string()[..7].replace('-', "").parse().unwrap();
    let mut random = Random(seed * 2 + 1);
    let arrays = table.columns().iter().map(|column| {
        let mut pick = |bound: u64| i64::try_from(random.below(bound)).unwrap();
        let values: Vec<i64> = (0..count).map(|_| pick(1 << 50)).collect();
        let values = values.into_iter().map(|value| (!column.nullable || value % 3 != 0).then_some(value));
        let days = i64::from(first.since_epoch());
        match column.kind {
            ColumnType::Text => Arc::new(StringArray::from_iter_values(values.map(|v| text(table, column, scope, v)))),
            ColumnType::Integer => Arc::new(values.collect::<Int64Array>()) as ArrayRef,
            ColumnType::Period => Arc::new(Int32Array::from(vec![period; count])),
            ColumnType::Day => {
                Arc::new(values.map(|v| v.map(|v| i32::try_from(days + v % 28).unwrap())).collect::<Date32Array>())
            }
            ColumnType::Instant => {
                let times = values.map(|v| v.map(|v| days * DAY + v % (28 * DAY)));
                Arc::new(times.collect::<TimestampMicrosecondArray>().with_timezone("UTC"))
            }
            ColumnType::Boolean => Arc::new(values.map(|v| v.map(|v| v % 2 == 0)).collect::<BooleanArray>()),
            ColumnType::Amount | ColumnType::Quantity => {
                let DataType::Decimal128(precision, scale) = column.kind.arrow() else { panic!("no decimal") };
                let amounts = values.map(|v| v.map(i128::from)).collect::<Decimal128Array>();
                Arc::new(amounts.with_precision_and_scale(precision, scale).unwrap())
            }
        }
    });
    RecordBatch::try_new(table.schema(), arrays.collect()).unwrap()
}

fn text(table: Table, column: &Column, scope: &str, value: Option<i64>) -> String {
    if table.scope().contains(&column.name) { scope.to_owned() } else { format!("{}", value.unwrap_or(0) % 1000) }
}

pub(crate) fn stream(table: Table, batches: Vec<RecordBatch>) -> SendableRecordBatchStream {
    let batches = futures::stream::iter(batches.into_iter().map(Ok));
    Box::pin(RecordBatchStreamAdapter::new(table.schema(), batches))
}

pub(crate) fn commit(import: ImportId, adds: Vec<NewFile>, read_version: u64) -> TableCommit {
    TableCommit {
        import,
        adds,
        removes: Vec::new(),
        read_version,
        source_hashes: vec!["00ff".to_owned()],
        record: None,
        notes: Vec::new(),
    }
}

/// Writes rows without committing them.
pub(crate) async fn write(
    lake: &Lake,
    dir: &Path,
    table: Table,
    import: ImportId,
    rows: Vec<RecordBatch>,
) -> Vec<NewFile> {
    lake.table_writer(table, import, &dir.join("staging")).write(stream(table, rows)).await.unwrap()
}

/// Imports rows as an addition.
pub(crate) async fn import(lake: &Lake, dir: &Path, table: Table, rows: RecordBatch) -> u64 {
    let id = new_import();
    let adds = write(lake, dir, table, id, vec![rows]).await;
    let read_version = lake.snapshot(table).await.unwrap().version();
    lake.commit_to(table, commit(id, adds, read_version)).await.unwrap()
}

/// The rows of several batches in the order of the table, as texts.
pub(crate) fn in_order(table: Table, batches: &[RecordBatch]) -> Vec<String> {
    let all = concat_batches(&table.schema(), batches).unwrap();
    let keys = table.scope().iter().chain(table.sort());
    let keys = keys.map(|name| SortColumn { values: all.column_by_name(name).unwrap().clone(), options: None });
    let places: UInt32Array = lexsort_to_indices(&keys.collect::<Vec<_>>(), None).unwrap();
    as_read(&[take_record_batch(&all, &places).unwrap()])
}

/// The rows of batches as texts, in their order.
pub(crate) fn as_read(batches: &[RecordBatch]) -> Vec<String> {
    let options = FormatOptions::default().with_null("null");
    let mut rows = Vec::new();
    for batch in batches {
        let columns = batch.columns().iter().map(|column| match column.data_type() {
            DataType::Utf8View => cast(column, &DataType::Utf8).unwrap(),
            _ => Arc::clone(column),
        });
        let columns: Vec<ArrayRef> = columns.collect();
        let shown: Vec<_> = columns.iter().map(|c| ArrayFormatter::try_new(c.as_ref(), &options).unwrap()).collect();
        for row in 0..batch.num_rows() {
            rows.push(shown.iter().map(|column| column.value(row).to_string()).collect::<Vec<_>>().join("|"));
        }
    }
    rows
}
