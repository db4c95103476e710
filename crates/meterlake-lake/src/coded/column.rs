//! The rows of a row group, column by column, on their way to Parquet.

use std::ops::Range;

use parquet::{
    basic::Compression,
    data_type::ByteArray,
    file::{
        properties::WriterPropertiesPtr,
        statistics::{Statistics, ValueStatistics},
    },
    schema::types::ColumnDescPtr,
};

use super::{
    bound::{lower, upper},
    chunk::{Codes, Encoded, NONE, PageBounds, Plain, encode},
    dictionary::TextDictionary,
    part::{Part, gather},
    rows::{Cells, CodedColumn},
};
use crate::{error::LakeError, stats::StatValue};

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
    /// Whether values are left uncompressed where nearly all differ.
    pub(super) raw: bool,
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

    pub(super) fn nullable(&self) -> bool {
        self.descr.max_def_level() > 0
    }

    pub(super) fn codec(&self) -> Compression {
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
}
