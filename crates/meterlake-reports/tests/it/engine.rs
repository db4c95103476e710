//! Admission and cancellation.

use std::time::Duration;

use futures::StreamExt;
use meterlake_model::DayRange;
use meterlake_reports::{EaRequest, ReportError, Reports, ReportsConfig, Selection};

use crate::world::{config, world};

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

fn request(first: &str, last: &str) -> EaRequest {
    let days = DayRange::new(first.parse().unwrap(), last.parse().unwrap()).unwrap();
    EaRequest {
        accounts: vec!["100".parse().unwrap()],
        selection: Selection::Days(days),
        usage_only: false,
        snapshot: None,
    }
}
