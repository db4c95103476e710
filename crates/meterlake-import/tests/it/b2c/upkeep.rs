//! Maintenance and verification of B2C tables.

use std::sync::Arc;

use chrono::TimeDelta;
use datafusion::arrow::array::{ArrayRef, Int64Array};
use datafusion::arrow::record_batch::RecordBatch;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use futures::stream;
use meterlake_import::{CheckRequest, MaintainRequest, NoProgress, Progress, check, maintain};
use meterlake_lake::tables::b2c_daily::columns;
use meterlake_lake::{Finding, Pace, Table, TableCommit};
use meterlake_model::{Clock, ImportId};

use super::naive;
use super::world::{ID_TOKEN, TENANT, WEB, World, committed, lines, record};

async fn findings(world: &World) -> Vec<Finding> {
    let progress: Arc<dyn Progress> = Arc::new(NoProgress);
    let request = CheckRequest::default();
    check(&world.lake, &world.journal, &world.data(), &request, &progress).await.unwrap().findings
}

#[tokio::test]
async fn merged_events_count_as_before_and_days_that_do_not_count_them_are_found() {
    let world = World::new().await;
    let mut all = Vec::new();
    for day in 1..=4 {
        let time = format!("2024-11-0{day}T10:00:00Z");
        let of_day = [record(&format!("id-{day}"), &time, ID_TOKEN, day, WEB, true)];
        committed(world.import(&[&world.file("day.json", lines(&of_day))]).await);
        all.extend(of_day);
        world.clock.advance(TimeDelta::seconds(1));
    }
    assert_eq!(findings(&world).await, []);
    let events = world.lake.snapshot(Table::B2cEvents).await.unwrap();
    assert_eq!(events.files().len(), 4);

    let request =
        MaintainRequest { tables: Vec::new(), history: TimeDelta::days(400), dry_run: false, pace: Pace::Full };
    let progress: Arc<dyn Progress> = Arc::new(NoProgress);
    let done = maintain(&world.lake, &world.journal, &world.clock(), &world.data(), &request, &progress).await.unwrap();
    assert_eq!(done.tables.iter().map(|table| table.merges).sum::<u64>(), 1);
    let events = world.lake.snapshot(Table::B2cEvents).await.unwrap();
    let daily = world.lake.snapshot(Table::B2cDaily).await.unwrap();
    assert_eq!((events.files().len(), daily.noted(Table::B2cEvents)), (1, Some(events.version())));
    assert_eq!(world.daily().await.0, naive::count(&all, &[]));
    assert_eq!(findings(&world).await, []);

    // An import goes on from there.
    let fifth = [record("id-5", "2024-11-05T10:00:00Z", ID_TOKEN, 5, WEB, true)];
    committed(world.import(&[&world.file("day.json", lines(&fifth))]).await);
    all.extend(fifth);
    assert_eq!(world.daily().await.0, naive::count(&all, &[]));
    assert_eq!(findings(&world).await, []);

    // Somebody counts one event of the first day more.
    let daily = world.lake.snapshot(Table::B2cDaily).await.unwrap();
    let context = meterlake_lake::session_context(1 << 28, None).unwrap();
    let batches = context.read_table(daily.provider()).unwrap().collect().await.unwrap();
    let spoilt: Vec<_> = batches.iter().map(more_of_the_first).map(Ok).collect();
    let rows = RecordBatchStreamAdapter::new(batches[0].schema(), stream::iter(spoilt));
    let id = ImportId::new(world.clock.now());
    let mut writer = world.lake.table_writer(Table::B2cDaily, id, &world.data().join("staging"));
    let commit = TableCommit {
        import: id,
        adds: writer.write(Box::pin(rows)).await.unwrap(),
        removes: daily.files().to_vec(),
        read_version: daily.version(),
        source_hashes: Vec::new(),
        record: None,
        notes: Vec::new(),
    };
    world.lake.commit_to(Table::B2cDaily, commit).await.unwrap();
    let found = findings(&world).await;
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!((found[0].table.as_str(), found[0].file.as_str()), ("b2c_daily", &*format!("tenant {TENANT}")));
    assert!(found[0].place.starts_with("2024-11-01"), "{found:?}");
    assert_eq!((&*found[0].expected, &*found[0].found), ("1 attempts, 1 successes", "2 attempts, 1 successes"));
}

fn more_of_the_first(batch: &RecordBatch) -> RecordBatch {
    let place = batch.schema().index_of(columns::ATTEMPTS).unwrap();
    let attempts = batch.column(place).as_any().downcast_ref::<Int64Array>().unwrap();
    let first = (0..attempts.len()).find(|row| attempts.value(*row) > 0);
    let more = (0..attempts.len()).map(|row| attempts.value(row) + i64::from(Some(row) == first));
    let mut columns: Vec<ArrayRef> = batch.columns().to_vec();
    columns[place] = Arc::new(more.collect::<Int64Array>());
    RecordBatch::try_new(batch.schema(), columns).unwrap()
}
