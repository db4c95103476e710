//! Digests of coded rows, the same as those of rows that come from the lake.

use std::num::NonZeroUsize;

use meterlake_lake::LakeError;
use meterlake_lake::charges::columns::{self, COLUMNS};
use meterlake_lake::charges::{Column, ColumnType};
use meterlake_lake::coded::{Cells, CodedColumn, CodedRows, EMPTY, Number, TextDictionary};
use sha2::{Digest, Sha256};

use super::digest::{PROVENANCE, first_half_of, tag};
use crate::ImportError;

/// Rows from which a second thread is worth its start.
const WORTH_A_THREAD: usize = 2_000;

/// Beginnings of rows that are remembered: the days of some subscriptions.
const BEGINNINGS: usize = 256;

/// A column's part of a digest.
enum Part<'a> {
    /// The same bytes in every row.
    Same(Vec<u8>),
    Text([u8; 4], &'a TextDictionary, &'a [u32]),
    Wide([u8; 4], &'a [i128]),
    Long([u8; 4], &'a [i64], i64),
    Short([u8; 4], &'a [i32]),
    Truth([u8; 4], &'a [u8], bool),
}

/// One digest a row, as [`super::digest::row_digests`] gives them for the same rows as Arrow columns.
pub(crate) fn coded_digests(rows: &CodedRows, dictionaries: &[TextDictionary]) -> Result<Vec<u128>, ImportError> {
    let mut parts: Vec<Part<'_>> = Vec::new();
    let mut beginning = 0;
    for (column, cells) in COLUMNS.iter().zip(&rows.columns) {
        if PROVENANCE.contains(&column.name) {
            continue;
        }
        if column.name == columns::RESOURCE_GROUP {
            beginning = parts.len();
        }
        let part = part_of(column, cells, dictionaries).ok_or_else(|| {
            ImportError::Lake(LakeError::Rows(format!("column {} is missing or of another type", column.name)))
        })?;
        let goes_on = parts.len() > beginning;
        match (parts.last_mut(), part) {
            (_, Part::Same(bytes)) if bytes.is_empty() => {}
            (Some(Part::Same(before)), Part::Same(bytes)) if goes_on => before.extend(bytes),
            (_, part) => parts.push(part),
        }
    }
    let (beginning, rest) = parts.split_at(beginning);
    let digest = |range: std::ops::Range<usize>| {
        let mut buffer = Vec::with_capacity(4096);
        let mut beginnings = Beginnings { parts: beginning, known: vec![None; BEGINNINGS] };
        let digests = range.map(|row| {
            let mut hash = beginnings.hash(row, &mut buffer);
            buffer.clear();
            rest.iter().for_each(|part| part.write(row, &mut buffer));
            hash.update(&buffer);
            first_half_of(hash)
        });
        digests.collect::<Vec<u128>>()
    };
    let threads = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
    if threads < 2 || rows.rows < WORTH_A_THREAD {
        return Ok(digest(0..rows.rows));
    }
    let middle = rows.rows / 2;
    std::thread::scope(|scope| {
        let second = scope.spawn(|| digest(middle..rows.rows));
        let mut digests = digest(0..middle);
        digests.extend(second.join().map_err(|_| ImportError::Task("a digest broke off".to_owned()))?);
        Ok(digests)
    })
}

fn part_of<'a>(column: &Column, cells: &'a CodedColumn, dictionaries: &'a [TextDictionary]) -> Option<Part<'a>> {
    let tag = tag(column.name);
    let same = |put: &dyn Fn(&mut Vec<u8>)| {
        let mut bytes = Vec::new();
        put(&mut bytes);
        Some(Part::Same(bytes))
    };
    match (cells, column.kind) {
        (CodedColumn::Text(_, Cells::Same(EMPTY)), ColumnType::Text) => Some(Part::Same(Vec::new())),
        (CodedColumn::Text(number, cells), ColumnType::Text) => {
            let dictionary = dictionaries.get(*number)?;
            match cells {
                Cells::Same(code) => same(&|out| put_text(tag, dictionary.get(*code), out)),
                Cells::Each(codes) => Some(Part::Text(tag, dictionary, codes)),
            }
        }
        (CodedColumn::Wide(cells), ColumnType::Amount | ColumnType::Quantity) => match cells {
            Cells::Same(value) => same(&|out| put_wide(tag, *value, out)),
            Cells::Each(values) => Some(Part::Wide(tag, values)),
        },
        (CodedColumn::Long(cells), ColumnType::Integer | ColumnType::Instant) => {
            // An integer of 0 stands for none, and so does the null among instants.
            let none = if column.kind == ColumnType::Integer { 0 } else { i64::NULL };
            match cells {
                Cells::Same(value) => same(&|out| put_long(tag, *value, none, out)),
                Cells::Each(values) => Some(Part::Long(tag, values, none)),
            }
        }
        (CodedColumn::Short(cells), ColumnType::Day | ColumnType::Period) => match cells {
            Cells::Same(value) => same(&|out| put_short(tag, *value, out)),
            Cells::Each(values) => Some(Part::Short(tag, values)),
        },
        (CodedColumn::Truth(cells), ColumnType::Boolean) => match cells {
            Cells::Same(value) => same(&|out| put_truth(tag, *value, column.nullable, out)),
            Cells::Each(values) => Some(Part::Truth(tag, values, column.nullable)),
        },
        _ => None,
    }
}

/// Hashes of the columns before the resource: when, and whose. Neighbouring rows have few different ones.
struct Beginnings<'a> {
    parts: &'a [Part<'a>],
    /// A row, and the hash of its beginning.
    known: Vec<Option<(usize, Sha256)>>,
}

impl Beginnings<'_> {
    /// The hash of the row's beginning, to go on with.
    fn hash(&mut self, row: usize, buffer: &mut Vec<u8>) -> Sha256 {
        const SPREAD: u64 = 0x9E37_79B9_7F4A_7C15;
        let mixed =
            self.parts.iter().fold(0u64, |mixed, part| (mixed.rotate_left(5) ^ part.word(row)).wrapping_mul(SPREAD));
        let place = &mut self.known[(mixed >> 56) as usize % BEGINNINGS];
        match place {
            Some((known, hash)) if self.parts.iter().all(|part| part.is_alike(*known, row)) => hash.clone(),
            _ => {
                buffer.clear();
                self.parts.iter().for_each(|part| part.write(row, buffer));
                place.insert((row, Sha256::new_with_prefix(&buffer))).1.clone()
            }
        }
    }
}

impl Part<'_> {
    /// A number that rows have in common when their cells are alike.
    fn word(&self, row: usize) -> u64 {
        match self {
            Self::Same(_) => 0,
            Self::Text(_, _, codes) => u64::from(codes[row]),
            Self::Wide(_, values) => (values[row] & 0xFFFF_FFFF).unsigned_abs() as u64,
            Self::Long(_, values, _) => values[row].cast_unsigned(),
            Self::Short(_, values) => u64::from(values[row].cast_unsigned()),
            Self::Truth(_, values, _) => u64::from(values[row]),
        }
    }

    fn is_alike(&self, a: usize, b: usize) -> bool {
        match self {
            Self::Same(_) => true,
            Self::Text(_, _, codes) => codes[a] == codes[b],
            Self::Wide(_, values) => values[a] == values[b],
            Self::Long(_, values, _) => values[a] == values[b],
            Self::Short(_, values) => values[a] == values[b],
            Self::Truth(_, values, _) => values[a] == values[b],
        }
    }

    fn write(&self, row: usize, out: &mut Vec<u8>) {
        match self {
            Self::Same(bytes) => out.extend_from_slice(bytes),
            Self::Text(tag, dictionary, codes) => put_text(*tag, dictionary.get(codes[row]), out),
            Self::Wide(tag, values) => put_wide(*tag, values[row], out),
            Self::Long(tag, values, none) => put_long(*tag, values[row], *none, out),
            Self::Short(tag, values) => put_short(*tag, values[row], out),
            Self::Truth(tag, values, nullable) => put_truth(*tag, values[row], *nullable, out),
        }
    }
}

fn put_text(tag: [u8; 4], text: &[u8], out: &mut Vec<u8>) {
    if !text.is_empty() {
        out.extend_from_slice(&tag);
        out.extend_from_slice(&(text.len() as u64).to_le_bytes());
        out.extend_from_slice(text);
    }
}

fn put_wide(tag: [u8; 4], value: i128, out: &mut Vec<u8>) {
    if value != i128::NULL {
        out.extend_from_slice(&tag);
        out.extend_from_slice(&value.to_le_bytes());
    }
}

fn put_long(tag: [u8; 4], value: i64, none: i64, out: &mut Vec<u8>) {
    if value != none {
        out.extend_from_slice(&tag);
        out.extend_from_slice(&value.to_le_bytes());
    }
}

fn put_short(tag: [u8; 4], value: i32, out: &mut Vec<u8>) {
    if value != i32::NULL {
        out.extend_from_slice(&tag);
        out.extend_from_slice(&value.to_le_bytes());
    }
}

fn put_truth(tag: [u8; 4], value: u8, nullable: bool, out: &mut Vec<u8>) {
    if value != u8::NULL && (nullable || value == 1) {
        out.extend_from_slice(&tag);
        out.push(value);
    }
}

#[cfg(test)]
mod tests {
    use meterlake_lake::Table;

    use super::*;
    use crate::scope::digest::row_digests;

    #[test]
    fn coded_rows_have_the_digests_of_plain_ones() {
        let mut state = 5u64;
        let mut next = |bound: u64| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) % bound
        };
        let mut dictionary = TextDictionary::default();
        let codes: Vec<u32> = (0..50).map(|n| dictionary.intern("ä".repeat(n).as_bytes())).collect();
        let dictionaries = [dictionary];
        // Rows that all differ, and rows of which every seventh is alike.
        for (rows, kinds) in [(1usize, 1), (70, 70), (2_500, 2_500), (2_500, 7)] {
            let columns = COLUMNS.iter().map(|column| {
                let each = next(3) > 0;
                let some: Vec<Option<u64>> = (0..kinds).map(|_| (next(4) > 0).then(|| next(50))).collect();
                let mut values: Vec<Option<u64>> = some.iter().copied().cycle().take(rows).collect();
                if !each {
                    values = vec![values[0]; rows];
                }
                fn cells<T: Copy>(values: &[Option<u64>], each: bool, of: impl Fn(Option<u64>) -> T) -> Cells<T> {
                    let of_all: Vec<T> = values.iter().map(|v| of(*v)).collect();
                    if each { Cells::Each(of_all) } else { Cells::Same(of_all[0]) }
                }
                let number = |value: Option<u64>| value.map(|v| i64::try_from(v).unwrap() - 5);
                let none = |null: i64| if column.nullable { null } else { 0 };
                match column.kind {
                    ColumnType::Text => {
                        CodedColumn::Text(0, cells(&values, each, |v| v.map_or(EMPTY, |v| codes[v as usize])))
                    }
                    ColumnType::Amount | ColumnType::Quantity => {
                        CodedColumn::Wide(cells(&values, each, |v| number(v).map_or(i128::NULL, i128::from)))
                    }
                    ColumnType::Integer | ColumnType::Instant => {
                        CodedColumn::Long(cells(&values, each, |v| number(v).unwrap_or(none(i64::NULL))))
                    }
                    ColumnType::Day | ColumnType::Period => CodedColumn::Short(cells(&values, each, |v| {
                        let none = if column.nullable { i32::NULL } else { 0 };
                        number(v).map_or(none, |n| i32::try_from(n).unwrap())
                    })),
                    ColumnType::Boolean => CodedColumn::Truth(cells(&values, each, |v| {
                        v.map_or(if column.nullable { u8::NULL } else { 0 }, |v| u8::from(v % 2 == 1))
                    })),
                }
            });
            let coded = CodedRows { rows, columns: columns.collect() };
            let plain = coded.to_batch(Table::Charges, &dictionaries).unwrap();
            assert_eq!(coded_digests(&coded, &dictionaries).unwrap(), row_digests(&plain).unwrap());
        }
    }
}
