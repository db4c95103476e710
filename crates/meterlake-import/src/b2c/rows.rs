//! Rows of `b2c_events`: written from events, and read back.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, BooleanArray, BooleanBuilder, Int32Array, Int64Array, RecordBatch, StringArray, StringBuilder,
    TimestampMicrosecondArray,
};
use arrow::compute::cast;
use arrow::datatypes::DataType;
use arrow::error::ArrowError;
use meterlake_lake::tables::b2c_events::columns;
use meterlake_lake::{LakeError, Table};
use meterlake_model::TenantId;

use super::activity::{Activity, Client, Place};
use super::event::Event;
use crate::ImportError;

/// Rows of a batch.
pub(crate) const ROWS: usize = 8_192;

/// Rows on their way into the table.
#[derive(Default)]
pub(crate) struct EventRows {
    months: Vec<i32>,
    times: Vec<i64>,
    success: BooleanBuilder,
    files: Vec<i64>,
    lines: Vec<i64>,
    /// In the order of [`TEXTS`].
    texts: [StringBuilder; TEXTS.len()],
}

/// The text columns.
const TEXTS: [&str; 13] = [
    columns::TENANT_ID,
    columns::ID,
    columns::KIND,
    columns::ACTIVITY,
    columns::CLIENT_TYPE,
    columns::CORRELATION_ID,
    columns::APPLICATION_ID,
    columns::POLICY,
    columns::FLOW,
    columns::IDENTITY_PROVIDER,
    columns::MFA_METHOD,
    columns::USER_HASH,
    columns::IMPORT_ID,
];

impl EventRows {
    pub(crate) fn len(&self) -> usize {
        self.times.len()
    }

    pub(crate) fn add(&mut self, tenant: &str, event: &Event, place: Place) {
        self.months.push(event.month());
        self.times.push(event.time);
        self.success.append_value(event.success);
        self.files.push(event.file);
        self.lines.push(event.line);
        let values = [
            tenant,
            &event.id,
            place.kind,
            event.activity.as_str(),
            event.client.as_str(),
            &event.correlation,
            &event.application,
            &event.policy,
            place.flow,
            &event.provider,
            event.activity.mfa_method(),
            &event.user_hash,
            &event.import,
        ];
        for (builder, value) in self.texts.iter_mut().zip(values) {
            builder.append_value(value);
        }
    }

    /// The rows as a batch; none are left.
    pub(crate) fn take(&mut self) -> Result<RecordBatch, ArrowError> {
        let mut taken = std::mem::take(self);
        let mut texts: Vec<ArrayRef> = taken.texts.iter_mut().map(|b| Arc::new(b.finish()) as ArrayRef).collect();
        let mut text = |name: &str| -> ArrayRef {
            match TEXTS.iter().position(|t| *t == name) {
                Some(at) => std::mem::replace(&mut texts[at], Arc::new(StringArray::new_null(0))),
                None => Arc::new(StringArray::new_null(0)),
            }
        };
        let schema = Table::B2cEvents.schema();
        let mut arrays: Vec<ArrayRef> = Vec::with_capacity(schema.fields().len());
        for field in schema.fields() {
            arrays.push(match field.name().as_str() {
                columns::MONTH => Arc::new(Int32Array::from(std::mem::take(&mut taken.months))),
                columns::TIME => {
                    Arc::new(TimestampMicrosecondArray::from(std::mem::take(&mut taken.times)).with_timezone("UTC"))
                }
                columns::SUCCESS => Arc::new(taken.success.finish()),
                columns::SOURCE_FILE => Arc::new(Int64Array::from(std::mem::take(&mut taken.files))),
                columns::SOURCE_LINE => Arc::new(Int64Array::from(std::mem::take(&mut taken.lines))),
                name => text(name),
            });
        }
        RecordBatch::try_new(schema, arrays)
    }
}

/// Columns of a batch by name, cast to the types they are written in.
pub(crate) struct Columns<'a>(pub(crate) &'a RecordBatch);

impl Columns<'_> {
    fn get<T: Array + Clone + 'static>(&self, name: &str, kind: &DataType) -> Result<T, ImportError> {
        let missing = || LakeError::Rows(format!("column {name} is missing"));
        let array = cast(self.0.column_by_name(name).ok_or_else(missing)?, kind).map_err(LakeError::Arrow)?;
        array.as_any().downcast_ref::<T>().cloned().ok_or_else(|| missing().into())
    }

    pub(crate) fn text(&self, name: &str) -> Result<StringArray, ImportError> {
        self.get(name, &DataType::Utf8)
    }

    pub(crate) fn integer(&self, name: &str) -> Result<Int64Array, ImportError> {
        self.get(name, &DataType::Int64)
    }

    pub(crate) fn flag(&self, name: &str) -> Result<BooleanArray, ImportError> {
        self.get(name, &DataType::Boolean)
    }

    /// Days since 1970.
    pub(crate) fn day(&self, name: &str) -> Result<arrow::array::Date32Array, ImportError> {
        self.get(name, &DataType::Date32)
    }

    /// Microseconds since 1970.
    pub(crate) fn instant(&self, name: &str) -> Result<TimestampMicrosecondArray, ImportError> {
        let kind = DataType::Timestamp(arrow::datatypes::TimeUnit::Microsecond, Some("UTC".into()));
        self.get(name, &kind)
    }
}

/// A row of the table.
#[derive(Clone, Debug)]
pub(crate) struct Held {
    pub(crate) event: Event,
    pub(crate) kind: String,
    pub(crate) flow: String,
}

/// The rows of a batch that `wanted` wants, by id and correlation id.
pub(crate) fn held_rows(
    batch: &RecordBatch,
    mut wanted: impl FnMut(&str, &str) -> bool,
    rows: &mut Vec<Held>,
) -> Result<(), ImportError> {
    let at = Columns(batch);
    let (ids, correlations) = (at.text(columns::ID)?, at.text(columns::CORRELATION_ID)?);
    let picked: Vec<usize> =
        (0..batch.num_rows()).filter(|&row| wanted(ids.value(row), correlations.value(row))).collect();
    if picked.is_empty() {
        return Ok(());
    }
    let (times, success) = (at.instant(columns::TIME)?, at.flag(columns::SUCCESS)?);
    let (files, lines) = (at.integer(columns::SOURCE_FILE)?, at.integer(columns::SOURCE_LINE)?);
    let [kind, activity, client, application, policy, flow, provider, user, import] = [
        at.text(columns::KIND)?,
        at.text(columns::ACTIVITY)?,
        at.text(columns::CLIENT_TYPE)?,
        at.text(columns::APPLICATION_ID)?,
        at.text(columns::POLICY)?,
        at.text(columns::FLOW)?,
        at.text(columns::IDENTITY_PROVIDER)?,
        at.text(columns::USER_HASH)?,
        at.text(columns::IMPORT_ID)?,
    ];
    for row in picked {
        let text = |column: &StringArray| column.value(row).to_owned();
        let Some(activity) = Activity::stored(activity.value(row)) else {
            return Err(LakeError::Rows(format!("b2c_events holds an unknown activity {:?}", text(&activity))).into());
        };
        rows.push(Held {
            event: Event {
                id: text(&ids),
                time: times.value(row),
                activity,
                client: Client::stored(client.value(row)),
                success: success.value(row),
                correlation: text(&correlations),
                application: text(&application),
                policy: text(&policy),
                provider: text(&provider),
                user_hash: text(&user),
                import: text(&import),
                file: files.value(row),
                line: lines.value(row),
            },
            kind: text(&kind),
            flow: text(&flow),
        });
    }
    Ok(())
}

/// A batch as the table is written, without the rows whose id `gone` names.
pub(crate) fn kept_rows(batch: &RecordBatch, gone: impl Fn(&str) -> bool) -> Result<RecordBatch, ImportError> {
    let ids = Columns(batch).text(columns::ID)?;
    let mask: BooleanArray = (0..batch.num_rows()).map(|row| Some(!gone(ids.value(row)))).collect();
    let kept = arrow::compute::filter_record_batch(batch, &mask).map_err(LakeError::Arrow)?;
    let schema = Table::B2cEvents.schema();
    let arrays = schema.fields().iter().map(|field| {
        let column = kept
            .column_by_name(field.name())
            .ok_or_else(|| LakeError::Rows(format!("column {} is missing", field.name())))?;
        cast(column, field.data_type()).map_err(LakeError::Arrow)
    });
    let arrays = arrays.collect::<Result<Vec<_>, _>>()?;
    Ok(RecordBatch::try_new(Arc::clone(&schema), arrays).map_err(LakeError::Arrow)?)
}

/// The tenant as in the tables.
pub(crate) fn tenant_text(tenant: TenantId) -> String {
    tenant.to_string()
}
