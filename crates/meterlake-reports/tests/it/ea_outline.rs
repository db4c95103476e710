//! Exports of EA usage details that are known by where their bytes lie.

use std::ops::Range;

use futures::TryStreamExt;
use meterlake_reports::{CsvRows, EaOutline, EaRequest, ReportError, Reports};

use crate::charge::Random;
use crate::ea_csv::{csv, fields, import_in_pieces, of_one_scope, reports, requests};
use crate::world::{World, import_id, world};

async fn outline(reports: &Reports, request: &EaRequest) -> Option<EaOutline> {
    let outline = reports.ea_outline(request, CsvRows::new(&fields()), "csv").await.unwrap()?;
    // As it is stored.
    let stored = serde_json::to_string(&outline).unwrap();
    assert_eq!(serde_json::from_str::<EaOutline>(&stored).unwrap(), outline);
    Some(outline)
}

async fn read(reports: &Reports, outline: &EaOutline, bytes: Range<usize>) -> Result<Vec<u8>, ReportError> {
    let bytes = bytes.start as u64..bytes.end as u64;
    let pieces = reports.ea_outlined(outline, CsvRows::new(&fields()), "csv", bytes).await?;
    Ok(pieces.try_collect::<Vec<_>>().await?.concat())
}

#[tokio::test]
async fn any_bytes_of_an_outline_are_those_of_the_csv() {
    let mut world = World::new().await;
    let mut random = Random(77);
    for (number, period) in [(1, "202410"), (2, "202411"), (3, "202412")] {
        import_in_pieces(&world, number, &of_one_scope(&mut random, number, period, 300)).await;
    }
    // Row groups of more rows than a step has.
    world.import(import_id(4), of_one_scope(&mut random, 4, "202509", 20_000), |_| false).await;
    let (straight, _) = reports(&world, true);
    let mut all = requests();
    all.push(EaRequest {
        selection: meterlake_reports::Selection::Period("202509".parse().unwrap()),
        ..all[0].clone()
    });
    let mut found = 0;
    for request in all {
        let (whole, rows) = csv(&straight, &request).await;
        let whole = whole.into_bytes();
        let outline = outline(&straight, &request).await.unwrap();
        let length = whole.len();
        assert_eq!((outline.bytes(), outline.rows()), (length as u64, rows as u64), "{request:?}");
        assert!(read(&straight, &outline, 0..length).await.unwrap() == whole, "{request:?}");
        let mut wanted = vec![(0, 0), (length, length), (0, length.min(1)), (length.saturating_sub(1), length)];
        for _ in 0..6 {
            let (one, other) = (random.below(length + 1), random.below(length + 1));
            wanted.push((one.min(other), one.max(other)));
        }
        for (start, end) in wanted {
            let part = read(&straight, &outline, start..end).await.unwrap();
            assert!(part == whole[start..end], "{request:?} {start}..{end}");
        }
        // Beyond the end there is nothing, and that is an error, not a short file.
        assert!(read(&straight, &outline, 0..length + 1).await.is_err());
        found += rows;
    }
    assert!(found > 20_000, "{found}");
}

#[tokio::test]
async fn an_outline_reads_the_snapshot_that_it_was_drawn_of() {
    let mut world = World::new().await;
    let mut random = Random(5);
    import_in_pieces(&world, 1, &of_one_scope(&mut random, 1, "202411", 300)).await;
    let (straight, planned) = (reports(&world, true).0, reports(&world, false).0);
    let request = requests().swap_remove(0);
    let (before, _) = csv(&straight, &request).await;
    let drawn = outline(&straight, &request).await.unwrap();
    world.import(import_id(2), of_one_scope(&mut random, 2, "202411", 50), |_| true).await;
    assert_ne!(csv(&straight, &request).await.0, before);
    assert!(read(&straight, &drawn, 0..before.len()).await.unwrap() == before.into_bytes());
    // An engine that makes plans only keeps what it reads.
    assert_eq!(outline(&planned, &request).await, None);
}

#[tokio::test]
async fn files_that_overlap_have_none() {
    let world = world(50, 150).await;
    let (straight, _) = reports(&world, true);
    let mut merged = 0;
    for request in requests() {
        let (rows, _) = csv(&straight, &request).await;
        match outline(&straight, &request).await {
            Some(outline) => assert_eq!(outline.bytes(), rows.len() as u64),
            None => merged += 1,
        }
    }
    assert!(merged > 0);
}
