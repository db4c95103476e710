//! Columns that the Parquet library encodes.

use std::sync::Arc;

use parquet::{
    column::writer::{ColumnWriter, get_column_writer},
    errors::ParquetError,
    file::writer::{SerializedPageWriter, TrackedWrite},
};

use super::{
    bucket::any_null,
    chunk::Encoded,
    column::{Chunk, ColumnPlan},
    rows::{Cells, Number},
};
use crate::{error::LakeError, stats::StatValue};

impl ColumnPlan<'_> {
    /// Integers that are packed as differences, without a dictionary.
    pub(super) fn distinct(&self, cells: &Cells<i64>, count: usize) -> Result<Chunk, LakeError> {
        let values: Vec<i64> = (0..count).map(|row| cells.at(row)).collect();
        let bounds = values.iter().min().zip(values.iter().max());
        let bounds = bounds.map(|(low, high)| (StatValue::Integer(*low), StatValue::Integer(*high)));
        let encoded = self.foreign(|writer| match writer {
            ColumnWriter::Int64ColumnWriter(writer) => writer.write_batch(&values, None, None).map(drop),
            _ => Err(ParquetError::General("not a column of integers".to_owned())),
        })?;
        Ok(Chunk { encoded, bounds })
    }

    pub(super) fn truths(&self, cells: &Cells<u8>, count: usize) -> Result<Chunk, LakeError> {
        let nullable = self.nullable();
        let nulls = nullable && any_null(cells);
        let values = (0..count).map(|row| cells.at(row));
        let present: Vec<bool> = values.clone().filter(|v| !nulls || *v != u8::NULL).map(|v| v == 1).collect();
        let levels: Option<Vec<i16>> = nullable.then(|| values.map(|v| i16::from(v != u8::NULL)).collect());
        let encoded = self.foreign(|writer| match writer {
            ColumnWriter::BoolColumnWriter(writer) => writer.write_batch(&present, levels.as_deref(), None).map(drop),
            _ => Err(ParquetError::General("not a column of truth values".to_owned())),
        })?;
        Ok(Chunk { encoded, bounds: None })
    }

    /// Leaves the encoding to the Parquet library.
    fn foreign(
        &self,
        write: impl FnOnce(&mut ColumnWriter<'_>) -> Result<(), ParquetError>,
    ) -> Result<Encoded, ParquetError> {
        let mut sink = TrackedWrite::new(Vec::new());
        let pages = Box::new(SerializedPageWriter::new(&mut sink));
        let mut writer = get_column_writer(Arc::clone(self.descr), Arc::clone(self.properties), pages);
        write(&mut writer)?;
        let close = writer.close()?;
        Ok(Encoded { bytes: sink.into_inner()?.into(), close })
    }
}
