//! The rows of a row group, column by column, on their way to Parquet.

use std::{ops::Range, sync::Arc};

use parquet::{
    basic::Compression,
    column::writer::{ColumnWriter, get_column_writer},
    data_type::{ByteArray, FixedLenByteArray},
    errors::ParquetError,
    file::{
        properties::WriterPropertiesPtr,
        statistics::{Statistics, ValueStatistics},
        writer::{SerializedPageWriter, TrackedWrite},
    },
    schema::types::ColumnDescPtr,
};

use super::{
    bucket::any_null,
    chunk::{Codes, Encoded, NONE, PageBounds, Plain, encode},
    dictionary::{TextDictionary, fold_words},
    hybrid,
    rows::{Cells, CodedColumn, CodedRows, Number},
};
use crate::{error::LakeError, stats::StatValue};

/// Longest text in statistics of pages and row groups.
const LONGEST_BOUND: usize = 64;

/// Rows and their order.
#[derive(Debug)]
pub(super) struct Ordered {
    pub(super) rows: CodedRows,
    pub(super) order: Vec<u32>,
}

/// Some of the rows, by their places in the order.
#[derive(Clone, Debug)]
pub(super) struct Part {
    pub(super) rows: Arc<Ordered>,
    pub(super) range: Range<usize>,
}

/// What is known of a column, apart from its cells.
#[derive(Clone, Copy, Debug)]
pub(super) struct ColumnPlan<'a> {
    /// Place among the columns of the table.
    pub(super) place: usize,
    pub(super) descr: &'a ColumnDescPtr,
    /// Whether least and greatest values are kept.
    pub(super) bounded: bool,
    /// Whether values differ in nearly every row.
    pub(super) distinct: bool,
    pub(super) dictionaries: &'a [TextDictionary],
    /// Places of the codes of each dictionary in the order of their texts, for those of columns with bounds.
    pub(super) ranks: &'a [Option<Vec<u32>>],
    pub(super) properties: &'a WriterPropertiesPtr,
}

/// A column chunk and its least and greatest value.
#[derive(Debug)]
pub(super) struct Chunk {
    pub(super) encoded: Encoded,
    pub(super) bounds: Option<(StatValue, StatValue)>,
}

impl ColumnPlan<'_> {
    /// Gathers the cells of the parts and writes them.
    pub(super) fn chunk(
        &self,
        parts: &[Part],
        compressor: &mut zstd::bulk::Compressor<'_>,
    ) -> Result<Chunk, LakeError> {
        let wrong = || LakeError::Rows(format!("column {} came with two types", self.descr.name()));
        let count = parts.iter().map(|part| part.range.len()).sum();
        let Some(first) = parts.first().and_then(|part| part.rows.rows.columns.get(self.place)) else {
            return Err(wrong());
        };
        let chunk = match first {
            CodedColumn::Text(..) => {
                let mut dictionary = None;
                for part in parts {
                    match &part.rows.rows.columns[self.place] {
                        CodedColumn::Text(_, Cells::Same(0)) => {}
                        CodedColumn::Text(number, _) if dictionary.is_none_or(|d| d == *number) => {
                            dictionary = Some(*number);
                        }
                        _ => return Err(wrong()),
                    }
                }
                let codes = gather(parts, |rows| match rows.columns.get(self.place) {
                    Some(CodedColumn::Text(_, cells)) => Some(cells),
                    _ => None,
                });
                self.texts(dictionary.unwrap_or(0), &codes.ok_or_else(wrong)?, count, compressor)?
            }
            CodedColumn::Wide(_) => {
                let cells = gather(parts, |rows| match rows.columns.get(self.place) {
                    Some(CodedColumn::Wide(cells)) => Some(cells),
                    _ => None,
                });
                self.numbers(&cells.ok_or_else(wrong)?, count, compressor)?
            }
            CodedColumn::Long(_) => {
                let cells = gather(parts, |rows| match rows.columns.get(self.place) {
                    Some(CodedColumn::Long(cells)) => Some(cells),
                    _ => None,
                });
                let cells = cells.ok_or_else(wrong)?;
                if self.distinct { self.distinct(&cells, count)? } else { self.numbers(&cells, count, compressor)? }
            }
            CodedColumn::Short(_) => {
                let cells = gather(parts, |rows| match rows.columns.get(self.place) {
                    Some(CodedColumn::Short(cells)) => Some(cells),
                    _ => None,
                });
                self.numbers(&cells.ok_or_else(wrong)?, count, compressor)?
            }
            CodedColumn::Truth(_) => {
                let cells = gather(parts, |rows| match rows.columns.get(self.place) {
                    Some(CodedColumn::Truth(cells)) => Some(cells),
                    _ => None,
                });
                self.truths(&cells.ok_or_else(wrong)?, count)?
            }
        };
        Ok(chunk)
    }

    fn nullable(&self) -> bool {
        self.descr.max_def_level() > 0
    }

    fn codec(&self) -> Compression {
        self.properties.compression(self.descr.path())
    }

    fn texts(
        &self,
        dictionary: usize,
        cells: &Cells<u32>,
        count: usize,
        compressor: &mut zstd::bulk::Compressor<'_>,
    ) -> Result<Chunk, LakeError> {
        let empty = TextDictionary::default();
        let texts = self.dictionaries.get(dictionary).unwrap_or(&empty);
        let mut plain = Plain::default();
        let mut put = |code: u32| {
            let text = texts.get(code);
            plain.bytes.extend_from_slice(&u32::try_from(text.len()).unwrap_or(u32::MAX).to_le_bytes());
            plain.bytes.extend_from_slice(text);
            plain.entries += 1;
        };
        let mut local = Vec::new();
        let codes = match cells {
            Cells::Same(code) => {
                put(*code);
                Codes::Same(count)
            }
            Cells::Each(codes) => {
                let mut known = vec![NONE; texts.len()];
                let mut next = 0;
                local.reserve(codes.len());
                for &code in codes {
                    let slot = known
                        .get_mut(code as usize)
                        .ok_or_else(|| LakeError::Rows(format!("{} has an unknown code", self.descr.name())))?;
                    if *slot == NONE {
                        *slot = next;
                        next += 1;
                        put(code);
                    }
                    local.push(*slot);
                }
                Codes::Each(&local)
            }
        };
        if !self.bounded {
            let none: Option<&dyn Fn(Range<usize>) -> Option<PageBounds<u32>>> = None;
            let encoded = encode(self.descr, compressor, self.codec(), &plain, codes, none, None)?;
            return Ok(Chunk { encoded, bounds: None });
        }
        let least_and_greatest = |range: Range<usize>| -> Option<((u32, u32), (u32, u32))> {
            match cells {
                Cells::Same(code) => Some(((0, *code), (0, *code))),
                Cells::Each(codes) => {
                    let ranks = self.ranks.get(dictionary)?.as_ref()?;
                    let ranked = |code: &u32| (ranks[*code as usize], *code);
                    let first = ranked(codes.get(range.start)?);
                    Some(codes[range].iter().fold((first, first), |(low, high), code| {
                        let it = ranked(code);
                        (low.min(it), high.max(it))
                    }))
                }
            }
        };
        let page = |range: Range<usize>| {
            let (least, greatest) = least_and_greatest(range)?;
            Some(PageBounds {
                least: (least.0, lower(texts.text(least.1)).0.as_bytes().to_vec()),
                greatest: (greatest.0, upper(texts.text(greatest.1)).0.into_bytes()),
            })
        };
        let all = least_and_greatest(0..count);
        let missing = || LakeError::Rows(format!("{} has no order", self.descr.name()));
        let (least, greatest) = all.map(|(l, g)| (texts.text(l.1), texts.text(g.1))).ok_or_else(missing)?;
        let ((low, low_exact), (high, high_exact)) = (lower(least), upper(greatest));
        let statistics = ValueStatistics::new(
            Some(ByteArray::from(low)),
            Some(ByteArray::from(high.into_bytes())),
            None,
            Some(0),
            false,
        )
        .with_min_is_exact(low_exact)
        .with_max_is_exact(high_exact);
        let statistics = Some(Statistics::ByteArray(statistics));
        let encoded = encode(self.descr, compressor, self.codec(), &plain, codes, Some(&page), statistics)?;
        Ok(Chunk { encoded, bounds: Some((StatValue::Text(least.to_owned()), StatValue::Text(greatest.to_owned()))) })
    }

    fn numbers<T: Stored>(
        &self,
        cells: &Cells<T>,
        count: usize,
        compressor: &mut zstd::bulk::Compressor<'_>,
    ) -> Result<Chunk, LakeError> {
        let nullable = self.nullable();
        let is_null = |value: T| nullable && value == T::NULL;
        let mut plain = Plain::default();
        let (local, mut bytes);
        let codes = match cells {
            Cells::Same(value) if is_null(*value) => Codes::Nulls(count),
            Cells::Same(value) => {
                value.put(&mut plain.bytes);
                plain.entries = 1;
                Codes::Same(count)
            }
            Cells::Each(values) => {
                local = distinct_codes(values, nullable, &mut plain);
                let packed = values.len() * hybrid::width(plain.entries) as usize / 8;
                if plain.entries * size_of::<T>() + packed < values.len() * size_of::<T>() {
                    Codes::Each(&local)
                } else {
                    // Nearly all differ, so that a dictionary would only add to them.
                    plain = Plain::default();
                    bytes = Vec::with_capacity(size_of_val(values.as_slice()));
                    values.iter().for_each(|value| value.put(&mut bytes));
                    Codes::Plain(&bytes, size_of::<T>(), &local)
                }
            }
        };
        let nulls = match &codes {
            Codes::Nulls(rows) => *rows,
            Codes::Same(_) => 0,
            Codes::Each(codes) | Codes::Plain(_, _, codes) => codes.iter().filter(|code| **code == NONE).count(),
        };
        let least_and_greatest = |range: Range<usize>| -> Option<(T, T)> {
            match cells {
                Cells::Same(value) => (!is_null(*value)).then_some((*value, *value)),
                Cells::Each(values) => {
                    let mut present = values[range].iter().copied().filter(|v| !is_null(*v));
                    let first = present.next()?;
                    Some(present.fold((first, first), |(low, high), v| (low.min(v), high.max(v))))
                }
            }
        };
        let page = |range: Range<usize>| {
            let (least, greatest) = least_and_greatest(range)?;
            Some(PageBounds { least: (least, least.bytes()), greatest: (greatest, greatest.bytes()) })
        };
        let all = least_and_greatest(0..count);
        let statistics = T::statistics(all, nulls as u64);
        let encoded = encode(self.descr, compressor, self.codec(), &plain, codes, Some(&page), Some(statistics))?;
        let bounds = all.and_then(|(least, greatest)| Some((least.stat()?, greatest.stat()?)));
        Ok(Chunk { encoded, bounds })
    }

    /// Integers that are packed as differences, without a dictionary.
    fn distinct(&self, cells: &Cells<i64>, count: usize) -> Result<Chunk, LakeError> {
        let values: Vec<i64> = (0..count).map(|row| cells.at(row)).collect();
        let bounds = values.iter().min().zip(values.iter().max());
        let bounds = bounds.map(|(low, high)| (StatValue::Integer(*low), StatValue::Integer(*high)));
        let encoded = self.foreign(|writer| match writer {
            ColumnWriter::Int64ColumnWriter(writer) => writer.write_batch(&values, None, None).map(drop),
            _ => Err(ParquetError::General("not a column of integers".to_owned())),
        })?;
        Ok(Chunk { encoded, bounds })
    }

    fn truths(&self, cells: &Cells<u8>, count: usize) -> Result<Chunk, LakeError> {
        let nullable = self.nullable();
        let nulls = nullable && any_null(cells);
        let values = (0..count).map(|row| cells.at(row));
        let present: Vec<bool> = values.clone().filter(|v| !nulls || *v != u8::NULL).map(|v| v == 1).collect();
        let levels: Option<Vec<i16>> = nullable.then(|| values.map(|v| i16::from(v != u8::NULL)).collect());
        let encoded = self.foreign(|writer| match writer {
            ColumnWriter::BoolColumnWriter(writer) => writer.write_batch(&present, levels.as_deref(), None).map(drop),
            _ => Err(ParquetError::General("not a column of truth values".to_owned())),
        })?;
        Ok(Chunk { encoded, bounds: None })
    }

    /// Leaves the encoding to the Parquet library.
    fn foreign(
        &self,
        write: impl FnOnce(&mut ColumnWriter<'_>) -> Result<(), ParquetError>,
    ) -> Result<Encoded, ParquetError> {
        let mut sink = TrackedWrite::new(Vec::new());
        let pages = Box::new(SerializedPageWriter::new(&mut sink));
        let mut writer = get_column_writer(Arc::clone(self.descr), Arc::clone(self.properties), pages);
        write(&mut writer)?;
        let close = writer.close()?;
        Ok(Encoded { bytes: sink.into_inner()?.into(), close })
    }
}

/// The cells of all parts in their orders; none when a part has other cells.
fn gather<T: Copy + PartialEq>(parts: &[Part], cells: impl Fn(&CodedRows) -> Option<&Cells<T>>) -> Option<Cells<T>> {
    let mut same: Option<T> = None;
    let mut all = Vec::new();
    let mut each = false;
    for part in parts.iter().filter(|part| !part.range.is_empty()) {
        let order = &part.rows.order[part.range.clone()];
        match cells(&part.rows.rows)? {
            Cells::Same(value) if !each && same.is_none_or(|s| s == *value) => {
                same = Some(*value);
                all.resize(all.len() + order.len(), *value);
            }
            Cells::Same(value) => {
                each = true;
                all.resize(all.len() + order.len(), *value);
            }
            Cells::Each(values) => {
                each = true;
                all.extend(order.iter().map(|&row| values[row as usize]));
            }
        }
    }
    match all.first() {
        Some(first) if all.iter().all(|value| value == first) => Some(Cells::Same(*first)),
        _ => Some(Cells::Each(all)),
    }
}

/// Codes of the distinct values, and those in plain encoding.
fn distinct_codes<T: Stored>(values: &[T], nullable: bool, plain: &mut Plain) -> Vec<u32> {
    let mut found: Vec<T> = Vec::new();
    let mut slots = vec![NONE; 1024];
    let mut codes = Vec::with_capacity(values.len());
    let mut last = None;
    for &value in values {
        if nullable && value == T::NULL {
            codes.push(NONE);
            continue;
        }
        if let Some((last, code)) = last
            && last == value
        {
            codes.push(code);
            continue;
        }
        let mask = slots.len() - 1;
        let mut at = value.hash() & mask;
        while slots[at] != NONE && found[slots[at] as usize] != value {
            at = (at + 1) & mask;
        }
        if slots[at] == NONE {
            slots[at] = u32::try_from(found.len()).unwrap_or(NONE - 1);
            found.push(value);
        }
        codes.push(slots[at]);
        last = Some((value, slots[at]));
        if found.len() * 2 > slots.len() {
            slots = vec![NONE; slots.len() * 4];
            let mask = slots.len() - 1;
            for (code, value) in (0u32..).zip(&found) {
                let mut at = value.hash() & mask;
                while slots[at] != NONE {
                    at = (at + 1) & mask;
                }
                slots[at] = code;
            }
        }
    }
    found.iter().for_each(|value| value.put(&mut plain.bytes));
    plain.entries = found.len();
    codes
}

/// A number as Parquet stores it.
trait Stored: Number {
    fn hash(self) -> usize;
    /// Appends the plain encoding.
    fn put(self, out: &mut Vec<u8>);
    /// The plain encoding.
    fn bytes(self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(16);
        self.put(&mut bytes);
        bytes
    }
    fn statistics(bounds: Option<(Self, Self)>, nulls: u64) -> Statistics;
    /// The value in the statistics of a file, if columns of its type have any.
    fn stat(self) -> Option<StatValue>;
}

/// The wanted half of a hash as a place.
fn place(hash: u64) -> usize {
    usize::try_from(hash >> 32).unwrap_or(0)
}

impl Stored for i128 {
    fn hash(self) -> usize {
        let bytes = self.to_le_bytes();
        let half = |at: usize| bytes[at..].first_chunk().map_or(0, |chunk| u64::from_le_bytes(*chunk));
        place(fold_words(half(0), half(8)))
    }

    fn put(self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.to_be_bytes());
    }

    fn statistics(bounds: Option<(Self, Self)>, nulls: u64) -> Statistics {
        let value = |value: Self| FixedLenByteArray::from(value.to_be_bytes().to_vec());
        let (least, greatest) = bounds.map(|(l, g)| (value(l), value(g))).unzip();
        let statistics = ValueStatistics::new(least, greatest, None, Some(nulls), false);
        Statistics::FixedLenByteArray(statistics.with_backwards_compatible_min_max(true))
    }

    fn stat(self) -> Option<StatValue> {
        None
    }
}

impl Stored for i64 {
    fn hash(self) -> usize {
        place(fold_words(u64::from_le_bytes(self.to_le_bytes()), 0))
    }

    fn put(self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.to_le_bytes());
    }

    fn statistics(bounds: Option<(Self, Self)>, nulls: u64) -> Statistics {
        let (least, greatest) = bounds.unzip();
        let statistics = ValueStatistics::new(least, greatest, None, Some(nulls), false);
        Statistics::Int64(statistics.with_backwards_compatible_min_max(true))
    }

    fn stat(self) -> Option<StatValue> {
        Some(StatValue::Integer(self))
    }
}

impl Stored for i32 {
    fn hash(self) -> usize {
        place(fold_words(u64::from(u32::from_le_bytes(self.to_le_bytes())), 0))
    }

    fn put(self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.to_le_bytes());
    }

    fn statistics(bounds: Option<(Self, Self)>, nulls: u64) -> Statistics {
        let (least, greatest) = bounds.unzip();
        let statistics = ValueStatistics::new(least, greatest, None, Some(nulls), false);
        Statistics::Int32(statistics.with_backwards_compatible_min_max(true))
    }

    fn stat(self) -> Option<StatValue> {
        Some(StatValue::Day(self))
    }
}

/// The text, or a shorter one that is not greater; and whether it is the text itself.
fn lower(text: &str) -> (&str, bool) {
    if text.len() <= LONGEST_BOUND {
        return (text, true);
    }
    let end = (0..=LONGEST_BOUND).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
    (&text[..end], false)
}

/// The text, or a shorter one that is greater; and whether it is the text itself.
fn upper(text: &str) -> (String, bool) {
    let (start, exact) = lower(text);
    if exact {
        return (text.to_owned(), true);
    }
    for (at, last) in start.char_indices().rev() {
        let next = char::from_u32(u32::from(last) + 1).filter(|next| next.len_utf8() == last.len_utf8());
        if let Some(next) = next {
            return (format!("{}{next}", &start[..at]), false);
        }
    }
    (text.to_owned(), true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_of_long_texts_hold() {
        for text in ["", "a", &"é".repeat(40), &"z".repeat(100), &"\u{10FFFF}".repeat(30), &"a\u{7f}".repeat(50)] {
            let ((low, low_exact), (high, high_exact)) = (lower(text), upper(text));
            assert!(low <= text && *high >= *text, "{text}");
            assert_eq!((low == text, high == text), (low_exact, high_exact), "{text}");
            assert!(low.len() <= LONGEST_BOUND);
        }
    }

    #[test]
    fn codes_stand_for_their_values() {
        let values: Vec<i128> =
            (0..10_000).map(|n: i128| if n % 7 == 0 { i128::NULL } else { n * n % 4_099 }).collect();
        let mut plain = Plain::default();
        let codes = distinct_codes(&values, true, &mut plain);
        let found: Vec<i128> = plain.bytes.as_chunks::<16>().0.iter().map(|b| i128::from_be_bytes(*b)).collect();
        assert_eq!(found.len(), plain.entries);
        for (value, code) in values.iter().zip(codes) {
            assert_eq!(*value, if code == NONE { i128::NULL } else { found[code as usize] });
        }
    }
}
