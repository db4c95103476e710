//! Columns of numbers.

use std::ops::Range;

use parquet::{
    basic::Compression,
    data_type::FixedLenByteArray,
    file::statistics::{Statistics, ValueStatistics},
};

use super::{
    chunk::{Codes, NONE, PageBounds, Plain, encode},
    column::{Chunk, ColumnPlan},
    dictionary::fold_words,
    hybrid,
    rows::{Cells, Number},
};
use crate::{error::LakeError, stats::StatValue};

impl ColumnPlan<'_> {
    pub(super) fn numbers<T: Stored>(
        &self,
        cells: &Cells<T>,
        count: usize,
        compressor: &mut zstd::bulk::Compressor<'_>,
    ) -> Result<Chunk, LakeError> {
        let nullable = self.nullable();
        let is_null = |value: T| nullable && value == T::NULL;
        let mut plain = Plain::default();
        let (local, mut bytes, mut is_nulls);
        let mut codec = self.codec();
        let codes = match cells {
            Cells::Same(value) if is_null(*value) => Codes::Nulls(count),
            Cells::Same(value) => {
                value.put(&mut plain.bytes);
                plain.entries = 1;
                Codes::Same(count)
            }
            Cells::Each(values) => {
                local = distinct_codes(values, nullable, &mut plain);
                if let Some(codes) = &local {
                    Codes::Each(codes)
                } else {
                    if self.raw {
                        codec = Compression::UNCOMPRESSED;
                    }
                    bytes = Vec::with_capacity(size_of_val(values.as_slice()));
                    values.iter().for_each(|value| value.put(&mut bytes));
                    is_nulls = Vec::new();
                    if nullable && values.contains(&T::NULL) {
                        is_nulls = values.iter().map(|value| *value == T::NULL).collect();
                    }
                    Codes::Plain { bytes: &bytes, size: size_of::<T>(), rows: count, nulls: &is_nulls }
                }
            }
        };
        let nulls = match &codes {
            Codes::Nulls(rows) => *rows,
            Codes::Same(_) => 0,
            Codes::Each(codes) => codes.iter().filter(|code| **code == NONE).count(),
            Codes::Plain { nulls, .. } => nulls.iter().filter(|null| **null).count(),
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
        let encoded = encode(self.descr, compressor, codec, &plain, codes, Some(&page), Some(statistics))?;
        let bounds = all.and_then(|(least, greatest)| Some((least.stat()?, greatest.stat()?)));
        Ok(Chunk { encoded, bounds })
    }
}

/// Codes of the distinct values, and those in plain encoding; none where a dictionary would not pay, because most values
/// differ: it would take hardly less than they do, and cost a look-up a row.
fn distinct_codes<T: Stored>(values: &[T], nullable: bool, plain: &mut Plain) -> Option<Vec<u32>> {
    let most = values.len() * 3 / 5;
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
            if found.len() > most {
                return None;
            }
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
    let packed = values.len() * hybrid::width(found.len()) as usize / 8;
    if found.len() * size_of::<T>() + packed >= size_of_val(values) {
        return None;
    }
    found.iter().for_each(|value| value.put(&mut plain.bytes));
    plain.entries = found.len();
    Some(codes)
}

/// A number as Parquet stores it.
pub(super) trait Stored: Number {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_stand_for_their_values() {
        let values: Vec<i128> =
            (0..10_000).map(|n: i128| if n % 7 == 0 { i128::NULL } else { n * n % 4_099 }).collect();
        let mut plain = Plain::default();
        let codes = distinct_codes(&values, true, &mut plain).unwrap();
        let found: Vec<i128> = plain.bytes.as_chunks::<16>().0.iter().map(|b| i128::from_be_bytes(*b)).collect();
        assert_eq!(found.len(), plain.entries);
        for (value, code) in values.iter().zip(codes) {
            assert_eq!(*value, if code == NONE { i128::NULL } else { found[code as usize] });
        }
    }
}
