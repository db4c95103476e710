//! A lake that was made when `charges` was its only table.

use std::{
    fs,
    path::{Path, PathBuf},
};

use datafusion::prelude::col;
use meterlake_lake::{Lake, Table, charges::columns, checked_sum_udaf, session_context};
use parquet::file::reader::{FileReader, SerializedFileReader};
use serde_json::Value;

use crate::{
    rows::{Row, import, month, new_import, write},
    table_rows,
};

fn fixture() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/lake-0.1")
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// The rows that the fixture was made of.
fn charges() -> Vec<Row> {
    [month("100", "2020-01-01", 500, 0), month("100", "2020-02-01", 500, 1)].concat()
}

async fn total(lake: &Lake) -> String {
    let context = session_context(256 << 20, None).unwrap();
    let sum = checked_sum_udaf().call(vec![col(columns::BILLED_COST)]);
    let provider = lake.charges().await.unwrap().provider();
    let frame = context.read_table(provider).unwrap().aggregate(vec![], vec![sum]).unwrap();
    table_rows::as_read(&frame.collect().await.unwrap()).concat()
}

fn shown(rows: &[Row]) -> String {
    let sum: i128 = rows.iter().map(|row| row.cost).sum();
    let digits = format!("{sum:025}");
    let (whole, fraction) = digits.split_at(digits.len() - 24);
    format!("{whole}.{fraction}")
}

#[tokio::test(flavor = "multi_thread")]
async fn it_opens_unchanged_and_grows() {
    let dir = tempfile::tempdir().unwrap();
    copy(&fixture(), dir.path());
    let lake = Lake::open_path(dir.path()).await.unwrap();
    let snapshot = lake.charges().await.unwrap();
    assert_eq!((snapshot.version(), snapshot.files().len()), (2, 2));
    assert_eq!(snapshot.files().iter().map(|file| file.period.number()).collect::<Vec<_>>(), [202_001, 202_002]);
    assert!(snapshot.files().iter().all(|file| file.rows == 500 && file.scope[1] == "100"));
    assert_eq!(total(&lake).await, shown(&charges()));
    let imports = lake.committed_imports().await.unwrap();
    assert_eq!(imports.iter().map(|found| found.version).collect::<Vec<_>>(), [1, 2]);
    assert_eq!(lake.committed_version(imports[1].import).await.unwrap(), Some(2));
    assert_eq!(lake.charges_at(1).await.unwrap().files().len(), 1);
    for table in &Table::ALL[1..] {
        assert_eq!(lake.snapshot(*table).await.unwrap().version(), 0);
    }
    // Opening it has written nothing into the old table.
    let names = |dir: PathBuf| {
        let names = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name());
        names.collect::<std::collections::BTreeSet<_>>()
    };
    for folder in ["charges", "charges/_delta_log", "charges/_imports"] {
        assert_eq!(names(fixture().join(folder)), names(dir.path().join(folder)));
    }

    let more = month("100", "2020-03-01", 300, 9);
    assert_eq!(import(&lake, dir.path(), &more).await, 3);
    let lake = Lake::open_path(dir.path()).await.unwrap();
    assert_eq!(total(&lake).await, shown(&[charges(), more].concat()));
}

#[tokio::test(flavor = "multi_thread")]
async fn charges_are_still_written_as_they_were() {
    let dir = tempfile::tempdir().unwrap();
    let lake = Lake::open_path(dir.path()).await.unwrap();
    let id = new_import();
    let adds = write(&lake, dir.path(), id, &charges()[..500]).await;
    lake.commit(crate::rows::commit(id, adds, 0)).await.unwrap();

    // The log, apart from ids, times and sizes.
    let log = |dir: &Path, version: u64| -> Vec<Value> {
        let text = fs::read_to_string(dir.join(format!("charges/_delta_log/{version:020}.json"))).unwrap();
        text.lines().map(|line| serde_json::from_str(line).map(blank).unwrap()).collect()
    };
    for version in [0, 1] {
        assert_eq!(log(dir.path(), version), log(&fixture(), version));
    }

    // The data file: its columns, their order and encoding, what is said of them.
    let parts = |dir: &Path| {
        let folder = dir.join("charges/billing_period=202001");
        let file = fs::read_dir(folder).unwrap().next().unwrap().unwrap().path();
        let reader = SerializedFileReader::new(fs::File::open(file).unwrap()).unwrap();
        let metadata = reader.metadata();
        let said = metadata.file_metadata().key_value_metadata().unwrap().iter();
        let said: Vec<_> = said
            .filter(|entry| !["ARROW:schema", "meterlake.import_id"].contains(&entry.key.as_str()))
            .map(|entry| format!("{}={:?}", entry.key, entry.value))
            .collect();
        let group = metadata.row_group(0);
        let columns: Vec<_> = (group.columns().iter())
            .map(|column| {
                let encodings: Vec<_> = column.encodings().collect();
                let statistics = column.statistics().is_some();
                format!("{:?} {:?} {encodings:?} {statistics}", column.column_descr(), column.compression())
            })
            .collect();
        (said, format!("{:?}", group.sorting_columns()), columns)
    };
    assert_eq!(parts(dir.path()), parts(&fixture()));
}

/// The value with everything blanked that differs from run to run, or may be worded anew (what is said of a column).
fn blank(value: Value) -> Value {
    const PASSING: [&str; 12] = [
        "timestamp",
        "createdTime",
        "modificationTime",
        "lastUpdated",
        "size",
        "path",
        "appId",
        "id",
        "import",
        "import_id",
        "engineInfo",
        "comment",
    ];
    match value {
        Value::Object(map) => {
            let blanked = map.into_iter().map(|(key, value)| {
                let value = if PASSING.contains(&key.as_str()) { Value::Null } else { blank(value) };
                (key, value)
            });
            blanked.collect()
        }
        Value::Array(all) => all.into_iter().map(blank).collect(),
        // JSON within a text, as the schema, the statistics and the user's metadata are.
        Value::String(text) if text.starts_with('{') => serde_json::from_str(&text).map_or(Value::String(text), blank),
        other => other,
    }
}
