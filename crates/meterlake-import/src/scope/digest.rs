//! What makes two bodies of rows the same, whatever their order, file name or compression.

use arrow::array::{
    Array, BooleanArray, Date32Array, Decimal128Array, Int32Array, Int64Array, RecordBatch, StringArray,
    TimestampMicrosecondArray,
};
use meterlake_lake::charges::{ColumnType, columns};
use sha2::{Digest, Sha256};

use super::access::column;
use crate::ImportError;

/// Columns that say how a row came here, not what it is.
pub(super) const PROVENANCE: [&str; 3] = [columns::IMPORT_ID, columns::SOURCE_FILE, columns::SOURCE_LINE];

enum Cells<'a> {
    Text(&'a StringArray),
    Integer(&'a Int64Array),
    Period(&'a Int32Array),
    Day(&'a Date32Array),
    Instant(&'a TimestampMicrosecondArray),
    Boolean(&'a BooleanArray, bool),
    Decimal(&'a Decimal128Array),
}

/// One 128-bit digest a row, over every column but provenance. Values that stand for "none" are left out, so that
/// a column that a later version adds does not change the digests of rows without it. Digests of a set of rows are
/// summed, wrapping, which makes the sum independent of their order.
pub(crate) fn row_digests(batch: &RecordBatch) -> Result<Vec<u128>, ImportError> {
    let mut cells = Vec::with_capacity(columns::COLUMNS.len());
    for c in columns::COLUMNS.iter().filter(|c| !PROVENANCE.contains(&c.name)) {
        let array = match c.kind {
            ColumnType::Text => Cells::Text(column(batch, c.name)?),
            ColumnType::Integer => Cells::Integer(column(batch, c.name)?),
            ColumnType::Period => Cells::Period(column(batch, c.name)?),
            ColumnType::Day => Cells::Day(column(batch, c.name)?),
            ColumnType::Instant => Cells::Instant(column(batch, c.name)?),
            ColumnType::Boolean => Cells::Boolean(column(batch, c.name)?, c.nullable),
            ColumnType::Amount | ColumnType::Quantity => Cells::Decimal(column(batch, c.name)?),
        };
        cells.push((tag(c.name), array));
    }
    let mut buffer = Vec::with_capacity(2048);
    let digest = |row| {
        buffer.clear();
        for (tag, array) in &cells {
            array.write(row, *tag, &mut buffer);
        }
        first_half(&buffer)
    };
    Ok((0..batch.num_rows()).map(digest).collect())
}

/// Four bytes that stand for a column's name.
pub(super) fn tag(name: &str) -> [u8; 4] {
    first_half(name.as_bytes()).to_be_bytes().first_chunk().copied().unwrap_or_default()
}

pub(super) fn first_half(bytes: &[u8]) -> u128 {
    first_half_of(Sha256::new_with_prefix(bytes))
}

pub(super) fn first_half_of(hash: Sha256) -> u128 {
    let hash = hash.finalize();
    hash.first_chunk().map_or(0, |half| u128::from_be_bytes(*half))
}

impl Cells<'_> {
    fn write(&self, row: usize, tag: [u8; 4], out: &mut Vec<u8>) {
        let mut put = |bytes: &[u8]| {
            out.extend_from_slice(&tag);
            out.extend_from_slice(bytes);
        };
        match self {
            Self::Text(a) => {
                let text = a.value(row);
                if !text.is_empty() {
                    put(&(text.len() as u64).to_le_bytes());
                    out.extend_from_slice(text.as_bytes());
                }
            }
            Self::Integer(a) if a.is_valid(row) && a.value(row) != 0 => put(&a.value(row).to_le_bytes()),
            Self::Period(a) if a.is_valid(row) => put(&a.value(row).to_le_bytes()),
            Self::Day(a) if a.is_valid(row) => put(&a.value(row).to_le_bytes()),
            Self::Instant(a) if a.is_valid(row) => put(&a.value(row).to_le_bytes()),
            Self::Boolean(a, nullable) if a.is_valid(row) && (*nullable || a.value(row)) => {
                put(&[u8::from(a.value(row))])
            }
            Self::Decimal(a) if a.is_valid(row) => put(&a.value(row).to_le_bytes()),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{ArrayRef, new_null_array};
    use arrow::datatypes::DataType;

    use super::*;

    fn batch(costs: [i128; 2], lines: [i64; 2]) -> RecordBatch {
        let arrays = columns::COLUMNS.iter().map(|c| -> ArrayRef {
            match (c.name, c.kind) {
                (columns::BILLED_COST, _) => {
                    Arc::new(Decimal128Array::from(costs.to_vec()).with_precision_and_scale(38, 24).unwrap())
                }
                (columns::SOURCE_LINE, _) => Arc::new(Int64Array::from(lines.to_vec())),
                (_, ColumnType::Text) => Arc::new(StringArray::from(vec!["", ""])),
                (_, ColumnType::Integer) => Arc::new(Int64Array::from(vec![0, 0])),
                (_, ColumnType::Period) => Arc::new(Int32Array::from(vec![202_411, 202_411])),
                (_, ColumnType::Boolean) if !c.nullable => Arc::new(BooleanArray::from(vec![false, false])),
                (_, ColumnType::Day) if !c.nullable => Arc::new(Date32Array::from(vec![20_000, 20_000])),
                (_, kind) => new_null_array(
                    &match kind.arrow() {
                        DataType::Null => unreachable!(),
                        t => t,
                    },
                    2,
                ),
            }
        });
        RecordBatch::try_new(columns::schema(), arrays.collect()).unwrap()
    }

    fn sum(batch: &RecordBatch) -> u128 {
        row_digests(batch).unwrap().into_iter().fold(0, u128::wrapping_add)
    }

    #[test]
    fn order_and_place_do_not_count_but_amounts_do() {
        assert_eq!(sum(&batch([1, 2], [2, 3])), sum(&batch([2, 1], [8, 9])));
        assert_ne!(sum(&batch([1, 2], [2, 3])), sum(&batch([1, 3], [2, 3])));
        assert_ne!(sum(&batch([1, 1], [2, 3])), sum(&batch([2, 2], [2, 3])));
    }
}
