//! Cells of a text batch as codes. A cell that cannot be read makes its row a reject.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};

use meterlake_lake::coded::{Cells as Column, CodedColumn, EMPTY};
use meterlake_model::SourceKind;

use super::distinct::{Distinct, Memo, cells};
use super::sources::{NUMBERS, Source, SourceCells, pick};
use super::values::Parsed;
use crate::mapping::{Plan, Slot};
use crate::source::batch::{Span, TextBatch};
use crate::{DateFormat, NumberFormat};

/// Why a row is a reject.
#[derive(Debug, Clone)]
pub(super) struct Flaw {
    /// Position of the column, if one is at fault.
    pub(super) column: Option<usize>,
    pub(super) value: String,
    pub(super) reason: String,
}

/// What was worked out of the texts of a file's columns so far, by target.
#[derive(Default)]
pub(super) struct Memos {
    pub(super) shorts: HashMap<&'static str, Memo<Parsed<i32>>>,
    pub(super) longs: HashMap<&'static str, Memo<Parsed<i64>>>,
    pub(super) wides: HashMap<&'static str, Memo<Parsed<i128>>>,
    pub(super) truths: HashMap<&'static str, Memo<Parsed<u8>>>,
    pub(super) guids: HashMap<&'static str, Memo<Parsed<String>>>,
    // These are of names and dictionaries.
    codes: HashMap<(&'static str, usize), Memo<u32>>,
    refusals: HashMap<(&'static str, usize), Memo<Option<String>>>,
    flags: HashMap<(&'static str, usize), Memo<bool>>,
    translations: HashMap<(&'static str, usize), Memo<u32>>,
    pub(super) reservations: super::reservation::Known,
}

/// A text batch with its plan, while it is read.
pub(super) struct Cells<'a> {
    pub(super) plan: &'a Plan,
    pub(super) batch: &'a TextBatch,
    pub(super) sources: &'a [Source],
    pub(super) cells: Vec<SourceCells>,
    short: BTreeMap<usize, usize>,
    pub(super) dates: DateFormat,
    pub(super) numbers: NumberFormat,
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
    pub(super) fn reject_cell(&mut self, slot: &Slot, row: usize, reason: &str, expected: &str, blank: bool) {
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

    pub(super) fn source(&self, slot: &Slot) -> Option<usize> {
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
}

/// The cells, each turned into another.
pub(super) fn map<T: Copy + PartialEq, U: Copy + PartialEq>(column: &Column<T>, of: impl Fn(T) -> U) -> Column<U> {
    match column {
        Column::Same(value) => Column::Same(of(*value)),
        Column::Each(values) => cells(values.iter().map(|value| of(*value)).collect()),
    }
}
