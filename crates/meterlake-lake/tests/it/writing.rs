//! Files that the writer makes.

use meterlake_lake::{Lake, LakeError, WriterOptions, charges::columns, scope_key};
use parquet::file::reader::{FileReader, SerializedFileReader};

use crate::rows::{Row, batch, day, month, new_import, stream};

fn spread(count: usize) -> Vec<Row> {
    let mut rows = month("100", "2024-11-01", count, 1);
    rows.extend(month("100", "2024-12-01", count, 2));
    rows.extend(month("200", "2024-11-01", count, 3).into_iter().map(|r| Row { basis: "amortized", ..r }));
    rows
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_are_split_by_period_and_scope_and_sorted() {
    let dir = tempfile::tempdir().unwrap();
    let lake = Lake::open_path(dir.path()).await.unwrap();
    let import = new_import();
    let rows = spread(500);
    let batches = rows.chunks(77).map(|chunk| batch(chunk, import)).collect();
    let mut writer = lake.writer(import, &dir.path().join("staging"));
    let written = writer.write(stream(batches)).await.unwrap();
    assert_eq!(written.len(), 3);
    assert_eq!(written.iter().map(|f| f.rows).sum::<u64>(), 1500);
    assert_eq!(written[0].scope_key, scope_key(["cost-export-ea", "100", "", "actual", "EUR", ""]));
    assert_eq!(written[0].period.number(), 202_411);
    assert_eq!(written[0].path, format!("billing_period=202411/{}-{import}-0.parquet", written[0].scope_key));
    let again = writer.write(stream(vec![batch(&rows[..10], import)])).await.unwrap();
    assert!(again[0].path.ends_with("-3.parquet"), "{}", again[0].path);

    let stats: serde_json::Value = serde_json::from_str(&written[0].stats).unwrap();
    assert_eq!(stats["numRecords"], 500);
    assert_eq!(stats["minValues"][columns::USAGE_DATE], "2024-11-01");
    assert_eq!(stats["maxValues"][columns::BILLING_ACCOUNT_ID], "100");
    assert_eq!(stats["nullCount"][columns::IMPORT_ID], 0);

    let file = std::fs::File::open(dir.path().join("charges").join(&written[0].path)).unwrap();
    assert_eq!(file.metadata().unwrap().len(), written[0].size);
    let reader = SerializedFileReader::new(file).unwrap();
    let metadata = reader.metadata().file_metadata();
    let noted = metadata.key_value_metadata().unwrap();
    let value = |key: &str| noted.iter().find(|kv| kv.key == key).and_then(|kv| kv.value.clone());
    assert_eq!(value("meterlake.import_id").as_deref(), Some(&*import.to_string()));
    assert_eq!(value("meterlake.billing_account_id").as_deref(), Some("100"));
    assert_eq!(metadata.schema_descr().num_columns(), columns::COLUMNS.len() - 1, "the partition is in the path only");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_small_memory_spills_and_gives_the_same_files() {
    let dir = tempfile::tempdir().unwrap();
    let lake = Lake::open_path(dir.path()).await.unwrap();
    let rows: Vec<Row> = month("100", "2024-11-01", 20_000, 9);
    let mut contents = Vec::new();
    for memory in [8 << 20, 512 << 20] {
        let import = new_import();
        let staging = dir.path().join("staging");
        let batches = rows.chunks(3000).map(|chunk| batch(chunk, import)).collect();
        let options = WriterOptions { sort_memory: memory, ..WriterOptions::default() };
        let written = lake.writer(import, &staging).with_options(options).write(stream(batches)).await.unwrap();
        assert_eq!(written.len(), 1);
        assert_eq!(written[0].rows, 20_000);
        assert_eq!(std::fs::read_dir(&staging).unwrap().count(), 0, "spill files are gone");
        let file = std::fs::File::open(dir.path().join("charges").join(&written[0].path)).unwrap();
        let reader = parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder::try_new(file).unwrap();
        let lines: Vec<i64> = reader
            .build()
            .unwrap()
            .flat_map(|batch| {
                let batch = batch.unwrap();
                let lines = batch.column_by_name(columns::SOURCE_LINE).unwrap().clone();
                arrow::array::AsArray::as_primitive::<arrow::datatypes::Int64Type>(&lines).values().to_vec()
            })
            .collect();
        contents.push(lines);
    }
    assert_eq!(contents[0], contents[1]);
    let mut expected = rows;
    expected.sort_by(|a, b| {
        (a.day, &a.customer, &a.subscription, &a.resource, a.line).cmp(&(
            b.day,
            &b.customer,
            &b.subscription,
            &b.resource,
            b.line,
        ))
    });
    assert_eq!(contents[0], expected.iter().map(|r| r.line).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread")]
async fn large_files_end_with_a_day() {
    let dir = tempfile::tempdir().unwrap();
    let lake = Lake::open_path(dir.path()).await.unwrap();
    let import = new_import();
    let rows = month("100", "2024-11-01", 5000, 4);
    let options = WriterOptions { file_rows: 600, ..WriterOptions::default() };
    let mut writer = lake.writer(import, &dir.path().join("staging")).with_options(options);
    let written = writer.write(stream(vec![batch(&rows, import)])).await.unwrap();
    assert!(written.len() >= 6, "{}", written.len());
    assert_eq!(written.iter().map(|f| f.rows).sum::<u64>(), 5000);
    lake.commit(crate::rows::commit(import, written, 0)).await.unwrap();
    let mut files = lake.charges().await.unwrap().files().to_vec();
    files.sort_by_key(|f| f.first_day);
    assert!(files.windows(2).all(|pair| pair[0].last_day < pair[1].first_day));

    // One day alone is cut at twice the size.
    let import = new_import();
    let rows: Vec<Row> = rows.into_iter().map(|r| Row { day: day("2024-11-03"), ..r }).collect();
    let options = WriterOptions { file_rows: 600, ..WriterOptions::default() };
    let mut writer = lake.writer(import, &dir.path().join("staging")).with_options(options);
    let written = writer.write(stream(rows.chunks(100).map(|c| batch(c, import)).collect())).await.unwrap();
    assert!(written.len() >= 2, "{}", written.len());
    assert_eq!(written.iter().map(|f| f.rows).sum::<u64>(), 5000);
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_rows_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let lake = Lake::open_path(dir.path()).await.unwrap();
    let import = new_import();
    let staging = dir.path().join("staging");
    let rows: Vec<Row> = month("100", "2024-11-01", 5, 4).into_iter().map(|r| Row { period: 202_413, ..r }).collect();
    let error = lake.writer(import, &staging).write(stream(vec![batch(&rows, import)])).await.unwrap_err();
    assert!(matches!(error, LakeError::Rows(_)) && error.to_string().contains("202413"), "{error}");

    let good = batch(&month("100", "2024-11-01", 5, 4), import);
    let narrow = good.project(&[0, 1]).unwrap();
    let narrow = datafusion::physical_plan::stream::RecordBatchStreamAdapter::new(
        narrow.schema(),
        futures::stream::iter([Ok(narrow)]),
    );
    let error = lake.writer(import, &staging).write(Box::pin(narrow)).await.unwrap_err();
    assert!(error.to_string().contains("expected"), "{error}");

    // An error of the source comes through, and what was written stays invisible.
    let failing =
        futures::stream::iter([Ok(good), Err(datafusion::error::DataFusionError::Execution("line 7".into()))]);
    let failing = datafusion::physical_plan::stream::RecordBatchStreamAdapter::new(columns::schema(), failing);
    let error = lake.writer(import, &staging).write(Box::pin(failing)).await.unwrap_err();
    assert!(error.to_string().contains("line 7"), "{error}");
    assert!(lake.charges().await.unwrap().files().is_empty());
    let none = lake.writer(import, &staging).write(stream(vec![])).await.unwrap();
    assert!(none.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn huge_texts_are_kept_whole() {
    let dir = tempfile::tempdir().unwrap();
    let lake = Lake::open_path(dir.path()).await.unwrap();
    let import = new_import();
    let long = "x".repeat(100_000);
    let rows: Vec<Row> = month("100", "2024-11-01", 300, 4)
        .into_iter()
        .map(|r| Row { resource: format!("{}{long}", r.line), ..r })
        .collect();
    let options = WriterOptions { sort_memory: 24 << 20, ..WriterOptions::default() };
    let mut writer = lake.writer(import, &dir.path().join("staging")).with_options(options);
    let written = writer.write(stream(vec![batch(&rows, import)])).await.unwrap();
    assert!(written[0].stats.len() < 10_000);
    lake.commit(crate::rows::commit(import, written, 0)).await.unwrap();
    let context = meterlake_lake::session_context(256 << 20, None).unwrap();
    let frame = context.read_table(lake.charges().await.unwrap().provider()).unwrap();
    let wanted = datafusion::prelude::col(columns::RESOURCE_ID).eq(datafusion::prelude::lit(format!("299{long}")));
    assert_eq!(frame.filter(wanted).unwrap().count().await.unwrap(), 1);
}
