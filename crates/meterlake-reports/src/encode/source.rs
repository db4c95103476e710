//! The columns of a batch, bound to the fields of a row.

use datafusion::arrow::array::{Array, AsArray, BooleanArray, Date32Array, Decimal128Array, Int32Array, Int64Array};
use datafusion::arrow::datatypes::{DataType, Date32Type, Decimal128Type, Int32Type, Int64Type};
use datafusion::arrow::record_batch::RecordBatch;

use super::number::MOST_DECIMALS;
use super::text::Texts;
use super::{DayFormat, EncodeError, FieldKind, WireField};

/// Where the values of a field come from.
pub(super) enum Source<'a> {
    /// Text.
    Text(Texts<'a>),
    /// Text in upper case.
    UpperText(Texts<'a>),
    /// 64-bit integers.
    Long(&'a Int64Array),
    /// 32-bit integers.
    Short(&'a Int32Array),
    /// Decimals with their scale.
    Decimal(&'a Decimal128Array, usize),
    /// Truth values.
    Boolean(&'a BooleanArray),
    /// Days.
    Day(&'a Date32Array, DayFormat),
    /// The same text in every row.
    Constant(&'static str),
    /// The same bytes in every row.
    Literal(&'static str),
}

impl<'a> Source<'a> {
    pub(super) fn bind(field: &WireField, batch: &'a RecordBatch) -> Result<Self, EncodeError> {
        match field.kind {
            FieldKind::Constant(text) => return Ok(Self::Constant(text)),
            FieldKind::Literal(bytes) => return Ok(Self::Literal(bytes)),
            _ => {}
        }
        let missing = EncodeError::MissingColumn { field: field.name, column: field.column };
        let array = batch.column_by_name(field.column).ok_or(missing)?.as_ref();
        Self::of(field.kind, array).ok_or_else(|| EncodeError::WrongType {
            field: field.name,
            column: field.column,
            found: array.data_type().to_string(),
            kind: field.kind,
        })
    }

    fn of(kind: FieldKind, array: &'a dyn Array) -> Option<Self> {
        match (kind, array.data_type()) {
            (FieldKind::Text, _) => Texts::of(array).map(Self::Text),
            (FieldKind::UpperText, _) => Texts::of(array).map(Self::UpperText),
            (FieldKind::Integer | FieldKind::Decimal, DataType::Int64) => {
                array.as_primitive_opt::<Int64Type>().map(Self::Long)
            }
            (FieldKind::Integer | FieldKind::Decimal, DataType::Int32) => {
                array.as_primitive_opt::<Int32Type>().map(Self::Short)
            }
            (FieldKind::Decimal, DataType::Decimal128(_, scale)) => {
                let scale = usize::try_from(*scale).ok().filter(|scale| *scale <= MOST_DECIMALS)?;
                array.as_primitive_opt::<Decimal128Type>().map(|values| Self::Decimal(values, scale))
            }
            (FieldKind::Boolean, DataType::Boolean) => array.as_boolean_opt().map(Self::Boolean),
            (FieldKind::Day(format), DataType::Date32) => {
                array.as_primitive_opt::<Date32Type>().map(|days| Self::Day(days, format))
            }
            _ => None,
        }
    }

    /// Whether its values stand in quotes, where the notation has them. Days see to theirs, because there may be none.
    pub(super) fn is_text(&self) -> bool {
        matches!(self, Self::Text(_) | Self::UpperText(_) | Self::Constant(_))
    }

    /// Whether all rows, of which there is one at least, have the same value. Many columns of a source are empty, or
    /// the same for a whole account.
    pub(super) fn is_constant(&self) -> bool {
        match self {
            Self::Text(texts) | Self::UpperText(texts) => texts.is_constant(),
            Self::Long(values) => uniform(values.values(), values.null_count()),
            Self::Short(values) => uniform(values.values(), values.null_count()),
            Self::Decimal(values, _) => uniform(values.values(), values.null_count()),
            Self::Day(values, _) => uniform(values.values(), values.null_count()),
            Self::Boolean(values) => {
                let ones = values.true_count();
                let all = values.len();
                all > 0 && (values.null_count() == all || values.null_count() == 0 && (ones == 0 || ones == all))
            }
            Self::Constant(_) | Self::Literal(_) => true,
        }
    }
}

/// Whether there are values and all are equal, or all are null.
pub(super) fn uniform<T: PartialEq>(values: &[T], nulls: usize) -> bool {
    let Some(first) = values.first() else { return false };
    nulls == values.len() || nulls == 0 && values.iter().all(|value| value == first)
}
