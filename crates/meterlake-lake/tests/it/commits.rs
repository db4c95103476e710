//! Commits, conflicts, snapshots.

use meterlake_lake::{Commit, Lake, LakeError};

use crate::rows::{self, commit, import, month, new_import, write};

#[tokio::test(flavor = "multi_thread")]
async fn a_lake_opens_twice_and_is_plain_delta() {
    let dir = tempfile::tempdir().unwrap();
    let lake = Lake::open_path(&dir.path().join("lake")).await.unwrap();
    assert_eq!(lake.charges().await.unwrap().version(), 0);
    let again = Lake::open_path(&dir.path().join("lake")).await.unwrap();
    assert_eq!(again.charges().await.unwrap().version(), 0);
    assert!(again.charges().await.unwrap().files().is_empty());
    let entry = std::fs::read_to_string(dir.path().join("lake/charges/_delta_log/00000000000000000000.json")).unwrap();
    assert!(entry.contains(r#""protocol":{"minReaderVersion":1,"minWriterVersion":2}"#), "{entry}");
    assert!(entry.contains("decimal(38,24)"));
}

#[tokio::test(flavor = "multi_thread")]
async fn two_openers_at_once_make_one_table() {
    let dir = tempfile::tempdir().unwrap();
    let opens = (0..4).map(|_| Lake::open_path(dir.path()));
    for lake in futures::future::join_all(opens).await {
        assert_eq!(lake.unwrap().charges().await.unwrap().version(), 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn replaced_files_leave_the_newest_snapshot_only() {
    let dir = tempfile::tempdir().unwrap();
    let lake = Lake::open_path(dir.path()).await.unwrap();
    let other_process = Lake::open_path(dir.path()).await.unwrap();
    let first = import(&lake, dir.path(), &month("100", "2024-11-01", 500, 1)).await;
    import(&lake, dir.path(), &month("200", "2024-11-01", 300, 2)).await;
    let pinned = other_process.charges().await.unwrap();
    assert_eq!((pinned.version(), pinned.files().len()), (2, 2));

    let id = new_import();
    let adds = write(&lake, dir.path(), id, &month("100", "2024-11-01", 700, 3)).await;
    let removes: Vec<_> = pinned.files().iter().filter(|f| f.scope[1] == "100").cloned().collect();
    let third = lake.commit(Commit { removes, ..commit(id, adds, 2) }).await.unwrap();
    assert_eq!(third, 3);

    let newest = other_process.charges().await.unwrap();
    assert_eq!(newest.version(), 3);
    assert_eq!(newest.files().iter().map(|f| f.rows).sum::<u64>(), 1000);
    assert_eq!(pinned.files().iter().map(|f| f.rows).sum::<u64>(), 800);
    let old = other_process.charges_at(first).await.unwrap();
    assert_eq!(old.files().iter().map(|f| f.rows).sum::<u64>(), 500);
    assert!(old.committed_at() < newest.committed_at());
    let error = lake.charges_at(9).await.unwrap_err();
    assert!(matches!(error, LakeError::NoSuchVersion { version: 9, newest: 3, .. }), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_on_changed_ground_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let lake = Lake::open_path(dir.path()).await.unwrap();
    import(&lake, dir.path(), &month("100", "2024-11-01", 10, 1)).await;
    let ground = lake.charges().await.unwrap();
    let prepare = async || {
        let id = new_import();
        let adds = write(&lake, dir.path(), id, &month("100", "2024-11-01", 20, 2)).await;
        Commit { removes: ground.files().to_vec(), ..commit(id, adds, ground.version()) }
    };
    let (winner, loser) = (prepare().await, prepare().await);
    let (lost, loser_adds) = (loser.import, loser.adds.len());
    lake.commit(winner).await.unwrap();
    let error = lake.commit(loser).await.unwrap_err();
    assert!(matches!(error, LakeError::Conflict { read_version: 1, .. }), "{error}");
    assert_eq!(lake.discard(lost).await.unwrap(), loser_adds);

    // Adding to a scope and period that has changed since is a conflict as well; to another one it is not.
    let id = new_import();
    let adds = write(&lake, dir.path(), id, &month("100", "2024-11-01", 5, 3)).await;
    assert!(matches!(lake.commit(commit(id, adds, 1)).await, Err(LakeError::Conflict { .. })));
    let id = new_import();
    let adds = write(&lake, dir.path(), id, &month("100", "2024-12-01", 5, 3)).await;
    assert_eq!(lake.commit(commit(id, adds, 1)).await.unwrap(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_is_committed_once() {
    let dir = tempfile::tempdir().unwrap();
    let lake = Lake::open_path(dir.path()).await.unwrap();
    let id = new_import();
    let adds = write(&lake, dir.path(), id, &month("100", "2024-11-01", 50, 1)).await;
    let wanted = commit(id, adds, 0);
    assert_eq!(lake.committed_version(id).await.unwrap(), None);
    assert_eq!(lake.commit(wanted.clone()).await.unwrap(), 1);
    import(&lake, dir.path(), &month("200", "2024-11-01", 50, 1)).await;
    assert_eq!(lake.commit(wanted).await.unwrap(), 1);
    assert_eq!(lake.committed_version(id).await.unwrap(), Some(1));
    assert_eq!(lake.charges().await.unwrap().version(), 2);
    assert_eq!(lake.discard(id).await.unwrap(), 0, "a committed import keeps its files");
    let imports = lake.committed_imports().await.unwrap();
    assert_eq!(imports.iter().map(|i| i.version).collect::<Vec<_>>(), [1, 2]);
    assert_eq!(imports[0].import, id);
    assert_eq!(imports[0].record["id"], id.to_string());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_record_is_passed_over_and_a_known_one_not_read() {
    let dir = tempfile::tempdir().unwrap();
    let lake = Lake::open_path(dir.path()).await.unwrap();
    import(&lake, dir.path(), &month("100", "2024-11-01", 5, 1)).await;
    import(&lake, dir.path(), &month("200", "2024-11-01", 5, 1)).await;
    let all = lake.committed_imports().await.unwrap();
    let record = |at: usize| dir.path().join(format!("charges/_imports/{}.json", all[at].import));
    let known = [all[0].import].into();
    let rest = lake.committed_imports_except(&known).await.unwrap();
    assert_eq!(rest.iter().map(|i| i.import).collect::<Vec<_>>(), [all[1].import]);
    std::fs::write(record(0), "{half").unwrap();
    let left = lake.committed_imports().await.unwrap();
    assert_eq!(left.iter().map(|i| i.import).collect::<Vec<_>>(), [all[1].import]);
    // Unreadable to anyone: a folder in place of the file.
    std::fs::remove_file(record(1)).unwrap();
    std::fs::create_dir_all(record(1).join("x.json")).unwrap();
    assert!(lake.committed_imports().await.unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_that_died_before_its_commit_never_was() {
    let dir = tempfile::tempdir().unwrap();
    let lake = Lake::open_path(dir.path()).await.unwrap();
    let id = new_import();
    let adds = write(&lake, dir.path(), id, &month("100", "2024-11-01", 50, 1)).await;
    // The record lies there as it does between its own write and that of the log entry.
    let table = dir.path().join("charges");
    std::fs::create_dir_all(table.join("_imports")).unwrap();
    let record = table.join(format!("_imports/{id}.json"));
    std::fs::write(&record, format!(r#"{{"import":"{id}","version":1,"record":{{}}}}"#)).unwrap();
    // Files that were being written when the process was killed.
    std::fs::write(table.join("_delta_log/_tmp-1a2b3c.tmp"), "half").unwrap();
    std::fs::write(table.join(format!("billing_period=202411/0011223344556677-{id}-9.parquet#1")), "half").unwrap();

    let lake = Lake::open_path(dir.path()).await.unwrap();
    assert_eq!(lake.committed_version(id).await.unwrap(), None);
    assert!(lake.committed_imports().await.unwrap().is_empty());
    assert_eq!(lake.discard(id).await.unwrap(), adds.len() + 1);
    assert!(!record.exists());
    assert_eq!(std::fs::read_dir(table.join("billing_period=202411")).unwrap().count(), 0);

    // Another import may take the version that the dead one had in mind.
    import(&lake, dir.path(), &month("100", "2024-11-01", 50, 1)).await;
    assert_eq!(lake.committed_imports().await.unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn files_that_a_commit_left_out_are_deleted_and_replaced_ones_stay() {
    let dir = tempfile::tempdir().unwrap();
    let lake = Lake::open_path(dir.path()).await.unwrap();
    let id = new_import();
    let mut writer = lake.writer(id, &dir.path().join("staging"));
    let mut written = Vec::new();
    for account in ["100", "200"] {
        let rows = rows::batch(&month(account, "2024-11-01", 50, 1), id);
        written.extend(writer.write(rows::stream(vec![rows])).await.unwrap());
    }
    lake.commit(commit(id, vec![written[0].clone()], 0)).await.unwrap();
    let removes = lake.charges().await.unwrap().files().to_vec();
    lake.commit(Commit { removes, ..commit(new_import(), vec![], 1) }).await.unwrap();
    assert_eq!(lake.delete_unused(&written).await.unwrap(), 1);
    let table = dir.path().join("charges");
    assert!(table.join(&written[0].path).exists(), "snapshot 1 still names it");
    assert!(!table.join(&written[1].path).exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_data_file_is_not_committed() {
    let dir = tempfile::tempdir().unwrap();
    let lake = Lake::open_path(dir.path()).await.unwrap();
    let id = new_import();
    let adds = write(&lake, dir.path(), id, &month("100", "2024-11-01", 50, 1)).await;
    std::fs::write(dir.path().join("charges").join(&adds[0].path), "short").unwrap();
    let error = lake.commit(commit(id, adds, 0)).await.unwrap_err();
    assert!(matches!(error, LakeError::Corrupt { .. }), "{error}");
    assert_eq!(lake.charges().await.unwrap().version(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn many_commits_make_a_checkpoint_and_reopen() {
    let dir = tempfile::tempdir().unwrap();
    let lake = Lake::open_path(dir.path()).await.unwrap();
    let first = new_import();
    let adds = write(&lake, dir.path(), first, &month("100", "2024-11-01", 3, 1)).await;
    lake.commit(commit(first, adds, 0)).await.unwrap();
    for number in 1..64 {
        let rows = month(&format!("{number}"), "2024-11-01", 3, number);
        assert_eq!(import(&lake, dir.path(), &rows).await, number + 1);
    }
    let log = dir.path().join("charges/_delta_log");
    assert!(log.join("00000000000000000050.checkpoint.parquet").exists());

    let lake = Lake::open_path(dir.path()).await.unwrap();
    let snapshot = lake.charges().await.unwrap();
    assert_eq!((snapshot.version(), snapshot.files().len()), (64, 64));
    assert!(snapshot.files().iter().all(|f| f.rows == 3 && f.first_day >= rows::day("2024-11-01")));
    assert_eq!(lake.charges_at(20).await.unwrap().files().len(), 20);
    assert_eq!(lake.committed_version(first).await.unwrap(), Some(1));
    assert_eq!(lake.committed_imports().await.unwrap().len(), 64);

    // Also when the entries before the checkpoint have been cleaned away.
    for version in 0..50 {
        std::fs::remove_file(log.join(format!("{version:020}.json"))).unwrap();
    }
    let lake = Lake::open_path(dir.path()).await.unwrap();
    assert_eq!(lake.charges().await.unwrap().files().len(), 64);
    assert_eq!(lake.committed_version(first).await.unwrap(), Some(1));
    assert_eq!(lake.committed_imports().await.unwrap().len(), 64);
    assert!(matches!(lake.charges_at(20).await, Err(LakeError::NoSuchVersion { version: 20, newest: 64, .. })));
}

#[tokio::test(flavor = "multi_thread")]
async fn committers_of_two_processes_take_turns() {
    let dir = tempfile::tempdir().unwrap();
    let a = Lake::open_path(dir.path()).await.unwrap();
    let b = Lake::open_path(dir.path()).await.unwrap();
    let commits = (0..12_u64).map(|number| {
        let lake = if number % 2 == 0 { a.clone() } else { b.clone() };
        let path = dir.path().to_path_buf();
        tokio::spawn(async move { import(&lake, &path, &month(&format!("{number}"), "2024-11-01", 3, number)).await })
    });
    let mut versions: Vec<u64> = futures::future::join_all(commits).await.into_iter().map(Result::unwrap).collect();
    versions.sort_unstable();
    assert_eq!(versions, (1..=12).collect::<Vec<_>>());
    assert_eq!(a.charges().await.unwrap().files().len(), 12);
}

#[tokio::test(flavor = "multi_thread")]
async fn features_that_are_not_read_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    Lake::open_path(dir.path()).await.unwrap();
    let entry = dir.path().join("charges/_delta_log/00000000000000000000.json");
    let text = std::fs::read_to_string(&entry).unwrap();
    let newer = text.replace(
        r#"{"minReaderVersion":1,"minWriterVersion":2}"#,
        r#"{"minReaderVersion":3,"minWriterVersion":7,"readerFeatures":["deletionVectors"],"writerFeatures":["deletionVectors"]}"#,
    );
    assert_ne!(text, newer);
    std::fs::write(&entry, newer).unwrap();
    let error = Lake::open_path(dir.path()).await.err().unwrap();
    assert!(error.to_string().contains("deletionVectors"), "{error}");
}

#[tokio::test]
async fn strange_roots_are_refused() {
    let error = Lake::open(&"ftp://host/lake/".parse().unwrap()).await.err().unwrap();
    assert!(error.to_string().contains("not supported"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lake_need_not_be_local() {
    let dir = tempfile::tempdir().unwrap();
    let lake = Lake::open(&"memory:///team/lake/".parse().unwrap()).await.unwrap();
    import(&lake, dir.path(), &month("100", "2024-11-01", 500, 1)).await;
    let dead = new_import();
    let adds = write(&lake, dir.path(), dead, &month("100", "2024-12-01", 50, 1)).await;
    assert_eq!(lake.discard(dead).await.unwrap(), adds.len());
    assert!(lake.commit(commit(dead, adds, 1)).await.is_err());
    let snapshot = lake.charges().await.unwrap();
    let context = meterlake_lake::session_context(256 << 20, None).unwrap();
    assert_eq!(context.read_table(snapshot.provider()).unwrap().collect().await.unwrap()[0].num_rows(), 500);
    assert_eq!(lake.committed_imports().await.unwrap().len(), 1);
}
