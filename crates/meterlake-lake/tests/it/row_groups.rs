//! Row groups read straight from the files, against the engine's reading of the same files.

use std::sync::Arc;

use arrow::{
    array::{Array, ArrayRef, AsArray, RecordBatch},
    compute::{cast, concat_batches},
    datatypes::{DataType, Date32Type, Decimal128Type, Int32Type, Int64Type, TimestampMicrosecondType},
};
use datafusion::physical_plan::collect;
use meterlake_lake::{
    ChargesFile, ChargesSnapshot, Lake, LakeError, Table, WriterOptions,
    charges::columns,
    read::{CodedColumn, Codes, RowGroup, Values},
    session_context,
};
use meterlake_model::DayRange;

use crate::{
    rows::{Random, Row, batch, commit, day, month, new_import, stream},
    table_rows,
};

const ALL: &[&str] = &[
    columns::SOURCE_LINE,
    columns::BILLED_COST,
    columns::BILLING_PERIOD,
    columns::USAGE_DATE,
    columns::RESOURCE_ID,
    columns::QUANTITY,
    columns::IS_AZURE_CREDIT_ELIGIBLE,
    columns::CHARGE_PERIOD_START,
    columns::SUBSCRIPTION_ID,
    columns::TAGS,
    columns::SOURCE_FILE,
];

/// A lake with one import of these rows, in small row groups.
async fn lake(dir: &std::path::Path, rows: &[Row], row_group_rows: usize) -> (Lake, ChargesSnapshot) {
    let lake = Lake::open_path(dir).await.unwrap();
    let import = new_import();
    let options = WriterOptions { row_group_rows, ..WriterOptions::default() };
    let mut writer = lake.writer(import, &dir.join("staging")).with_options(options);
    let adds = writer.write(stream(vec![batch(rows, import)])).await.unwrap();
    let read_version = lake.charges().await.unwrap().version();
    lake.commit(commit(import, adds, read_version)).await.unwrap();
    let snapshot = lake.charges().await.unwrap();
    (lake, snapshot)
}

/// The rows of a file as the engine reads them, text as plain text.
async fn by_engine(snapshot: &ChargesSnapshot, file: &ChargesFile, names: &[&str]) -> RecordBatch {
    let context = session_context(256 << 20, None).unwrap();
    context.register_table("charges", snapshot.provider_of(std::slice::from_ref(file))).unwrap();
    let plan = context.table("charges").await.unwrap().select_columns(names).unwrap();
    let plan = plan.create_physical_plan().await.unwrap();
    let batches = collect(Arc::clone(&plan), context.task_ctx()).await.unwrap();
    plain(&concat_batches(&plan.schema(), &batches).unwrap())
}

/// The batch with text as `Utf8`, and nothing said of nulls.
fn plain(batch: &RecordBatch) -> RecordBatch {
    let schema = batch.schema();
    let columns = schema.fields().iter().zip(batch.columns()).map(|(field, array)| {
        let array = match field.data_type() {
            DataType::Dictionary(..) | DataType::Utf8View => cast(array, &DataType::Utf8).unwrap(),
            _ => Arc::clone(array),
        };
        (field.name().clone(), array, true)
    });
    RecordBatch::try_from_iter_with_nullable(columns.collect::<Vec<_>>()).unwrap()
}

async fn rows_of(group: &RowGroup, names: &[&str], range: std::ops::Range<usize>, batch_rows: usize) -> RecordBatch {
    let fetched = group.fetch_rows(names, range.clone()).await.unwrap();
    assert_eq!(fetched.rows(), range.len());
    let mut batches = fetched.batches(batch_rows).unwrap();
    let schema = Arc::clone(batches.schema());
    let read: Vec<RecordBatch> = batches.by_ref().collect::<Result<_, _>>().unwrap();
    assert!(batches.next().is_none());
    assert!(read.iter().all(|batch| batch.num_rows() <= batch_rows && batch.schema() == schema));
    plain(&concat_batches(&schema, &read).unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_are_those_that_the_engine_reads() {
    let dir = tempfile::tempdir().unwrap();
    let rows = [month("100", "2024-10-01", 1500, 1), month("200", "2024-11-01", 700, 2)].concat();
    let (_, snapshot) = lake(dir.path(), &rows, 300).await;
    let groups = snapshot.row_groups(snapshot.files(), None).await.unwrap();
    assert_eq!(groups.iter().map(RowGroup::rows).collect::<Vec<_>>(), [300, 300, 300, 300, 300, 300, 300, 100]);
    let mut random = Random(77);
    for group in &groups {
        let file = &snapshot.files()[group.file()];
        assert_eq!(group.path().as_ref(), file.path);
        let expected = by_engine(&snapshot, file, ALL).await;
        let first = usize::try_from(group.first_row()).unwrap();
        assert_eq!(rows_of(group, ALL, 0..group.rows(), 128).await, expected.slice(first, group.rows()));
        for _ in 0..12 {
            let start = usize::try_from(random.below(group.rows() as u64)).unwrap();
            let end = start + usize::try_from(random.below((group.rows() - start) as u64 + 1)).unwrap();
            let names: Vec<&str> = ALL.iter().copied().filter(|_| random.below(2) == 0).collect();
            if names.is_empty() {
                continue;
            }
            let places: Vec<usize> = names.iter().map(|name| expected.schema().index_of(name).unwrap()).collect();
            let expected = expected.project(&places).unwrap().slice(first + start, end - start);
            let batch_rows = usize::try_from(random.below(400) + 1).unwrap();
            assert_eq!(rows_of(group, &names, start..end, batch_rows).await, expected);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn row_groups_without_wanted_days_are_left_out() {
    let dir = tempfile::tempdir().unwrap();
    let rows = [month("100", "2024-10-01", 1500, 3), month("200", "2024-11-01", 700, 4)].concat();
    let (_, snapshot) = lake(dir.path(), &rows, 100).await;
    let all = snapshot.row_groups(snapshot.files(), None).await.unwrap();
    let days = DayRange { first: day("2024-10-20"), last: day("2024-11-03") };
    let some = snapshot.row_groups(snapshot.files(), Some(days)).await.unwrap();
    let shown = |groups: &[&RowGroup]| groups.iter().map(|group| format!("{group:?}")).collect::<Vec<_>>();
    let kept: Vec<&RowGroup> =
        all.iter().filter(|group| group.days().first <= days.last && days.first <= group.days().last).collect();
    assert_eq!(shown(&some.iter().collect::<Vec<_>>()), shown(&kept));
    assert!(!some.is_empty() && some.len() < all.len() / 2, "{} of {}", some.len(), all.len());
    for group in &all {
        let read = rows_of(group, &[columns::USAGE_DATE], 0..group.rows(), 1000).await;
        let days = read.column(0).as_primitive::<Date32Type>().values().to_vec();
        assert_eq!(days[0], group.days().first.since_epoch());
        assert_eq!(days[days.len() - 1], group.days().last.since_epoch());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn dictionaries_stay_and_are_shared_and_long_texts_are_read_plainly() {
    let dir = tempfile::tempdir().unwrap();
    let mut rows = month("100", "2024-10-01", 6000, 5);
    for (number, row) in rows.iter_mut().enumerate() {
        // More distinct text than a dictionary may hold.
        row.resource = format!("{number}{}", "x".repeat(1000));
    }
    let (_, snapshot) = lake(dir.path(), &rows, 100_000).await;
    let groups = snapshot.row_groups(snapshot.files(), None).await.unwrap();
    let [group] = groups.as_slice() else { panic!("{groups:?}") };
    assert!(group.is_dictionary(columns::SUBSCRIPTION_ID) && !group.is_dictionary(columns::RESOURCE_ID));
    assert!(!group.is_dictionary(columns::SOURCE_LINE) && !group.is_dictionary(columns::BILLING_PERIOD));
    let names = [columns::SUBSCRIPTION_ID, columns::RESOURCE_ID, columns::TAGS];
    let fetched = group.fetch(&names).await.unwrap();
    assert_eq!(fetched.bytes() as u64, group.stored_bytes(&names));
    let batches: Vec<RecordBatch> = fetched.batches(1000).unwrap().collect::<Result<_, _>>().unwrap();
    assert_eq!(batches.len(), 6);
    for batch in &batches {
        assert_eq!(*batch.column(1).data_type(), DataType::Utf8View);
        for column in [0, 2] {
            let (here, first) = (batch.column(column), batches[0].column(column));
            let (here, first) = (here.as_dictionary::<Int32Type>(), first.as_dictionary::<Int32Type>());
            assert!(Arc::ptr_eq(here.values(), first.values()));
            assert_eq!(here.keys().null_count(), 0);
        }
    }
    assert_eq!(batches[0].column(0).as_dictionary::<Int32Type>().values().len(), 20);
    let file = &snapshot.files()[0];
    let expected = by_engine(&snapshot, file, &names).await;
    assert_eq!(rows_of(group, &names, 0..6000, 999).await, expected);
    assert_eq!(rows_of(group, &names, 2345..5678, 999).await, expected.slice(2345, 3333));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fetch_of_few_rows_reads_few_pages() {
    let dir = tempfile::tempdir().unwrap();
    let (_, snapshot) = lake(dir.path(), &month("100", "2024-10-01", 90_000, 6), 100_000).await;
    let groups = snapshot.row_groups(snapshot.files(), None).await.unwrap();
    let names = [columns::SOURCE_LINE, columns::BILLED_COST];
    let some = groups[0].fetch_rows(&names, 45_000..46_000).await.unwrap();
    assert!((some.bytes() as u64) < groups[0].stored_bytes(&names) / 3, "{}", some.bytes());
    let expected = by_engine(&snapshot, &snapshot.files()[0], &names).await;
    assert_eq!(rows_of(&groups[0], &names, 45_000..46_000, 300).await, expected.slice(45_000, 1000));
    assert_eq!(rows_of(&groups[0], &names, 50..50, 300).await.num_rows(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_table_is_read_by_days() {
    for table in
        Table::ALL.into_iter().filter(|table| *table == Table::Charges || table.built_from() != [Table::Charges])
    {
        let dir = tempfile::tempdir().unwrap();
        let lake = Lake::open_path(dir.path()).await.unwrap();
        let import = new_import();
        let options = WriterOptions { row_group_rows: 40, ..WriterOptions::default() };
        let mut writer = lake.table_writer(table, import, dir.path()).with_options(options);
        let rows = table_rows::month(table, "one", "2024-11-01", 500, 8);
        let adds = writer.write(table_rows::stream(table, vec![rows])).await.unwrap();
        lake.commit_to(table, table_rows::commit(import, adds, 0)).await.unwrap();
        let snapshot = lake.snapshot(table).await.unwrap();
        let all = snapshot.row_groups(snapshot.files(), None).await.unwrap();
        assert_eq!(all.iter().map(RowGroup::rows).sum::<usize>(), 500, "{table}");
        let (lead, wanted) = (table.sort()[0], DayRange { first: day("2024-11-07"), last: day("2024-11-08") });
        let days_of = async |groups: &[RowGroup]| {
            let mut days = Vec::new();
            for group in groups {
                let read = rows_of(group, &[lead], 0..group.rows(), 30).await;
                let here = cast(read.column(0), &DataType::Date32).unwrap();
                let here = here.as_primitive::<Date32Type>().values().to_vec();
                assert_eq!(group.days().first.since_epoch(), here[0], "{table}");
                assert_eq!(group.days().last.since_epoch(), here[here.len() - 1], "{table}");
                days.extend(here);
            }
            days.retain(|day| (wanted.first.since_epoch()..=wanted.last.since_epoch()).contains(day));
            days
        };
        let some = snapshot.row_groups(snapshot.files(), Some(wanted)).await.unwrap();
        assert!(!some.is_empty() && some.len() * 2 < all.len(), "{table}: {} of {}", some.len(), all.len());
        assert_eq!(days_of(&some).await, days_of(&all).await, "{table}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_read_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let (lake, snapshot) = lake(dir.path(), &month("100", "2024-10-01", 500, 7), 100).await;
    let groups = snapshot.row_groups(snapshot.files(), None).await.unwrap();
    let error = groups[0].fetch(&["no_such_column"]).await.err().unwrap();
    assert!(matches!(&error, LakeError::Rows(text) if text.contains("no_such_column")), "{error}");

    let path = dir.path().join("charges").join(groups[0].path().as_ref());
    let bytes = std::fs::read(&path).unwrap();
    std::fs::write(&path, &bytes[..100]).unwrap();
    let error = groups[4].fetch(&[columns::SOURCE_LINE]).await.err().unwrap();
    assert!(error.to_string().contains(groups[0].path().as_ref()), "{error}");
    std::fs::write(&path, vec![0; bytes.len()]).unwrap();
    let read = groups[4].fetch(&[columns::SUBSCRIPTION_ID]).await.unwrap();
    assert!(read.batches(10).and_then(|batches| batches.collect::<Result<Vec<_>, _>>()).is_err());

    // Another process would not know the footer.
    drop((snapshot, lake));
    let lake = Lake::open_path(dir.path()).await.unwrap();
    let snapshot = lake.charges().await.unwrap();
    let error = snapshot.row_groups(snapshot.files(), None).await.unwrap_err();
    assert!(matches!(&error, LakeError::Corrupt { path, .. } if *path == snapshot.files()[0].path), "{error}");
    std::fs::remove_file(&path).unwrap();
    let error = snapshot.row_groups(snapshot.files(), None).await.unwrap_err();
    assert!(error.to_string().contains(&snapshot.files()[0].path), "{error}");
}

/// The rows of coded columns as text.
fn shown(column: &CodedColumn, rows: usize) -> Vec<Option<String>> {
    let value = |row: usize| {
        let place = column.codes.get(row) as usize;
        if place >= column.values.len() {
            assert_eq!(place, column.values.len());
            return None;
        }
        Some(match &column.values {
            Values::Text(texts) => texts.get(place).to_owned(),
            Values::Integers(values) => values[place].to_string(),
            Values::Decimals(values, scale) => format!("{}e-{scale}", values[place]),
            Values::Days(values) => values[place].to_string(),
            Values::Booleans(values) => values[place].to_string(),
        })
    };
    (0..rows).map(value).collect()
}

/// The rows of an array in the same form.
fn shown_array(array: &ArrayRef) -> Vec<Option<String>> {
    let value = |row: usize| {
        if array.is_null(row) {
            return None;
        }
        Some(match array.data_type() {
            DataType::Utf8 => array.as_string::<i32>().value(row).to_owned(),
            DataType::Int32 => array.as_primitive::<Int32Type>().value(row).to_string(),
            DataType::Int64 => array.as_primitive::<Int64Type>().value(row).to_string(),
            DataType::Decimal128(_, scale) => {
                format!("{}e-{scale}", array.as_primitive::<Decimal128Type>().value(row))
            }
            DataType::Date32 => array.as_primitive::<Date32Type>().value(row).to_string(),
            DataType::Timestamp(..) => array.as_primitive::<TimestampMicrosecondType>().value(row).to_string(),
            DataType::Boolean => array.as_boolean().value(row).to_string(),
            other => panic!("{other}"),
        })
    };
    (0..array.len()).map(value).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn coded_columns_hold_the_same_rows_in_every_table() {
    for (table, number) in Table::ALL.into_iter().zip(20..) {
        let dir = tempfile::tempdir().unwrap();
        let lake = Lake::open_path(dir.path()).await.unwrap();
        let import = new_import();
        let options = WriterOptions { row_group_rows: 70_000, ..WriterOptions::default() };
        let mut writer = lake.table_writer(table, import, dir.path()).with_options(options);
        // In one table more than 65 536 values differ.
        let count = if table == Table::Charges { 90_000 } else { 3000 };
        let few = table_rows::month(table, "one", "2024-11-01", 900, number);
        // Rows that repeat, so that some numbers come in runs.
        let repeated = arrow::array::UInt32Array::from_iter_values((0..3000u32).map(|row| row / 400 % 900));
        let few = arrow::compute::take_record_batch(&few, &repeated).unwrap();
        let many = table_rows::month(table, "one", "2024-11-01", count, number + 100);
        let adds = writer.write(table_rows::stream(table, vec![few, many])).await.unwrap();
        lake.commit_to(table, table_rows::commit(import, adds, 0)).await.unwrap();
        let snapshot = lake.snapshot(table).await.unwrap();
        let names: Vec<&str> = table.columns().iter().map(|column| column.name).collect();
        let groups = snapshot.row_groups(snapshot.files(), None).await.unwrap();
        let mut widths = [0; 3];
        for group in groups {
            let coded = group.fetch(&names).await.unwrap().coded().unwrap();
            let expected = rows_of(&group, &names, 0..group.rows(), 10_000).await;
            for (name, column) in names.iter().zip(coded) {
                match *column.codes {
                    Codes::Same(_) => widths[0] += 1,
                    Codes::Narrow(_) => widths[1] += 1,
                    Codes::Wide(_) => widths[2] += 1,
                }
                let expected = shown_array(expected.column_by_name(name).unwrap());
                assert!(shown(&column, group.rows()) == expected, "{table}.{name}");
            }
        }
        assert!(widths[0] > 0 && widths[1] > 0 && (widths[2] > 0) == (count > 65_536), "{table} {widths:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn coded_columns_of_long_texts_and_of_damaged_files() {
    let dir = tempfile::tempdir().unwrap();
    let mut rows = month("100", "2024-10-01", 6000, 5);
    for (number, row) in rows.iter_mut().enumerate() {
        row.resource = format!("{number}{}", "x".repeat(1000));
    }
    let (_, snapshot) = lake(dir.path(), &rows, 100_000).await;
    let groups = snapshot.row_groups(snapshot.files(), None).await.unwrap();
    let coded = groups[0].fetch(&[columns::RESOURCE_ID]).await.unwrap().coded().unwrap();
    let expected = rows_of(&groups[0], &[columns::RESOURCE_ID], 0..6000, 6000).await;
    assert!(shown(&coded[0], 6000) == shown_array(expected.column(0)));
    let names = [columns::RESOURCE_ID, columns::SUBSCRIPTION_ID, columns::QUANTITY];
    let part = groups[0].fetch_rows(&names, 1000..3000).await.unwrap().coded().unwrap();
    let expected = rows_of(&groups[0], &names, 1000..3000, 6000).await;
    for (column, expected) in part.iter().zip(expected.columns()) {
        assert!(shown(column, 2000) == shown_array(expected));
    }

    let path = dir.path().join("charges").join(groups[0].path().as_ref());
    let whole = std::fs::read(&path).unwrap();
    let mut random = Random(9);
    for _ in 0..200 {
        let mut bytes = whole.clone();
        for _ in 0..20 {
            let place = usize::try_from(random.below(bytes.len() as u64)).unwrap();
            bytes[place] = random.next() as u8;
        }
        std::fs::write(&path, bytes).unwrap();
        // An error or other rows, never a panic.
        let fetched = groups[0].fetch(&[columns::SUBSCRIPTION_ID, columns::BILLED_COST, columns::QUANTITY]).await;
        let _ = fetched.unwrap().coded();
    }
}
