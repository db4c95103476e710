//! Least and greatest values of a data file, as the Delta log keeps them.

use arrow::{
    array::{Array, ArrayRef, AsArray, RecordBatch},
    compute::{max, max_string, min, min_string},
    datatypes::{DataType, Date32Type, Int64Type, TimeUnit, TimestampMicrosecondType},
};
use chrono::{DateTime, SecondsFormat};
use datafusion::common::{ColumnStatistics, ScalarValue, stats::Precision};
use meterlake_model::Day;
use serde_json::{Map, Value, json};

use crate::tables::Table;

/// Longer texts are cut, which makes them bounds instead of values. Scope texts are never cut.
const LONGEST_TEXT: usize = 200;

/// One value of a statistic.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum StatValue {
    /// Of a text column.
    Text(String),
    /// Of an integer column.
    Integer(i64),
    /// Of a day column, in days since 1970-01-01.
    Day(i32),
    /// Of an instant column, in microseconds since 1970-01-01.
    Instant(i64),
}

impl StatValue {
    fn to_json(&self) -> Value {
        match self {
            Self::Text(text) => json!(text),
            Self::Integer(number) => json!(number),
            Self::Day(days) => Day::from_since_epoch(*days).map_or(Value::Null, |day| json!(day)),
            Self::Instant(micros) => DateTime::from_timestamp_micros(*micros)
                .map_or(Value::Null, |time| json!(time.to_rfc3339_opts(SecondsFormat::Micros, true))),
        }
    }

    fn from_json(value: &Value, data_type: &DataType) -> Option<Self> {
        match data_type {
            DataType::Int64 => value.as_i64().map(Self::Integer),
            DataType::Date32 => value.as_str()?.parse::<Day>().ok().map(|day| Self::Day(day.since_epoch())),
            DataType::Timestamp(..) => {
                let time = DateTime::parse_from_rfc3339(value.as_str()?).ok()?;
                Some(Self::Instant(time.timestamp_micros()))
            }
            _ => value.as_str().map(|text| Self::Text(text.to_owned())),
        }
    }

    /// The value as the log writes it.
    pub(crate) fn shown(&self) -> String {
        match self.to_json() {
            Value::String(text) => text,
            other => other.to_string(),
        }
    }

    /// The value as the engine sees it; texts are views.
    pub(crate) fn scalar(&self) -> ScalarValue {
        match self {
            Self::Text(text) => ScalarValue::Utf8View(Some(text.clone())),
            Self::Integer(number) => ScalarValue::Int64(Some(*number)),
            Self::Day(days) => ScalarValue::Date32(Some(*days)),
            Self::Instant(micros) => ScalarValue::TimestampMicrosecond(Some(*micros), Some("UTC".into())),
        }
    }
}

/// Statistics of one data file over the columns that its table keeps them of, in the order of the layout.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FileStats {
    table: Table,
    pub(crate) rows: u64,
    pub(crate) least: Vec<Option<StatValue>>,
    pub(crate) greatest: Vec<Option<StatValue>>,
}

impl FileStats {
    /// Statistics of no rows yet, all of which will have this scope.
    pub(crate) fn of_scope(table: Table, scope: &[String]) -> Self {
        let mut least: Vec<_> = scope.iter().map(|value| Some(StatValue::Text(value.clone()))).collect();
        least.resize(table.layout().stats.len(), None);
        Self { table, rows: 0, greatest: least.clone(), least }
    }

    /// Takes the rows of a batch into account, which have the scope that was given before.
    pub(crate) fn add(&mut self, batch: &RecordBatch) {
        self.rows += batch.num_rows() as u64;
        let layout = self.table.layout();
        for (place, name) in layout.stats.iter().enumerate().skip(layout.scope) {
            let Some((least, greatest)) = batch.column_by_name(name).and_then(bounds) else { continue };
            if self.least[place].as_ref().is_none_or(|held| least < *held) {
                self.least[place] = Some(least);
            }
            if self.greatest[place].as_ref().is_none_or(|held| greatest > *held) {
                self.greatest[place] = Some(greatest);
            }
        }
    }

    /// Takes least and greatest values of more rows into account.
    pub(crate) fn widen(&mut self, place: usize, least: &StatValue, greatest: &StatValue) {
        if place < self.table.layout().scope {
            return;
        }
        if self.least[place].as_ref().is_none_or(|held| least < held) {
            self.least[place] = Some(least.clone());
        }
        if self.greatest[place].as_ref().is_none_or(|held| greatest > held) {
            self.greatest[place] = Some(greatest.clone());
        }
    }

    /// The JSON text for the Delta log.
    pub(crate) fn to_json(&self) -> String {
        let layout = self.table.layout();
        let side = |values: &[Option<StatValue>], greatest: bool| {
            let mut map = Map::new();
            for (place, value) in values.iter().enumerate() {
                let Some(value) = value else { continue };
                let shown = match value {
                    StatValue::Text(text) if place >= layout.scope => json!(cut(text, greatest)),
                    other => other.to_json(),
                };
                map.insert(layout.stats[place].to_owned(), shown);
            }
            map
        };
        let nulls: Map<String, Value> = layout.stats.iter().map(|name| ((*name).to_owned(), json!(0))).collect();
        json!({
            "numRecords": self.rows,
            "minValues": side(&self.least, false),
            "maxValues": side(&self.greatest, true),
            "nullCount": nulls,
        })
        .to_string()
    }

    /// Reads what [`Self::to_json`] wrote, or none when the row count is missing.
    pub(crate) fn from_json(table: Table, text: &str) -> Option<Self> {
        let json: Value = serde_json::from_str(text).ok()?;
        let layout = table.layout();
        let side = |name: &str| {
            let values = json.get(name);
            let columns = layout.stats.iter().zip(&layout.stat_types);
            columns.map(|(column, kind)| StatValue::from_json(values?.get(column)?, kind)).collect()
        };
        Some(Self {
            table,
            rows: json.get("numRecords")?.as_u64()?,
            least: side("minValues"),
            greatest: side("maxValues"),
        })
    }

    /// The one value that all rows have in this column, when the statistics prove it.
    pub(crate) fn constant(&self, place: usize) -> Option<&StatValue> {
        let least = self.least[place].as_ref()?;
        (!self.is_bound(least, place) && self.greatest[place].as_ref() == Some(least)).then_some(least)
    }

    /// The column's statistics as the engine takes them.
    pub(crate) fn engine(&self, place: usize) -> ColumnStatistics {
        let exact = |value: &Option<StatValue>| match value {
            Some(value) if self.is_bound(value, place) => Precision::Inexact(value.scalar()),
            Some(value) => Precision::Exact(value.scalar()),
            None => Precision::Absent,
        };
        ColumnStatistics {
            null_count: Precision::Exact(0),
            min_value: exact(&self.least[place]),
            max_value: exact(&self.greatest[place]),
            ..ColumnStatistics::default()
        }
    }

    /// Whether the value may be a cut text.
    fn is_bound(&self, value: &StatValue, place: usize) -> bool {
        place >= self.table.layout().scope && matches!(value, StatValue::Text(text) if text.len() >= LONGEST_TEXT)
    }
}

/// The text, or a bound of about [`LONGEST_TEXT`] bytes below or above it.
fn cut(text: &str, greatest: bool) -> String {
    if text.len() <= LONGEST_TEXT {
        return text.to_owned();
    }
    // At least LONGEST_TEXT bytes, so that the reader takes it for the bound that it is.
    let end = (LONGEST_TEXT..=text.len()).find(|end| text.is_char_boundary(*end)).unwrap_or(text.len());
    let mut bound = text[..end].to_owned();
    if greatest {
        bound.push(char::MAX);
    }
    bound
}

fn bounds(column: &ArrayRef) -> Option<(StatValue, StatValue)> {
    match column.data_type() {
        DataType::Utf8 => {
            let texts = column.as_string::<i32>();
            Some((StatValue::Text(min_string(texts)?.to_owned()), StatValue::Text(max_string(texts)?.to_owned())))
        }
        DataType::Date32 => {
            let days = column.as_primitive::<Date32Type>();
            Some((StatValue::Day(min(days)?), StatValue::Day(max(days)?)))
        }
        DataType::Int64 => {
            let numbers = column.as_primitive::<Int64Type>();
            Some((StatValue::Integer(min(numbers)?), StatValue::Integer(max(numbers)?)))
        }
        DataType::Timestamp(TimeUnit::Microsecond, _) => {
            let times = column.as_primitive::<TimestampMicrosecondType>();
            Some((StatValue::Instant(min(times)?), StatValue::Instant(max(times)?)))
        }
        _ => None,
    }
}

/// Statistics of many files as one array; files without a value have a null.
pub(crate) fn array<'a>(values: impl Iterator<Item = Option<&'a StatValue>>, data_type: &DataType) -> Option<ArrayRef> {
    let scalars = values.map(|value| match value {
        Some(value) => Ok(value.scalar()),
        None => ScalarValue::try_from(data_type),
    });
    ScalarValue::iter_to_array(scalars.collect::<Result<Vec<_>, _>>().ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statistics_read_back_and_long_texts_become_bounds() {
        let mut stats = FileStats { rows: 3, ..FileStats::of_scope(Table::Charges, &[]) };
        let long = "é".repeat(150);
        stats.least = vec![Some(StatValue::Text("a".into())); stats.least.len()];
        stats.greatest = stats.least.clone();
        stats.least[6] = Some(StatValue::Day(20_000));
        stats.greatest[6] = Some(StatValue::Day(20_030));
        for place in [12, 13] {
            stats.least[place] = Some(StatValue::Integer(1));
            stats.greatest[place] = Some(StatValue::Integer(9));
        }
        stats.greatest[9] = Some(StatValue::Text(long.clone()));
        stats.least[1] = Some(StatValue::Text(long.clone()));
        stats.greatest[1] = Some(StatValue::Text(long.clone()));
        let back = FileStats::from_json(Table::Charges, &stats.to_json()).unwrap();
        assert_eq!(back.rows, 3);
        assert_eq!(back.constant(0), Some(&StatValue::Text("a".into())));
        assert_eq!(back.constant(1), Some(&StatValue::Text(long.clone())));
        assert_eq!(back.constant(9), None);
        assert_eq!(back.greatest[6], Some(StatValue::Day(20_030)));
        let Some(StatValue::Text(bound)) = &back.greatest[9] else { panic!("no bound") };
        assert!(*bound > long && bound.len() < long.len());
        assert!(matches!(back.engine(9).max_value, Precision::Inexact(_)));
        assert!(matches!(back.engine(6).max_value, Precision::Exact(_)));
    }

    #[test]
    fn instants_read_back_to_the_microsecond() {
        let mut stats = FileStats::of_scope(Table::B2cEvents, &["t".to_owned()]);
        stats.least[1] = Some(StatValue::Instant(-1));
        stats.greatest[1] = Some(StatValue::Instant(1_730_419_200_123_456));
        let json = stats.to_json();
        assert!(json.contains(r#""time":"2024-11-01T00:00:00.123456Z""#), "{json}");
        assert_eq!(FileStats::from_json(Table::B2cEvents, &json).unwrap(), stats);
    }
}
