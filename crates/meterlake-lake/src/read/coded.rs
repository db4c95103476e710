//! Columns of a row group as numbers of their distinct values, just as the file holds them: what repeats is decoded once.

use std::sync::Arc;

use arrow::{
    array::{Array, ArrayRef, AsArray},
    buffer::NullBuffer,
    compute::cast,
    datatypes::{DataType, Date32Type, Decimal128Type, Int64Type, TimestampMicrosecondType},
};
use parquet::{
    arrow::arrow_reader::RowGroups,
    basic::{ConvertedType, Encoding, Type as PhysicalType},
    column::page::Page,
    errors::ParquetError,
    schema::types::ColumnDescriptor,
};

use super::{
    batches::FetchedRowGroup,
    chunks::InMemory,
    rle::{Hybrid, Narrow, decode},
};
use crate::{
    error::LakeError,
    tables::{Column, ColumnType},
};

/// A column of a row group.
#[derive(Debug)]
pub struct CodedColumn {
    /// The values that occur; a value may be there more than once, and some may not occur in the rows.
    pub values: Values,
    /// The place of each row's value in `values`; one beyond them for a row without a value.
    pub codes: Arc<Codes>,
}

/// Values of a column.
#[derive(Debug, PartialEq, Eq)]
pub enum Values {
    /// Text.
    Text(Texts),
    /// Integers, periods, and instants in microseconds.
    Integers(Vec<i64>),
    /// Decimals without their point, with the number of their decimals.
    Decimals(Vec<i128>, u8),
    /// Days since 1970-01-01.
    Days(Vec<i32>),
    /// Truth values.
    Booleans(Vec<bool>),
}

/// Texts that lie one after the other.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Texts {
    bytes: String,
    /// Where each ends.
    ends: Vec<usize>,
}

/// Numbers of values, as narrow as they fit.
#[derive(Debug, PartialEq, Eq)]
pub enum Codes {
    /// All rows have the same.
    Same(u32),
    /// Numbers up to 65 535.
    Narrow(Vec<u16>),
    /// Larger numbers.
    Wide(Vec<u32>),
}

impl Texts {
    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// The text at this place, empty when there is none.
    #[must_use]
    pub fn get(&self, place: usize) -> &str {
        let Some(end) = self.ends.get(place) else { return "" };
        let start = place.checked_sub(1).map_or(0, |before| self.ends[before]);
        self.bytes.get(start..*end).unwrap_or("")
    }

    /// The text as one more.
    fn push(&mut self, text: &str) {
        self.bytes.push_str(text);
        self.ends.push(self.bytes.len());
    }
}

impl<'a> FromIterator<&'a str> for Texts {
    fn from_iter<I: IntoIterator<Item = &'a str>>(texts: I) -> Self {
        let mut all = Self::default();
        texts.into_iter().for_each(|text| all.push(text));
        all
    }
}

impl Values {
    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        match self {
            Self::Text(texts) => texts.len(),
            Self::Integers(values) => values.len(),
            Self::Decimals(values, _) => values.len(),
            Self::Days(values) => values.len(),
            Self::Booleans(values) => values.len(),
        }
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The name of their type.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Text(_) => "text",
            Self::Integers(_) => "integers",
            Self::Decimals(..) => "decimals",
            Self::Days(_) => "days",
            Self::Booleans(_) => "truth values",
        }
    }

    /// Bytes that they take.
    #[must_use]
    pub fn bytes(&self) -> usize {
        match self {
            Self::Text(texts) => texts.bytes.capacity() + texts.ends.capacity() * size_of::<usize>(),
            Self::Integers(values) => values.capacity() * 8,
            Self::Decimals(values, _) => values.capacity() * 16,
            Self::Days(values) => values.capacity() * 4,
            Self::Booleans(values) => values.capacity(),
        }
    }
}

impl Codes {
    /// The number of a row; 0 beyond the last.
    #[must_use]
    #[inline]
    pub fn get(&self, row: usize) -> u32 {
        match self {
            Self::Same(code) => *code,
            Self::Narrow(codes) => codes.get(row).copied().map_or(0, u32::from),
            Self::Wide(codes) => codes.get(row).copied().unwrap_or(0),
        }
    }

    /// Bytes that they take.
    #[must_use]
    pub fn bytes(&self) -> usize {
        match self {
            Self::Same(_) => 0,
            Self::Narrow(codes) => codes.capacity() * 2,
            Self::Wide(codes) => codes.capacity() * 4,
        }
    }

    /// As narrow as they fit; `greatest` is not below any of them.
    #[must_use]
    pub fn of(codes: Vec<u32>, greatest: usize) -> Self {
        match codes.first() {
            Some(first) if codes.iter().all(|code| code == first) => Self::Same(*first),
            None => Self::Same(0),
            // The greatest fits, so each does.
            Some(_) if greatest <= usize::from(u16::MAX) => Self::Narrow(codes.into_iter().map(u16::narrow).collect()),
            Some(_) => Self::Wide(codes),
        }
    }
}

impl FetchedRowGroup {
    /// Decodes the columns, in the order they were asked for, as numbers of their distinct values.
    ///
    /// # Errors
    /// When the file does not hold what its footer says.
    pub fn coded(&self) -> Result<Vec<CodedColumn>, LakeError> {
        (0..self.columns.len()).map(|place| self.coded_column(place)).collect()
    }

    /// Decodes the column that was asked for at this place. A column that the file does not hold is of one value. In
    /// one whose encoding does not tell values apart, like that of line numbers, and where only some rows were
    /// fetched, every row counts as distinct.
    ///
    /// # Errors
    /// When there is no such place, or the file does not hold what its footer says.
    pub fn coded_column(&self, place: usize) -> Result<CodedColumn, LakeError> {
        let name = self.columns.get(place);
        let known = name.and_then(|name| self.source.table.columns().iter().find(|column| column.name == name));
        let Some(known) = known else { return Err(LakeError::Rows(format!("no column {place} was fetched"))) };
        let Some(stored) = self.source.column(known.name) else {
            return Ok(self.same_value(known));
        };
        let metadata = &self.source.metadata;
        let group = InMemory { metadata, index: self.index, sparse: false, pieces: self.pieces.clone() };
        let corrupt = |reason: String| LakeError::Corrupt {
            path: self.source.file.path.to_string(),
            reason: format!("column {} of row group {}: {reason}", known.name, self.index),
        };
        if self.rows == (0..group.num_rows())
            && let Some(coded) = column(&group, stored, known.kind).map_err(|error| corrupt(error.to_string()))?
        {
            return Ok(coded);
        }
        let decoded = self.only(place).batches(self.rows.len())?.next().transpose()?;
        let values = match decoded {
            Some(batch) => distinct(batch.column(0)).ok_or_else(|| corrupt("has no such type".to_owned()))?,
            None => return Ok(self.same_value(known)),
        };
        let (values, nulls) = values;
        let nothing = u32::try_from(values.len()).map_err(|_| corrupt("has too many rows".to_owned()))?;
        let codes = (0..nothing).map(|row| {
            let is_null = nulls.as_ref().is_some_and(|nulls| nulls.is_null(row as usize));
            if is_null { nothing } else { row }
        });
        let codes = Codes::of(codes.collect(), values.len());
        Ok(CodedColumn { values, codes: Arc::new(codes) })
    }

    /// The same rows of one of the columns.
    fn only(&self, place: usize) -> Self {
        Self {
            source: Arc::clone(&self.source),
            index: self.index,
            columns: self.columns.get(place).cloned().into_iter().collect(),
            sparse: self.sparse,
            rows: self.rows.clone(),
            selection: self.selection.clone(),
            pieces: self.pieces.clone(),
        }
    }

    /// A column that the file does not hold: the partition, or one that is newer than the file.
    fn same_value(&self, column: &Column) -> CodedColumn {
        let partition = self.source.file.partition.filter(|_| self.source.table.partition() == Some(column.name));
        let there = !column.nullable;
        let values = match column.kind {
            ColumnType::Text => {
                let mut texts = Texts::default();
                texts.push("");
                Values::Text(texts)
            }
            ColumnType::Period => Values::Integers(partition.map(i64::from).into_iter().collect()),
            ColumnType::Integer | ColumnType::Instant => Values::Integers(there.then_some(0).into_iter().collect()),
            ColumnType::Day => Values::Days(Vec::new()),
            ColumnType::Boolean => Values::Booleans(there.then_some(false).into_iter().collect()),
            ColumnType::Amount => Values::Decimals(Vec::new(), 24),
            ColumnType::Quantity => Values::Decimals(Vec::new(), 20),
        };
        CodedColumn { values, codes: Arc::new(Codes::Same(0)) }
    }
}

/// The values of every row, and which of them are none.
fn distinct(array: &ArrayRef) -> Option<(Values, Option<NullBuffer>)> {
    let array = match array.data_type() {
        DataType::Dictionary(..) | DataType::Utf8View => cast(array, &DataType::Utf8).ok()?,
        _ => Arc::clone(array),
    };
    let values = match array.data_type() {
        DataType::Utf8 => {
            let mut texts = Texts::default();
            let strings = array.as_string::<i32>();
            (0..strings.len()).for_each(|row| texts.push(strings.value(row)));
            Values::Text(texts)
        }
        DataType::Int64 => Values::Integers(array.as_primitive::<Int64Type>().values().to_vec()),
        DataType::Timestamp(..) => Values::Integers(array.as_primitive::<TimestampMicrosecondType>().values().to_vec()),
        DataType::Date32 => Values::Days(array.as_primitive::<Date32Type>().values().to_vec()),
        DataType::Decimal128(_, scale) => {
            let values = array.as_primitive::<Decimal128Type>().values().to_vec();
            Values::Decimals(values, u8::try_from(*scale).ok()?)
        }
        DataType::Boolean => Values::Booleans(array.as_boolean().values().iter().collect()),
        _ => return None,
    };
    Some((values, array.nulls().cloned()))
}

/// Decodes one column.
fn column(group: &InMemory<'_>, place: usize, kind: ColumnType) -> Result<Option<CodedColumn>, ParquetError> {
    let schema = group.metadata.file_metadata().schema_descr();
    let described = schema.column(place);
    let Some(mut column) = Building::of(kind, &described, group.num_rows()) else { return Ok(None) };
    for pages in group.column_chunks(place)? {
        let mut pages = pages?;
        while let Some(page) = pages.get_next_page()? {
            if !column.take(&page)? {
                return Ok(None);
            }
        }
    }
    column.finish(group.num_rows()).map(Some)
}

/// A column under way.
struct Building {
    values: Values,
    /// How many of the values are the dictionary's.
    dictionary: usize,
    codes: Vec<u32>,
    nullable: bool,
}

/// Stands for "no value" until the number of values is known.
const NOTHING: u32 = u32::MAX;

impl Building {
    fn of(kind: ColumnType, described: &ColumnDescriptor, rows: usize) -> Option<Self> {
        let decimals = || u8::try_from(described.type_scale()).ok();
        let values = match (kind, described.physical_type()) {
            (ColumnType::Text, PhysicalType::BYTE_ARRAY) if described.converted_type() == ConvertedType::UTF8 => {
                Values::Text(Texts::default())
            }
            (ColumnType::Integer | ColumnType::Instant, PhysicalType::INT64)
            | (ColumnType::Period, PhysicalType::INT32) => Values::Integers(Vec::new()),
            (ColumnType::Day, PhysicalType::INT32) => Values::Days(Vec::new()),
            (ColumnType::Boolean, PhysicalType::BOOLEAN) => Values::Booleans(vec![false, true]),
            (ColumnType::Amount | ColumnType::Quantity, PhysicalType::FIXED_LEN_BYTE_ARRAY)
                if described.type_length() == 16 =>
            {
                Values::Decimals(Vec::new(), decimals()?)
            }
            _ => return None,
        };
        // Of lists the lake has none.
        if described.max_rep_level() > 0 || described.max_def_level() > 1 {
            return None;
        }
        let nullable = described.max_def_level() == 1;
        Some(Self { values, dictionary: 0, codes: Vec::with_capacity(rows), nullable })
    }

    /// Takes a page in; false when it is encoded in a way that does not tell values apart.
    fn take(&mut self, page: &Page) -> Result<bool, ParquetError> {
        match page {
            Page::DictionaryPage {
                buf, num_values, encoding: Encoding::PLAIN | Encoding::PLAIN_DICTIONARY, ..
            } => {
                if !self.values.is_empty() {
                    return Err(bad("a second dictionary"));
                }
                self.plain(buf, count_of(*num_values)?)?;
                self.dictionary = self.values.len();
                Ok(true)
            }
            Page::DictionaryPage { .. } => Ok(false),
            Page::DataPage { buf, num_values, encoding, def_level_encoding, .. } => {
                let count = count_of(*num_values)?;
                if !self.nullable {
                    return self.data(buf, count, *encoding);
                }
                if *def_level_encoding != Encoding::RLE {
                    return Ok(false);
                }
                let (length, rest) = buf.split_first_chunk::<4>().ok_or_else(|| bad("no levels"))?;
                let length = usize::try_from(u32::from_le_bytes(*length)).map_err(|_| bad("its levels' length"))?;
                let (levels, rest) = rest.split_at_checked(length).ok_or_else(|| bad("cut levels"))?;
                self.with_levels(levels, rest, count, *encoding)
            }
            Page::DataPageV2 { buf, num_values, encoding, def_levels_byte_len, rep_levels_byte_len, .. } => {
                let count = count_of(*num_values)?;
                let (repeated, defined) = (count_of(*rep_levels_byte_len)?, count_of(*def_levels_byte_len)?);
                let rest = buf.get(repeated..).ok_or_else(|| bad("cut levels"))?;
                let (levels, rest) = rest.split_at_checked(defined).ok_or_else(|| bad("cut levels"))?;
                if self.nullable {
                    self.with_levels(levels, rest, count, *encoding)
                } else {
                    self.data(rest, count, *encoding)
                }
            }
        }
    }

    fn with_levels(
        &mut self,
        levels: &[u8],
        data: &[u8],
        count: usize,
        encoding: Encoding,
    ) -> Result<bool, ParquetError> {
        let mut there: Vec<u16> = Vec::with_capacity(count);
        let mut hybrid = Hybrid::new(levels, 1).ok_or_else(|| bad("levels"))?;
        if !decode(&mut hybrid, count, &mut there) {
            return Err(bad("too few levels"));
        }
        let present = there.iter().filter(|level| **level == 1).count();
        if present == count {
            return self.data(data, count, encoding);
        }
        let start = self.codes.len();
        if present > 0 && !self.data(data, present, encoding)? {
            return Ok(false);
        }
        let mut present = self.codes.split_off(start).into_iter();
        let expanded =
            there.into_iter().map(|level| if level == 1 { present.next().unwrap_or(NOTHING) } else { NOTHING });
        self.codes.extend(expanded);
        Ok(true)
    }

    fn data(&mut self, data: &[u8], count: usize, encoding: Encoding) -> Result<bool, ParquetError> {
        match (encoding, &self.values) {
            (Encoding::PLAIN, Values::Booleans(_)) => {
                let bit = |row: usize| data.get(row / 8).map(|byte| u32::from(byte >> (row % 8) & 1));
                let bits: Option<Vec<u32>> = (0..count).map(bit).collect();
                self.codes.extend(bits.ok_or_else(|| bad("too few truth values"))?);
                Ok(true)
            }
            (Encoding::RLE, Values::Booleans(_)) => {
                let data = data.get(4..).ok_or_else(|| bad("no truth values"))?;
                self.hybrid(data, 1, count, 2)
            }
            (Encoding::RLE_DICTIONARY | Encoding::PLAIN_DICTIONARY, _) => {
                let (width, data) = data.split_first().ok_or_else(|| bad("an empty page"))?;
                self.hybrid(data, *width, count, self.dictionary)
            }
            // Beside its dictionary a chunk holds what no longer fitted in. It counts as distinct.
            (Encoding::PLAIN, _) => {
                let first = self.values.len();
                self.plain(data, count)?;
                let number = |place: usize| u32::try_from(place).map_err(|_| bad("too many values"));
                let last = number(first + count)?;
                self.codes.extend(number(first)?..last);
                Ok(true)
            }
            _ => Ok(false),
        }
    }

    fn hybrid(&mut self, data: &[u8], width: u8, count: usize, values: usize) -> Result<bool, ParquetError> {
        let start = self.codes.len();
        let mut hybrid = Hybrid::new(data, width).ok_or_else(|| bad("numbers of more than 32 bits"))?;
        if !decode(&mut hybrid, count, &mut self.codes) {
            return Err(bad("too few numbers"));
        }
        let greatest = self.codes[start..].iter().copied().max().unwrap_or(0);
        if count > 0 && greatest as usize >= values {
            return Err(bad(&format!("value {greatest} of a dictionary of {values}")));
        }
        Ok(true)
    }

    /// Appends plainly encoded values.
    fn plain(&mut self, data: &[u8], count: usize) -> Result<(), ParquetError> {
        let short = || bad("too few values");
        match &mut self.values {
            Values::Text(texts) => {
                texts.ends.reserve(count);
                texts.bytes.reserve(data.len().saturating_sub(4 * count));
                let mut rest = data;
                for _ in 0..count {
                    let (length, after) = rest.split_first_chunk::<4>().ok_or_else(short)?;
                    let length = usize::try_from(u32::from_le_bytes(*length)).map_err(|_| short())?;
                    let (text, after) = after.split_at_checked(length).ok_or_else(short)?;
                    texts.push(std::str::from_utf8(text).map_err(|_| bad("text that is not UTF-8"))?);
                    rest = after;
                }
            }
            Values::Integers(values) => {
                let (words, _) = data.as_chunks::<8>();
                values.extend(words.get(..count).ok_or_else(short)?.iter().map(|word| i64::from_le_bytes(*word)));
            }
            Values::Days(values) => {
                let (words, _) = data.as_chunks::<4>();
                values.extend(words.get(..count).ok_or_else(short)?.iter().map(|word| i32::from_le_bytes(*word)));
            }
            Values::Decimals(values, _) => {
                let (words, _) = data.as_chunks::<16>();
                values.extend(words.get(..count).ok_or_else(short)?.iter().map(|word| i128::from_be_bytes(*word)));
            }
            Values::Booleans(_) => return Err(bad("a dictionary of truth values")),
        }
        Ok(())
    }

    fn finish(mut self, rows: usize) -> Result<CodedColumn, ParquetError> {
        if self.codes.len() != rows {
            return Err(bad(&format!("{} rows instead of {rows}", self.codes.len())));
        }
        let values = self.values.len();
        if self.nullable {
            let nothing = u32::try_from(values).map_err(|_| bad("too many values"))?;
            self.codes.iter_mut().filter(|code| **code == NOTHING).for_each(|code| *code = nothing);
        }
        Ok(CodedColumn { values: self.values, codes: Arc::new(Codes::of(self.codes, values)) })
    }
}

fn count_of(number: u32) -> Result<usize, ParquetError> {
    usize::try_from(number).map_err(|_| bad("more values than fit memory"))
}

fn bad(what: &str) -> ParquetError {
    ParquetError::General(what.to_owned())
}
