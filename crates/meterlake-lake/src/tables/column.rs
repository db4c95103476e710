//! What a column of a lake table is, apart from its name.

use arrow::datatypes::{DataType, Field, TimeUnit};

/// The exact types that lake columns have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ColumnType {
    /// Text, never null: the empty text stands for "the source has none".
    Text,
    /// A 64-bit integer; in a column that is never null, 0 where the source has none.
    Integer,
    /// A billing period or calendar month as the number `yyyymm`.
    Period,
    /// A day in UTC.
    Day,
    /// An instant in UTC, to the microsecond.
    Instant,
    /// A truth value.
    Boolean,
    /// Money: `Decimal128(38, 24)`.
    Amount,
    /// A quantity: `Decimal128(38, 20)`.
    Quantity,
}

impl ColumnType {
    /// The Arrow type of a batch that is written to the lake.
    #[must_use]
    pub fn arrow(self) -> DataType {
        match self {
            Self::Text => DataType::Utf8,
            Self::Integer => DataType::Int64,
            Self::Period => DataType::Int32,
            Self::Day => DataType::Date32,
            Self::Instant => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
            Self::Boolean => DataType::Boolean,
            Self::Amount => DataType::Decimal128(38, 24),
            Self::Quantity => DataType::Decimal128(38, 20),
        }
    }
}

/// One documented column.
#[derive(Clone, Copy, Debug)]
pub struct Column {
    /// Its name in the table.
    pub name: &'static str,
    /// Its type.
    pub kind: ColumnType,
    /// Whether a row may have none.
    pub nullable: bool,
    /// What it means, with its unit.
    pub meaning: &'static str,
}

impl Column {
    /// The Arrow field of a batch that is written to the lake.
    #[must_use]
    pub fn field(&self) -> Field {
        Field::new(self.name, self.kind.arrow(), self.nullable)
    }
}

/// Declares the columns of a table: a documented constant for each name, and `COLUMNS`, all of them in file order.
macro_rules! table_columns {
    ($($constant:ident, $name:literal, $kind:ident $(, $nullable:ident)?: $meaning:literal;)+) => {
        $(#[doc = $meaning] pub const $constant: &str = $name;)+

        /// Every column of the table, in file order.
        pub const COLUMNS: &[$crate::tables::Column] = &[
            $($crate::tables::Column {
                name: $name,
                kind: $crate::tables::ColumnType::$kind,
                nullable: $crate::tables::column::table_columns!(@null $($nullable)?),
                meaning: $meaning,
            }),+
        ];
    };
    (@null nullable) => { true };
    (@null) => { false };
}

pub(crate) use table_columns;
