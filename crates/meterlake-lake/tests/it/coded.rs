//! Coded rows give the same files as the plain way: rows, order, statistics, metadata.

use std::{collections::HashMap, path::Path};

use arrow::{
    array::{Array, ArrayRef, AsArray, Decimal128Array, RecordBatch, StringArray},
    compute::concat_batches,
    datatypes::{DataType, Date32Type, Decimal128Type, Int32Type, Int64Type, TimestampMicrosecondType},
};
use meterlake_lake::{
    Lake, Table, WriterOptions, WrittenFile,
    charges::columns,
    coded::{Cells, CodedColumn, CodedRows, Number, SinkOptions, TextDictionary},
};
use parquet::{
    arrow::arrow_reader::ParquetRecordBatchReaderBuilder,
    basic::{Compression, Encoding},
    file::{metadata::PageIndexPolicy, statistics::Statistics},
};

use crate::rows::{Random, batch, month, new_import, stream};

/// The batch in codes.
pub(crate) fn coded(batch: &RecordBatch, dictionaries: &mut [TextDictionary]) -> CodedRows {
    fn each<T: Copy, N: Number>(values: impl Iterator<Item = Option<T>>, of: impl Fn(T) -> N) -> Cells<N> {
        let values: Vec<N> = values.map(|v| v.map_or(N::NULL, &of)).collect();
        match values.first() {
            Some(first) if values.iter().all(|v| v == first) => Cells::Same(*first),
            _ => Cells::Each(values),
        }
    }
    let columns = batch.columns().iter().enumerate().map(|(at, array)| match array.data_type() {
        DataType::Utf8 => {
            let texts = array.as_string::<i32>();
            let codes: Vec<u32> = texts.iter().map(|t| dictionaries[at].intern(t.unwrap().as_bytes())).collect();
            let same = codes.iter().all(|c| *c == codes[0]);
            CodedColumn::Text(at, if same { Cells::Same(codes[0]) } else { Cells::Each(codes) })
        }
        DataType::Decimal128(..) => CodedColumn::Wide(each(array.as_primitive::<Decimal128Type>().iter(), |v| v)),
        DataType::Int64 => CodedColumn::Long(each(array.as_primitive::<Int64Type>().iter(), |v| v)),
        DataType::Timestamp(..) => {
            CodedColumn::Long(each(array.as_primitive::<TimestampMicrosecondType>().iter(), |v| v))
        }
        DataType::Date32 => CodedColumn::Short(each(array.as_primitive::<Date32Type>().iter(), |v| v)),
        DataType::Int32 => CodedColumn::Short(each(array.as_primitive::<Int32Type>().iter(), |v| v)),
        DataType::Boolean => CodedColumn::Truth(each(array.as_boolean().iter(), u8::from)),
        other => panic!("{other}"),
    });
    CodedRows { rows: batch.num_rows(), columns: columns.collect() }
}

/// Rows of two months and accounts in no order, with nulls, long texts and many distinct values.
fn rows(count: usize, seed: u64) -> Vec<RecordBatch> {
    let import = "01933a7e-0000-7000-8000-000000000001".parse().unwrap();
    let mut random = Random(seed * 2 + 1);
    let mut rows = month("100", "2024-11-01", count, seed);
    rows.extend(month("200", "2024-11-01", count / 3, seed + 1));
    rows.extend(month("100", "2024-12-01", count / 2, seed + 2));
    for (line, row) in (1..).zip(&mut rows) {
        row.line = line;
        row.resource = format!("/subscriptions/{}/{}", "ä".repeat(random.below(60) as usize), random.below(300));
    }
    // Accounts and months meet within a batch.
    let mut picked: Vec<_> = rows.into_iter().map(|row| (random.next(), row)).collect();
    picked.sort_by_key(|(key, _)| *key);
    let mut rows: Vec<_> = picked.into_iter().map(|(_, row)| row).collect();
    (1..).zip(&mut rows).for_each(|(line, row)| row.line = line);
    rows.chunks(700).map(|chunk| vary(&batch(chunk, import), &mut random)).collect()
}

/// Other values in columns that the helper leaves empty.
fn vary(batch: &RecordBatch, random: &mut Random) -> RecordBatch {
    let count = batch.num_rows();
    let schema = batch.schema();
    let arrays = schema.fields().iter().zip(batch.columns()).map(|(field, array)| -> ArrayRef {
        let mut decimals = |bound: u64| {
            let values = (0..count).map(|_| {
                let wide = i128::from(random.next() >> 3) * i128::from(random.next() >> 3) - (1 << 119);
                (random.below(5) > 0).then(|| if bound == 0 { wide } else { i128::from(random.below(bound)) })
            });
            let array: Decimal128Array = values.collect();
            std::sync::Arc::new(array.with_data_type(field.data_type().clone())) as ArrayRef
        };
        match field.name().as_str() {
            columns::QUANTITY => decimals(0),
            columns::UNIT_PRICE => decimals(7),
            columns::TAGS => std::sync::Arc::new(StringArray::from_iter_values(
                (0..count).map(|_| format!("{{\"n\": {}}}", random.next() % 5_000)),
            )),
            columns::METER_ID => {
                std::sync::Arc::new(StringArray::from_iter_values((0..count).map(|_| random.below(30).to_string())))
            }
            columns::BILLING_PERIOD_START => std::sync::Arc::new(
                (0..count).map(|_| (random.below(3) > 0).then_some(20_000)).collect::<arrow::array::Date32Array>(),
            ),
            columns::CHARGE_PERIOD_END => std::sync::Arc::new(
                (0..count)
                    .map(|_| (random.below(3) > 0).then(|| i64::try_from(random.next() >> 20).unwrap()))
                    .collect::<arrow::array::TimestampMicrosecondArray>()
                    .with_timezone("UTC"),
            ),
            columns::IS_AZURE_CREDIT_ELIGIBLE => std::sync::Arc::new(
                (0..count)
                    .map(|_| [None, Some(true), Some(false)][random.below(3) as usize])
                    .collect::<arrow::array::BooleanArray>(),
            ),
            _ => array.clone(),
        }
    });
    RecordBatch::try_new(batch.schema(), arrays.collect::<Vec<_>>()).unwrap()
}

pub(crate) async fn plain_way(
    lake: &Lake,
    dir: &Path,
    batches: &[RecordBatch],
    options: &WriterOptions,
) -> Vec<WrittenFile> {
    let mut writer = lake.writer(new_import(), &dir.join("staging")).with_options(options.clone());
    writer.write(stream(batches.to_vec())).await.unwrap()
}

pub(crate) async fn coded_way(
    lake: &Lake,
    dir: &Path,
    batches: &[RecordBatch],
    options: &WriterOptions,
    bounds: SinkOptions,
    forget_after: Option<usize>,
) -> Vec<WrittenFile> {
    let staging = dir.join("staging");
    std::fs::create_dir_all(&staging).unwrap();
    let mut writer = lake.writer(new_import(), &staging).with_options(options.clone());
    let mut sink = writer.coded(bounds, tokio::runtime::Handle::current()).unwrap();
    let batches = batches.to_vec();
    let files = tokio::task::spawn_blocking(move || {
        let mut dictionaries = vec![TextDictionary::default(); columns::COLUMNS.len()];
        for (at, batch) in batches.iter().enumerate() {
            if forget_after.is_some_and(|n| at >= n) {
                sink.forget_codes(&dictionaries).unwrap();
                dictionaries = vec![TextDictionary::default(); columns::COLUMNS.len()];
            }
            let rows = coded(batch, &mut dictionaries);
            assert_eq!(rows.to_batch(Table::Charges, &dictionaries).unwrap(), *batch);
            sink.take(&rows, &dictionaries).unwrap();
        }
        sink.finish(&dictionaries).unwrap()
    });
    let written = writer.take_over(files.await.unwrap()).unwrap();
    assert_eq!(std::fs::read_dir(&staging).unwrap().count(), 0, "spill files are gone");
    written
}

fn read(dir: &Path, files: &[WrittenFile]) -> RecordBatch {
    let batches = files.iter().flat_map(|file| {
        let file = std::fs::File::open(dir.join("charges").join(&file.path)).unwrap();
        ParquetRecordBatchReaderBuilder::try_new(file).unwrap().build().unwrap().map(Result::unwrap)
    });
    let batches: Vec<_> = batches.collect();
    concat_batches(&batches[0].schema(), &batches).unwrap()
}

type Value = Option<Vec<u8>>;

/// Least and greatest value and nulls, as the footer has them.
fn bounds(statistics: Option<&Statistics>) -> Option<(Value, Value, Option<u64>)> {
    let of = |bytes: Option<&[u8]>| bytes.map(<[u8]>::to_vec);
    statistics.map(|s| (of(s.min_bytes_opt()), of(s.max_bytes_opt()), s.null_count_opt()))
}

/// Footers agree in everything but sizes and places.
fn same_footers(dir: &Path, one: &WrittenFile, other: &WrittenFile) {
    let [one, other] = [one, other].map(|file| {
        let file = std::fs::File::open(dir.join("charges").join(&file.path)).unwrap();
        let mut reader =
            parquet::file::metadata::ParquetMetaDataReader::new().with_page_index_policy(PageIndexPolicy::Required);
        reader.try_parse(&file).unwrap();
        reader.finish().unwrap()
    });
    let notes = |m: &parquet::file::metadata::ParquetMetaData| -> HashMap<String, Option<String>> {
        let notes = m.file_metadata().key_value_metadata().unwrap();
        notes.iter().filter(|kv| !kv.key.ends_with("import_id")).map(|kv| (kv.key.clone(), kv.value.clone())).collect()
    };
    assert_eq!(notes(&one), notes(&other));
    assert_eq!(one.file_metadata().created_by(), other.file_metadata().created_by());
    assert_eq!(one.file_metadata().schema_descr(), other.file_metadata().schema_descr());
    assert_eq!(one.num_row_groups(), other.num_row_groups());
    for (group, (a, b)) in one.row_groups().iter().zip(other.row_groups()).enumerate() {
        assert_eq!((a.num_rows(), a.sorting_columns()), (b.num_rows(), b.sorting_columns()));
        let rows = a.num_rows();
        for (column, (a, b)) in a.columns().iter().zip(b.columns()).enumerate() {
            let name = a.column_path().string();
            assert_eq!(bounds(a.statistics()), bounds(b.statistics()), "{name}");
            // Most quantities of these rows differ, so that they are values without a dictionary, and raw.
            let raw = b.compression() == Compression::UNCOMPRESSED;
            assert!(raw || a.compression() == b.compression(), "{name}");
            assert!(!raw || name == columns::QUANTITY && b.dictionary_page_offset().is_none(), "{name}");
            assert!(raw || name != columns::QUANTITY || rows < 100);
            let index = |m: &parquet::file::metadata::ParquetMetaData| m.column_index().unwrap()[group][column].clone();
            assert_eq!(index(&one), index(&other), "{name}");
            let starts = |m: &parquet::file::metadata::ParquetMetaData| -> Vec<i64> {
                let pages = &m.offset_index().unwrap()[group][column].page_locations;
                pages.iter().map(|page| page.first_row_index).collect()
            };
            assert_eq!(starts(&one), starts(&other), "{name}");
            if b.column_descr().converted_type() == parquet::basic::ConvertedType::UTF8 {
                let mask = b.page_encoding_stats_mask().copied();
                assert!(mask.is_none_or(|m| m.is_only(Encoding::RLE_DICTIONARY)), "{name}: all pages have codes");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn codes_give_the_files_of_plain_rows() {
    let dir = tempfile::tempdir().unwrap();
    let lake = Lake::open_path(dir.path()).await.unwrap();
    let wide = SinkOptions::default();
    let narrow = SinkOptions { held: 1 << 18, ..wide };
    for (count, seed, options, bounds) in [
        (4_000, 1, WriterOptions::default(), wide),
        (4_000, 2, WriterOptions { row_group_rows: 1_500, ..WriterOptions::default() }, narrow),
        (3, 3, WriterOptions::default(), wide),
        (24_000, 4, WriterOptions::default(), narrow),
    ] {
        let batches = rows(count, seed);
        let plain = plain_way(&lake, dir.path(), &batches, &options).await;
        let coded = coded_way(&lake, dir.path(), &batches, &options, bounds, None).await;
        assert_eq!(read(dir.path(), &coded), read(dir.path(), &plain));
        let known = |files: &[WrittenFile]| -> Vec<_> {
            files.iter().map(|f| (f.period, f.scope.clone(), f.rows, f.stats.clone())).collect()
        };
        assert_eq!(known(&coded), known(&plain));
        for (a, b) in plain.iter().zip(&coded) {
            same_footers(dir.path(), a, b);
            assert!(b.size < a.size + a.size / 20 + 2_000, "{} bytes grew to {}", a.size, b.size);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn more_than_memory_holds_is_sorted_on_disk() {
    let dir = tempfile::tempdir().unwrap();
    let lake = Lake::open_path(dir.path()).await.unwrap();
    let options = WriterOptions::default();
    let batches = rows(4_000, 5);
    let plain = read(dir.path(), &plain_way(&lake, dir.path(), &batches, &options).await);
    let small = SinkOptions { held: 1 << 19, day: 50_000 };
    for (bounds, forget) in [(small, None), (SinkOptions::default(), Some(3)), (SinkOptions::default(), Some(0))] {
        let files = coded_way(&lake, dir.path(), &batches, &options, bounds, forget).await;
        assert_eq!(read(dir.path(), &files), plain);
        let mut paths: Vec<_> = files.iter().map(|f| &f.path).collect();
        paths.sort_unstable();
        paths.dedup();
        assert_eq!(paths.len(), files.len());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn lines_out_of_order_are_ordered() {
    let dir = tempfile::tempdir().unwrap();
    let lake = Lake::open_path(dir.path()).await.unwrap();
    let options = WriterOptions { file_rows: 900, ..WriterOptions::default() };
    let mut batches = rows(4_000, 6);
    batches.reverse();
    let plain = plain_way(&lake, dir.path(), &batches, &options).await;
    let coded = coded_way(&lake, dir.path(), &batches, &options, SinkOptions::default(), None).await;
    assert_eq!(read(dir.path(), &coded), read(dir.path(), &plain));
    assert!(coded.len() > 5);
    for files in coded.windows(2).filter(|f| f[0].period == f[1].period && f[0].scope == f[1].scope) {
        assert!(files[0].rows >= 900);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_codes_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let lake = Lake::open_path(dir.path()).await.unwrap();
    let writer = lake.writer(new_import(), dir.path());
    let batch = &rows(30, 7)[0];
    let sink = || writer.coded(SinkOptions::default(), tokio::runtime::Handle::current()).unwrap();
    let mut dictionaries = vec![TextDictionary::default(); columns::COLUMNS.len()];
    let good = coded(batch, &mut dictionaries);

    let mut two = good.clone();
    let place = columns::schema().index_of(columns::RESOURCE_ID).unwrap();
    if let CodedColumn::Text(number, _) = &mut two.columns[place] {
        *number = 0;
    }
    let mut taker = sink();
    taker.take(&good, &dictionaries).unwrap();
    assert!(taker.take(&two, &dictionaries).unwrap_err().to_string().contains("two dictionaries"));

    let mut odd = good.clone();
    odd.columns[0] = CodedColumn::Short(Cells::Same(202_413));
    let mut taker = sink();
    taker.take(&odd, &dictionaries).unwrap();
    assert!(taker.finish(&dictionaries).err().unwrap().to_string().contains("202413"));
}
