//! Typed columns of a batch of charges.

use std::sync::Arc;

use arrow::array::{Array, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{Field, Schema};
use meterlake_lake::LakeError;
use meterlake_lake::charges::columns::COLUMNS;

use crate::ImportError;

/// The column of this name as the array type that `columns::schema()` promises.
pub(crate) fn column<'a, A: Array + 'static>(batch: &'a RecordBatch, name: &str) -> Result<&'a A, ImportError> {
    batch
        .column_by_name(name)
        .and_then(|array| array.as_any().downcast_ref::<A>())
        .ok_or_else(|| ImportError::Lake(LakeError::Rows(format!("column {name} is missing or of another type"))))
}

/// The batch with every column of charges in the type of `columns::schema()`; the lake may hand text out as views.
pub(crate) fn typed(batch: &RecordBatch) -> Result<RecordBatch, ImportError> {
    let mut fields = Vec::with_capacity(batch.num_columns());
    let mut arrays = Vec::with_capacity(batch.num_columns());
    for (field, array) in batch.schema_ref().fields().iter().zip(batch.columns()) {
        match COLUMNS.iter().find(|c| c.name == field.name()) {
            Some(column) => {
                let wanted = column.kind.arrow();
                let array = if *array.data_type() == wanted {
                    Arc::clone(array)
                } else {
                    cast(array, &wanted).map_err(LakeError::from)?
                };
                fields.push(Field::new(column.name, wanted, column.nullable));
                arrays.push(array);
            }
            None => {
                fields.push(field.as_ref().clone());
                arrays.push(Arc::clone(array));
            }
        }
    }
    Ok(RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays).map_err(LakeError::from)?)
}
