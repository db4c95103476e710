//! Printing and parsing are inverse; meaning agrees with an evaluator written without the parser.

use chrono::{DateTime, TimeDelta, Utc};
use meterlake_filter::{CompareOp, Expr, FieldCatalogue, FieldKind, Limits, Moment, Value, parse};
use meterlake_model::Day;
use proptest::prelude::*;
use uuid::Uuid;

use crate::catalogues::{USAGE_DATE, analytics};

const GENEROUS: Limits = Limits { length: usize::MAX, depth: 256 };

fn fields(kind: FieldKind) -> impl Strategy<Value = usize> {
    let indices: Vec<usize> =
        analytics().fields().iter().enumerate().filter(|(_, f)| f.kind == kind).map(|(index, _)| index).collect();
    prop::sample::select(indices)
}

fn any_text() -> impl Strategy<Value = String> {
    prop_oneof![Just(String::new()), "[ab' ]{0,4}", any::<String>(), Just("and".to_owned())]
}

fn moment() -> impl Strategy<Value = Moment> {
    let day = (-719_162i32..=2_932_896).prop_map(|d| Moment::Day(Day::from_since_epoch(d).unwrap()));
    let instant = (0i64..4_102_444_800, prop_oneof![Just(0u32), Just(120_000_000), 0u32..1_000_000_000])
        .prop_map(|(s, n)| Moment::Instant(DateTime::<Utc>::from_timestamp(s, n).unwrap()));
    prop_oneof![day, instant]
}

fn equality() -> impl Strategy<Value = CompareOp> {
    prop_oneof![Just(CompareOp::Eq), Just(CompareOp::Ne)]
}

fn leaf() -> impl Strategy<Value = Expr> {
    let compare = |field, op, value| Expr::Compare { field, op, value };
    prop_oneof![
        (fields(FieldKind::Text), equality(), any_text()).prop_map(move |(f, o, t)| compare(f, o, Value::Text(t))),
        (fields(FieldKind::Guid), equality(), any::<u128>()).prop_map(move |(f, o, g)| compare(
            f,
            o,
            Value::Guid(Uuid::from_u128(g))
        )),
        (fields(FieldKind::Guid), equality(), "[a-f0-9 -]{0,35}").prop_map(move |(f, o, t)| compare(
            f,
            o,
            Value::Text(t)
        )),
        (fields(FieldKind::Date), prop::sample::select(CompareOp::ALL), moment()).prop_map(move |(f, o, m)| compare(
            f,
            o,
            Value::Moment(m)
        )),
        (prop_oneof![fields(FieldKind::Text), fields(FieldKind::Guid)], any_text())
            .prop_map(|(field, needle)| Expr::Contains { field, needle }),
    ]
}

fn expr() -> impl Strategy<Value = Expr> {
    leaf().prop_recursive(6, 40, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 2..5).prop_map(Expr::And),
            prop::collection::vec(inner.clone(), 2..5).prop_map(Expr::Or),
            inner.prop_map(|e| Expr::Not(Box::new(e))),
        ]
    })
}

/// A filter over three small fields together with its meaning, built side by side: the meaning never sees the parser.
#[derive(Clone, Debug)]
struct Spelt {
    text: String,
    /// One bit for each row of [`rows`].
    meaning: u64,
    /// How tightly the outermost operator binds: 0 or, 1 and, 2 not or a condition.
    binding: u8,
}

/// Every combination of a category, an id and a day.
fn rows() -> Vec<(&'static str, &'static str, i32)> {
    let mut rows = Vec::new();
    for category in ["", "a", "A", "it's"] {
        for id in ["", "39A1DFAC-4969-4F31-AF94-D76588189CFE", "Plan"] {
            rows.extend([17_531, 17_532, 17_533].map(|day| (category, id, day)));
        }
    }
    rows
}

fn bits(test: impl Fn(&(&str, &str, i32)) -> bool) -> u64 {
    rows().iter().enumerate().filter(|(_, row)| test(row)).fold(0, |bits, (index, _)| bits | 1 << index)
}

fn spelt_leaf() -> impl Strategy<Value = Spelt> {
    let condition = |text: String, meaning: u64| Spelt { text, meaning, binding: 2 };
    let category =
        (prop::sample::select(vec!["", "a", "A", "it's", "b"]), any::<bool>()).prop_map(move |(value, equal)| {
            let quoted = value.replace('\'', "''");
            let op = if equal { "eq" } else { "NE" };
            condition(format!("METERcategory {op} '{quoted}'"), bits(|row| (row.0 == value) == equal))
        });
    let needle = prop::sample::select(vec!["", "a", "s", "'"]).prop_map(move |needle| {
        let quoted = needle.replace('\'', "''");
        condition(format!("contains(meterCategory,'{quoted}')"), bits(|row| row.0.contains(needle)))
    });
    let id = (prop::sample::select(vec!["''", "39a1DFAC-4969-4f31-af94-d76588189cfe", "'PLAN'"]), any::<bool>())
        .prop_map(move |(literal, equal)| {
            let bare = literal.trim_matches('\'').to_lowercase();
            let op = if equal { "Eq" } else { "ne" };
            condition(format!("reservationid {op} {literal}"), bits(|row| (row.1.to_lowercase() == bare) == equal))
        });
    let spelling =
        prop::sample::select(vec!["2018-01-01", "cast('2018-01-01',Edm.DateTimeOffset)", "1/1/2018 1:00 AM +01:00"]);
    let date = (spelling, 0..6usize).prop_map(move |(literal, op)| {
        let day = 17_532;
        let (word, meaning) = match op {
            0 => ("eq", bits(|row| row.2 == day)),
            1 => ("ne", bits(|row| row.2 != day)),
            2 => ("gt", bits(|row| row.2 > day)),
            3 => ("ge", bits(|row| row.2 >= day)),
            4 => ("lt", bits(|row| row.2 < day)),
            _ => ("le", bits(|row| row.2 <= day)),
        };
        condition(format!("usageDate {word} {literal}"), meaning)
    });
    prop_oneof![category, needle, id, date]
}

fn spelt() -> impl Strategy<Value = Spelt> {
    let everything = bits(|_| true);
    spelt_leaf().prop_recursive(5, 30, 3, move |inner| {
        // Parentheses only where precedence asks for them, or where chance puts superfluous ones.
        let put = |part: &Spelt, least: u8, extra: bool| {
            if part.binding < least || extra { format!("( {})", part.text) } else { part.text.clone() }
        };
        let join = move |parts: Vec<(Spelt, bool)>, word: &str, binding: u8| {
            let texts: Vec<_> = parts.iter().map(|(part, extra)| put(part, binding, *extra)).collect();
            let all = parts.iter().map(|(part, _)| part.meaning);
            let meaning = if binding == 1 { all.fold(everything, |a, b| a & b) } else { all.fold(0, |a, b| a | b) };
            Spelt { text: texts.join(&format!(" {word} ")), meaning, binding }
        };
        let parts = prop::collection::vec((inner.clone(), any::<bool>()), 2..4);
        prop_oneof![
            parts.clone().prop_map(move |parts| join(parts, "AND", 1)),
            parts.prop_map(move |parts| join(parts, "or", 0)),
            (inner, any::<bool>()).prop_map(move |(part, extra)| Spelt {
                text: format!("not {}", put(&part, 2, extra)),
                meaning: everything & !part.meaning,
                binding: 2
            }),
        ]
    })
}

/// What a report is to do with the expression, as plainly as can be.
fn evaluate(expr: &Expr, catalogue: &FieldCatalogue, row: &(&str, &str, i32)) -> bool {
    let text = |field: usize| match catalogue.fields()[field].name {
        "meterCategory" => row.0.to_owned(),
        "reservationId" => row.1.to_lowercase(),
        other => panic!("{other}"),
    };
    match expr {
        Expr::And(parts) => parts.iter().all(|part| evaluate(part, catalogue, row)),
        Expr::Or(parts) => parts.iter().any(|part| evaluate(part, catalogue, row)),
        Expr::Not(inner) => !evaluate(inner, catalogue, row),
        Expr::Contains { field, needle } => text(*field).contains(needle),
        Expr::Compare { field, op, value } => op.holds(match value {
            Value::Text(value) if catalogue.fields()[*field].kind == FieldKind::Guid => {
                text(*field).cmp(&value.to_lowercase())
            }
            Value::Text(value) => text(*field).cmp(value),
            Value::Guid(value) => text(*field).cmp(&value.hyphenated().to_string()),
            Value::Moment(moment) => (DateTime::UNIX_EPOCH + TimeDelta::days(i64::from(row.2))).cmp(&moment.instant()),
        }),
    }
}

/// An instant, to the millisecond, as it is written at an offset of whole minutes, in each style.
fn spellings(instant: DateTime<Utc>, minutes: i64) -> Vec<String> {
    let there = (instant + TimeDelta::minutes(minutes)).naive_utc();
    let sign = if minutes < 0 { '-' } else { '+' };
    let (hours, rest) = (minutes.abs() / 60, minutes.abs() % 60);
    let zones = [format!("{sign}{hours:02}:{rest:02}"), format!("{sign}{hours:02}{rest:02}")];
    let local = ["%Y-%m-%dT%H:%M:%S%.3f", "%Y%m%dT%H%M%S%.3f", "%Y-%j %H:%M:%S%.3f", "%G-W%V-%u %I:%M:%S%.3f %p"]
        .into_iter()
        .chain(["%m/%d/%Y %I:%M:%S%.3f %p", "%-m/%-d/%Y %-I:%M:%S%.3f %p", "%m/%d/%Y %H:%M:%S%.3f"])
        .flat_map(|style| [there.format(style).to_string(), there.format(style).to_string().replace('.', ",")]);
    let zoned = local.flat_map(|local| [format!("{local}{}", zones[0]), format!("{local} {}", zones[1])]);
    zoned.chain([instant.to_rfc3339(), instant.format("%Y-%m-%dT%H:%M:%S%.fZ").to_string()]).collect()
}

proptest! {
    #[test]
    fn every_style_of_an_instant_means_it(
        // From the second day of year 1 to the last but one of 9999: an offset must not lead out of the calendar.
        millisecond in -62_135_510_400_000i64..253_402_214_400_000, minutes in -1439i64..1440,
    ) {
        let instant = DateTime::from_timestamp_millis(millisecond).unwrap();
        for spelt in spellings(instant, minutes) {
            prop_assert_eq!(Moment::parse(&spelt), Some(Moment::Instant(instant)), "{}", spelt);
            for literal in [spelt.clone(), format!("'{spelt}'"), format!("cast('{spelt}', Edm.DateTimeOffset)")] {
                let expected = Expr::Compare { field: USAGE_DATE, op: CompareOp::Ge, value: Value::Moment(Moment::Instant(instant)) };
                let text = format!("usageDate ge {literal}");
                prop_assert_eq!(parse(&text, &analytics(), Limits::default()), Ok(expected), "{}", text);
            }
        }
    }

    #[test]
    fn printing_then_parsing_gives_the_same(expr in expr()) {
        let catalogue = analytics();
        let text = expr.canonical(&catalogue).to_string();
        prop_assert_eq!(parse(&text, &catalogue, GENEROUS), Ok(expr), "{}", text);
    }

    #[test]
    fn meaning_agrees_with_an_independent_evaluator(spelt in spelt()) {
        let catalogue = analytics();
        let expr = parse(&spelt.text, &catalogue, GENEROUS).map_err(|e| TestCaseError::fail(format!("{}: {e}", spelt.text)))?;
        prop_assert_eq!(bits(|row| evaluate(&expr, &catalogue, row)), spelt.meaning, "{}", spelt.text);
    }

    #[test]
    fn no_text_breaks_the_parser(text in any::<String>()) {
        if let Err(error) = parse(&text, &analytics(), Limits::default()) {
            prop_assert!(text.is_char_boundary(error.offset), "{}", error.offset);
            prop_assert!(!error.to_string().is_empty());
        }
    }

    #[test]
    fn no_near_miss_breaks_the_parser(words in prop::collection::vec(prop::sample::select(vec![
        "(", ")", ",", "'", "''", "'x'", " ", "not ", "and ", "or ", "contains", "cast", "usageDate ", "meterUnit ", "eq ", "le ",
        "2018-01-01", "T10:00", "Z", "+01:00 ", "-", "1/2/2018 ", "AM ", "guid", "datetime", "é", "\u{a0}", "customerTenantId ",
    ]), 0..40)) {
        let text = words.concat();
        match parse(&text, &analytics(), Limits::default()) {
            Ok(expr) => {
                let canonical = expr.canonical(&analytics()).to_string();
                prop_assert_eq!(parse(&canonical, &analytics(), GENEROUS), Ok(expr));
            }
            Err(error) => prop_assert!(text.is_char_boundary(error.offset), "{:?} {}", text, error.offset),
        }
    }
}
