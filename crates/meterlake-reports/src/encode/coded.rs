//! Rows of a row group whose columns are numbers of distinct values: each value is written once, then copied.

use std::ops::Range;
use std::sync::Arc;

use meterlake_lake::read::{CodedColumn, Codes, Values};
use meterlake_model::Day;

use super::rows::{Field, Notation};
use super::{EncodeError, FieldKind, number};

/// Most bytes that are copied without looking at how many they are. More are always there to be read and written.
const STRIDE: usize = 32;
/// Bytes of shorter values are copied as two strides.
const SHORT: usize = 2 * STRIDE;
/// Rows whose numbers are looked up at a time: those of forty columns fit a core's cache.
const BLOCK: usize = 256;

/// The rows of a row group, ready to be copied together.
#[derive(Debug)]
pub(crate) struct CodedRows {
    cells: Vec<Cells>,
    /// What follows the last cell that changes.
    tail: Vec<u8>,
    /// Bytes between two rows, at the end of the tail.
    join: usize,
    rows: usize,
}

/// A field of the rows, with what stands before it since the last field that changes.
#[derive(Debug)]
struct Cells {
    codes: Arc<Codes>,
    /// What the field writes for each value, and some bytes beyond.
    bytes: Vec<u8>,
    /// Start and length of each value.
    places: Vec<(u32, u32)>,
}

/// Which rows are written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Picked {
    /// These.
    Range(Range<usize>),
    /// Those of these numbers, in this order.
    Rows(Vec<u32>),
}

impl Picked {
    /// How many they are.
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Range(range) => range.len(),
            Self::Rows(rows) => rows.len(),
        }
    }

    /// The row number of the one at this place; none beyond the last.
    pub(crate) fn get(&self, place: usize) -> Option<usize> {
        match self {
            Self::Range(range) => Some(range.start + place).filter(|row| range.contains(row)),
            Self::Rows(rows) => rows.get(place).map(|row| *row as usize),
        }
    }

    /// The place of the first whose row number is at least this.
    pub(crate) fn place_of(&self, row: usize) -> usize {
        match self {
            Self::Range(range) => row.clamp(range.start, range.end) - range.start,
            Self::Rows(rows) => rows.partition_point(|picked| (*picked as usize) < row),
        }
    }
}

impl CodedRows {
    /// Prepares `rows` rows of these fields.
    ///
    /// # Errors
    /// When a column is missing or does not suit its field.
    pub(super) fn new<'a, N: Notation>(
        fields: &[Field],
        rows: usize,
        column: impl Fn(&str) -> Option<&'a CodedColumn>,
    ) -> Result<Self, EncodeError> {
        let mut cells = Vec::with_capacity(fields.len());
        let mut fixed = N::ROW_START.to_vec();
        for field in fields {
            fixed.extend_from_slice(&field.lead);
            let quote = if field.wire.kind.is_text() { N::QUOTE } else { b"" };
            fixed.extend_from_slice(quote);
            match field.wire.kind {
                FieldKind::Constant(text) => N::text(text.as_bytes(), &mut fixed),
                FieldKind::Literal(bytes) => fixed.extend_from_slice(bytes.as_bytes()),
                _ => {
                    let missing = EncodeError::MissingColumn { field: field.wire.name, column: field.wire.column };
                    let column = column(field.wire.column).ok_or(missing)?;
                    let value = writer::<N>(field, &column.values)?;
                    if let Codes::Same(code) = *column.codes {
                        value(code as usize, &mut fixed);
                    } else {
                        let too_large = EncodeError::TooLarge { field: field.wire.name };
                        cells.push(Cells::new(column, &fixed, &value).ok_or(too_large)?);
                        fixed.clear();
                    }
                }
            }
            fixed.extend_from_slice(quote);
        }
        fixed.extend_from_slice(N::ROW_END);
        fixed.extend_from_slice(N::JOIN);
        Ok(Self { cells, tail: fixed, join: N::JOIN.len(), rows })
    }

    /// Bytes that it takes.
    pub(crate) fn bytes(&self) -> usize {
        let each = |cells: &Cells| cells.bytes.capacity() + cells.places.capacity() * 8 + cells.codes.bytes();
        self.cells.iter().map(each).sum::<usize>() + self.tail.len()
    }

    /// About how many bytes a row takes: the mean over distinct values.
    pub(crate) fn row_bytes(&self) -> usize {
        let mean = |cells: &Cells| cells.bytes.len() / cells.places.len().max(1) + 1;
        self.cells.iter().map(mean).sum::<usize>() + self.tail.len()
    }

    /// Writes the rows at these places of `picked` to `out` from `end` on, and gives where they end. What lies beyond
    /// is of no meaning. Longer than needed, `out` is made by itself.
    pub(crate) fn write(&self, picked: &Picked, places: Range<usize>, out: &mut Vec<u8>, end: usize) -> usize {
        let mut block = vec![[0u32; BLOCK]; self.cells.len()];
        let mut end = end;
        // Room that every row of short values needs.
        let room = self.cells.len() * SHORT + self.tail.len() + SHORT;
        let (first, last) = (places.start.min(picked.len()), places.end.min(picked.len()));
        let mut place = first;
        while place < last {
            let count = (last - place).min(BLOCK);
            for (cells, numbers) in self.cells.iter().zip(&mut block) {
                look_up(&cells.codes, picked, place, &mut numbers[..count]);
            }
            for row in 0..count {
                if out.len() < end + room {
                    grow(out, end + room);
                }
                for (cells, numbers) in self.cells.iter().zip(&block) {
                    end = cells.copy(numbers[row] as usize, out, end, room);
                }
                out[end..end + self.tail.len()].copy_from_slice(&self.tail);
                end += self.tail.len();
            }
            place += count;
        }
        if last > first { end - self.join } else { end }
    }

    /// Where [`Self::write`] would end after each `step` rows, counted from the first, for rows between which nothing
    /// stands.
    pub(crate) fn ends(&self, picked: &Picked, step: usize) -> Vec<u64> {
        let mut ends = Vec::with_capacity(picked.len().div_ceil(step.max(1)));
        let mut numbers = vec![0u32; step.clamp(1, picked.len().max(1))];
        let (mut place, mut end) = (0, 0);
        while place < picked.len() {
            let count = (picked.len() - place).min(numbers.len());
            for cells in &self.cells {
                let numbers = &mut numbers[..count];
                look_up(&cells.codes, picked, place, numbers);
                end += numbers.iter().map(|number| u64::from(cells.places[*number as usize].1)).sum::<u64>();
            }
            end += count as u64 * self.tail.len() as u64;
            place += count;
            ends.push(end);
        }
        ends
    }

    /// How many rows the row group has.
    pub(crate) fn rows(&self) -> usize {
        self.rows
    }
}

#[cold]
fn grow(out: &mut Vec<u8>, least: usize) {
    out.resize(least + least / 2, 0);
}

/// The numbers of the rows from `place` on.
fn look_up(codes: &Codes, picked: &Picked, place: usize, numbers: &mut [u32]) {
    match (codes, picked) {
        (Codes::Same(code), _) => numbers.fill(*code),
        (Codes::Narrow(codes), Picked::Range(range)) => {
            let codes = codes.get(range.start + place..).unwrap_or_default();
            numbers.iter_mut().zip(codes).for_each(|(number, code)| *number = u32::from(*code));
        }
        (Codes::Wide(codes), Picked::Range(range)) => {
            let codes = codes.get(range.start + place..).unwrap_or_default();
            numbers.iter_mut().zip(codes).for_each(|(number, code)| *number = *code);
        }
        (codes, Picked::Rows(rows)) => {
            let rows = rows.get(place..).unwrap_or_default();
            numbers.iter_mut().zip(rows).for_each(|(number, row)| *number = codes.get(*row as usize));
        }
    }
}

impl Cells {
    /// None when all together take more than 4 GiB.
    fn new(column: &CodedColumn, lead: &[u8], value: &impl Fn(usize, &mut Vec<u8>)) -> Option<Self> {
        let mut bytes = Vec::new();
        // One more than there are values: the last is of rows without one.
        let mut places = Vec::with_capacity(column.values.len() + 1);
        for code in 0..=column.values.len() {
            let start = bytes.len();
            bytes.extend_from_slice(lead);
            value(code, &mut bytes);
            places.push((u32::try_from(start).ok()?, u32::try_from(bytes.len() - start).ok()?));
        }
        bytes.resize(bytes.len() + SHORT, 0);
        Some(Self { codes: Arc::clone(&column.codes), bytes, places })
    }

    #[inline]
    fn copy(&self, code: usize, out: &mut Vec<u8>, end: usize, room: usize) -> usize {
        let (start, length) = self.places[code];
        let (start, length) = (start as usize, length as usize);
        if length <= STRIDE {
            out[end..end + STRIDE].copy_from_slice(&self.bytes[start..start + STRIDE]);
        } else if length <= SHORT {
            out[end..end + SHORT].copy_from_slice(&self.bytes[start..start + SHORT]);
        } else {
            if out.len() < end + length + room {
                grow(out, end + length + room);
            }
            out[end..end + length].copy_from_slice(&self.bytes[start..start + length]);
        }
        end + length
    }
}

/// What writes the value of this number, without quotes; a number beyond the values is of no value.
fn writer<'a, N: Notation>(
    field: &Field,
    values: &'a Values,
) -> Result<impl Fn(usize, &mut Vec<u8>) + use<'a, N>, EncodeError> {
    let kind = field.wire.kind;
    let suits = match values {
        Values::Text(_) => matches!(kind, FieldKind::Text | FieldKind::UpperText),
        Values::Integers(_) => matches!(kind, FieldKind::Integer | FieldKind::Decimal),
        Values::Decimals(_, scale) => kind == FieldKind::Decimal && usize::from(*scale) <= number::MOST_DECIMALS,
        Values::Days(_) => matches!(kind, FieldKind::Day(_)),
        Values::Booleans(_) => kind == FieldKind::Boolean,
    };
    if !suits {
        return Err(EncodeError::WrongType {
            field: field.wire.name,
            column: field.wire.column,
            found: values.kind().to_owned(),
            kind,
        });
    }
    Ok(move |code: usize, out: &mut Vec<u8>| match values {
        Values::Text(texts) if kind == FieldKind::UpperText => N::upper_text(texts.get(code).as_bytes(), out),
        Values::Text(texts) => N::text(texts.get(code).as_bytes(), out),
        Values::Integers(integers) => {
            let value = integers.get(code).copied().unwrap_or(0);
            out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
        }
        Values::Decimals(decimals, scale) => {
            number::decimal(decimals.get(code).copied().unwrap_or(0), usize::from(*scale), out);
        }
        Values::Days(days) => match (days.get(code).and_then(|days| Day::from_since_epoch(*days)), kind) {
            (Some(day), FieldKind::Day(format)) => {
                out.extend_from_slice(N::QUOTE);
                number::day(day, format, out);
                out.extend_from_slice(N::QUOTE);
            }
            _ => out.extend_from_slice(N::NO_DAY),
        },
        Values::Booleans(flags) => {
            let flag = flags.get(code).copied().unwrap_or(false);
            out.extend_from_slice(if flag { b"true" } else { b"false" });
        }
    })
}
