//! Merging keeps every row as it is, and no reader notices.

use std::collections::BTreeMap;

use datafusion::{logical_expr::col, physical_plan::displayable};
use meterlake_lake::{Lake, LakeError, Pace, Table, TableCommit, session_context};
use meterlake_model::Day;
use serde_json::Value;

use super::{content, live, merge_all, on_disk, writers};
use crate::{
    rows::new_import,
    table_rows::{as_read, commit, import, month, write},
};

const A: &str = "11111111-1111-1111-1111-111111111111";
const B: &str = "22222222-2222-2222-2222-222222222222";

#[tokio::test(flavor = "multi_thread")]
async fn rows_stay_and_files_of_a_part_become_few_sorted_and_apart() {
    for table in [Table::Charges, Table::B2cEvents, Table::UserCounts, Table::Licences] {
        let dir = tempfile::tempdir().unwrap();
        let lake = Lake::open_path(dir.path()).await.unwrap();
        for seed in 1..=6 {
            import(&lake, dir.path(), table, month(table, A, "2024-11-01", 200, seed)).await;
        }
        import(&lake, dir.path(), table, month(table, A, "2024-12-01", 100, 7)).await;
        import(&lake, dir.path(), table, month(table, B, "2024-11-01", 100, 8)).await;
        let before = lake.snapshot(table).await.unwrap();
        let rounds = merge_all(&lake, dir.path(), table).await;
        assert_eq!(rounds.len(), 1, "{table}");
        let after = lake.snapshot(table).await.unwrap();
        assert_eq!(rounds[0].version, Some(after.version()));
        assert_eq!(content(&before).await, content(&after).await, "{table}");

        // Where the table has partitions, December stands by itself; tenants and accounts always do.
        let parts: BTreeMap<_, usize> = after.files().iter().fold(BTreeMap::new(), |mut parts, file| {
            *parts.entry((file.partition, file.scope_key)).or_default() += 1;
            parts
        });
        assert!(parts.values().all(|files| *files == 1), "{table}: {parts:?}");
        assert_eq!(parts.len(), if table.partition().is_some() { 3 } else { 2 }, "{table}");

        // The lone files are as they were; the others have a new writer, which is no import.
        assert_eq!(writers(&after).difference(&writers(&before)).count(), 1, "{table}");
        let id = *writers(&after).difference(&writers(&before)).next().unwrap();
        assert_eq!(lake.committed_version_in(table, id).await.unwrap(), Some(after.version()));
        assert!(lake.committed_imports_in(table).await.unwrap().iter().all(|record| record.import != id));
        assert_eq!((before.data_version(), after.data_version()), (8, 8), "{table}");
        assert_eq!((before.version(), after.version()), (8, 9), "{table}");

        // Nothing more to do, and the old snapshot still reads.
        assert!(lake.merges(table).await.unwrap().1.is_empty());
        let again = Lake::open_path(dir.path()).await.unwrap().snapshot_at(table, 8).await.unwrap();
        assert_eq!(live(&again), live(&before));
        assert_eq!(content(&again).await, content(&after).await);
        // Rows that come later count as a change again.
        import(&lake, dir.path(), table, month(table, B, "2024-11-01", 10, 9)).await;
        assert_eq!(lake.snapshot(table).await.unwrap().data_version(), 10);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn merged_files_are_read_in_order_without_a_sort_and_without_a_merge() {
    let dir = tempfile::tempdir().unwrap();
    let lake = Lake::open_path(dir.path()).await.unwrap();
    for seed in 1..=5 {
        import(&lake, dir.path(), Table::Charges, month(Table::Charges, A, "2024-11-01", 500, seed)).await;
    }
    let read = async || {
        let snapshot = lake.snapshot(Table::Charges).await.unwrap();
        let context = session_context(1 << 30, None).unwrap();
        let order = Table::Charges.sort().iter().map(|name| col(*name).sort(true, false)).collect();
        let frame = context.read_table(snapshot.provider()).unwrap().sort(order).unwrap();
        let plan = frame.clone().create_physical_plan().await.unwrap();
        (as_read(&frame.collect().await.unwrap()), displayable(plan.as_ref()).indent(false).to_string())
    };
    let (before, plan) = read().await;
    assert!(plan.contains("SortPreservingMerge"), "{plan}");
    merge_all(&lake, dir.path(), Table::Charges).await;
    let (after, plan) = read().await;
    assert!(!plan.contains("Sort"), "{plan}");
    assert_eq!(before, after);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_entry_of_a_merge_says_that_no_data_changed() {
    let dir = tempfile::tempdir().unwrap();
    let lake = Lake::open_path(dir.path()).await.unwrap();
    for seed in 1..=2 {
        import(&lake, dir.path(), Table::Charges, month(Table::Charges, A, "2024-11-01", 50, seed)).await;
    }
    merge_all(&lake, dir.path(), Table::Charges).await;
    let entry = std::fs::read_to_string(dir.path().join("charges/_delta_log/00000000000000000003.json")).unwrap();
    let actions: Vec<Value> = entry.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let of = |name: &str| actions.iter().filter_map(|action| action.get(name)).collect::<Vec<_>>();
    assert_eq!((of("remove").len(), of("add").len()), (2, 1));
    for file in of("remove").iter().chain(&of("add")) {
        assert_eq!(file["dataChange"], false, "{file}");
    }
    assert_eq!(of("commitInfo")[0]["operation"], "OPTIMIZE");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_that_replaces_an_input_meanwhile_wins_and_the_other_parts_are_merged() {
    let dir = tempfile::tempdir().unwrap();
    let lake = Lake::open_path(dir.path()).await.unwrap();
    for seed in 1..=3 {
        import(&lake, dir.path(), Table::Charges, month(Table::Charges, A, "2024-11-01", 50, seed)).await;
        import(&lake, dir.path(), Table::Charges, month(Table::Charges, B, "2024-11-01", 50, seed)).await;
    }
    let (snapshot, merges) = lake.merges(Table::Charges).await.unwrap();
    assert_eq!(merges.len(), 2);
    let id = new_import();
    let staging = dir.path().join("staging");
    let merged = lake.write_merges(&snapshot, merges, id, &staging, Pace::Half, &|_| {}).await.unwrap();

    // Another process replaces one of A's files.
    let other = Lake::open_path(dir.path()).await.unwrap();
    let replacement = new_import();
    let rows = month(Table::Charges, A, "2024-11-01", 20, 9);
    let adds = write(&other, dir.path(), Table::Charges, replacement, vec![rows]).await;
    let removes = snapshot.files().iter().filter(|file| file.scope[1] == A).take(1).cloned().collect();
    let replace = TableCommit { removes, ..commit(replacement, adds, snapshot.version()) };
    let version = other.commit_to(Table::Charges, replace).await.unwrap();
    let expected = content(&other.snapshot(Table::Charges).await.unwrap()).await;

    let outcome = lake.commit_merges(merged).await.unwrap();
    assert_eq!((outcome.merges, outcome.passed_over, outcome.version), (1, 1, Some(version + 1)));
    let after = lake.snapshot(Table::Charges).await.unwrap();
    assert_eq!(content(&after).await, expected);
    assert_eq!(after.data_version(), version);
    // The files of the merge that came too late are gone, those of all snapshots stay.
    assert_eq!(on_disk(dir.path(), Table::Charges).len(), 6 + 1 + 1);
    assert!(!on_disk(dir.path(), Table::Charges).iter().any(|p| p.contains("staging")));

    // And the next round merges what is left.
    merge_all(&lake, dir.path(), Table::Charges).await;
    let newest = lake.snapshot(Table::Charges).await.unwrap();
    assert_eq!((newest.files().len(), content(&newest).await), (2, expected));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_prepared_before_a_merge_is_told_to_look_again() {
    let dir = tempfile::tempdir().unwrap();
    let lake = Lake::open_path(dir.path()).await.unwrap();
    for seed in 1..=2 {
        import(&lake, dir.path(), Table::Charges, month(Table::Charges, A, "2024-11-01", 50, seed)).await;
    }
    let ground = lake.snapshot(Table::Charges).await.unwrap();
    merge_all(&lake, dir.path(), Table::Charges).await;
    let id = new_import();
    let adds = write(&lake, dir.path(), Table::Charges, id, vec![month(Table::Charges, A, "2024-11-01", 5, 3)]).await;
    let replace = TableCommit { removes: ground.files().to_vec(), ..commit(id, adds, ground.version()) };
    let error = lake.commit_to(Table::Charges, replace).await.unwrap_err();
    assert!(matches!(error, LakeError::Conflict { .. }), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_dead_merge_left_goes_and_what_it_committed_stays() {
    let dir = tempfile::tempdir().unwrap();
    let staging = dir.path().join("staging");
    {
        let lake = Lake::open_path(dir.path()).await.unwrap();
        for seed in 1..=3 {
            import(&lake, dir.path(), Table::Charges, month(Table::Charges, A, "2024-11-01", 50, seed)).await;
        }
        let (snapshot, merges) = lake.merges(Table::Charges).await.unwrap();
        // Written and never committed: the process dies.
        lake.write_merges(&snapshot, merges, new_import(), &staging, Pace::Full, &|_| {}).await.unwrap();
    }
    let lake = Lake::open_path(dir.path()).await.unwrap();
    let before = content(&lake.snapshot(Table::Charges).await.unwrap()).await;
    assert_eq!(on_disk(dir.path(), Table::Charges).len(), 4);
    assert_eq!(lake.settle_maintenance(Table::Charges).await.unwrap().1, 1);
    assert_eq!(on_disk(dir.path(), Table::Charges), live(&lake.snapshot(Table::Charges).await.unwrap()));
    assert_eq!(lake.settle_maintenance(Table::Charges).await.unwrap().1, 0);
    merge_all(&lake, dir.path(), Table::Charges).await;
    assert_eq!(lake.settle_maintenance(Table::Charges).await.unwrap().1, 0);
    let after = lake.snapshot(Table::Charges).await.unwrap();
    assert_eq!((after.files().len(), content(&after).await), (1, before));
}

#[tokio::test(flavor = "multi_thread")]
async fn days_that_follow_each_other_in_files_of_one_writer_are_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let lake = Lake::open_path(dir.path()).await.unwrap();
    let options = meterlake_lake::WriterOptions { file_rows: 100, ..Default::default() };
    let id = new_import();
    let mut writer = lake.table_writer(Table::Charges, id, &dir.path().join("staging")).with_options(options);
    let rows = month(Table::Charges, A, "2024-11-01", 2000, 1);
    let adds = writer.write(crate::table_rows::stream(Table::Charges, vec![rows])).await.unwrap();
    assert!(adds.len() > 4);
    lake.commit_to(Table::Charges, commit(id, adds, 0)).await.unwrap();
    let before = lake.snapshot(Table::Charges).await.unwrap();
    // All of them together are far below the size of one file, which is worth a merge; but only once.
    assert_eq!(merge_all(&lake, dir.path(), Table::Charges).await.len(), 1);
    let after = lake.snapshot(Table::Charges).await.unwrap();
    assert_eq!(content(&before).await, content(&after).await);
    let first: Day = after.files()[0].first_day;
    assert!(after.files().iter().all(|file| file.first_day >= first));
}

#[tokio::test(flavor = "multi_thread")]
async fn tables_that_are_built_from_others_note_the_merged_version() {
    let dir = tempfile::tempdir().unwrap();
    let lake = Lake::open_path(dir.path()).await.unwrap();
    for seed in 1..=3 {
        import(&lake, dir.path(), Table::B2cEvents, month(Table::B2cEvents, A, "2024-11-01", 50, seed)).await;
    }
    let id = new_import();
    let rows = month(Table::B2cDaily, A, "2024-11-01", 5, 1);
    let adds = write(&lake, dir.path(), Table::B2cDaily, id, vec![rows]).await;
    let daily = TableCommit { notes: vec![(Table::B2cEvents, 3)], ..commit(id, adds, 0) };
    lake.commit_to(Table::B2cDaily, daily).await.unwrap();
    let files = live(&lake.snapshot(Table::B2cDaily).await.unwrap());

    merge_all(&lake, dir.path(), Table::B2cEvents).await;
    lake.note_anew(Table::B2cEvents, new_import()).await.unwrap();
    let daily = lake.snapshot(Table::B2cDaily).await.unwrap();
    assert_eq!((daily.noted(Table::B2cEvents), live(&daily)), (Some(4), files));
    assert_eq!((daily.version(), daily.data_version()), (2, 1));
    // Once is enough.
    lake.note_anew(Table::B2cEvents, new_import()).await.unwrap();
    assert_eq!(lake.snapshot(Table::B2cDaily).await.unwrap().version(), 2);

    // Events that the days do not count yet must not be noted as if they did.
    import(&lake, dir.path(), Table::B2cEvents, month(Table::B2cEvents, A, "2024-11-01", 50, 4)).await;
    merge_all(&lake, dir.path(), Table::B2cEvents).await;
    lake.note_anew(Table::B2cEvents, new_import()).await.unwrap();
    assert_eq!(lake.snapshot(Table::B2cDaily).await.unwrap().noted(Table::B2cEvents), Some(4));
}
