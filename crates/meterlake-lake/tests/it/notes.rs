//! Imports that change two tables: the second notes the version of the first, and makes both visible.

use meterlake_lake::{Lake, LakeError, Table, TableCommit};
use meterlake_model::ImportId;
use serde_json::json;

use crate::{
    rows::new_import,
    table_rows::{commit, month, write},
};

const TENANT: &str = "11111111-1111-1111-1111-111111111111";

/// The first half of an import of B2C events.
async fn commit_events(lake: &Lake, dir: &std::path::Path, id: ImportId, seed: u64) -> u64 {
    let ground = lake.snapshot(Table::B2cEvents).await.unwrap().version();
    let rows = month(Table::B2cEvents, TENANT, "2024-11-01", 100, seed);
    let adds = write(lake, dir, Table::B2cEvents, id, vec![rows]).await;
    lake.commit_to(Table::B2cEvents, commit(id, adds, ground)).await.unwrap()
}

/// The second half.
async fn commit_daily(lake: &Lake, dir: &std::path::Path, id: ImportId, events: u64) -> u64 {
    let ground = lake.snapshot(Table::B2cDaily).await.unwrap();
    let adds = write(lake, dir, Table::B2cDaily, id, vec![month(Table::B2cDaily, TENANT, "2024-11-01", 10, 1)]).await;
    let removes = ground.files().to_vec();
    let record = Some(json!({"id": id.to_string()}));
    let notes = vec![(Table::B2cEvents, events)];
    let commit = TableCommit { removes, record, notes, ..commit(id, adds, ground.version()) };
    lake.commit_to(Table::B2cDaily, commit).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_of_two_tables_is_rolled_forward_after_a_crash_between_its_commits() {
    let dir = tempfile::tempdir().unwrap();
    let (first, second) = (new_import(), new_import());
    {
        let lake = Lake::open_path(dir.path()).await.unwrap();
        assert_eq!(lake.snapshot(Table::B2cDaily).await.unwrap().noted(Table::B2cEvents), None);
        assert_eq!(commit_events(&lake, dir.path(), first, 1).await, 1);
        assert_eq!(commit_daily(&lake, dir.path(), first, 1).await, 1);
        // The process dies when it has committed the events and written, but not committed, the days.
        assert_eq!(commit_events(&lake, dir.path(), second, 2).await, 2);
        write(&lake, dir.path(), Table::B2cDaily, second, vec![month(Table::B2cDaily, TENANT, "2024-11-01", 10, 2)])
            .await;
    }

    // Until it is recovered, reports see the first import, whole.
    let lake = Lake::open_path(dir.path()).await.unwrap();
    let daily = lake.snapshot(Table::B2cDaily).await.unwrap();
    assert_eq!((daily.version(), daily.noted(Table::B2cEvents)), (1, Some(1)));
    let events = lake.snapshot_at(Table::B2cEvents, 1).await.unwrap();
    assert_eq!(events.files().iter().map(|file| file.rows).sum::<u64>(), 100);
    assert!(events.files().iter().all(|file| file.written_by == first));

    // The logs tell what is left to do, and it can be done.
    assert_eq!(lake.committed_version_in(Table::B2cEvents, second).await.unwrap(), Some(2));
    assert_eq!(lake.committed_version_in(Table::B2cDaily, second).await.unwrap(), None);
    assert_eq!(lake.discard_in(Table::B2cEvents, second).await.unwrap(), 0);
    assert_eq!(lake.discard_in(Table::B2cDaily, second).await.unwrap(), 1);
    assert_eq!(commit_daily(&lake, dir.path(), second, 2).await, 2);
    let daily = lake.snapshot(Table::B2cDaily).await.unwrap();
    assert_eq!((daily.files().len(), daily.noted(Table::B2cEvents)), (1, Some(2)));
    let records = lake.committed_imports_in(Table::B2cDaily).await.unwrap();
    assert_eq!(
        records.iter().map(|found| (found.import, found.version)).collect::<Vec<_>>(),
        [(first, 1), (second, 2)]
    );
    assert!(lake.committed_imports_in(Table::B2cEvents).await.unwrap().is_empty());

    // A walk that began before goes on with both of its versions.
    let pinned = lake.snapshot_at(Table::B2cDaily, 1).await.unwrap();
    assert_eq!(pinned.noted(Table::B2cEvents), Some(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn notes_outlive_checkpoints_and_commits_without_notes() {
    let dir = tempfile::tempdir().unwrap();
    let lake = Lake::open_path(dir.path()).await.unwrap();
    let id = new_import();
    commit_events(&lake, dir.path(), id, 1).await;
    assert_eq!(commit_daily(&lake, dir.path(), id, 1).await, 1);
    for version in 2..=51 {
        assert_eq!(lake.commit_to(Table::B2cDaily, commit(new_import(), vec![], version - 1)).await.unwrap(), version);
    }
    let log = dir.path().join("b2c_daily/_delta_log");
    assert!(log.join("00000000000000000050.checkpoint.parquet").exists());
    for version in 0..50 {
        std::fs::remove_file(log.join(format!("{version:020}.json"))).unwrap();
    }
    for lake in [lake, Lake::open_path(dir.path()).await.unwrap()] {
        let daily = lake.snapshot(Table::B2cDaily).await.unwrap();
        assert_eq!((daily.version(), daily.noted(Table::B2cEvents)), (51, Some(1)));
        assert_eq!(lake.committed_version_in(Table::B2cDaily, id).await.unwrap(), Some(1));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn notes_that_cannot_be_true_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let lake = Lake::open_path(dir.path()).await.unwrap();
    let with = |notes| TableCommit { notes, ..commit(new_import(), vec![], 0) };
    let error = lake.commit_to(Table::B2cDaily, with(vec![(Table::B2cEvents, 1)])).await.unwrap_err();
    assert!(matches!(error, LakeError::NoSuchVersion { table: Table::B2cEvents, version: 1, newest: 0 }), "{error}");
    let error = lake.commit_to(Table::Licences, with(vec![(Table::B2cEvents, 0)])).await.unwrap_err();
    assert!(error.to_string().contains("licences is not built from b2c_events"), "{error}");
}
