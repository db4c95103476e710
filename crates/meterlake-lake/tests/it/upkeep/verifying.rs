//! Each thing that can be wrong with a file is found, and nothing else.

use std::{fs, ops::ControlFlow, path::Path};

use meterlake_lake::{FileCheck, Finding, Lake, Table};
use serde_json::Value;

use crate::table_rows::{import, month};

const A: &str = "11111111-1111-1111-1111-111111111111";

async fn verify(dir: &Path, table: Table, check: FileCheck) -> Vec<Finding> {
    let lake = Lake::open_path(dir).await.unwrap();
    let snapshot = lake.snapshot(table).await.unwrap();
    let mut findings = Vec::new();
    for file in snapshot.files() {
        let mut rows = 0;
        let mut seen = |batch: &arrow::array::RecordBatch| {
            rows += batch.num_rows() as u64;
            ControlFlow::Continue(())
        };
        let found = lake.verify_file(&snapshot, file, check, &mut seen).await.unwrap();
        if check == FileCheck::Rows && found.is_empty() {
            assert_eq!(rows, file.rows);
        }
        findings.extend(found);
    }
    findings
}

/// A lake of one file of charges; its path on disk and in the table.
async fn charges(dir: &Path) -> (std::path::PathBuf, String) {
    let lake = Lake::open_path(dir).await.unwrap();
    import(&lake, dir, Table::Charges, month(Table::Charges, A, "2024-11-01", 300, 1)).await;
    let path = lake.snapshot(Table::Charges).await.unwrap().files()[0].path.to_string();
    (dir.join("charges").join(&path), path)
}

/// Changes the statistics of the only file in the log.
fn change_stats(dir: &Path, change: impl Fn(&mut Value)) {
    let path = dir.join("charges/_delta_log/00000000000000000001.json");
    let lines = fs::read_to_string(&path).unwrap();
    let lines: Vec<String> = lines
        .lines()
        .map(|line| {
            let mut action: Value = serde_json::from_str(line).unwrap();
            if let Some(add) = action.get_mut("add") {
                let mut stats: Value = serde_json::from_str(add["stats"].as_str().unwrap()).unwrap();
                change(&mut stats);
                add["stats"] = stats.to_string().into();
            }
            action.to_string()
        })
        .collect();
    fs::write(path, lines.join("\n")).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn files_as_they_were_written_have_no_findings() {
    for table in Table::ALL {
        let dir = tempfile::tempdir().unwrap();
        let lake = Lake::open_path(dir.path()).await.unwrap();
        import(&lake, dir.path(), table, month(table, A, "2024-11-01", 3000, 1)).await;
        for check in [FileCheck::Metadata, FileCheck::Rows] {
            assert_eq!(verify(dir.path(), table, check).await, [], "{table}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_a_cut_and_a_damaged_file() {
    let dir = tempfile::tempdir().unwrap();
    let (disk, path) = charges(dir.path()).await;
    let whole = fs::read(&disk).unwrap();
    for check in [FileCheck::Metadata, FileCheck::Rows] {
        fs::write(&disk, &whole[..whole.len() - 10]).unwrap();
        let expected = Finding::new("charges", &path, "size in bytes", whole.len(), whole.len() - 10);
        assert_eq!(verify(dir.path(), Table::Charges, check).await, [expected]);
        let mut footless = whole.clone();
        let end = footless.len();
        footless[end - 4..].copy_from_slice(b"XXXX");
        fs::write(&disk, &footless).unwrap();
        let found = verify(dir.path(), Table::Charges, check).await;
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].place.as_str(), found[0].file.as_str()), ("footer", path.as_str()));
        fs::remove_file(&disk).unwrap();
        let expected = Finding::new("charges", &path, "file", "a file", "none");
        assert_eq!(verify(dir.path(), Table::Charges, check).await, [expected]);
        fs::write(&disk, &whole).unwrap();
    }
    // Damage in the middle is seen by who reads the rows.
    let mut holed = whole.clone();
    let (from, to) = (whole.len() / 4, whole.len() / 4 + 200);
    holed[from..to].iter_mut().for_each(|byte| *byte ^= 0xff);
    fs::write(&disk, &holed).unwrap();
    assert_eq!(verify(dir.path(), Table::Charges, FileCheck::Metadata).await, []);
    let found = verify(dir.path(), Table::Charges, FileCheck::Rows).await;
    assert!(!found.is_empty());
    assert!(found.iter().all(|finding| finding.file == path), "{found:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_says_other_rows_or_days_than_the_file_has() {
    let dir = tempfile::tempdir().unwrap();
    let (_, path) = charges(dir.path()).await;
    change_stats(dir.path(), |stats| stats["numRecords"] = 299.into());
    let places = ["rows by the footer", "rows of the row groups"];
    let expected = places.map(|place| Finding::new("charges", &path, place, 299, 300));
    for check in [FileCheck::Metadata, FileCheck::Rows] {
        assert_eq!(verify(dir.path(), Table::Charges, check).await, expected);
    }
    change_stats(dir.path(), |stats| {
        stats["numRecords"] = 300.into();
        stats["maxValues"]["usage_date"] = "2024-11-30".into();
    });
    assert_eq!(verify(dir.path(), Table::Charges, FileCheck::Metadata).await, []);
    let expected = Finding::new("charges", &path, "greatest usage_date", "2024-11-30", "2024-11-28");
    assert_eq!(verify(dir.path(), Table::Charges, FileCheck::Rows).await, [expected]);
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_of_another_scope_and_rows_out_of_order() {
    use parquet::arrow::{ArrowWriter, arrow_reader::ParquetRecordBatchReaderBuilder};
    let dir = tempfile::tempdir().unwrap();
    let (disk, path) = charges(dir.path()).await;
    let batches = || -> Vec<_> {
        let reader = ParquetRecordBatchReaderBuilder::try_new(fs::File::open(&disk).unwrap()).unwrap();
        reader.build().unwrap().map(Result::unwrap).collect()
    };
    let whole = arrow::compute::concat_batches(&batches()[0].schema(), &batches()).unwrap();
    // The last row first, and one row of another currency.
    let order = arrow::array::UInt32Array::from_iter_values(std::iter::once(299).chain(0..299));
    let moved = arrow::compute::take_record_batch(&whole, &order).unwrap();
    let place = moved.schema().index_of("billing_currency").unwrap();
    let mut columns = moved.columns().to_vec();
    let currencies: arrow::array::StringArray = (0..300).map(|row| Some(if row == 41 { "XXX" } else { A })).collect();
    columns[place] = std::sync::Arc::new(currencies);
    let spoilt = arrow::array::RecordBatch::try_new(moved.schema(), columns).unwrap();
    let file = fs::File::create(&disk).unwrap();
    let mut writer = ArrowWriter::try_new(file, spoilt.schema(), None).unwrap();
    writer.write(&spoilt).unwrap();
    writer.close().unwrap();
    let size = fs::metadata(&disk).unwrap().len();
    let log = dir.path().join("charges/_delta_log/00000000000000000001.json");
    let entry = fs::read_to_string(&log).unwrap();
    let lines: Vec<String> = entry
        .lines()
        .map(|line| {
            let mut action: Value = serde_json::from_str(line).unwrap();
            if let Some(add) = action.get_mut("add") {
                add["size"] = size.into();
            }
            action.to_string()
        })
        .collect();
    fs::write(&log, lines.join("\n")).unwrap();

    assert_eq!(verify(dir.path(), Table::Charges, FileCheck::Metadata).await, []);
    let order = format!("ordered by {}", Table::Charges.sort().join(", "));
    let expected = [
        Finding::new("charges", &path, "billing_currency of row 42", format!("{A:?}"), "\"XXX\""),
        Finding::new("charges", &path, "row 2", order, "comes before its predecessor"),
    ];
    assert_eq!(verify(dir.path(), Table::Charges, FileCheck::Rows).await, expected);
}
