//! Random filters over random rows: what the engine selects against a meaning that knows neither parser nor engine.

use std::cmp::Ordering;
use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, Date32Array, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema};
use chrono::{DateTime, Days, NaiveDate, NaiveTime, TimeDelta, Utc};
use datafusion::common::{DFSchema, ScalarValue};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_plan::ColumnarValue;
use datafusion::prelude::SessionContext;
use meterlake_filter::{Limits, parse};
use proptest::prelude::*;
use proptest::sample::select;

use super::{AnalyticsField, rows};

/// Rows that every filter is held against.
const ROWS: usize = 120;

/// Values of texts: some differ in case only, some need quotes doubled, some are of several bytes a letter.
const TEXTS: &[&str] =
    &["", "a", "A", "it's", "''", "Data Management", "data management", "größe 東京", "a and b", "%_"];
/// Values of ids: of no case, of both, and what is no GUID.
const IDS: &[&str] = &[
    "",
    "39a1dfac-4969-4f31-af94-d76588189cfe",
    "39A1DFAC-4969-4F31-AF94-D76588189CFE",
    "ec649980-d623-49f5-b7c1-80cc772b83a8",
    "Konto-7",
    "KONTO-7",
    "é",
];

/// A row: a value for each field but `usageDate`, and its day.
struct Row {
    texts: [&'static str; 13],
    day: NaiveDate,
}

fn first_day() -> NaiveDate {
    NaiveDate::from_ymd_opt(2015, 12, 28).unwrap()
}

/// The same rows each time, of which every value is met by many.
fn some_rows() -> Vec<Row> {
    let mut state = 0x2545_f491_4f6c_dd1du64;
    let mut below = |bound: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state % u64::try_from(bound).unwrap()).unwrap()
    };
    let row = |_| Row {
        texts: AnalyticsField::ALL.map(|field| match field {
            // The lake holds customers in lower case.
            AnalyticsField::CustomerTenantId => [IDS[1], IDS[3]][below(2)],
            field if field.is_guid() => IDS[below(IDS.len())],
            _ => TEXTS[below(TEXTS.len())],
        }),
        day: first_day() + Days::new(u64::try_from(below(8)).unwrap()),
    };
    (0..ROWS).map(row).collect()
}

fn batch(rows: &[Row]) -> RecordBatch {
    let column = |(at, field): (usize, AnalyticsField)| -> (Field, ArrayRef) {
        if field == AnalyticsField::UsageDate {
            let days = rows.iter().map(|row| (row.day - DateTime::UNIX_EPOCH.date_naive()).num_days());
            let days = Date32Array::from_iter_values(days.map(|day| i32::try_from(day).unwrap()));
            return (Field::new(field.column(), DataType::Date32, false), Arc::new(days));
        }
        let texts = StringArray::from_iter_values(rows.iter().map(|row| row.texts[at]));
        (Field::new(field.column(), DataType::Utf8, false), Arc::new(texts))
    };
    let (fields, columns): (Vec<_>, Vec<_>) = AnalyticsField::ALL.into_iter().enumerate().map(column).unzip();
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).unwrap()
}

/// What the engine makes of a filter: a truth value for each row.
fn selected(text: &str, batch: &RecordBatch) -> Vec<bool> {
    let limits = Limits { length: usize::MAX, ..Limits::default() };
    let expr = parse(text, &AnalyticsField::catalogue(), limits).unwrap_or_else(|error| panic!("{text}: {error}"));
    let schema = DFSchema::try_from(batch.schema()).unwrap();
    let compiled: Arc<dyn PhysicalExpr> =
        SessionContext::new().create_physical_expr(rows(&expr).unwrap(), &schema).unwrap();
    match compiled.evaluate(batch).unwrap() {
        ColumnarValue::Array(array) => {
            let truths = array.as_any().downcast_ref::<BooleanArray>().unwrap();
            truths.iter().map(|truth| truth.expect("columns without nulls give two truth values")).collect()
        }
        ColumnarValue::Scalar(ScalarValue::Boolean(Some(truth))) => vec![truth; batch.num_rows()],
        ColumnarValue::Scalar(other) => panic!("{text}: {other}"),
    }
}

/// A filter with its meaning, built side by side.
#[derive(Clone, Debug)]
struct Spelt {
    text: String,
    meaning: Vec<bool>,
    /// How tightly the outermost operator binds: 0 or, 1 and, 2 not or a condition.
    binding: u8,
}

impl Spelt {
    fn condition(text: String, holds: impl Fn(&Row) -> bool) -> Self {
        Self { text, meaning: some_rows().iter().map(holds).collect(), binding: 2 }
    }

    /// The text as an operand of an operator that binds so tightly; parentheses are put where they must be or `extra`.
    fn operand(&self, binding: u8, extra: bool) -> String {
        if self.binding < binding || extra { format!("({})", self.text) } else { self.text.clone() }
    }
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// A word in lower, upper or its own case.
fn in_some_case(word: &'static str) -> impl Strategy<Value = String> {
    select(vec![word.to_owned(), word.to_uppercase(), word.to_lowercase()])
}

/// A field's place in a row and its name in some case.
fn field(guid: bool) -> impl Strategy<Value = (usize, String)> {
    let of_kind = move |field: &AnalyticsField| *field != AnalyticsField::UsageDate && field.is_guid() == guid;
    let fields: Vec<_> = AnalyticsField::ALL.into_iter().enumerate().filter(|(_, field)| of_kind(field)).collect();
    select(fields).prop_flat_map(|(at, field)| (Just(at), in_some_case(field.name())))
}

fn equality() -> impl Strategy<Value = (String, bool)> {
    any::<bool>().prop_flat_map(|equal| (in_some_case(if equal { "eq" } else { "ne" }), Just(equal)))
}

fn text_condition() -> impl Strategy<Value = Spelt> {
    (field(false), equality(), select(TEXTS)).prop_map(|((at, name), (op, equal), value)| {
        Spelt::condition(format!("{name} {op} {}", quoted(value)), |row| (row.texts[at] == value) == equal)
    })
}

fn id_condition() -> impl Strategy<Value = Spelt> {
    (field(true), equality(), select(IDS), 0..3usize).prop_map(|((at, name), (op, equal), value, spelling)| {
        let literal = match spelling {
            0 if value.len() == 36 => value.to_owned(),
            1 if value.len() == 36 => format!("guid'{value}'"),
            _ => quoted(value),
        };
        let same = |row: &Row| row.texts[at].to_lowercase() == value.to_lowercase();
        Spelt::condition(format!("{name} {op} {literal}"), |row| same(row) == equal)
    })
}

fn contains_condition() -> impl Strategy<Value = Spelt> {
    let needles = ["", "a", "A", "'", "Data", "Management", "東", "39a1", "4F31", "-", "konto", "É", "%", "_"];
    let guid = any::<bool>().prop_flat_map(|guid| (Just(guid), field(guid)));
    (guid, in_some_case("contains"), select(needles.to_vec())).prop_map(|((guid, (at, name)), contains, needle)| {
        Spelt::condition(format!("{contains}({name}, {})", quoted(needle)), |row| {
            if guid {
                row.texts[at].to_lowercase().contains(&needle.to_lowercase())
            } else {
                row.texts[at].contains(needle)
            }
        })
    })
}

/// An instant in one of the styles that filters take; bare dates only where it is a midnight.
fn spelt_instant(at: DateTime<Utc>, style: usize) -> String {
    let midnight = at.time() == NaiveTime::MIN;
    let east = (at + TimeDelta::minutes(330)).naive_utc();
    match style {
        0 if midnight => at.format("%Y-%m-%d").to_string(),
        1 if midnight => at.format("'%m/%d/%Y'").to_string(),
        2 if midnight => at.format("cast('%Y-%m-%d',Edm.DateTimeOffset)").to_string(),
        3 if midnight => at.format("%G-W%V-%u").to_string(),
        4 if midnight => at.format("datetime'%Y%j'").to_string(),
        0 | 5 => at.format("%Y-%m-%dT%H:%M:%SZ").to_string(),
        1 | 6 => at.format("CAST('%Y-%m-%dT%H:%M:%S', edm.datetimeoffset)").to_string(),
        2 | 7 => east.format("%Y%m%dT%H%M%S+0530").to_string(),
        3 | 8 => east.format("'%m/%d/%Y %I:%M:%S %p +05:30'").to_string(),
        4 | 9 => east.format("%m/%d/%Y %I:%M:%S %p  05:30").to_string(),
        _ => at.format("datetimeoffset'%Y-%j %H:%M:%S.000'").to_string(),
    }
}

fn date_condition() -> impl Strategy<Value = Spelt> {
    // Around the days of the rows; half of them midnights.
    let instant = (-1..9i64, prop_oneof![Just(0), 0..86_400i64]).prop_map(|(day, second)| {
        first_day().and_time(NaiveTime::MIN).and_utc() + TimeDelta::seconds(day * 86_400 + second)
    });
    type Holds = fn(Ordering) -> bool;
    let ops: Vec<(&str, Holds)> = vec![
        ("eq", Ordering::is_eq),
        ("ne", Ordering::is_ne),
        ("gt", Ordering::is_gt),
        ("ge", Ordering::is_ge),
        ("lt", Ordering::is_lt),
        ("le", Ordering::is_le),
    ];
    (in_some_case("usageDate"), select(ops), instant, 0..11usize).prop_map(|(name, (op, holds), instant, style)| {
        Spelt::condition(format!("{name} {op} {}", spelt_instant(instant, style)), |row| {
            holds(row.day.and_time(NaiveTime::MIN).and_utc().cmp(&instant))
        })
    })
}

fn join(parts: &[(Spelt, bool)], word: &str, binding: u8, join: fn(bool, bool) -> bool) -> Spelt {
    let texts: Vec<_> = parts.iter().map(|(part, extra)| part.operand(binding, *extra)).collect();
    let meaning = parts.iter().map(|(part, _)| part.meaning.clone());
    let both = |a: Vec<bool>, b: Vec<bool>| a.into_iter().zip(b).map(|(a, b)| join(a, b)).collect();
    Spelt { text: texts.join(&format!(" {word} ")), meaning: meaning.reduce(both).unwrap(), binding }
}

fn spelt() -> impl Strategy<Value = Spelt> {
    let condition = prop_oneof![text_condition(), id_condition(), contains_condition(), date_condition()];
    condition.prop_recursive(5, 24, 3, |inner| {
        let parts = prop::collection::vec((inner.clone(), any::<bool>()), 2..4);
        prop_oneof![
            (parts.clone(), in_some_case("and")).prop_map(|(parts, word)| join(&parts, &word, 1, |a, b| a && b)),
            (parts, in_some_case("or")).prop_map(|(parts, word)| join(&parts, &word, 0, |a, b| a || b)),
            (inner, any::<bool>(), in_some_case("not")).prop_map(|(part, extra, not)| Spelt {
                text: format!("{not} {}", part.operand(2, extra)),
                meaning: part.meaning.iter().map(|truth| !truth).collect(),
                binding: 2,
            }),
        ]
    })
}

proptest! {
    #[test]
    fn the_engine_selects_what_the_filter_means(spelt in spelt()) {
        let batch = batch(&some_rows());
        prop_assert_eq!(selected(&spelt.text, &batch), spelt.meaning, "{}", spelt.text);
    }
}

/// The rows are such that conditions of every kind select some and leave some.
#[test]
fn the_rows_tell_filters_apart() {
    let batch = batch(&some_rows());
    for text in [
        "meterCategory eq 'Data Management'",
        "reservationId eq 'konto-7'",
        "contains(consumptionMeterId,'4f31')",
        "contains(customerName,'東')",
        "customerTenantId eq 39A1DFAC-4969-4F31-AF94-D76588189CFE",
        "usageDate lt 2016-W01-1",
        "usageDate ge cast('2016-01-01T00:00:01Z', Edm.DateTimeOffset)",
    ] {
        let count = selected(text, &batch).into_iter().filter(|truth| *truth).count();
        assert!((5..ROWS - 5).contains(&count), "{text}: {count} of {ROWS}");
    }
}

/// The deepest filters that the default limits let through, compiled on a thread as small as Rust makes them.
#[test]
fn the_deepest_filter_compiles() {
    let condition = "usageDate ge 2016-01-01";
    let depth = Limits::default().depth;
    let odd = format!("not ({condition} or {condition} and (meterUnit eq 'a' or ");
    let texts = [
        "not ".repeat(depth) + condition,
        "(".repeat(depth) + condition + &")".repeat(depth),
        odd.repeat(depth / 3) + condition + &"))".repeat(depth / 3),
    ];
    let compile = move || {
        let batch = batch(&some_rows());
        for text in &texts {
            assert_eq!(selected(text, &batch).len(), ROWS);
        }
    };
    std::thread::Builder::new().stack_size(2 << 20).spawn(compile).unwrap().join().unwrap();
}
