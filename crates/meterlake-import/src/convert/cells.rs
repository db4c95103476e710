//! Cells of a text batch as typed arrays. A cell that cannot be read makes its row a reject.

use std::collections::BTreeMap;

use arrow::array::{
    Array, BooleanArray, BooleanBuilder, Date32Array, Date32Builder, Decimal128Array, Decimal128Builder, Int64Array,
    Int64Builder, StringArray, StringBuilder, TimestampMicrosecondArray, TimestampMicrosecondBuilder,
};
use arrow::buffer::{Buffer, OffsetBuffer};
use meterlake_model::{CustomerTenantId, Fixed, SourceKind};

use crate::mapping::{Plan, Slot};
use crate::source::batch::TextBatch;
use crate::value::{date, number};
use crate::{DateFormat, NumberFormat};

/// Why a row is a reject.
#[derive(Debug, Clone)]
pub(super) struct Flaw {
    /// Position of the column, if one is at fault.
    pub(super) column: Option<usize>,
    pub(super) value: String,
    pub(super) reason: String,
}

/// A text batch with its plan, while it is read.
pub(super) struct Cells<'a> {
    plan: &'a Plan,
    sources: Vec<StringArray>,
    rows: usize,
    short: BTreeMap<usize, usize>,
    dates: DateFormat,
    numbers: NumberFormat,
    /// The first flaw of each bad row.
    pub(super) flaws: BTreeMap<usize, Flaw>,
}

impl<'a> Cells<'a> {
    pub(super) fn new(
        kind: SourceKind,
        plan: &'a Plan,
        batch: &TextBatch,
        dates: DateFormat,
        numbers: NumberFormat,
    ) -> Self {
        let mut sources = batch.columns.clone();
        if kind == SourceKind::Focus {
            for at in plan.positions_of(|_| true) {
                sources[at] = without_null_text(&sources[at]);
            }
        }
        Self {
            plan,
            sources,
            rows: batch.rows(),
            short: batch.short.iter().copied().collect(),
            dates,
            numbers,
            flaws: BTreeMap::new(),
        }
    }

    pub(super) fn rows(&self) -> usize {
        self.rows
    }

    /// Whether the file has a source of the target.
    pub(super) fn has(&self, target: &str) -> bool {
        self.plan.slot(target).is_some()
    }

    /// Marks a row bad, unless it is already.
    pub(super) fn reject(&mut self, row: usize, column: Option<usize>, value: &str, reason: impl Into<String>) {
        self.flaws.entry(row).or_insert_with(|| Flaw { column, value: value.to_owned(), reason: reason.into() });
    }

    /// The first text of a target's sources that is not empty, and where it stands.
    fn pick(&self, slot: &Slot, row: usize) -> (usize, &str) {
        let mut places = slot.positions.iter().map(|&at| (at, self.sources[at].value(row)));
        let first = places.next().unwrap_or_default();
        if first.1.is_empty() { places.find(|(_, text)| !text.is_empty()).unwrap_or(first) } else { first }
    }

    /// Texts of a target; empty ones where the file has none.
    pub(super) fn text(&self, target: &str) -> StringArray {
        match self.plan.slot(target) {
            None => empty_text(self.rows),
            Some(slot) if slot.positions.len() == 1 => self.sources[slot.positions[0]].clone(),
            Some(slot) => {
                let mut builder = StringBuilder::with_capacity(self.rows, self.rows * 16);
                (0..self.rows).for_each(|row| builder.append_value(self.pick(slot, row).1));
                builder.finish()
            }
        }
    }

    /// Texts of a target that every row must have.
    pub(super) fn required_text(&mut self, target: &'static str, fallback: &str, what: &str) -> StringArray {
        let texts = self.text(target);
        if (0..self.rows).all(|row| !texts.value(row).trim().is_empty()) {
            return texts;
        }
        let column = self.plan.positions(target).first().copied();
        let mut builder = StringBuilder::new();
        for row in 0..self.rows {
            let text = texts.value(row).trim();
            let text = if text.is_empty() { fallback } else { text };
            if text.is_empty() {
                self.reject(row, column, "", what);
            }
            builder.append_value(text);
        }
        builder.finish()
    }

    /// Visits the cells of a slot that are not empty; empty ones of a required slot are flaws.
    fn each(&mut self, target: &str, expected: &str, mut visit: impl FnMut(usize, Option<&str>) -> Result<(), String>) {
        let Some(slot) = self.plan.slot(target) else {
            (0..self.rows).for_each(|row| drop(visit(row, None)));
            return;
        };
        for row in 0..self.rows {
            let (at, text) = self.pick(slot, row);
            let outcome = if !text.trim().is_empty() {
                visit(row, Some(text))
            } else {
                let visited = visit(row, None);
                match (slot.required, self.short.get(&row)) {
                    (false, _) => visited,
                    (true, Some(&fields)) if at >= fields => {
                        Err(format!("the row ends before this column; expected {expected}"))
                    }
                    (true, _) => Err(format!("empty; expected {expected}")),
                }
            };
            if let Err(reason) = outcome {
                let flaw = Flaw { column: Some(at), value: text.to_owned(), reason };
                self.flaws.entry(row).or_insert(flaw);
            }
        }
    }

    /// Decimals of scale `S`.
    pub(super) fn decimals<const S: u32>(&mut self, target: &str) -> Decimal128Array {
        let format = self.numbers;
        let mut builder = Decimal128Builder::with_capacity(self.rows);
        self.each(target, "a number", |_, text| {
            let Some(text) = text else {
                builder.append_null();
                return Ok(());
            };
            match number::parse::<S>(text, format) {
                Ok(value) => {
                    builder.append_value(value.unscaled());
                    Ok(())
                }
                Err(error) => {
                    builder.append_null();
                    Err(format!("{error}; expected an exact decimal number"))
                }
            }
        });
        typed_decimals::<S>(builder.finish())
    }

    /// UTC days. A required one holds a placeholder where its row is bad, since its column takes no nulls.
    pub(super) fn days(&mut self, target: &str) -> Date32Array {
        let format = self.dates;
        let mut builder = Date32Builder::with_capacity(self.rows);
        let mut last: (String, Option<i32>) = (String::new(), None);
        let placeholder = self.plan.slot(target).filter(|s| s.required).map(|_| 0);
        self.each(target, expected_date(format), |_, text| {
            let Some(text) = text else {
                builder.append_option(placeholder);
                return Ok(());
            };
            if last.0 != text {
                let day = date::parse(text, format).and_then(date::Moment::utc_day);
                last = (text.to_owned(), day.map(meterlake_model::Day::since_epoch));
            }
            builder.append_option(last.1.or(placeholder));
            last.1.map(drop).ok_or_else(|| format!("not a date; expected {}", expected_date(format)))
        });
        builder.finish()
    }

    /// Instants in UTC.
    pub(super) fn instants(&mut self, target: &str) -> TimestampMicrosecondArray {
        let format = self.dates;
        let mut builder = TimestampMicrosecondBuilder::with_capacity(self.rows);
        self.each(target, expected_date(format), |_, text| {
            let Some(text) = text else {
                builder.append_null();
                return Ok(());
            };
            let instant = date::parse(text, format).map(date::Moment::utc_micros);
            builder.append_option(instant);
            instant.map(drop).ok_or_else(|| format!("not a date and time; expected {}", expected_date(format)))
        });
        builder.finish().with_timezone("UTC")
    }

    /// Obsolete integer ids, 0 for none. A lenient one is 0 too when it is not a number, and a GUID always is.
    pub(super) fn integers(&mut self, target: &str, lenient: bool) -> Int64Array {
        let mut builder = Int64Builder::with_capacity(self.rows);
        self.each(target, "a whole number", |_, text| {
            let value = text.map_or(Some(0), whole_number);
            builder.append_value(value.unwrap_or(0));
            match (value, text) {
                (None, Some(text)) if !lenient && text.trim().parse::<CustomerTenantId>().is_err() => {
                    Err("not a whole number of at most 64 bits".to_owned())
                }
                _ => Ok(()),
            }
        });
        builder.finish()
    }

    /// Truth values.
    pub(super) fn booleans(&mut self, target: &str) -> BooleanArray {
        let mut builder = BooleanBuilder::with_capacity(self.rows);
        self.each(target, "true or false", |_, text| {
            let value = text.map(|t| truth(t.trim()));
            builder.append_option(value.flatten());
            match value {
                Some(None) => Err("not a truth value; expected true or false".to_owned()),
                _ => Ok(()),
            }
        });
        builder.finish()
    }

    /// GUIDs in lower case, `fallback` for none.
    pub(super) fn guids(&mut self, target: &str, fallback: &str) -> StringArray {
        let mut builder = StringBuilder::with_capacity(self.rows, self.rows * 36);
        let mut last = (String::new(), None::<String>);
        self.each(target, "a GUID", |_, text| {
            let Some(text) = text else {
                builder.append_value(fallback);
                return Ok(());
            };
            if last.0 != text {
                let guid = text.trim().parse::<CustomerTenantId>().ok().map(|g| g.to_string());
                last = (text.to_owned(), guid);
            }
            builder.append_value(last.1.as_deref().unwrap_or_default());
            last.1.as_ref().map(drop).ok_or_else(|| "not a GUID".to_owned())
        });
        builder.finish()
    }

    /// The array with texts changed; a text that `change` refuses makes its row a reject.
    pub(super) fn changed(
        &mut self,
        target: &str,
        texts: &StringArray,
        change: impl Fn(&str) -> Result<std::borrow::Cow<'_, str>, String>,
    ) -> StringArray {
        let column = self.plan.positions(target).first().copied();
        let mut builder = StringBuilder::with_capacity(self.rows, texts.value_data().len());
        for row in 0..self.rows {
            match change(texts.value(row)) {
                Ok(text) => builder.append_value(text),
                Err(reason) => {
                    builder.append_value("");
                    self.reject(row, column, texts.value(row), reason);
                }
            }
        }
        builder.finish()
    }
}

fn expected_date(format: DateFormat) -> &'static str {
    match format {
        DateFormat::Iso => "yyyy-MM-dd",
        DateFormat::MonthFirst => "MM/dd/yyyy",
        DateFormat::DayFirst => "dd/MM/yyyy",
    }
}

fn whole_number(text: &str) -> Option<i64> {
    let text = text.trim();
    text.parse().ok().or_else(|| i64::try_from(Fixed::<0>::parse(text).ok()?.unscaled()).ok())
}

fn truth(text: &str) -> Option<bool> {
    let is = |names: &[&str]| names.iter().any(|n| n.eq_ignore_ascii_case(text));
    if is(&["true", "1", "yes"]) { Some(true) } else { is(&["false", "0", "no"]).then_some(false) }
}

/// A decimal array with the type of its column; the scale is one of the two that columns have.
pub(super) fn typed_decimals<const S: u32>(array: Decimal128Array) -> Decimal128Array {
    let scale = i8::try_from(S).unwrap_or(0);
    array.with_data_type(arrow::datatypes::DataType::Decimal128(38, scale))
}

/// Empty texts.
pub(super) fn empty_text(rows: usize) -> StringArray {
    let empty = StringArray::try_new(OffsetBuffer::new_zeroed(rows), Buffer::from_vec(Vec::<u8>::new()), None);
    empty.unwrap_or_else(|_| StringArray::from(vec![""; rows]))
}

/// The same text in every row.
pub(super) fn same_text(text: &str, rows: usize) -> StringArray {
    if text.is_empty() { empty_text(rows) } else { StringArray::from_iter_values(std::iter::repeat_n(text, rows)) }
}

/// FOCUS files write `NULL` for none.
fn without_null_text(texts: &StringArray) -> StringArray {
    if !(0..texts.len()).any(|row| texts.value(row) == "NULL") {
        return texts.clone();
    }
    StringArray::from_iter_values((0..texts.len()).map(|row| match texts.value(row) {
        "NULL" => "",
        text => text,
    }))
}
