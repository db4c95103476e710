//! Cells of a text batch as codes and numbers. A cell that cannot be read makes its row a reject.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};

use meterlake_lake::coded::{Cells as Column, CodedColumn, EMPTY, Number};
use meterlake_model::{CustomerTenantId, Fixed, SourceKind};

use super::distinct::{Distinct, Memo, cells};
use crate::mapping::{Plan, Slot};
use crate::source::batch::{Span, TextBatch};
use crate::value::{date, number};
use crate::{DateFormat, NumberFormat};

/// Most distinct numbers of a column that are looked up; columns with more are read row by row.
const NUMBERS: usize = 1 << 14;

/// Why a row is a reject.
#[derive(Debug, Clone)]
pub(super) struct Flaw {
    /// Position of the column, if one is at fault.
    pub(super) column: Option<usize>,
    pub(super) value: String,
    pub(super) reason: String,
}

/// What a cell is as a value of its column.
#[derive(Debug, Clone)]
pub(super) enum Parsed<T> {
    Blank,
    Good(T),
    Bad(String),
}

/// What was worked out of the texts of a file's columns so far, by target.
#[derive(Default)]
pub(super) struct Memos {
    shorts: HashMap<&'static str, Memo<Parsed<i32>>>,
    longs: HashMap<&'static str, Memo<Parsed<i64>>>,
    wides: HashMap<&'static str, Memo<Parsed<i128>>>,
    truths: HashMap<&'static str, Memo<Parsed<u8>>>,
    guids: HashMap<&'static str, Memo<Parsed<String>>>,
    // These are of names and dictionaries.
    codes: HashMap<(&'static str, usize), Memo<u32>>,
    refusals: HashMap<(&'static str, usize), Memo<Option<String>>>,
    flags: HashMap<(&'static str, usize), Memo<bool>>,
    translations: HashMap<(&'static str, usize), Memo<u32>>,
    pub(super) reservations: super::reservation::Known,
}

/// A column of the file, or several of which the first that is not empty counts.
pub(super) struct Source {
    positions: Vec<usize>,
    /// The names of its headers.
    name: String,
    dictionary: usize,
    /// Whether only numbers come from it.
    numbers: bool,
    /// Whether it has too many different ones to look them up.
    plain: bool,
}

/// A batch's cells of a source.
enum SourceCells {
    Codes(Column<u32>),
    Plain(Vec<Span>),
}

/// The sources of a plan.
pub(super) fn sources(plan: &Plan, header: &[String], distinct: &mut Distinct) -> Vec<Source> {
    let mut sources: Vec<Source> = Vec::new();
    for slot in &plan.slots {
        let is_number = slot.is_number();
        if let Some(source) = sources.iter_mut().find(|s| s.positions == slot.positions) {
            source.numbers &= is_number;
            continue;
        }
        let names: Vec<&str> = slot.positions.iter().map(|at| header[*at].as_str()).collect();
        let name = format!("source {}", names.join("\u{1f}"));
        // Columns of the same name are columns of their own.
        let again = sources.iter().filter(|source| source.name == name).count();
        let dictionary = distinct.named(&format!("{name}\u{1f}{again}"));
        sources.push(Source { positions: slot.positions.clone(), name, dictionary, numbers: is_number, plain: false });
    }
    sources
}

/// A text batch with its plan, while it is read.
pub(super) struct Cells<'a> {
    plan: &'a Plan,
    batch: &'a TextBatch,
    sources: &'a [Source],
    cells: Vec<SourceCells>,
    short: BTreeMap<usize, usize>,
    dates: DateFormat,
    numbers: NumberFormat,
    kind: SourceKind,
    pub(super) distinct: &'a mut Distinct,
    pub(super) memos: &'a mut Memos,
    /// The first flaw of each bad row.
    pub(super) flaws: BTreeMap<usize, Flaw>,
}

/// Texts of a column: the dictionary and the codes.
#[derive(Clone)]
pub(super) struct Texts {
    pub(super) dictionary: usize,
    pub(super) codes: Column<u32>,
}

impl<'a> Cells<'a> {
    pub(super) fn new(
        kind: SourceKind,
        plan: &'a Plan,
        sources: &'a mut [Source],
        batch: &'a TextBatch,
        formats: (DateFormat, NumberFormat),
        distinct: &'a mut Distinct,
        memos: &'a mut Memos,
    ) -> Self {
        // Where several columns feed one, or a text stands for none, the cells that count are picked first.
        let picked: Vec<Option<Vec<Span>>> = sources
            .iter()
            .map(|source| {
                let direct = kind != SourceKind::Focus && source.positions.len() == 1;
                (!direct).then(|| (0..batch.rows()).map(|row| pick(kind, batch, &source.positions, row).1).collect())
            })
            .collect();
        let spans: Vec<&[Span]> = sources
            .iter()
            .zip(&picked)
            .map(|(source, picked)| match picked {
                Some(picked) => picked.as_slice(),
                None => source.positions.first().and_then(|at| batch.columns.get(*at)).map_or(&[][..], Vec::as_slice),
            })
            .collect();
        for source in sources.iter_mut().filter(|source| source.numbers) {
            let many = distinct.dictionaries.get(source.dictionary).is_some_and(|d| d.len() > NUMBERS);
            source.plain |= many;
        }
        let coded = sources.iter().zip(&spans).filter(|(source, _)| !source.plain);
        let coded: Vec<(usize, &[Span])> = coded.map(|(source, spans)| (source.dictionary, *spans)).collect();
        let mut codes = distinct.codes(batch, &coded).into_iter();
        let of_source = |(source, spans): (&Source, &&[Span])| match source.plain {
            true => SourceCells::Plain(spans.to_vec()),
            false => SourceCells::Codes(codes.next().unwrap_or(Column::Same(EMPTY))),
        };
        let cells = sources.iter().zip(&spans).map(of_source).collect();
        Self {
            plan,
            batch,
            sources,
            cells,
            short: batch.short.iter().copied().collect(),
            dates: formats.0,
            numbers: formats.1,
            kind,
            distinct,
            memos,
            flaws: BTreeMap::new(),
        }
    }

    pub(super) fn rows(&self) -> usize {
        self.batch.rows()
    }

    /// Whether the file has a source of the target.
    pub(super) fn has(&self, target: &str) -> bool {
        self.plan.slot(target).is_some()
    }

    /// Marks a row bad, unless it is already.
    pub(super) fn reject(&mut self, row: usize, column: Option<usize>, value: &str, reason: impl Into<String>) {
        self.flaws.entry(row).or_insert_with(|| Flaw { column, value: value.to_owned(), reason: reason.into() });
    }

    /// Marks a row bad whose cell of a slot cannot be read.
    fn reject_cell(&mut self, slot: &Slot, row: usize, reason: &str, expected: &str, blank: bool) {
        let (at, span) = pick(self.kind, self.batch, &slot.positions, row);
        let value = self.batch.cell(span).into_owned();
        let reason = match (blank, self.short.get(&row)) {
            (false, _) => reason.to_owned(),
            (true, Some(&fields)) if at >= fields => {
                format!("the row ends before this column; expected {expected}")
            }
            (true, _) => format!("empty; expected {expected}"),
        };
        self.flaws.entry(row).or_insert(Flaw { column: Some(at), value, reason });
    }

    fn source(&self, slot: &Slot) -> Option<usize> {
        self.sources.iter().position(|source| source.positions == slot.positions)
    }

    /// Texts of a target; empty ones where the file has none.
    pub(super) fn text(&self, target: &str) -> Texts {
        let none = Texts { dictionary: 0, codes: Column::Same(EMPTY) };
        let Some(at) = self.plan.slot(target).and_then(|slot| self.source(slot)) else { return none };
        match &self.cells[at] {
            SourceCells::Codes(codes) => Texts { dictionary: self.sources[at].dictionary, codes: codes.clone() },
            // Only numbers come from such a source.
            SourceCells::Plain(_) => none,
        }
    }

    /// The same text in every row; `name` is the dictionary that it is kept in.
    pub(super) fn same_text(&mut self, name: &'static str, text: &str) -> Texts {
        if text.is_empty() {
            return Texts { dictionary: 0, codes: Column::Same(EMPTY) };
        }
        let dictionary = self.own(name);
        Texts { dictionary, codes: Column::Same(self.distinct.intern(dictionary, text)) }
    }

    /// The dictionary of this name for texts that are worked out.
    pub(super) fn own(&mut self, name: &'static str) -> usize {
        self.distinct.named(&format!("own {name}"))
    }

    /// The texts as the column of a target, in the dictionary that it has for the whole import.
    pub(super) fn column(&mut self, target: &'static str, texts: Texts) -> CodedColumn {
        if texts.codes == Column::Same(EMPTY) {
            return CodedColumn::Text(0, texts.codes);
        }
        let dictionary = self.distinct.of_target(target, texts.dictionary);
        if dictionary == texts.dictionary {
            return CodedColumn::Text(dictionary, texts.codes);
        }
        let memo = self.memos.translations.entry((target, texts.dictionary)).or_default();
        let known = memo.translate(self.distinct, texts.dictionary, dictionary, |text| Cow::Borrowed(text));
        CodedColumn::Text(dictionary, map(&texts.codes, |code| known[code as usize]))
    }

    /// The texts changed; `name` is the dictionary that they are kept in.
    pub(super) fn mapped(&mut self, name: &'static str, texts: &Texts, change: impl Fn(&str) -> Cow<'_, str>) -> Texts {
        if texts.codes == Column::Same(EMPTY) {
            return self.same_text(name, &change(""));
        }
        let own = self.own(name);
        let memo = self.memos.codes.entry((name, texts.dictionary)).or_default();
        let known = memo.translate(self.distinct, texts.dictionary, own, change);
        Texts { dictionary: own, codes: map(&texts.codes, |code| known[code as usize]) }
    }

    /// The texts of a target changed; a text that `change` refuses makes its row a reject.
    pub(super) fn changed(
        &mut self,
        target: &'static str,
        texts: &Texts,
        change: impl Fn(&str) -> Result<Cow<'_, str>, String>,
    ) -> Texts {
        let column = self.plan.positions(target).first().copied();
        let refusal = |text: &str| change(text).err();
        let mut bad = Vec::new();
        if texts.codes == Column::Same(EMPTY) {
            bad.extend(
                refusal("").into_iter().flat_map(|reason| (0..self.rows()).map(move |row| (row, reason.clone()))),
            );
        } else {
            let memo = self.memos.refusals.entry((target, texts.dictionary)).or_default();
            let known = memo.learn(self.distinct, texts.dictionary, refusal);
            if known.iter().any(Option::is_some) {
                let of_row = |row: usize| Some((row, known[texts.codes.at(row) as usize].clone()?));
                bad.extend((0..self.batch.rows()).filter_map(of_row));
            }
        }
        for (row, reason) in bad {
            let value = self.distinct.get(texts.dictionary, texts.codes.at(row)).to_owned();
            self.reject(row, column, &value, reason);
        }
        self.mapped(target, texts, |text| change(text).unwrap_or_default())
    }

    /// Texts of a target that every row must have, blanks cut, `fallback` for none; `name` is the dictionary that
    /// they are then kept in.
    pub(super) fn required_text(
        &mut self,
        target: &'static str,
        name: &'static str,
        fallback: &str,
        what: &str,
    ) -> Texts {
        let texts = self.text(target);
        let blank = self.flags(name, &texts, |text| text.trim().is_empty());
        let any = match &blank {
            Column::Same(blank) => *blank,
            Column::Each(blank) => blank.contains(&true),
        };
        if !any {
            return texts;
        }
        if fallback.is_empty() {
            let column = self.plan.positions(target).first().copied();
            (0..self.rows()).filter(|row| blank.at(*row)).for_each(|row| self.reject(row, column, "", what));
        }
        self.mapped(name, &texts, |text| {
            let text = text.trim();
            Cow::Owned(if text.is_empty() { fallback } else { text }.to_owned())
        })
    }

    /// A truth about each text, which depends on nothing else.
    pub(super) fn flags(&mut self, name: &'static str, texts: &Texts, of: impl Fn(&str) -> bool) -> Column<bool> {
        if texts.codes == Column::Same(EMPTY) {
            return Column::Same(of(""));
        }
        let memo = self.memos.flags.entry((name, texts.dictionary)).or_default();
        let known = memo.learn(self.distinct, texts.dictionary, of);
        map(&texts.codes, |code| known[code as usize])
    }

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
        let mut last = ("", Parsed::Blank);
        for (row, &span) in spans.iter().enumerate() {
            let raw = batch.raw_cell(span);
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
        if let Some(SourceCells::Plain(place)) = self.cells.get_mut(at) {
            *place = spans;
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

/// The first cell of the positions that is not empty, and where it stands.
fn pick(kind: SourceKind, batch: &TextBatch, positions: &[usize], row: usize) -> (usize, Span) {
    let mut places = positions.iter().map(|&at| {
        let span = batch.span(at, row);
        // FOCUS files write `NULL` for none.
        let none = kind == SourceKind::Focus && batch.raw_cell(span) == "NULL";
        (at, if none { Span::EMPTY } else { span })
    });
    let first = places.next().unwrap_or_default();
    if first.1.is_empty() { places.find(|(_, span)| !span.is_empty()).unwrap_or(first) } else { first }
}

/// The cells, each turned into another.
pub(super) fn map<T: Copy + PartialEq, U: Copy + PartialEq>(column: &Column<T>, of: impl Fn(T) -> U) -> Column<U> {
    match column {
        Column::Same(value) => Column::Same(of(*value)),
        Column::Each(values) => cells(values.iter().map(|value| of(*value)).collect()),
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
