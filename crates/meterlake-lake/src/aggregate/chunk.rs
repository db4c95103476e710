//! A column of a row group as codes.

use bytes::Bytes;
use parquet::{
    basic::{Encoding, Type},
    column::page::{Page, PageReader},
    file::metadata::ColumnChunkMetaData,
};

use super::{AggregateError, plain::Values};
use crate::read::rle;

/// A column of a row group: for every row the place of its value. Values may repeat.
#[derive(Debug)]
pub(super) struct Coded {
    pub(super) codes: Vec<u32>,
    pub(super) values: Values,
    /// The code of rows without a value; the value in its place is 0.
    pub(super) null: Option<u32>,
}

/// Decodes the pages of a column chunk. Pages of which `wanted` wants no row are passed over; their rows get code 0.
pub(super) fn decode(
    chunk: &ColumnChunkMetaData,
    mut pages: Box<dyn PageReader>,
    rows: usize,
    wanted: Option<&[bool]>,
) -> Result<Coded, AggregateError> {
    let unsupported =
        |what: &str| AggregateError::Unsupported(format!("column {}: {what}", chunk.column_descr().name()));
    let descriptor = chunk.column_descr();
    if descriptor.max_rep_level() > 0 || descriptor.max_def_level() > 1 {
        return Err(unsupported("nested"));
    }
    let mut decoder = Decoder {
        physical: descriptor.physical_type(),
        width: usize::try_from(descriptor.type_length()).unwrap_or(0),
        nullable: descriptor.max_def_level() > 0,
        values: Values::none(descriptor.physical_type()),
        codes: Vec::with_capacity(rows),
        dictionary: 0,
        nulls: false,
    };
    loop {
        let at = decoder.codes.len();
        if let Some(wanted) = wanted
            && let Some(next) = pages.peek_next_page()?
            && let Some(held) = next.num_rows.or(next.num_levels)
            && !next.is_dict
            && wanted.get(at..at + held).is_some_and(|rows| !rows.contains(&true))
        {
            pages.skip_next_page()?;
            decoder.codes.resize(at + held, 0);
            continue;
        }
        let Some(page) = pages.get_next_page()? else { break };
        decoder.page(page).ok_or_else(|| unsupported("damaged, or in an encoding that is not summed here"))?;
    }
    decoder.finish(rows).ok_or_else(|| unsupported("holds other rows than its row group"))
}

struct Decoder {
    physical: Type,
    width: usize,
    nullable: bool,
    values: Values,
    codes: Vec<u32>,
    /// How many values are the dictionary.
    dictionary: usize,
    nulls: bool,
}

/// Stands for null until all values are there.
const NULL: u32 = u32::MAX;

impl Decoder {
    fn page(&mut self, page: Page) -> Option<()> {
        match page {
            Page::DictionaryPage { buf, num_values, .. } => {
                self.dictionary = usize::try_from(num_values).ok()?;
                self.values.read(&buf, self.dictionary, self.physical, self.width)
            }
            Page::DataPage { buf, num_values, encoding, def_level_encoding, .. } => {
                let count = usize::try_from(num_values).ok()?;
                if !self.nullable {
                    return self.rows(&buf, count, encoding, None);
                }
                if def_level_encoding != Encoding::RLE {
                    return None;
                }
                let length = u32::from_le_bytes(buf.get(..4)?.try_into().ok()?);
                let end = usize::try_from(length).ok()?.checked_add(4)?;
                let levels = levels(buf.get(4..end)?, count)?;
                self.rows(&buf.slice(end..), count, encoding, levels)
            }
            Page::DataPageV2 { buf, num_values, encoding, num_nulls, def_levels_byte_len, .. } => {
                let count = usize::try_from(num_values).ok()?;
                let end = usize::try_from(def_levels_byte_len).ok()?;
                let bytes = buf.get(..end)?;
                let levels = if num_nulls > 0 { levels(bytes, count)? } else { None };
                self.rows(&buf.slice(end..), count, encoding, levels)
            }
        }
    }

    /// The rows of a page; with `levels`, those with level 0 have no value.
    fn rows(&mut self, page: &Bytes, count: usize, encoding: Encoding, levels: Option<Vec<u32>>) -> Option<()> {
        let first = self.codes.len();
        let present = levels.as_ref().map_or(count, |levels| levels.iter().filter(|level| **level == 1).count());
        match encoding {
            Encoding::RLE_DICTIONARY | Encoding::PLAIN_DICTIONARY => {
                let (width, bytes) = page.split_first().map_or((0, &[][..]), |(width, bytes)| (*width, bytes));
                if present > 0 {
                    rle::numbers(bytes, width, present, &mut self.codes)?;
                }
                let highest = self.codes.get(first..)?.iter().max().copied().unwrap_or(0);
                if present > 0 && highest as usize >= self.dictionary {
                    return None;
                }
            }
            Encoding::PLAIN => {
                let before = u32::try_from(self.values.len()).ok()?;
                self.values.read(page, present, self.physical, self.width)?;
                let after = u32::try_from(self.values.len()).ok()?;
                self.codes.extend(before..after);
            }
            _ => return None,
        }
        if let Some(levels) = levels {
            self.nulls = true;
            let mut present = self.codes.split_off(first).into_iter();
            self.codes
                .extend(levels.iter().map(|level| if *level == 1 { present.next().unwrap_or(NULL) } else { NULL }));
        }
        Some(())
    }

    fn finish(mut self, rows: usize) -> Option<Coded> {
        if self.codes.len() != rows {
            return None;
        }
        let mut null = None;
        if self.nulls {
            let Values::Numbers(numbers) = &mut self.values else { return None };
            let place = u32::try_from(numbers.len()).ok()?;
            numbers.push(0);
            self.codes.iter_mut().filter(|code| **code == NULL).for_each(|code| *code = place);
            null = Some(place);
        }
        Some(Coded { codes: self.codes, values: self.values, null })
    }
}

/// Definition levels of 0 and 1; none when all are 1.
#[expect(clippy::option_option, reason = "damaged, no nulls, some nulls")]
fn levels(bytes: &[u8], count: usize) -> Option<Option<Vec<u32>>> {
    let mut levels = Vec::new();
    rle::numbers(bytes, 1, count, &mut levels)?;
    Some(levels.contains(&0).then_some(levels))
}
