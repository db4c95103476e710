//! Rows as columns of codes and plain numbers.

use std::sync::Arc;

use arrow::{
    array::{ArrayRef, BooleanArray, PrimitiveArray, RecordBatch, StringArray, StringBuilder},
    datatypes::{
        ArrowPrimitiveType, DataType, Date32Type, Decimal128Type, Int32Type, Int64Type, TimestampMicrosecondType,
    },
};

use super::dictionary::TextDictionary;
use crate::{error::LakeError, tables::Table};

/// A number of a column, and the one that stands for null. It lies outside of what any column can hold: decimals
/// have 38 digits, days and instants lie in years of four digits. In a column that is never null it is a value.
pub trait Number: Copy + Ord + Default + std::fmt::Debug + Send + Sync + 'static {
    /// Stands for null.
    const NULL: Self;
}

impl Number for i128 {
    const NULL: Self = Self::MIN;
}

impl Number for i64 {
    const NULL: Self = Self::MIN;
}

impl Number for i32 {
    const NULL: Self = Self::MIN;
}

/// Truth values: 0, 1, and 2 for null.
impl Number for u8 {
    const NULL: Self = 2;
}

/// The cells of a column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cells<T> {
    /// All the same.
    Same(T),
    /// One a row.
    Each(Vec<T>),
}

impl<T: Copy + PartialEq> Cells<T> {
    /// The cell of a row.
    #[must_use]
    pub fn at(&self, row: usize) -> T {
        match self {
            Self::Same(value) => *value,
            Self::Each(values) => values[row],
        }
    }

    /// Keeps the rows at these places.
    fn keep(&mut self, rows: &[u32]) {
        if let Self::Each(values) = self {
            *values = rows.iter().map(|&row| values[row as usize]).collect();
        }
    }
}

/// A column of [`CodedRows`], by the physical type of its values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CodedColumn {
    /// Codes of the dictionary with this number; code 0 is the empty text in each.
    Text(usize, Cells<u32>),
    /// Amounts and quantities, unscaled.
    Wide(Cells<i128>),
    /// Integers and instants.
    Long(Cells<i64>),
    /// Periods and days.
    Short(Cells<i32>),
    /// Truth values.
    Truth(Cells<u8>),
}

impl CodedColumn {
    fn keep(&mut self, rows: &[u32]) {
        match self {
            Self::Text(_, cells) => cells.keep(rows),
            Self::Wide(cells) => cells.keep(rows),
            Self::Long(cells) => cells.keep(rows),
            Self::Short(cells) => cells.keep(rows),
            Self::Truth(cells) => cells.keep(rows),
        }
    }
}

/// Some rows of a table, a column for each of [`Table::columns`]. All batches of one write have the same dictionary in
/// a column, but for columns of nothing but empty texts.
#[derive(Clone, Debug, Default)]
pub struct CodedRows {
    /// Number of rows.
    pub rows: usize,
    /// The columns, in the order of the table.
    pub columns: Vec<CodedColumn>,
}

impl CodedRows {
    /// Keeps the rows at these places.
    pub fn keep(&mut self, rows: &[u32]) {
        self.rows = rows.len();
        self.columns.iter_mut().for_each(|column| column.keep(rows));
    }

    /// The rows as the table's Arrow columns.
    ///
    /// # Errors
    /// [`LakeError::Rows`] or an Arrow error when a column has the wrong type or a null where there is none.
    pub fn to_batch(&self, table: Table, dictionaries: &[TextDictionary]) -> Result<RecordBatch, LakeError> {
        let schema = table.schema();
        let arrays = self.columns.iter().zip(schema.fields()).map(|(column, field)| {
            let array = self.array(column, field.data_type(), field.is_nullable(), dictionaries);
            array.ok_or_else(|| LakeError::Rows(format!("column {} is not {}", field.name(), field.data_type())))
        });
        Ok(RecordBatch::try_new(Arc::clone(&schema), arrays.collect::<Result<Vec<_>, _>>()?)?)
    }

    fn array(
        &self,
        column: &CodedColumn,
        kind: &DataType,
        nullable: bool,
        dictionaries: &[TextDictionary],
    ) -> Option<ArrayRef> {
        Some(match (column, kind) {
            (CodedColumn::Text(dictionary, cells), DataType::Utf8) => {
                Arc::new(texts(dictionaries.get(*dictionary), cells, self.rows))
            }
            (CodedColumn::Wide(cells), DataType::Decimal128(..)) => {
                Arc::new(numbers::<Decimal128Type>(cells, self.rows, nullable).with_data_type(kind.clone()))
            }
            (CodedColumn::Long(cells), DataType::Int64) => Arc::new(numbers::<Int64Type>(cells, self.rows, nullable)),
            (CodedColumn::Long(cells), DataType::Timestamp(..)) => {
                let instants = numbers::<TimestampMicrosecondType>(cells, self.rows, nullable);
                Arc::new(instants.with_data_type(kind.clone()))
            }
            (CodedColumn::Short(cells), DataType::Int32) => Arc::new(numbers::<Int32Type>(cells, self.rows, nullable)),
            (CodedColumn::Short(cells), DataType::Date32) => {
                Arc::new(numbers::<Date32Type>(cells, self.rows, nullable))
            }
            (CodedColumn::Truth(cells), DataType::Boolean) => Arc::new(
                (0..self.rows)
                    .map(|row| Some(cells.at(row)).filter(|v| *v != u8::NULL || !nullable).map(|v| v == 1))
                    .collect::<BooleanArray>(),
            ),
            _ => return None,
        })
    }
}

fn texts(dictionary: Option<&TextDictionary>, cells: &Cells<u32>, rows: usize) -> StringArray {
    let mut builder = StringBuilder::with_capacity(rows, rows * 8);
    for row in 0..rows {
        builder.append_value(dictionary.map_or("", |d| d.text(cells.at(row))));
    }
    builder.finish()
}

fn numbers<A: ArrowPrimitiveType>(cells: &Cells<A::Native>, rows: usize, nullable: bool) -> PrimitiveArray<A>
where
    A::Native: Number,
{
    (0..rows).map(|row| Some(cells.at(row)).filter(|value| !nullable || *value != A::Native::NULL)).collect()
}
