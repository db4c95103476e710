//! The encoders against encoders that are too simple to be wrong, and against readers.

use std::collections::HashMap;
use std::sync::Arc;

use datafusion::arrow::array::{
    ArrayRef, BooleanArray, Date32Array, Decimal128Array, DictionaryArray, Int32Array, Int64Array, LargeStringArray,
    StringArray, StringViewArray,
};
use datafusion::arrow::datatypes::{Int8Type, Int32Type, UInt16Type};
use datafusion::arrow::record_batch::RecordBatch;
use meterlake_lake::read::{CodedColumn, Codes, Values};
use meterlake_model::{Amount, Day};
use proptest::prelude::*;
use serde_json::value::RawValue;

use super::{CsvRows, DayFormat, EncodeError, FieldKind, JsonRows, Picked, WireField};

const FIELDS: &[WireField] = &[
    field("text", "small", FieldKind::Text),
    field("Large Text", "large", FieldKind::Text),
    field("view", "view", FieldKind::Text),
    field("dictionary", "dictionary", FieldKind::Text),
    field("views", "dictionary_views", FieldKind::Text),
    field("GUID", "small", FieldKind::UpperText),
    field("cost", "decimal", FieldKind::Decimal),
    field("whole", "decimal0", FieldKind::Decimal),
    field("number", "long", FieldKind::Integer),
    field("small", "short", FieldKind::Integer),
    field("flag", "flag", FieldKind::Boolean),
    field("day", "day", FieldKind::Day(DayFormat::Iso)),
    field("midnight", "day", FieldKind::Day(DayFormat::Midnight)),
    field("zulu", "day", FieldKind::Day(DayFormat::MidnightZ)),
    field("odd, \"name\"", "", FieldKind::Constant("a,\"b\"\n")),
    field("literal", "", FieldKind::Literal("0")),
];

const fn field(name: &'static str, column: &'static str, kind: FieldKind) -> WireField {
    WireField { name, column, kind }
}

#[derive(Clone, Debug)]
struct Row {
    text: Option<String>,
    other: Option<String>,
    amount: Option<i128>,
    long: Option<i64>,
    short: Option<i32>,
    flag: Option<bool>,
    day: Option<i32>,
}

fn any_text() -> impl Strategy<Value = Option<String>> {
    prop_oneof![
        Just(None),
        Just(Some(String::new())),
        "[a-c]{1,2}".prop_map(Some),
        "[a-zA-Z,\"\\\\\r\n\t\u{0}-\u{1f} é€😀\u{7f}\u{2028}]{0,30}".prop_map(Some),
        "[ -~]{13,60}".prop_map(Some),
    ]
}

fn any_row() -> impl Strategy<Value = Row> {
    let amount = (any::<i128>(), 0u32..38).prop_map(|(value, shift)| value / 10i128.pow(shift) % 10i128.pow(38));
    let (first, last) =
        (Day::from_ymd(1, 1, 1).unwrap().since_epoch(), Day::from_ymd(9999, 12, 31).unwrap().since_epoch());
    (
        any_text(),
        any_text(),
        proptest::option::of(amount),
        any::<Option<i64>>(),
        any::<Option<i32>>(),
        any::<Option<bool>>(),
        proptest::option::of(prop_oneof![first..=last, 17_000..17_003]),
    )
        .prop_map(|(text, other, amount, long, short, flag, day)| Row {
            text,
            other,
            amount,
            long,
            short,
            flag,
            day,
        })
}

/// Sorted or not, with repeats that lie together and apart.
fn any_rows() -> impl Strategy<Value = Vec<Row>> {
    let repeated = proptest::collection::vec((any_row(), 1usize..4), 0..12);
    repeated.prop_map(|rows| {
        let mut all: Vec<Row> = rows.iter().flat_map(|(row, times)| std::iter::repeat_n(row.clone(), *times)).collect();
        all.extend(rows.into_iter().map(|(row, _)| row));
        all
    })
}

fn batch(rows: &[Row]) -> RecordBatch {
    let text = || rows.iter().map(|row| row.text.as_deref());
    let other = || rows.iter().map(|row| row.other.as_deref());
    let amounts = || rows.iter().map(|row| row.amount);
    let dictionary: DictionaryArray<Int32Type> = other().collect();
    let keys: DictionaryArray<UInt16Type> = text().collect();
    let views = StringViewArray::from_iter(keys.values().as_any().downcast_ref::<StringArray>().unwrap().iter());
    let dictionary_views = DictionaryArray::<UInt16Type>::new(keys.keys().clone(), Arc::new(views));
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("small", Arc::new(StringArray::from_iter(text()))),
        ("large", Arc::new(LargeStringArray::from_iter(other()))),
        ("view", Arc::new(StringViewArray::from_iter(text()))),
        ("dictionary", Arc::new(dictionary)),
        ("dictionary_views", Arc::new(dictionary_views)),
        ("decimal", Arc::new(Decimal128Array::from_iter(amounts()).with_precision_and_scale(38, 24).unwrap())),
        ("decimal0", Arc::new(Decimal128Array::from_iter(amounts()).with_precision_and_scale(38, 0).unwrap())),
        ("long", Arc::new(Int64Array::from_iter(rows.iter().map(|row| row.long)))),
        ("short", Arc::new(Int32Array::from_iter(rows.iter().map(|row| row.short)))),
        ("flag", Arc::new(BooleanArray::from_iter(rows.iter().map(|row| row.flag)))),
        ("day", Arc::new(Date32Array::from_iter(rows.iter().map(|row| row.day)))),
    ];
    RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(name, array)| (name, array, true))).unwrap()
}

/// The values of a row as text: those that JSON quotes, and those that it does not.
enum Naive {
    Text(String),
    Bare(String),
    Nothing,
}

fn naive(row: &Row) -> Vec<Naive> {
    let text = |value: &Option<String>| Naive::Text(value.clone().unwrap_or_default());
    let amount = row.amount.unwrap_or(0);
    let day = |suffix: &str| match row.day {
        Some(day) => Naive::Text(format!("{}{suffix}", Day::from_since_epoch(day).unwrap())),
        None => Naive::Nothing,
    };
    vec![
        text(&row.text),
        text(&row.other),
        text(&row.text),
        text(&row.other),
        text(&row.text),
        Naive::Text(row.text.clone().unwrap_or_default().to_ascii_uppercase()),
        Naive::Bare(Amount::from_unscaled(amount).unwrap().to_string()),
        Naive::Bare(amount.to_string()),
        Naive::Bare(row.long.unwrap_or(0).to_string()),
        Naive::Bare(row.short.unwrap_or(0).to_string()),
        Naive::Bare(row.flag.unwrap_or(false).to_string()),
        day(""),
        day("T00:00:00"),
        day("T00:00:00Z"),
        Naive::Text("a,\"b\"\n".to_owned()),
        Naive::Bare("0".to_owned()),
    ]
}

fn naive_json(rows: &[Row]) -> String {
    let objects = rows.iter().map(|row| {
        let members = FIELDS.iter().zip(naive(row)).map(|(field, value)| {
            let value = match value {
                Naive::Text(text) => serde_json::to_string(&text).unwrap(),
                Naive::Bare(text) => text,
                Naive::Nothing => "null".to_owned(),
            };
            format!("{}:{value}", serde_json::to_string(field.name).unwrap())
        });
        format!("{{{}}}", members.collect::<Vec<_>>().join(","))
    });
    objects.collect::<Vec<_>>().join(",")
}

fn naive_csv(rows: &[Row]) -> String {
    let quoted = |text: &str| {
        if text.contains([',', '"', '\r', '\n']) {
            format!("\"{}\"", text.replace('"', "\"\""))
        } else {
            text.to_owned()
        }
    };
    let line = |values: Vec<String>| values.iter().map(|value| quoted(value)).collect::<Vec<_>>().join(",") + "\r\n";
    let value = |value| match value {
        Naive::Text(text) | Naive::Bare(text) => text,
        Naive::Nothing => String::new(),
    };
    let header = line(FIELDS.iter().map(|field| field.name.to_owned()).collect());
    header + &rows.iter().map(|row| line(naive(row).into_iter().map(value).collect())).collect::<String>()
}

fn json(batches: &[RecordBatch]) -> String {
    let mut encoder = JsonRows::new(FIELDS);
    let mut out = Vec::new();
    for batch in batches {
        encoder.encode(batch, &mut out).unwrap();
    }
    String::from_utf8(out).unwrap()
}

fn csv(batches: &[RecordBatch]) -> String {
    let mut encoder = CsvRows::new(FIELDS);
    let mut out = Vec::new();
    encoder.header(&mut out);
    for batch in batches {
        encoder.encode(batch, &mut out).unwrap();
    }
    String::from_utf8(out).unwrap()
}

proptest! {
    #[test]
    fn as_the_simple_encoders(rows in any_rows(), cut in any::<prop::sample::Index>()) {
        let all = batch(&rows);
        // Slices have offsets, and what was written for one batch must not be taken for another's.
        let cut = cut.index(rows.len() + 1);
        let batches = [all.slice(0, cut), all.slice(cut, rows.len() - cut)];
        prop_assert_eq!(json(&batches), naive_json(&rows));
        prop_assert_eq!(csv(&batches), naive_csv(&rows));
    }

    #[test]
    fn readers_read_the_same(rows in any_rows()) {
        let text = format!("[{}]", json(&[batch(&rows)]));
        let read: Vec<HashMap<String, Box<RawValue>>> = serde_json::from_str(&text).unwrap();
        prop_assert_eq!(read.len(), rows.len());
        for (read, row) in read.iter().zip(&rows) {
            let read_text: String = serde_json::from_str(read["text"].get()).unwrap();
            prop_assert_eq!(&read_text, row.text.as_deref().unwrap_or_default());
            prop_assert_eq!(Amount::parse(read["cost"].get()).unwrap().unscaled(), row.amount.unwrap_or(0));
        }
        let text = csv(&[batch(&rows)]);
        let mut reader = ::csv::ReaderBuilder::new().has_headers(true).from_reader(text.as_bytes());
        let records: Vec<::csv::StringRecord> = reader.records().map(Result::unwrap).collect();
        prop_assert_eq!(records.len(), rows.len());
        for (record, row) in records.iter().zip(&rows) {
            prop_assert_eq!(&record[0], row.text.as_deref().unwrap_or_default());
            prop_assert_eq!(&record[3], row.other.as_deref().unwrap_or_default());
            prop_assert_eq!(Amount::parse(&record[6]).unwrap().unscaled(), row.amount.unwrap_or(0));
        }
    }
}

#[test]
fn quotes_only_what_must_be() {
    let rows = [Row {
        text: Some(" plain; 'text' ".into()),
        other: Some("{\"a\":1}".into()),
        amount: Some(-15 * 10i128.pow(23)),
        long: Some(-1),
        short: None,
        flag: Some(true),
        day: Some(17_283),
    }];
    let text = csv(&[batch(&rows)]);
    let line = text.lines().nth(1).unwrap();
    assert!(line.starts_with(" plain; 'text' ,\"{\"\"a\"\":1}\","), "{line}");
    assert!(
        line.contains(
            ",-1.5,-1500000000000000000000000,-1,0,true,2017-04-27,2017-04-27T00:00:00,2017-04-27T00:00:00Z,"
        ),
        "{line}"
    );
}

#[test]
fn a_wide_dictionary_of_few_rows() {
    let values = StringArray::from_iter_values((0..100).map(|i| format!("value {i}")));
    let array = DictionaryArray::<Int8Type>::new(vec![99, 3, 99].into(), Arc::new(values));
    let batch = RecordBatch::try_from_iter([("d", Arc::new(array) as ArrayRef)]).unwrap();
    let mut out = Vec::new();
    JsonRows::new(&[field("d", "d", FieldKind::Text)]).encode(&batch, &mut out).unwrap();
    assert_eq!(String::from_utf8(out).unwrap(), r#"{"d":"value 99"},{"d":"value 3"},{"d":"value 99"}"#);
}

#[test]
fn a_batch_that_does_not_suit() {
    let batch = batch(&[]);
    let mut out = b"before".to_vec();
    let missing = JsonRows::new(&[field("a", "nowhere", FieldKind::Text)]).encode(&batch, &mut out).unwrap_err();
    assert_eq!(missing.to_string(), "field a: the batch has no column nowhere");
    let wrong = CsvRows::new(&[field("b", "flag", FieldKind::Decimal)]).encode(&batch, &mut out).unwrap_err();
    assert!(matches!(wrong, EncodeError::WrongType { field: "b", .. }), "{wrong}");
    assert_eq!(out, b"before");
}

/// A column of which some values stand twice among the distinct ones.
fn coded_column<T: Clone + PartialEq>(
    cells: Vec<Option<T>>,
    values: impl Fn(Vec<T>) -> Values,
    twice: bool,
) -> CodedColumn {
    let mut distinct: Vec<T> = Vec::new();
    let mut codes: Vec<Option<u32>> = Vec::new();
    for (row, cell) in cells.into_iter().enumerate() {
        codes.push(cell.map(|cell| {
            let known = distinct.iter().position(|known| *known == cell).filter(|_| !twice || row % 3 > 0);
            known.unwrap_or_else(|| {
                distinct.push(cell);
                distinct.len() - 1
            }) as u32
        }));
    }
    let nothing = distinct.len();
    let codes = codes.into_iter().map(|code| code.unwrap_or(nothing as u32)).collect();
    CodedColumn { values: values(distinct), codes: Arc::new(Codes::of(codes, nothing)) }
}

fn coded_columns(rows: &[Row], twice: bool) -> HashMap<&'static str, CodedColumn> {
    let texts = |values: Vec<String>| Values::Text(values.iter().map(String::as_str).collect());
    let text = || coded_column(rows.iter().map(|row| row.text.clone()).collect(), texts, twice);
    let other = || coded_column(rows.iter().map(|row| row.other.clone()).collect(), texts, twice);
    let amounts = |scale| {
        let amounts = rows.iter().map(|row| row.amount).collect();
        coded_column(amounts, move |values| Values::Decimals(values, scale), twice)
    };
    let short = rows.iter().map(|row| row.short.map(i64::from)).collect();
    HashMap::from([
        ("small", text()),
        ("large", other()),
        ("view", text()),
        ("dictionary", other()),
        ("dictionary_views", text()),
        ("decimal", amounts(24)),
        ("decimal0", amounts(0)),
        ("long", coded_column(rows.iter().map(|row| row.long).collect(), Values::Integers, twice)),
        ("short", coded_column(short, Values::Integers, twice)),
        ("flag", coded_column(rows.iter().map(|row| row.flag).collect(), Values::Booleans, twice)),
        ("day", coded_column(rows.iter().map(|row| row.day).collect(), Values::Days, twice)),
    ])
}

proptest! {
    #[test]
    fn coded_rows_as_the_simple_encoders(
        rows in any_rows(),
        twice in any::<bool>(),
        times in 1usize..40,
        cuts in any::<[prop::sample::Index; 2]>(),
        some in proptest::option::of(any::<prop::sample::Index>()),
    ) {
        // Often more than a block of rows.
        let rows: Vec<Row> = (0..times).flat_map(|_| rows.clone()).collect();
        let columns = coded_columns(&rows, twice);
        let picked = match some {
            None => Picked::Range(0..rows.len()),
            Some(step) => Picked::Rows((0..rows.len() as u32).step_by(step.index(5) + 1).collect()),
        };
        let kept: Vec<Row> = (0..picked.len()).map(|place| rows[picked.get(place).unwrap()].clone()).collect();
        let mut cuts = cuts.map(|cut| cut.index(kept.len() + 1));
        cuts.sort_unstable();
        let ranges = [0..cuts[0], cuts[0]..cuts[1], cuts[1]..kept.len()];

        let coded = CsvRows::new(FIELDS).coded(rows.len(), |name| columns.get(name)).unwrap();
        let mut csv = Vec::new();
        CsvRows::new(FIELDS).header(&mut csv);
        let mut end = csv.len();
        for range in ranges.clone() {
            end = coded.write(&picked, range, &mut csv, end);
        }
        prop_assert_eq!(std::str::from_utf8(&csv[..end]).unwrap(), naive_csv(&kept));

        let coded = JsonRows::new(FIELDS).coded(rows.len(), |name| columns.get(name)).unwrap();
        for range in ranges {
            let mut json = vec![b'x'; 7];
            let end = coded.write(&picked, range.clone(), &mut json, 3);
            prop_assert_eq!(std::str::from_utf8(&json[..end]).unwrap(), format!("xxx{}", naive_json(&kept[range])));
        }
    }
}

#[test]
fn coded_columns_that_do_not_suit() {
    let mut columns = coded_columns(&[], false);
    let missing = JsonRows::new(&[field("a", "nowhere", FieldKind::Text)]).coded(0, |name| columns.get(name));
    assert_eq!(missing.unwrap_err().to_string(), "field a: the batch has no column nowhere");
    columns.insert("flag", coded_column(vec![Some(true)], Values::Booleans, false));
    let wrong = CsvRows::new(&[field("b", "flag", FieldKind::Decimal)]).coded(0, |name| columns.get(name)).unwrap_err();
    assert!(matches!(wrong, EncodeError::WrongType { field: "b", .. }), "{wrong}");
}
