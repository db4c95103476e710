//! Admission and cancellation.

use std::time::Duration;

use futures::StreamExt;
use meterlake_model::DayRange;
use meterlake_reports::{
    AggregationLevel, AnalyticsKey, AnalyticsRequest, CustomerScope, Direction, EaRequest, ReportError, Reports,
    ReportsConfig, Selection,
};

use crate::charge::{Random, charges};
use crate::world::{World, config, import_id, world};

#[tokio::test]
async fn a_dropped_stream_frees_its_place() {
    let world = world(31, 2_000).await;
    let one = ReportsConfig {
        concurrent_queries: 1,
        waiting_queries: 1,
        admission_timeout: Duration::from_secs(20),
        ..config()
    };
    let reports = Reports::new(world.lake.clone(), &one).unwrap();
    let selection = Selection::Period("202411".parse().unwrap());
    let request = EaRequest { accounts: vec!["100".parse().unwrap()], selection, usage_only: false, snapshot: None };
    for _ in 0..5 {
        let (_, mut stream) = reports.ea_stream(&request).await.unwrap();
        assert!(stream.next().await.unwrap().unwrap().num_rows() > 0);
    }
    // Not even read from.
    drop(reports.ea_stream(&request).await.unwrap());
    assert!(reports.ea_page(&request, None, 10).await.unwrap().next.is_some());
}

#[tokio::test]
async fn too_many_are_refused() {
    let world = world(32, 300).await;
    let none_waits = ReportsConfig { concurrent_queries: 1, waiting_queries: 0, ..config() };
    let reports = Reports::new(world.lake.clone(), &none_waits).unwrap();
    let request = request("2024-09-01", "2024-11-30");
    let (_, mut stream) = reports.ea_stream(&request).await.unwrap();
    // Nobody reads, and there are more batches than it runs ahead: a batch a month at least.
    let refused = reports.ea_page(&request, None, 10).await;
    assert!(matches!(refused, Err(ReportError::Busy { .. })), "{refused:?}");
    let mut batches = 0;
    while let Some(batch) = stream.next().await {
        batches += usize::from(batch.unwrap().num_rows() > 0);
    }
    assert!(batches >= 3);
    // The place is free some moments after the last batch.
    while let Err(error) = reports.ea_page(&request, None, 10).await {
        assert!(matches!(error, ReportError::Busy { .. }), "{error}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn a_reader_that_stands_still_is_given_up() {
    let world = world(34, 300).await;
    let impatient = ReportsConfig {
        concurrent_queries: 1,
        waiting_queries: 1,
        admission_timeout: Duration::from_secs(20),
        reader_patience: Duration::from_millis(50),
        ..config()
    };
    let reports = Reports::new(world.lake.clone(), &impatient).unwrap();
    let request = request("2024-09-01", "2024-11-30");
    let (_, stream) = reports.ea_stream(&request).await.unwrap();
    // The place becomes free although the stream is held, which then ends with an error, not as if it were whole.
    assert!(reports.ea_page(&request, None, 10).await.is_ok());
    let batches = stream.collect::<Vec<_>>().await;
    assert!(matches!(batches.last(), Some(Err(_))), "{} batches", batches.len());
    assert!(batches[..batches.len() - 1].iter().all(Result::is_ok));
}

fn request(first: &str, last: &str) -> EaRequest {
    let days = DayRange::new(first.parse().unwrap(), last.parse().unwrap()).unwrap();
    EaRequest {
        accounts: vec!["100".parse().unwrap()],
        selection: Selection::Days(days),
        usage_only: false,
        snapshot: None,
    }
}

/// A bounded pool: what does not fit spills or is refused as such; the bound itself is never a crash.
#[tokio::test]
async fn little_memory() {
    let mut world = World::new().await;
    let mut random = Random(33);
    for number in 1..=4 {
        let mut rows = charges(&mut random, import_id(number), "202411".parse().unwrap(), 6_000);
        for row in &mut rows {
            (row.account, row.export_scope, row.currency) = ("100".into(), String::new(), "EUR".into());
            row.subscription_name = format!("subscription {}", random.below(20_000));
        }
        world.import(import_id(number), rows, |_| false).await;
    }
    let request = AnalyticsRequest {
        customers: CustomerScope::All,
        filter: None,
        days: (None, None),
        group_by: None,
        aggregation: AggregationLevel::Day,
        order_by: vec![(AnalyticsKey::Quantity, Direction::Descending)],
        skip: 0,
        top: 10,
        snapshot: None,
        total: None,
    };
    let expected = crate::naive::analytics(&world.rows, &request);
    let mut refused = 0;
    for megabytes in [1, 8, 48, 256] {
        let spill_dir = Some(world.folder.path().join("spill"));
        let small = ReportsConfig { memory_limit: megabytes << 20, spill_dir, ..config() };
        let reports = Reports::new(world.lake.clone(), &small).unwrap();
        match reports.analytics(&request).await {
            Ok(page) => assert_eq!(usize::try_from(page.total).unwrap(), expected.len()),
            Err(ReportError::Memory(_)) => refused += 1,
            Err(error) => panic!("{megabytes} MB: {error}"),
        }
    }
    println!("{refused} of 4 refused");
    assert!(refused < 3);
}
