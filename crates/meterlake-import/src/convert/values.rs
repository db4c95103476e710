//! Cells as numbers, days, instants, truth values and GUIDs.

use std::borrow::Cow;

use meterlake_lake::coded::{Cells as Column, EMPTY, Number};
use meterlake_model::{CustomerTenantId, Fixed};

use super::cells::{Cells, Texts, map};
use super::distinct::cells;
use super::sources::SourceCells;
use crate::mapping::Slot;
use crate::value::{date, number};
use crate::{DateFormat, NumberFormat};

/// What a cell is as a value of its column.
#[derive(Debug, Clone)]
pub(super) enum Parsed<T> {
    Blank,
    Good(T),
    Bad(String),
}

impl<'a> Cells<'a> {
    /// The values of a slot's cells; rows with cells that cannot be read become rejects and hold a placeholder.
    fn each<T: Copy + PartialEq>(
        &mut self,
        slot: &Slot,
        expected: &str,
        found: Column<u32>,
        known: &[Parsed<T>],
        (blank, placeholder): (T, T),
    ) -> Column<T> {
        let is_fine = |code: u32| match known.get(code as usize) {
            Some(Parsed::Good(_)) => true,
            Some(Parsed::Bad(_)) => false,
            _ => !slot.required,
        };
        let value = |code: u32| match known.get(code as usize) {
            Some(Parsed::Good(value)) => *value,
            Some(Parsed::Bad(_)) => placeholder,
            _ => blank,
        };
        match found {
            Column::Same(code) if is_fine(code) => return Column::Same(value(code)),
            Column::Same(_) => {}
            Column::Each(ref codes) => {
                let values: Vec<T> = codes.iter().map(|code| value(*code)).collect();
                if codes.iter().all(|code| is_fine(*code)) {
                    return cells(values);
                }
            }
        }
        for row in 0..self.rows() {
            let code = found.at(row);
            match known.get(code as usize) {
                Some(Parsed::Good(_)) => {}
                Some(Parsed::Bad(reason)) => self.reject_cell(slot, row, reason, expected, false),
                _ if slot.required => self.reject_cell(slot, row, "", expected, true),
                _ => {}
            }
        }
        map(&found, value)
    }

    /// Decimals of scale `S`.
    pub(super) fn decimals<const S: u32>(&mut self, target: &'static str) -> Column<i128> {
        self.decimals_like::<S>(target, None)
    }

    /// The same, where another column of the same scale, of which the values are given, often has the same texts.
    pub(super) fn decimals_like<const S: u32>(
        &mut self,
        target: &'static str,
        other: Option<(&'static str, &Column<i128>)>,
    ) -> Column<i128> {
        let plan = self.plan;
        let Some((slot, at)) = plan.slot(target).and_then(|slot| Some((slot, self.source(slot)?))) else {
            return Column::Same(i128::NULL);
        };
        let format = self.numbers;
        let expected = "a number";
        let nulls = (i128::NULL, i128::NULL);
        let spans = match &mut self.cells[at] {
            SourceCells::Codes(codes) => {
                let codes = codes.clone();
                let mut memo = self.memos.wides.remove(target).unwrap_or_default();
                let known = memo.learn(self.distinct, self.sources[at].dictionary, |text| decimal::<S>(text, format));
                let values = self.each(slot, expected, codes, known, nulls);
                self.memos.wides.insert(target, memo);
                return values;
            }
            SourceCells::Plain(spans) => std::mem::take(spans),
        };
        let batch = self.batch;
        let mut values = Vec::with_capacity(spans.len());
        let other = other.and_then(|(name, values)| {
            let at = plan.slot(name).and_then(|slot| self.source(slot)).filter(|other| *other != at)?;
            match self.cells.get_mut(at)? {
                SourceCells::Plain(spans) => Some((at, std::mem::take(spans), values)),
                SourceCells::Codes(_) => None,
            }
        });
        let mut last = ("", Parsed::Blank);
        for (row, &span) in spans.iter().enumerate() {
            let raw = batch.raw_cell(span);
            if let Some((_, spans, values_of_other)) = &other
                && let Some(same) = spans.get(row).filter(|same| batch.raw_cell(**same) == raw)
                && !same.is_doubled()
                && !span.is_doubled()
                // One that is blank or bad is looked at here, too.
                && values_of_other.at(row) != i128::NULL
            {
                values.push(values_of_other.at(row));
                continue;
            }
            if raw != last.0 || span.is_doubled() {
                last = (raw, decimal::<S>(&batch.cell(span), format));
            }
            values.push(match &last.1 {
                Parsed::Good(value) => *value,
                Parsed::Blank => {
                    if slot.required {
                        self.reject_cell(slot, row, "", expected, true);
                    }
                    i128::NULL
                }
                Parsed::Bad(reason) => {
                    let reason = reason.clone();
                    self.reject_cell(slot, row, &reason, expected, false);
                    i128::NULL
                }
            });
        }
        for (at, spans) in other.map(|(at, spans, _)| (at, spans)).into_iter().chain([(at, spans)]) {
            if let Some(SourceCells::Plain(place)) = self.cells.get_mut(at) {
                *place = spans;
            }
        }
        cells(values)
    }

    fn slot_codes(&self, target: &str) -> Option<(&'a Slot, Texts)> {
        let plan = self.plan;
        plan.slot(target).map(|slot| (slot, self.text(target)))
    }

    /// UTC days. A required one holds a placeholder where its row is bad, since its column takes no nulls.
    pub(super) fn days(&mut self, target: &'static str) -> Column<i32> {
        let Some((slot, texts)) = self.slot_codes(target) else { return Column::Same(i32::NULL) };
        let format = self.dates;
        let placeholder = if slot.required { 0 } else { i32::NULL };
        let mut memo = self.memos.shorts.remove(target).unwrap_or_default();
        let known = memo.learn(self.distinct, texts.dictionary, |text| {
            parsed(text, |text| {
                let day = date::parse(text, format).and_then(date::Moment::utc_day);
                let day = day.map(meterlake_model::Day::since_epoch);
                day.ok_or_else(|| format!("not a date; expected {}", expected_date(format)))
            })
        });
        let days = self.each(slot, expected_date(format), texts.codes, known, (placeholder, placeholder));
        self.memos.shorts.insert(target, memo);
        days
    }

    /// Instants in UTC.
    pub(super) fn instants(&mut self, target: &'static str) -> Column<i64> {
        let Some((slot, texts)) = self.slot_codes(target) else { return Column::Same(i64::NULL) };
        let format = self.dates;
        let mut memo = self.memos.longs.remove(target).unwrap_or_default();
        let known = memo.learn(self.distinct, texts.dictionary, |text| {
            parsed(text, |text| {
                let instant = date::parse(text, format).map(date::Moment::utc_micros);
                instant.ok_or_else(|| format!("not a date and time; expected {}", expected_date(format)))
            })
        });
        let instants = self.each(slot, expected_date(format), texts.codes, known, (i64::NULL, i64::NULL));
        self.memos.longs.insert(target, memo);
        instants
    }

    /// Obsolete integer ids, 0 for none. A lenient one is 0 too when it is not a number, and a GUID always is.
    pub(super) fn integers(&mut self, target: &'static str, lenient: bool) -> Column<i64> {
        let Some((slot, texts)) = self.slot_codes(target) else { return Column::Same(0) };
        let mut memo = self.memos.longs.remove(target).unwrap_or_default();
        let known = memo.learn(self.distinct, texts.dictionary, |text| {
            parsed(text, |text| match whole_number(text) {
                Some(value) => Ok(value),
                None if lenient || text.trim().parse::<CustomerTenantId>().is_ok() => Ok(0),
                None => Err("not a whole number of at most 64 bits".to_owned()),
            })
        });
        let integers = self.each(slot, "a whole number", texts.codes, known, (0, 0));
        self.memos.longs.insert(target, memo);
        integers
    }

    /// Truth values.
    pub(super) fn booleans(&mut self, target: &'static str) -> Column<u8> {
        let Some((slot, texts)) = self.slot_codes(target) else { return Column::Same(u8::NULL) };
        let mut memo = self.memos.truths.remove(target).unwrap_or_default();
        let known = memo.learn(self.distinct, texts.dictionary, |text| {
            parsed(text, |text| {
                let value = truth(text.trim()).map(u8::from);
                value.ok_or_else(|| "not a truth value; expected true or false".to_owned())
            })
        });
        let truths = self.each(slot, "true or false", texts.codes, known, (u8::NULL, u8::NULL));
        self.memos.truths.insert(target, memo);
        truths
    }

    /// GUIDs in lower case, `fallback` for none.
    pub(super) fn guids(&mut self, target: &'static str, fallback: &str) -> Texts {
        let Some((slot, texts)) = self.slot_codes(target) else { return self.same_text(target, fallback) };
        let guid = |text: &str| text.trim().parse::<CustomerTenantId>().ok().map(|guid| guid.to_string());
        let mut memo = self.memos.guids.remove(target).unwrap_or_default();
        let known = memo.learn(self.distinct, texts.dictionary, |text| {
            parsed(text, |text| guid(text).ok_or_else(|| "not a GUID".to_owned()))
        });
        let bad = known.iter().any(|p| matches!(p, Parsed::Bad(_))) || slot.required;
        if bad {
            let checked: Vec<Parsed<()>> = known
                .iter()
                .map(|p| match p {
                    Parsed::Blank => Parsed::Blank,
                    Parsed::Good(_) => Parsed::Good(()),
                    Parsed::Bad(reason) => Parsed::Bad(reason.clone()),
                })
                .collect();
            self.each(slot, "a GUID", texts.codes.clone(), &checked, ((), ()));
        }
        self.memos.guids.insert(target, memo);
        if texts.codes == Column::Same(EMPTY) {
            return self.same_text(target, fallback);
        }
        let fallback = fallback.to_owned();
        self.mapped(target, &texts, |text| {
            Cow::Owned(if text.trim().is_empty() { fallback.clone() } else { guid(text).unwrap_or_default() })
        })
    }
}

fn parsed<T>(text: &str, read: impl FnOnce(&str) -> Result<T, String>) -> Parsed<T> {
    if text.trim().is_empty() {
        return Parsed::Blank;
    }
    match read(text) {
        Ok(value) => Parsed::Good(value),
        Err(reason) => Parsed::Bad(reason),
    }
}

fn decimal<const S: u32>(text: &str, format: NumberFormat) -> Parsed<i128> {
    // Nearly all numbers need none of the rest.
    if format == NumberFormat::Point
        && let Ok(value) = Fixed::<S>::parse(text)
    {
        return Parsed::Good(value.unscaled());
    }
    parsed(text, |text| {
        let value = number::parse::<S>(text, format).map(Fixed::unscaled);
        value.map_err(|error| format!("{error}; expected an exact decimal number"))
    })
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
