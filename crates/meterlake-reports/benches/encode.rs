//! Writing EA usage details: batches through the encoders, and a data file straight to CSV.

#![allow(clippy::unwrap_used, reason = "a bench may stop")]

use std::sync::Arc;

use criterion::{Criterion, Throughput};
use datafusion::arrow::array::{
    ArrayRef, BooleanArray, Date32Array, Decimal128Array, Int32Array, Int64Array, StringArray, new_null_array,
};
use datafusion::arrow::datatypes::DataType;
use datafusion::arrow::record_batch::RecordBatch;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use futures::StreamExt;
use meterlake_lake::charges::columns;
use meterlake_lake::{Commit, Lake};
use meterlake_model::ImportId;
use meterlake_reports::{
    CsvRows, DayFormat, EaRequest, FieldKind, JsonRows, Reports, ReportsConfig, Selection, WireField, ea_columns,
};

const ROWS: usize = 8_192;
const ACCOUNT: &str = "71804463";
const PERIOD: &str = "202410";
const IMPORT: &str = "01933a7e-0000-7000-8000-000000000001";

/// The fields of v1 and v2.
fn fields() -> Vec<WireField> {
    let schema = columns::schema();
    let fields = ea_columns().iter().take(33);
    let fields = fields.map(|(name, column)| {
        let kind = match schema.field_with_name(column).unwrap().data_type() {
            DataType::Date32 => FieldKind::Day(DayFormat::Iso),
            DataType::Decimal128(..) => FieldKind::Decimal,
            DataType::Int64 => FieldKind::Integer,
            _ => FieldKind::Text,
        };
        WireField { name, column, kind }
    });
    fields.collect()
}

/// How many texts a column has, and what they begin with: a few names, some hundred resources and what hangs on them.
fn texts(column: &str) -> (usize, &'static str) {
    match column {
        columns::RESOURCE_ID => (400, "/subscriptions/ec649980-d623-49f5-b7c1-80cc772b83a8/resourceGroups/prod/vm-"),
        columns::TAGS => (120, "{\"env\":\"prod\",\"owner\":\"billing, finance\",\"cost\":"),
        columns::ADDITIONAL_INFO => (40, "{\"ServiceType\":\"Standard_DS2_v2\",\"VCPUs\":"),
        columns::METER_ID | columns::SUBSCRIPTION_ID => (30, "ec649980-d623-49f5-b7c1-80cc7720"),
        _ => (12, "Name "),
    }
}

fn array(column: &str, kind: &DataType) -> ArrayRef {
    let fixed = |text: &str| -> ArrayRef { Arc::new(StringArray::from(vec![text; ROWS])) };
    // Spreads rows over values without being random.
    let spread = |row: usize| row.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 20;
    match (column, kind) {
        (columns::BILLING_ACCOUNT_ID, _) => fixed(ACCOUNT),
        (columns::COST_BASIS, _) => fixed("actual"),
        (columns::BILLING_CURRENCY, _) => fixed("EUR"),
        (columns::SOURCE_KIND, _) => fixed("azure-cost-export"),
        (columns::IMPORT_ID, _) => fixed(IMPORT),
        (columns::EXPORT_SCOPE | columns::INVOICE_STATE, _) => fixed(""),
        (columns::BILLING_PERIOD, _) => Arc::new(Int32Array::from(vec![PERIOD.parse::<i32>().unwrap(); ROWS])),
        (_, DataType::Utf8) => {
            let (count, start) = texts(column);
            let all: Vec<String> = (0..count).map(|number| format!("{start}{number:04}")).collect();
            Arc::new(StringArray::from_iter_values((0..ROWS).map(|row| &all[spread(row) % count])))
        }
        (_, DataType::Decimal128(precision, scale)) => {
            let unit = 10i128.pow(u32::try_from(*scale).unwrap() - 12);
            let values = (0..ROWS).map(|row| unit * (spread(row) % 10_000_019_999) as i128);
            Arc::new(Decimal128Array::from_iter_values(values).with_precision_and_scale(*precision, *scale).unwrap())
        }
        (_, DataType::Date32) => {
            // 2024-10-01 and the days after it, as they lie in a file.
            Arc::new(Date32Array::from_iter_values((0..ROWS).map(|row| 19_997 + (row * 30 / ROWS) as i32)))
        }
        (_, DataType::Int64) => Arc::new(Int64Array::from_iter_values((0..ROWS).map(|row| row as i64))),
        (_, DataType::Boolean) => Arc::new(BooleanArray::from(vec![false; ROWS])),
        // Instants, which few sources have and no field of these shows.
        (_, kind) => new_null_array(kind, ROWS),
    }
}

fn batch() -> RecordBatch {
    let schema = columns::schema();
    let arrays = schema.fields().iter().map(|field| array(field.name(), field.data_type())).collect();
    RecordBatch::try_new(schema, arrays).unwrap()
}

fn batches(criterion: &mut Criterion, batch: &RecordBatch) {
    let mut group = criterion.benchmark_group("batch");
    let mut out = Vec::new();
    CsvRows::new(&fields()).encode(batch, &mut out).unwrap();
    group.throughput(Throughput::Bytes(out.len() as u64));
    group.bench_function("csv", |bencher| {
        bencher.iter(|| {
            out.clear();
            CsvRows::new(&fields()).encode(batch, &mut out).unwrap();
        });
    });
    out.clear();
    JsonRows::new(&fields()).encode(batch, &mut out).unwrap();
    group.throughput(Throughput::Bytes(out.len() as u64));
    group.bench_function("json", |bencher| {
        bencher.iter(|| {
            out.clear();
            JsonRows::new(&fields()).encode(batch, &mut out).unwrap();
        });
    });
    let amounts = [WireField { name: "cost", column: columns::BILLED_COST, kind: FieldKind::Decimal }];
    group.throughput(Throughput::Elements(ROWS as u64));
    group.bench_function("decimals", |bencher| {
        bencher.iter(|| {
            out.clear();
            CsvRows::new(&amounts).encode(batch, &mut out).unwrap();
        });
    });
    group.finish();
}

async fn reports(batch: RecordBatch, folder: &std::path::Path) -> Reports {
    let lake = Lake::open_path(&folder.join("lake")).await.unwrap();
    let import: ImportId = IMPORT.parse().unwrap();
    let rows = RecordBatchStreamAdapter::new(columns::schema(), futures::stream::iter([Ok(batch)]));
    let adds = lake.writer(import, &folder.join("staging")).write(Box::pin(rows)).await.unwrap();
    let read_version = lake.charges().await.unwrap().version();
    let record = serde_json::json!({"id": IMPORT});
    let (removes, source_hashes) = (Vec::new(), Vec::new());
    lake.commit(Commit { import, adds, removes, read_version, source_hashes, record }).await.unwrap();
    Reports::new(lake, &ReportsConfig { threads: 1, ..ReportsConfig::default() }).unwrap()
}

fn file(criterion: &mut Criterion, batch: RecordBatch) {
    let folder = tempfile::tempdir().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let reports = runtime.block_on(reports(batch, folder.path()));
    let request = EaRequest {
        accounts: vec![ACCOUNT.parse().unwrap()],
        selection: Selection::Period(PERIOD.parse().unwrap()),
        usage_only: false,
        snapshot: None,
    };
    let export = async || {
        let (_, mut pieces) = reports.ea_csv(&request, CsvRows::new(&fields())).await.unwrap();
        let mut bytes = 0;
        while let Some(piece) = pieces.next().await {
            bytes += piece.unwrap().bytes.len() as u64;
        }
        bytes
    };
    let bytes = runtime.block_on(export());
    assert!(bytes > ROWS as u64, "{bytes} bytes");
    let mut group = criterion.benchmark_group("file");
    group.sample_size(20).throughput(Throughput::Bytes(bytes));
    group.bench_function("csv", |bencher| bencher.iter(|| assert_eq!(runtime.block_on(export()), bytes)));
    group.finish();
}

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    let batch = batch();
    batches(&mut criterion, &batch);
    file(&mut criterion, batch);
    criterion.final_summary();
}
