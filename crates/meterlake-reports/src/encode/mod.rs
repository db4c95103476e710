//! Batches to bytes.

mod buffers;
mod coded;
mod csv;
mod json;
mod number;
mod rows;
mod scan;
mod source;
mod text;

#[cfg(test)]
mod tests;

pub use buffers::Buffers;
pub(crate) use coded::{CodedRows, Picked};
pub use csv::CsvRows;
pub use json::JsonRows;

/// A field of a row on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WireField {
    /// Its name, exactly as documented.
    pub name: &'static str,
    /// The column of the batch that holds its value; not read for constants.
    pub column: &'static str,
    /// How it is written.
    pub kind: FieldKind,
}

/// How a value is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FieldKind {
    /// Text as it stands; a null is the empty text.
    Text,
    /// Text with ASCII letters in upper case.
    UpperText,
    /// An integer; a null is 0.
    Integer,
    /// An exact decimal in canonical form; a null is 0.
    Decimal,
    /// `true` or `false`; a null is `false`.
    Boolean,
    /// A day; a null is `null` in JSON and empty in CSV.
    Day(DayFormat),
    /// The same text in every row.
    Constant(&'static str),
    /// The same number or literal in every row, written without quotes.
    Literal(&'static str),
}

impl FieldKind {
    /// Whether the value stands in quotes, where the notation has them. Days see to theirs, because there may be none.
    fn is_text(self) -> bool {
        matches!(self, Self::Text | Self::UpperText | Self::Constant(_))
    }

    /// Whether the value comes from a column.
    fn is_read(self) -> bool {
        !matches!(self, Self::Constant(_) | Self::Literal(_))
    }
}

/// How a day is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DayFormat {
    /// `2017-04-27`
    Iso,
    /// `2017-04-27T00:00:00`
    Midnight,
    /// `2017-04-27T00:00:00Z`
    MidnightZ,
}

/// Why a batch cannot be encoded; a defect of the caller, not of the data.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EncodeError {
    /// The batch has no such column.
    #[error("field {field}: the batch has no column {column}")]
    MissingColumn {
        /// The field.
        field: &'static str,
        /// The column it reads.
        column: &'static str,
    },
    /// The values of a field take more than can be held.
    #[error("field {field}: the values of a row group take more than 4 GiB")]
    TooLarge {
        /// The field.
        field: &'static str,
    },
    /// The column's type does not suit the field's kind.
    #[error("field {field}: column {column} of type {found} cannot be written as {kind:?}")]
    WrongType {
        /// The field.
        field: &'static str,
        /// The column it reads.
        column: &'static str,
        /// The type of the column.
        found: String,
        /// The kind of the field.
        kind: FieldKind,
    },
}
