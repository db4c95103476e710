//! A column of a row group: its distinct values, and the codes of its rows, which are decoded where they are used.

use std::{ops::Range, slice::Iter};

use parquet::basic::{Encoding, Type};

use super::{
    AggregateError, Sum,
    kernels::{Chosen, Listed, SumOfCodes},
    plain::{Plain, Values},
    selected::{Counting, Rows, Walk},
};
use crate::{
    read::{Buffers, Chunk, DataPage, OpenGroup, RowGroup, Take, Unread, visit},
    tables::ColumnType,
};

/// Rows that lie less far apart are read with those between them.
const NEAR: usize = 512;

/// A column of a row group. Values may repeat.
pub(super) struct Column {
    name: &'static str,
    pub(super) values: Values,
    stored: Stored,
}

enum Stored {
    /// All rows have the only value, or none when so said.
    Same { null: bool },
    /// The file has the column. How many of the values are its dictionary; for each page whose values are not in it,
    /// the code of the first.
    Chunk { chunk: Chunk, dictionary: usize, listed: Vec<Option<u32>> },
}

/// The rows to come and the groups of those that count.
struct Coming<'a> {
    walk: Walk<'a>,
    ids: &'a [u32],
}

impl<'a> Coming<'a> {
    /// Which of the next visited rows count, and the groups of these. None when there are not as many groups.
    fn next(&mut self, rows: usize) -> Option<(Counting<'a>, Iter<'a, u32>)> {
        let counting = self.walk.next(rows);
        let ids = self.ids.split_off(..counting.len())?;
        Some((counting, ids.iter()))
    }
}

/// What a column is opened for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    /// The code of each row.
    Codes,
    /// Sums; values that are not in a dictionary are read as they are summed.
    Sums,
}

impl Column {
    pub(super) fn open(
        group: &RowGroup,
        open: &OpenGroup,
        name: &'static str,
        purpose: Purpose,
        buffers: &mut Buffers,
    ) -> Result<Self, AggregateError> {
        let failed = |unread: Unread| failed(name, unread);
        let Some(chunk) = open.chunk(name, buffers).map_err(failed)? else { return nothing(group, name) };
        let mut values = Values::none(chunk.physical);
        let unknown = || unsupported(name, "damaged, or of a type that is not summed here");
        let mut dictionary = 0;
        if let Some((plain, count)) = chunk.dictionary(open, buffers).map_err(failed)? {
            values.read(plain, count, chunk.physical, chunk.width).ok_or_else(unknown)?;
            dictionary = count;
        }
        let mut listed = vec![None; chunk.pages()];
        if purpose == Purpose::Codes && !group.is_dictionary(name) {
            for (page, first) in listed.iter_mut().enumerate() {
                let rows = chunk.rows(page).len();
                let data = chunk.page(open, page, buffers).map_err(failed)?;
                if data.encoding == Encoding::PLAIN {
                    if data.present.is_some() {
                        return Err(unsupported(name, "has nulls"));
                    }
                    *first = Some(u32::try_from(values.len()).map_err(|_| unknown())?);
                    values.read(data.values, rows, chunk.physical, chunk.width).ok_or_else(unknown)?;
                }
            }
        }
        Ok(Self { name, values, stored: Stored::Chunk { chunk, dictionary, listed } })
    }

    /// Hands the codes of the rows that count over.
    pub(super) fn codes(
        &self,
        open: &OpenGroup,
        rows: &Rows,
        buffers: &mut Buffers,
        take: &mut impl Take,
    ) -> Result<(), AggregateError> {
        let damaged = || unsupported(self.name, "damaged, or in an encoding that is not summed here");
        let Stored::Chunk { chunk, listed, .. } = &self.stored else {
            return take.repeat(0, rows.len()).ok_or_else(damaged);
        };
        let mut take = Chosen::new(rows.walk(), take);
        for (page, listed) in listed.iter().enumerate() {
            let held = chunk.rows(page);
            if !rows.any(&held) {
                continue;
            }
            let ranges = rows.within(&held);
            if let Some(first) = listed {
                let number = |place: usize| u32::try_from(place).ok().and_then(|place| first.checked_add(place));
                for range in ranges {
                    let numbers: Option<Vec<u32>> = range.map(number).collect();
                    numbers.and_then(|numbers| take.each(&numbers)).ok_or_else(damaged)?;
                }
                continue;
            }
            let data = chunk.page(open, page, buffers).map_err(|unread| failed(self.name, unread))?;
            if data.present.is_some() {
                return Err(unsupported(self.name, "has nulls"));
            }
            self.coded(&data, ranges, &mut take).ok_or_else(damaged)?;
        }
        Ok(())
    }

    fn coded(
        &self,
        page: &DataPage<'_>,
        ranges: impl IntoIterator<Item = Range<usize>>,
        take: &mut impl Take,
    ) -> Option<()> {
        if !matches!(page.encoding, Encoding::RLE_DICTIONARY | Encoding::PLAIN_DICTIONARY) {
            return None;
        }
        let (width, bytes) = page.values.split_first()?;
        visit(bytes, *width, ranges, take)
    }

    /// Adds the numbers of the rows, whose groups are `ids`, to the sums, of which there are `width` a group: to the
    /// one at `place`.
    pub(super) fn sum(
        &self,
        open: &OpenGroup,
        (rows, ids): (&Rows, &[u32]),
        buffers: &mut Buffers,
        sums: &mut [Sum],
        (place, width): (usize, usize),
    ) -> Result<(), AggregateError> {
        let damaged = || unsupported(self.name, "damaged, or in an encoding that is not summed here");
        let Values::Numbers(values) = &self.values else { return Err(unsupported(self.name, "is no number")) };
        let mut add = |id: u32, value: i128| {
            if let Some(sum) = sums.get_mut(id as usize * width + place) {
                sum.add(value);
            }
        };
        let (chunk, dictionary) = match &self.stored {
            Stored::Same { .. } => {
                let value = values.first().copied().unwrap_or_default();
                if value != 0 {
                    ids.iter().for_each(|id| add(*id, value));
                }
                return Ok(());
            }
            Stored::Chunk { chunk, dictionary, .. } => (chunk, values.get(..*dictionary).unwrap_or_default()),
        };
        let mut coming = Coming { walk: rows.walk(), ids };
        for page in 0..chunk.pages() {
            let held = chunk.rows(page);
            if !rows.any(&held) {
                continue;
            }
            if rows.few && self.sum_some(open, (chunk, page), rows, &mut coming, buffers, &mut add)? {
                continue;
            }
            let data = chunk.page(open, page, buffers).map_err(|unread| failed(self.name, unread))?;
            if data.present.is_some() {
                let numbers = self.with_nulls(&data, chunk, dictionary).ok_or_else(damaged)?;
                for range in rows.within(&held) {
                    let (counting, mut ids) = coming.next(range.len()).ok_or_else(damaged)?;
                    let numbers = numbers.get(range).ok_or_else(damaged)?;
                    let added = counting.of(numbers, |number| {
                        if let Some(id) = ids.next() {
                            add(*id, *number);
                        }
                    });
                    added.ok_or_else(damaged)?;
                }
            } else if data.encoding == Encoding::PLAIN {
                let plain = Plain::new(data.values, held.len(), chunk.physical, chunk.width).ok_or_else(damaged)?;
                for range in rows.within(&held) {
                    let (counting, mut ids) = coming.next(range.len()).ok_or_else(damaged)?;
                    let added = plain.within(range, counting, |number| {
                        if let Some(id) = ids.next() {
                            add(*id, number);
                        }
                    });
                    added.ok_or_else(damaged)?;
                }
            } else {
                let visited = rows.within(&held).map(|range| range.len()).sum();
                let walk = coming.walk;
                let (_, ids) = coming.next(visited).ok_or_else(damaged)?;
                let mut sum = SumOfCodes { values: dictionary, ids: ids.as_slice(), add: &mut add };
                let summed = self.coded(&data, rows.within(&held), &mut Chosen::new(walk, &mut sum));
                summed.ok_or_else(damaged)?;
            }
        }
        Ok(())
    }

    /// Adds the few numbers of a page that are asked for, when they can be read without the others.
    fn sum_some(
        &self,
        open: &OpenGroup,
        (chunk, page): (&Chunk, usize),
        rows: &Rows,
        coming: &mut Coming<'_>,
        buffers: &mut Buffers,
        add: &mut impl FnMut(u32, i128),
    ) -> Result<bool, AggregateError> {
        if chunk.physical != Type::FIXED_LEN_BYTE_ARRAY || chunk.width == 0 {
            return Ok(false);
        }
        let failed = |unread: Unread| failed(self.name, unread);
        let damaged = || unsupported(self.name, "damaged, or in an encoding that is not summed here");
        let Some(first) = chunk.plain_values(open, page, buffers).map_err(failed)? else { return Ok(false) };
        let ranges: Vec<Range<usize>> = rows.within(&chunk.rows(page)).collect();
        for near in ranges.chunk_by(|one, next| next.start - one.end < NEAR) {
            let (Some(front), Some(back)) = (near.first(), near.last()) else { continue };
            let byte = |row: usize| first + (row * chunk.width) as u64;
            let bytes = chunk.some(open, byte(front.start)..byte(back.end), buffers).map_err(failed)?;
            let count = back.end - front.start;
            let plain = Plain::new(bytes, count, chunk.physical, chunk.width).ok_or_else(damaged)?;
            for range in near {
                let (counting, mut ids) = coming.next(range.len()).ok_or_else(damaged)?;
                let take = |number| {
                    if let Some(id) = ids.next() {
                        add(*id, number);
                    }
                };
                let places = range.start - front.start..range.end - front.start;
                plain.within(places, counting, take).ok_or_else(damaged)?;
            }
        }
        Ok(true)
    }

    /// Adds 1 for each row that has a value.
    pub(super) fn present(
        &self,
        open: &OpenGroup,
        (rows, ids): (&Rows, &[u32]),
        buffers: &mut Buffers,
        mut add: impl FnMut(u32),
    ) -> Result<(), AggregateError> {
        let chunk = match &self.stored {
            Stored::Same { null } => {
                ids.iter().filter(|_| !null).for_each(|id| add(*id));
                return Ok(());
            }
            Stored::Chunk { chunk, .. } => chunk,
        };
        let damaged = || unsupported(self.name, "damaged, or in an encoding that is not summed here");
        let mut coming = Coming { walk: rows.walk(), ids };
        for page in 0..chunk.pages() {
            let held = chunk.rows(page);
            if !rows.any(&held) {
                continue;
            }
            let data = chunk.page(open, page, buffers).map_err(|unread| failed(self.name, unread))?;
            for range in rows.within(&held) {
                let (counting, mut ids) = coming.next(range.len()).ok_or_else(damaged)?;
                let Some(present) = &data.present else {
                    ids.for_each(|id| add(*id));
                    continue;
                };
                let added = counting.of(present.get(range).ok_or_else(damaged)?, |level| {
                    if let Some(id) = ids.next().filter(|_| *level == 1) {
                        add(*id);
                    }
                });
                added.ok_or_else(damaged)?;
            }
        }
        Ok(())
    }

    /// The numbers of a page in which some rows have none: 0 there.
    fn with_nulls(&self, page: &DataPage<'_>, chunk: &Chunk, dictionary: &[i128]) -> Option<Vec<i128>> {
        let present = page.present.as_ref()?;
        let count = present.iter().filter(|level| **level == 1).count();
        let mut numbers = Vec::with_capacity(count);
        if page.encoding == Encoding::PLAIN {
            let plain = Plain::new(page.values, count, chunk.physical, chunk.width)?;
            plain.within(0..count, Counting::All(count), |number| numbers.push(number))?;
        } else if count > 0 {
            let mut codes = Listed::default();
            self.coded(page, std::iter::once(0..count), &mut codes)?;
            for code in codes.0 {
                numbers.push(*dictionary.get(code as usize)?);
            }
        }
        let mut numbers = numbers.into_iter();
        present.iter().map(|level| if *level == 1 { numbers.next() } else { Some(0) }).collect()
    }

    /// Gives buffers back.
    pub(super) fn close(self, buffers: &mut Buffers) {
        if let Stored::Chunk { chunk, .. } = self.stored {
            buffers.give_back(chunk);
        }
    }
}

/// A column that the file does not hold: files written before the column was made.
fn nothing(group: &RowGroup, name: &'static str) -> Result<Column, AggregateError> {
    let table = group.table();
    let known = table.columns().iter().find(|known| known.name == name && table.partition() != Some(name));
    let known = known.ok_or_else(|| unsupported(name, "is not in the files"))?;
    let text = known.kind == ColumnType::Text;
    Ok(Column { name, values: Values::nothing(text), stored: Stored::Same { null: !text && known.nullable } })
}

impl Column {
    /// Whether all rows have no value.
    pub(super) fn is_null(&self) -> bool {
        matches!(self.stored, Stored::Same { null: true })
    }
}

fn failed(name: &str, unread: Unread) -> AggregateError {
    match unread {
        Unread::Unsupported(what) => unsupported(name, what),
        Unread::Lake(error) => AggregateError::Lake(error),
    }
}

pub(super) fn unsupported(name: &str, what: &str) -> AggregateError {
    AggregateError::Unsupported(format!("column {name}: {what}"))
}
