//! Licences as rows of the lake.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use arrow::compute::cast;
use arrow::error::ArrowError;
use datafusion::prelude::SessionContext;
use meterlake_lake::tables::licences::columns;
use meterlake_lake::{LakeError, Table, TableFile, TableSnapshot};
use meterlake_model::{ImportId, TenantId};
use uuid::Uuid;

use super::join::Licence;
use crate::ImportError;

/// A row: one SKU of a snapshot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) tenant: TenantId,
    /// Microseconds since 1970, UTC.
    pub(super) moment: i64,
    pub(super) licence: Licence,
    pub(super) import: String,
}

impl Row {
    pub(super) fn new(tenant: TenantId, moment: i64, licence: Licence, import: ImportId) -> Self {
        Self { tenant, moment, licence, import: import.to_string() }
    }
}

/// The rows in the table's columns.
pub(super) fn batch(rows: &[Row]) -> Result<RecordBatch, ImportError> {
    let text = |of: fn(&Row) -> String| -> ArrayRef { Arc::new(StringArray::from_iter_values(rows.iter().map(of))) };
    let number = |of: fn(&Licence) -> Option<i64>| -> ArrayRef {
        Arc::new(rows.iter().map(|r| of(&r.licence)).collect::<Int64Array>())
    };
    let schema = Table::Licences.schema();
    let column = |name: &str| -> Result<ArrayRef, ImportError> {
        Ok(match name {
            columns::TENANT_ID => text(|r| r.tenant.to_string()),
            columns::MOMENT => Arc::new(
                rows.iter().map(|r| Some(r.moment)).collect::<TimestampMicrosecondArray>().with_timezone("UTC"),
            ),
            columns::SKU_ID => text(|r| r.licence.sku.map(|s| s.to_string()).unwrap_or_default()),
            columns::SKU_PART_NUMBER => text(|r| r.licence.part_number.clone()),
            columns::PRODUCT_NAME => text(|r| r.licence.product_name.clone()),
            columns::TOTAL_UNITS => number(|l| l.total),
            columns::ACTIVE_UNITS => number(|l| l.active),
            columns::CONSUMED_UNITS => number(|l| l.consumed),
            columns::SUSPENDED_UNITS => number(|l| l.suspended),
            columns::WARNING_UNITS => number(|l| l.warning),
            columns::SUBSCRIPTION_NAMES => text(|r| r.licence.subscription_names.clone()),
            columns::IMPORT_ID => text(|r| r.import.clone()),
            other => return Err(lost(&format!("no value for column {other}"))),
        })
    };
    let arrays = schema.fields().iter().map(|f| column(f.name())).collect::<Result<Vec<_>, _>>()?;
    Ok(RecordBatch::try_new(schema, arrays).map_err(LakeError::from)?)
}

/// The rows of some files of one tenant.
pub(super) async fn read(
    context: &SessionContext,
    snapshot: &TableSnapshot,
    files: &[TableFile],
    tenant: TenantId,
) -> Result<Vec<Row>, ImportError> {
    if files.is_empty() {
        return Ok(Vec::new());
    }
    let table = context.read_table(snapshot.provider_of(files)).map_err(LakeError::from)?;
    let mut rows = Vec::new();
    for batch in table.collect().await.map_err(LakeError::from)? {
        rows_of(&batch, tenant, &mut rows)?;
    }
    Ok(rows)
}

fn rows_of(batch: &RecordBatch, tenant: TenantId, rows: &mut Vec<Row>) -> Result<(), ImportError> {
    let schema = Table::Licences.schema();
    let array = |name: &str| -> Result<ArrayRef, ImportError> {
        let found = batch.column_by_name(name).ok_or_else(|| lost(&format!("column {name} is missing")))?;
        let wanted = schema.field_with_name(name).map_err(LakeError::from)?.data_type();
        Ok(cast(found, wanted).map_err(LakeError::from)?)
    };
    let texts = |name: &str| Ok::<_, ImportError>(as_type::<StringArray>(&array(name)?)?.clone());
    let numbers = |name: &str| Ok::<_, ImportError>(as_type::<Int64Array>(&array(name)?)?.clone());
    let moments = as_type::<TimestampMicrosecondArray>(&array(columns::MOMENT)?)?.clone();
    let (sku, part_number) = (texts(columns::SKU_ID)?, texts(columns::SKU_PART_NUMBER)?);
    let (name, names) = (texts(columns::PRODUCT_NAME)?, texts(columns::SUBSCRIPTION_NAMES)?);
    let imports = texts(columns::IMPORT_ID)?;
    let (total, active) = (numbers(columns::TOTAL_UNITS)?, numbers(columns::ACTIVE_UNITS)?);
    let (consumed, suspended) = (numbers(columns::CONSUMED_UNITS)?, numbers(columns::SUSPENDED_UNITS)?);
    let warning = numbers(columns::WARNING_UNITS)?;
    let number = |array: &Int64Array, row: usize| array.is_valid(row).then(|| array.value(row));
    for row in 0..batch.num_rows() {
        let licence = Licence {
            sku: Uuid::try_parse(sku.value(row)).ok(),
            part_number: part_number.value(row).to_owned(),
            product_name: name.value(row).to_owned(),
            total: number(&total, row),
            active: number(&active, row),
            consumed: number(&consumed, row),
            suspended: number(&suspended, row),
            warning: number(&warning, row),
            subscription_names: names.value(row).to_owned(),
        };
        rows.push(Row { tenant, moment: moments.value(row), licence, import: imports.value(row).to_owned() });
    }
    Ok(())
}

fn as_type<T: Array + 'static>(array: &ArrayRef) -> Result<&T, ImportError> {
    array.as_any().downcast_ref::<T>().ok_or_else(|| lost("a column of another type"))
}

fn lost(reason: &str) -> ImportError {
    ImportError::Lake(LakeError::from(ArrowError::SchemaError(reason.to_owned())))
}
