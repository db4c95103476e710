//! The tables beside `charges`: what all of them do alike.

use datafusion::prelude::{col, lit};
use meterlake_lake::{Lake, LakeError, Table, TableCommit, TableSnapshot, WriterOptions, session_context};

use crate::{
    rows::new_import,
    table_rows::{as_read, commit, import, in_order, month, stream, write},
};

const TENANTS: [&str; 2] = ["11111111-1111-1111-1111-111111111111", "22222222-2222-2222-2222-222222222222"];

/// All rows, as texts, by scope and order of the table.
async fn rows_of(snapshot: &TableSnapshot) -> Vec<String> {
    let context = session_context(256 << 20, None).unwrap();
    let table = snapshot.table();
    let order = table.scope().iter().chain(table.sort()).map(|name| col(*name).sort(true, false)).collect();
    as_read(&context.read_table(snapshot.provider()).unwrap().sort(order).unwrap().collect().await.unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn every_table_is_created_committed_to_and_read_back() {
    let dir = tempfile::tempdir().unwrap();
    let lake = Lake::open_path(dir.path()).await.unwrap();
    for table in Table::ALL {
        assert_eq!(lake.snapshot(table).await.unwrap().version(), 0);
        let entry = dir.path().join(table.name()).join("_delta_log/00000000000000000000.json");
        let entry = std::fs::read_to_string(entry).unwrap();
        assert!(entry.contains(r#""protocol":{"minReaderVersion":1,"minWriterVersion":2}"#), "{entry}");
        for column in table.columns() {
            assert!(entry.contains(&format!(r#"\"name\":\"{}\""#, column.name)), "{table} {}", column.name);
        }

        let months = [("2024-11-01", 1), ("2024-12-01", 2)];
        let batches: Vec<_> = (TENANTS.iter())
            .flat_map(|tenant| months.map(|(first, seed)| month(table, tenant, first, 2500, seed)))
            .collect();
        let id = new_import();
        let adds = write(&lake, dir.path(), table, id, batches.clone()).await;
        assert_eq!(adds.len(), if table.partition().is_some() { 4 } else { 2 }, "{table}");
        assert!(adds.iter().all(|add| add.partition.is_some() == table.partition().is_some()));
        assert!(lake.snapshot(table).await.unwrap().files().is_empty(), "files are invisible before their commit");
        assert_eq!(lake.commit_to(table, commit(id, adds.clone(), 0)).await.unwrap(), 1);
        assert_eq!(lake.commit_to(table, commit(id, adds, 0)).await.unwrap(), 1, "an import is committed once");
        assert_eq!(lake.committed_version_in(table, id).await.unwrap(), Some(1));

        // Another process sees the same rows.
        let snapshot = Lake::open_path(dir.path()).await.unwrap().snapshot(table).await.unwrap();
        assert_eq!((snapshot.version(), snapshot.table()), (1, table));
        assert!(snapshot.files().iter().all(|file| file.written_by == id && file.first_day < file.last_day));
        assert!(rows_of(&snapshot).await == in_order(table, &batches), "{table}");
        assert!(snapshot.files().iter().all(|file| file.scope.iter().all(|value| TENANTS.contains(&value.as_str()))));

        // The files of one scope alone.
        let context = session_context(256 << 20, None).unwrap();
        let own: Vec<_> = snapshot.files().iter().filter(|file| file.scope[0] == TENANTS[1]).cloned().collect();
        let frame = context.read_table(snapshot.provider_of(&own)).unwrap();
        let order = table.sort().iter().map(|name| col(*name).sort(true, false)).collect();
        let read = as_read(&frame.sort(order).unwrap().collect().await.unwrap());
        assert!(read == in_order(table, &batches[2..]), "{table}");
    }
    assert!(lake.committed_imports().await.unwrap().is_empty(), "no commit kept a record");
}

#[tokio::test(flavor = "multi_thread")]
async fn files_are_pruned_by_scope_partition_and_instant() {
    let dir = tempfile::tempdir().unwrap();
    let lake = Lake::open_path(dir.path()).await.unwrap();
    for table in [Table::B2cEvents, Table::Licences] {
        for tenant in TENANTS {
            for first in ["2024-10-01", "2024-11-01", "2024-12-01"] {
                import(&lake, dir.path(), table, month(table, tenant, first, 300, 7)).await;
            }
        }
        let snapshot = lake.snapshot(table).await.unwrap();
        let context = session_context(256 << 20, None).unwrap();
        let (tenant, time) = (table.scope()[0], table.sort()[0]);
        let november = chrono::DateTime::parse_from_rfc3339("2024-11-15T00:00:00Z").unwrap().timestamp_micros();
        let later = datafusion::scalar::ScalarValue::TimestampMicrosecond(Some(november), Some("UTC".into()));
        let wanted = col(tenant).eq(lit(TENANTS[0])).and(col(time).gt_eq(lit(later)));
        let frame = context.read_table(snapshot.provider()).unwrap().filter(wanted).unwrap();
        let order = table.sort().iter().map(|name| col(*name).sort(true, false)).collect();
        let frame = frame.sort(order).unwrap();
        let plan = frame.clone().create_physical_plan().await.unwrap();
        let plan = datafusion::physical_plan::displayable(plan.as_ref()).indent(false).to_string();
        assert_eq!(plan.matches(".parquet").count(), 2, "{plan}");
        assert!(!plan.contains("SortExec"), "{plan}");

        let all = in_order(table, &[month(table, TENANTS[0], "2024-11-01", 300, 7)]);
        let place = table.columns().iter().position(|column| column.name == time).unwrap();
        let late = |row: &&String| row.split('|').nth(place).unwrap() >= "2024-11-15T00:00:00Z";
        let mut expected: Vec<_> = all.iter().filter(late).cloned().collect();
        assert!(!expected.is_empty() && expected.len() < 300);
        expected.extend(in_order(table, &[month(table, TENANTS[0], "2024-12-01", 300, 7)]));
        assert!(as_read(&frame.collect().await.unwrap()) == expected, "{table}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn large_files_of_events_end_with_a_day_and_follow_each_other() {
    let dir = tempfile::tempdir().unwrap();
    let lake = Lake::open_path(dir.path()).await.unwrap();
    let (table, id) = (Table::B2cEvents, new_import());
    let rows = month(table, TENANTS[0], "2024-11-01", 20_000, 3);
    let options = WriterOptions { file_rows: 3000, ..WriterOptions::default() };
    let mut writer = lake.table_writer(table, id, &dir.path().join("staging")).with_options(options);
    let adds = writer.write(stream(table, vec![rows.clone()])).await.unwrap();
    assert!((5..=7).contains(&adds.len()), "{}", adds.len());
    lake.commit_to(table, commit(id, adds, 0)).await.unwrap();
    let snapshot = lake.snapshot(table).await.unwrap();
    let mut files = snapshot.files().to_vec();
    files.sort_by_key(|file| file.first_day);
    assert!(files.windows(2).all(|pair| pair[0].last_day < pair[1].first_day), "{files:?}");
    assert!(rows_of(&snapshot).await == in_order(table, &[rows]));
}

#[tokio::test(flavor = "multi_thread")]
async fn replaced_rows_leave_the_newest_snapshot_only() {
    let dir = tempfile::tempdir().unwrap();
    let lake = Lake::open_path(dir.path()).await.unwrap();
    let table = Table::UserCounts;
    let [old, other] = TENANTS.map(|tenant| month(table, tenant, "2024-11-01", 40, 1));
    import(&lake, dir.path(), table, old.clone()).await;
    import(&lake, dir.path(), table, other.clone()).await;
    let pinned = lake.snapshot(table).await.unwrap();

    let new = month(table, TENANTS[0], "2024-12-01", 30, 2);
    let replace = async |read_version| {
        let id = new_import();
        let adds = write(&lake, dir.path(), table, id, vec![new.clone()]).await;
        let removes = pinned.files().iter().filter(|file| file.scope[0] == TENANTS[0]).cloned().collect();
        lake.commit_to(table, TableCommit { removes, ..commit(id, adds, read_version) }).await
    };
    assert_eq!(replace(2).await.unwrap(), 3);
    let error = replace(2).await.unwrap_err();
    assert!(matches!(error, LakeError::Conflict { read_version: 2, .. }), "{error}");

    let newest = lake.snapshot(table).await.unwrap();
    assert!(rows_of(&newest).await == in_order(table, &[new, other.clone()]));
    for before in [pinned, Lake::open_path(dir.path()).await.unwrap().snapshot_at(table, 2).await.unwrap()] {
        assert!(before.committed_at() < newest.committed_at());
        assert!(rows_of(&before).await == in_order(table, &[old.clone(), other.clone()]));
    }
    // The other tables have versions of their own.
    let error = lake.snapshot_at(Table::Licences, 1).await.unwrap_err();
    assert_eq!(error.to_string(), "table `licences` has no snapshot 1; the newest is 0");
    assert_eq!(lake.charges().await.unwrap().version(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_of_another_table_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let lake = Lake::open_path(dir.path()).await.unwrap();
    let rows = month(Table::UserCounts, TENANTS[0], "2024-11-01", 3, 1);
    let mut writer = lake.table_writer(Table::Licences, new_import(), dir.path());
    let error = writer.write(stream(Table::UserCounts, vec![rows])).await.unwrap_err();
    assert!(error.to_string().contains("column 1 is day Date32; expected moment"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn unpartitioned_tables_need_not_be_local_and_dead_imports_are_discarded() {
    let dir = tempfile::tempdir().unwrap();
    let remote = Lake::open(&"memory:///team/lake/".parse().unwrap()).await.unwrap();
    let local = Lake::open_path(&dir.path().join("lake")).await.unwrap();
    for (lake, is_local) in [(remote, false), (local, true)] {
        for table in [Table::B2cEvents, Table::Licences] {
            let rows = month(table, TENANTS[0], "2024-11-01", 50, 1);
            assert_eq!(import(&lake, dir.path(), table, rows.clone()).await, 1);
            let dead = new_import();
            let mut written = write(&lake, dir.path(), table, dead, vec![rows.clone()]).await.len();
            if is_local {
                // A file that was being written when the process was killed.
                let folder = if table.partition().is_some() { "month=202411" } else { "" };
                let half = dir.path().join("lake").join(table.name()).join(folder);
                std::fs::write(half.join(format!("0011223344556677-{dead}-9.parquet#1")), "half").unwrap();
                written += 1;
            }
            assert_eq!(lake.discard(dead).await.unwrap(), 0, "these are no charges");
            assert_eq!(lake.discard_in(table, dead).await.unwrap(), written);
            assert!(
                rows_of(&lake.snapshot(table).await.unwrap()).await == in_order(table, std::slice::from_ref(&rows))
            );

            // What a commit leaves out can be told from what it took.
            let id = new_import();
            let mut writer = lake.table_writer(table, id, dir.path());
            let mut adds = writer.write(stream(table, vec![rows.clone()])).await.unwrap();
            adds.extend(writer.write(stream(table, vec![rows])).await.unwrap());
            lake.commit_to(table, commit(id, vec![adds[0].clone()], 1)).await.unwrap();
            assert_eq!(lake.delete_unused_in(table, &adds).await.unwrap(), 1);
            assert_eq!(lake.discard_in(table, id).await.unwrap(), 0, "a committed import keeps its files");
            assert_eq!(lake.snapshot(table).await.unwrap().files().len(), 2);
        }
    }
}
