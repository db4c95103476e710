//! Deleting what no snapshot within the history needs, and nothing else.

use std::{path::Path, sync::Arc};

use chrono::{DateTime, TimeDelta, Utc};
use meterlake_lake::{Lake, LakeError, Pace, Table, TableCommit, Why};
use meterlake_model::{Clock, ImportId, SteppingClock};
use url::Url;

use super::{content, live, on_disk};
use crate::table_rows::{commit, month, write};

const A: &str = "11111111-1111-1111-1111-111111111111";
const HISTORY: TimeDelta = TimeDelta::days(400);

fn start() -> DateTime<Utc> {
    "2024-01-01T00:00:00Z".parse().unwrap()
}

async fn open(dir: &Path, clock: &Arc<SteppingClock>) -> Lake {
    Lake::open_with_clock(&Url::from_directory_path(dir).unwrap(), Arc::clone(clock) as _).await.unwrap()
}

/// Replaces all rows of a table.
async fn replace(lake: &Lake, dir: &Path, clock: &SteppingClock, table: Table, seed: u64) -> u64 {
    let id = ImportId::new(clock.now());
    let ground = lake.snapshot(table).await.unwrap();
    let adds = write(lake, dir, table, id, vec![month(table, A, "2024-11-01", 20, seed)]).await;
    let notes = table.built_from().to_vec();
    let mut noted = Vec::new();
    for source in notes {
        noted.push((source, lake.snapshot(source).await.unwrap().version()));
    }
    let change = TableCommit { removes: ground.files().to_vec(), notes: noted, ..commit(id, adds, ground.version()) };
    lake.commit_to(table, change).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn files_go_when_they_were_replaced_before_the_history_begins() {
    let dir = tempfile::tempdir().unwrap();
    let clock = Arc::new(SteppingClock::at(start()));
    let lake = open(dir.path(), &clock).await;
    clock.advance(TimeDelta::hours(1));
    // A version a hundred days: 1 at day 0, 2 at day 100, … 6 at day 500.
    let mut contents = vec![Vec::new()];
    for seed in 1..=6 {
        replace(&lake, dir.path(), &clock, Table::Charges, seed).await;
        contents.push(content(&lake.snapshot(Table::Charges).await.unwrap()).await);
        clock.advance(TimeDelta::days(100));
    }
    // Day 600: the history begins at day 200, where version 3 has just come.
    let plan = lake.vacuum_plan(Table::Charges, HISTORY).await.unwrap();
    assert_eq!((plan.oldest_version, plan.files.len()), (3, 2));
    assert!(plan.files.iter().all(|file| file.why == Why::Replaced && file.size > 0));
    assert_eq!(on_disk(dir.path(), Table::Charges).len(), 6, "a plan deletes nothing");
    let gone = lake.vacuum(&plan).await.unwrap();
    assert_eq!((gone.files, gone.bytes), (2, plan.files.iter().map(|file| file.size).sum()));
    assert_eq!(on_disk(dir.path(), Table::Charges).len(), 4);

    for lake in [lake.clone(), open(dir.path(), &clock).await] {
        for (version, expected) in (0..).zip(&contents).skip(3) {
            let snapshot = lake.snapshot_at(Table::Charges, version).await.unwrap();
            assert_eq!(&content(&snapshot).await, expected, "version {version}");
        }
        // Also for who had them loaded: an answer that tells, not files that are missing.
        for version in 0..3 {
            let error = lake.snapshot_at(Table::Charges, version).await.unwrap_err();
            assert!(matches!(error, LakeError::NoSuchVersion { newest: 6, .. }), "{error}");
        }
    }
    assert!(lake.vacuum_plan(Table::Charges, HISTORY).await.unwrap().files.is_empty());
    // A longer history does not bring them back, nor does it fail.
    let longer = lake.vacuum_plan(Table::Charges, TimeDelta::days(4000)).await.unwrap();
    assert_eq!((longer.oldest_version, longer.files.len()), (3, 0));
    // The newest rows stay however long ago they came.
    clock.advance(TimeDelta::days(4000));
    lake.vacuum(&lake.vacuum_plan(Table::Charges, HISTORY).await.unwrap()).await.unwrap();
    let newest = lake.snapshot(Table::Charges).await.unwrap();
    assert_eq!(on_disk(dir.path(), Table::Charges), live(&newest));
    assert_eq!(content(&newest).await, contents[6]);
}

#[tokio::test(flavor = "multi_thread")]
async fn merged_files_go_like_replaced_ones() {
    let dir = tempfile::tempdir().unwrap();
    let clock = Arc::new(SteppingClock::at(start()));
    let lake = open(dir.path(), &clock).await;
    for seed in 1..=3 {
        let id = ImportId::new(clock.now());
        let ground = lake.snapshot(Table::Charges).await.unwrap().version();
        let rows = vec![month(Table::Charges, A, "2024-11-01", 20, seed)];
        let adds = write(&lake, dir.path(), Table::Charges, id, rows).await;
        lake.commit_to(Table::Charges, commit(id, adds, ground)).await.unwrap();
    }
    clock.advance(TimeDelta::days(1));
    let (snapshot, merges) = lake.merges(Table::Charges).await.unwrap();
    let (id, staging) = (ImportId::new(clock.now()), dir.path().join("staging"));
    let merged = lake.write_merges(&snapshot, merges, id, &staging, Pace::Full, &|_| {}).await.unwrap();
    lake.commit_merges(merged).await.unwrap();
    let expected = content(&snapshot).await;
    clock.advance(TimeDelta::days(399));
    assert!(lake.vacuum_plan(Table::Charges, HISTORY).await.unwrap().files.is_empty());
    clock.advance(TimeDelta::days(2));
    let plan = lake.vacuum_plan(Table::Charges, HISTORY).await.unwrap();
    assert_eq!((plan.oldest_version, plan.files.len()), (4, 3));
    lake.vacuum(&plan).await.unwrap();
    assert_eq!(content(&lake.snapshot(Table::Charges).await.unwrap()).await, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_another_table_was_built_from_stays_as_long_as_that_is_read() {
    let dir = tempfile::tempdir().unwrap();
    let clock = Arc::new(SteppingClock::at(start()));
    let lake = open(dir.path(), &clock).await;
    replace(&lake, dir.path(), &clock, Table::B2cEvents, 1).await;
    replace(&lake, dir.path(), &clock, Table::B2cDaily, 1).await;
    clock.advance(TimeDelta::days(1));
    // Its second half never came: reports read events 1 for ever.
    replace(&lake, dir.path(), &clock, Table::B2cEvents, 2).await;
    clock.advance(TimeDelta::days(1000));
    let plan = lake.vacuum_plan(Table::B2cEvents, HISTORY).await.unwrap();
    assert_eq!((plan.oldest_version, plan.files.len()), (1, 0));
    replace(&lake, dir.path(), &clock, Table::B2cDaily, 2).await;
    clock.advance(TimeDelta::days(399));
    assert!(lake.vacuum_plan(Table::B2cEvents, HISTORY).await.unwrap().files.is_empty());
    clock.advance(TimeDelta::days(2));
    let plan = lake.vacuum_plan(Table::B2cEvents, HISTORY).await.unwrap();
    assert_eq!((plan.oldest_version, plan.files.len()), (2, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn files_that_no_commit_names_go_after_a_day_and_strangers_stay() {
    let dir = tempfile::tempdir().unwrap();
    let clock = Arc::new(SteppingClock::at(start()));
    let lake = open(dir.path(), &clock).await;
    replace(&lake, dir.path(), &clock, Table::Charges, 1).await;
    let rows = || vec![month(Table::Charges, A, "2024-11-01", 20, 2)];
    let left = write(&lake, dir.path(), Table::Charges, ImportId::new(clock.now()), rows()).await;
    std::fs::write(dir.path().join("charges/notes.txt"), "mine").unwrap();
    clock.advance(TimeDelta::hours(23));
    assert!(lake.vacuum_plan(Table::Charges, HISTORY).await.unwrap().files.is_empty());
    clock.advance(TimeDelta::hours(2));
    let young = write(&lake, dir.path(), Table::Charges, ImportId::new(clock.now()), rows()).await;
    let plan = lake.vacuum_plan(Table::Charges, HISTORY).await.unwrap();
    let doomed: Vec<_> = plan.files.iter().map(|file| (file.path.clone(), file.why)).collect();
    assert_eq!(doomed, [(left[0].path.clone(), Why::LeftBehind)]);
    lake.vacuum(&plan).await.unwrap();
    let mut expected = live(&lake.snapshot(Table::Charges).await.unwrap());
    expected.extend([young[0].path.clone(), "notes.txt".to_owned()]);
    expected.sort();
    assert_eq!(on_disk(dir.path(), Table::Charges), expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn checkpoints_are_due_after_some_commits() {
    let dir = tempfile::tempdir().unwrap();
    let clock = Arc::new(SteppingClock::at(start()));
    let lake = open(dir.path(), &clock).await;
    for seed in 1..=9 {
        replace(&lake, dir.path(), &clock, Table::Licences, seed).await;
    }
    assert_eq!(lake.checkpoint_due(Table::Licences).await.unwrap(), None);
    replace(&lake, dir.path(), &clock, Table::Licences, 10).await;
    assert_eq!(lake.checkpoint_due(Table::Licences).await.unwrap(), Some(10));
    lake.write_checkpoint(Table::Licences).await.unwrap();
    assert!(dir.path().join("licences/_delta_log/00000000000000000010.checkpoint.parquet").is_file());
    assert_eq!(lake.checkpoint_due(Table::Licences).await.unwrap(), None);
    let again = open(dir.path(), &clock).await;
    assert_eq!(again.snapshot(Table::Licences).await.unwrap().version(), 10);
    assert_eq!(again.snapshot_at(Table::Licences, 3).await.unwrap().version(), 3);
}
