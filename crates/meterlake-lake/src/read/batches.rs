//! Decoding the rows of a row group.

use std::{ops::Range, sync::Arc};

use arrow::{
    array::{
        Array, ArrayRef, AsArray, BooleanArray, DictionaryArray, Int32Array, Int64Array, RecordBatch,
        RecordBatchOptions, StringViewArray, new_null_array,
    },
    datatypes::{DataType, Field, FieldRef, Fields, Int32Type, Schema, SchemaRef},
};
use parquet::arrow::{
    ProjectionMask,
    arrow_reader::{ParquetRecordBatchReader, RowSelection},
    parquet_to_arrow_field_levels,
};

use super::{
    chunks::{InMemory, Pieces},
    row_group::{Source, is_dictionary},
};
use crate::{error::LakeError, tables::ColumnType};

/// The bytes of some columns of a row group, not decoded yet.
pub struct FetchedRowGroup {
    pub(super) source: Arc<Source>,
    pub(super) index: usize,
    pub(super) columns: Vec<String>,
    pub(super) sparse: bool,
    pub(super) rows: Range<usize>,
    pub(super) selection: Option<RowSelection>,
    pub(super) pieces: Pieces,
}

/// Decodes a row group, batch by batch. Every batch has the same schema, and its dictionaries have the same values: the
/// same `Arc`.
pub struct RowGroupBatches {
    reader: Option<ParquetRecordBatchReader>,
    schema: SchemaRef,
    columns: Vec<Wanted>,
    /// The values of each column's dictionary, once the first batch has brought them.
    dictionaries: Vec<Option<ArrayRef>>,
    left: usize,
    batch_rows: usize,
    path: Arc<str>,
}

/// Where the values of a column come from.
enum Wanted {
    /// This place of what the reader yields.
    Read(usize),
    /// One value for all rows: the partition's, or that of a column which the file does not have yet.
    Same(ArrayRef),
}

impl FetchedRowGroup {
    /// The bytes that are held.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.pieces.size()
    }

    /// How many rows [`FetchedRowGroup::batches`] yields in all.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.rows.len()
    }

    /// The bytes themselves.
    pub(super) fn into_pieces(self) -> Pieces {
        self.pieces
    }

    /// Decodes the rows in batches of `batch_rows` (the last may be smaller), columns in the order they were asked for.
    /// Text is `Dictionary(Int32, Utf8)` where [`super::RowGroup::is_dictionary`], otherwise `Utf8View`; the other
    /// columns have the types of [`crate::Table::schema`].
    ///
    /// # Errors
    /// When the file does not hold what its footer says.
    pub fn batches(self, batch_rows: usize) -> Result<RowGroupBatches, LakeError> {
        let path = Arc::clone(&self.source.file.path);
        let batch_rows = batch_rows.clamp(1, self.rows.len().max(1));
        let stored = self.source.metadata.row_group(self.index);
        let schema = self.source.metadata.file_metadata().schema_descr();
        let mut fields: Vec<FieldRef> = Vec::with_capacity(self.columns.len());
        // Columns of the file that are read, in its order.
        let mut read: Vec<usize> = Vec::new();
        for name in &self.columns {
            let place = self.source.column(name);
            fields.push(self.field(name, place.is_some_and(|place| is_dictionary(stored.column(place)))));
            read.extend(place);
        }
        read.sort_unstable();
        read.dedup();
        let columns: Vec<Wanted> = self
            .columns
            .iter()
            .zip(&fields)
            .map(|(name, field)| match self.source.column(name).and_then(|place| read.binary_search(&place).ok()) {
                Some(place) => Wanted::Read(place),
                None => Wanted::Same(self.same(name, field, batch_rows)),
            })
            .collect();
        let reader = if read.is_empty() || self.rows.is_empty() {
            None
        } else {
            let hints = self.hints(&fields);
            let mask = ProjectionMask::leaves(schema, read);
            let levels = parquet_to_arrow_field_levels(schema, mask, Some(&hints))?;
            let group = InMemory {
                metadata: &self.source.metadata,
                index: self.index,
                sparse: self.sparse,
                pieces: self.pieces,
            };
            let selection = self.selection;
            Some(ParquetRecordBatchReader::try_new_with_row_groups(&levels, &group, batch_rows, selection)?)
        };
        Ok(RowGroupBatches {
            reader,
            schema: Arc::new(Schema::new(fields)),
            dictionaries: vec![None; columns.len()],
            columns,
            left: self.rows.len(),
            batch_rows,
            path,
        })
    }

    /// The column as it is read.
    fn field(&self, name: &str, dictionary: bool) -> FieldRef {
        let column = self.source.table.columns().iter().find(|column| column.name == name);
        let data_type = match column.map_or(DataType::Null, |column| column.kind.arrow()) {
            DataType::Utf8 if dictionary => DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8)),
            DataType::Utf8 => DataType::Utf8View,
            other => other,
        };
        Arc::new(Field::new(name, data_type, column.is_none_or(|column| column.nullable)))
    }

    /// How the columns of the file are to be read; those that are not read may say anything.
    fn hints(&self, wanted: &[FieldRef]) -> Fields {
        let columns = self.source.metadata.file_metadata().schema_descr().columns();
        columns
            .iter()
            .map(|column| {
                let field = wanted.iter().find(|field| field.name() == column.name()).cloned();
                field.unwrap_or_else(|| Arc::new(Field::new(column.name(), DataType::Null, true)))
            })
            .collect()
    }

    /// The values of a column that the file does not hold.
    fn same(&self, name: &str, field: &FieldRef, rows: usize) -> ArrayRef {
        if self.source.table.partition() == Some(name)
            && let Some(number) = self.source.file.partition
        {
            return Arc::new(Int32Array::from(vec![number; rows]));
        }
        let kind = self.source.table.columns().iter().find(|column| column.name == name);
        match kind.filter(|column| !column.nullable).map(|column| column.kind) {
            Some(ColumnType::Text) => Arc::new(StringViewArray::from(vec![""; rows])),
            Some(ColumnType::Integer) => Arc::new(Int64Array::from(vec![0; rows])),
            Some(ColumnType::Boolean) => Arc::new(BooleanArray::from(vec![false; rows])),
            _ => new_null_array(field.data_type(), rows),
        }
    }
}

impl RowGroupBatches {
    /// The schema of every batch.
    #[must_use]
    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// The next batch, or none after the last.
    fn read(&mut self) -> Result<Option<RecordBatch>, LakeError> {
        if self.left == 0 {
            return Ok(None);
        }
        let read = self.reader.as_mut().map(|reader| reader.next().transpose()).transpose()?.flatten();
        let rows = match (&read, &self.reader) {
            (Some(batch), _) => batch.num_rows(),
            (None, None) => self.batch_rows.min(self.left),
            (None, Some(_)) => {
                return Err(LakeError::Corrupt {
                    path: self.path.to_string(),
                    reason: format!("a row group has {} rows less than its footer says", self.left),
                });
            }
        };
        self.left = self.left.saturating_sub(rows);
        let mut arrays: Vec<ArrayRef> = Vec::with_capacity(self.columns.len());
        for (column, dictionary) in self.columns.iter().zip(&mut self.dictionaries) {
            arrays.push(match (column, &read) {
                (Wanted::Read(place), Some(batch)) => shared(batch.column(*place), dictionary),
                (Wanted::Same(values), _) => values.slice(0, rows),
                (Wanted::Read(_), None) => return Err(LakeError::Rows("no rows were read".to_owned())),
            });
        }
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        Ok(Some(RecordBatch::try_new_with_options(Arc::clone(&self.schema), arrays, &options)?))
    }
}

/// The same array, but with the values of the batches before where they are the same bytes: the reader makes a new
/// array of them each time.
fn shared(array: &ArrayRef, known: &mut Option<ArrayRef>) -> ArrayRef {
    let Some(dictionary) = array.as_any().downcast_ref::<DictionaryArray<Int32Type>>() else {
        return Arc::clone(array);
    };
    let values = dictionary.values();
    match known {
        Some(known) if is_same(known, values) => Arc::new(dictionary.with_values(Arc::clone(known))),
        _ => {
            *known = Some(Arc::clone(values));
            Arc::clone(array)
        }
    }
}

fn is_same(one: &ArrayRef, other: &ArrayRef) -> bool {
    match (one.as_string_opt::<i32>(), other.as_string_opt::<i32>()) {
        (Some(one), Some(other)) => {
            one.len() == other.len()
                && one.values().ptr_eq(other.values())
                && one.offsets().inner().inner().ptr_eq(other.offsets().inner().inner())
        }
        _ => false,
    }
}

impl Iterator for RowGroupBatches {
    type Item = Result<RecordBatch, LakeError>;

    fn next(&mut self) -> Option<Self::Item> {
        let next = self.read();
        if next.is_err() {
            self.left = 0;
        }
        next.transpose()
    }
}
