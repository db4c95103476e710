//! Made-up charges for the tests.

use std::{path::Path, sync::Arc};

use arrow::{
    array::{
        ArrayRef, BooleanArray, Date32Array, Decimal128Array, Int32Array, Int64Array, RecordBatch, StringArray,
        TimestampMicrosecondArray,
    },
    datatypes::DataType,
};
use datafusion::{execution::SendableRecordBatchStream, physical_plan::stream::RecordBatchStreamAdapter};
use meterlake_lake::{Commit, Lake, WrittenFile, charges::columns};
use meterlake_model::{Clock, Day, ImportId, SystemClock};

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Row {
    pub(crate) period: i32,
    pub(crate) account: String,
    pub(crate) basis: &'static str,
    pub(crate) day: Day,
    pub(crate) customer: String,
    pub(crate) subscription: String,
    pub(crate) resource: String,
    pub(crate) line: i64,
    pub(crate) cost: i128,
}

pub(crate) fn day(text: &str) -> Day {
    text.parse().unwrap()
}

/// A small generator of repeatable random numbers.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }
}

/// `count` rows of one account and month, in no order.
pub(crate) fn month(account: &str, first: &str, count: usize, seed: u64) -> Vec<Row> {
    let first = day(first);
    let period = i32::try_from(first.to_string()[..7].replace('-', "").parse::<u32>().unwrap()).unwrap();
    let mut random = Random(seed * 2 + 1);
    (0..count)
        .map(|line| Row {
            period,
            account: account.to_owned(),
            basis: "actual",
            day: first.plus(i64::try_from(random.below(28)).unwrap()).unwrap(),
            customer: format!("customer-{}", random.below(5)),
            subscription: format!("subscription-{:02}", random.below(20)),
            resource: format!("/subscriptions/{:04}", random.below(1000)),
            line: i64::try_from(line).unwrap(),
            cost: i128::from(random.next()) * 1_000_000_007,
        })
        .collect()
}

pub(crate) fn batch(rows: &[Row], import: ImportId) -> RecordBatch {
    let id = import.to_string();
    let count = rows.len();
    let text = |value: &dyn Fn(&Row) -> String| -> ArrayRef {
        Arc::new(rows.iter().map(|r| Some(value(r))).collect::<StringArray>())
    };
    let schema = columns::schema();
    let arrays = schema
        .fields()
        .iter()
        .map(|field| match field.name().as_str() {
            columns::BILLING_PERIOD => Arc::new(rows.iter().map(|r| r.period).collect::<Int32Array>()) as ArrayRef,
            columns::SOURCE_KIND => text(&|_| "cost-export-ea".to_owned()),
            columns::BILLING_ACCOUNT_ID => text(&|r| r.account.clone()),
            columns::COST_BASIS => text(&|r| r.basis.to_owned()),
            columns::BILLING_CURRENCY => text(&|_| "EUR".to_owned()),
            columns::IMPORT_ID => text(&|_| id.clone()),
            columns::SOURCE_LINE => Arc::new(rows.iter().map(|r| r.line).collect::<Int64Array>()),
            columns::USAGE_DATE => Arc::new(Date32Array::from_iter_values(rows.iter().map(|r| r.day.since_epoch()))),
            columns::CUSTOMER_TENANT_ID => text(&|r| r.customer.clone()),
            columns::SUBSCRIPTION_ID => text(&|r| r.subscription.clone()),
            columns::RESOURCE_ID => text(&|r| r.resource.clone()),
            columns::BILLED_COST => Arc::new(
                rows.iter().map(|r| r.cost).collect::<Decimal128Array>().with_precision_and_scale(38, 24).unwrap(),
            ),
            _ => match field.data_type() {
                DataType::Utf8 => Arc::new(StringArray::from(vec![""; count])) as ArrayRef,
                DataType::Int64 => Arc::new(Int64Array::from(vec![0; count])),
                DataType::Boolean => Arc::new(BooleanArray::from(vec![false; count])),
                DataType::Date32 => Arc::new(Date32Array::new_null(count)),
                DataType::Timestamp(..) => Arc::new(TimestampMicrosecondArray::new_null(count).with_timezone("UTC")),
                DataType::Decimal128(p, s) => {
                    Arc::new(Decimal128Array::new_null(count).with_precision_and_scale(*p, *s).unwrap())
                }
                other => panic!("{other}"),
            },
        })
        .collect();
    RecordBatch::try_new(schema, arrays).unwrap()
}

pub(crate) fn stream(batches: Vec<RecordBatch>) -> SendableRecordBatchStream {
    let batches = futures::stream::iter(batches.into_iter().map(Ok));
    Box::pin(RecordBatchStreamAdapter::new(columns::schema(), batches))
}

pub(crate) fn new_import() -> ImportId {
    ImportId::new(SystemClock.now())
}

/// Writes the rows without committing them.
pub(crate) async fn write(lake: &Lake, dir: &Path, import: ImportId, rows: &[Row]) -> Vec<WrittenFile> {
    let batches = rows.chunks(1000).map(|chunk| batch(chunk, import)).collect();
    lake.writer(import, &dir.join("staging")).write(stream(batches)).await.unwrap()
}

/// Imports the rows as an addition.
pub(crate) async fn import(lake: &Lake, dir: &Path, rows: &[Row]) -> u64 {
    let import = new_import();
    let adds = write(lake, dir, import, rows).await;
    let read_version = lake.charges().await.unwrap().version();
    lake.commit(commit(import, adds, read_version)).await.unwrap()
}

pub(crate) fn commit(import: ImportId, adds: Vec<WrittenFile>, read_version: u64) -> Commit {
    Commit {
        import,
        adds,
        removes: Vec::new(),
        read_version,
        source_hashes: vec!["00ff".to_owned()],
        record: serde_json::json!({"id": import.to_string(), "state": "committed"}),
    }
}
