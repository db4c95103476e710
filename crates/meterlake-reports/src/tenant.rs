//! What the plans over the tables of one tenant have in common. Which tenant's rows a report reads is decided here
//! and nowhere else.

use chrono::{DateTime, Utc};
use datafusion::arrow::array::{Array, ArrayRef, AsArray, BooleanArray, PrimitiveArray, StringArray};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{
    DataType, Date32Type, Decimal128Type, Int64Type, TimeUnit, TimestampMicrosecondType,
};
use datafusion::arrow::record_batch::RecordBatch;
use datafusion::datasource::provider_as_source;
use datafusion::logical_expr::{Expr, LogicalPlanBuilder, col, lit};
use datafusion::scalar::ScalarValue;
use meterlake_lake::{Lake, LakeError, Table, TableFile, TableSnapshot};
use meterlake_model::{Amount, Day, TenantId};

use crate::ReportError;

/// The column that all tables of tenants have.
const TENANT_ID: &str = "tenant_id";

/// The pinned snapshot of a table, or the newest.
pub(crate) async fn snapshot(lake: &Lake, table: Table, pinned: Option<u64>) -> Result<TableSnapshot, ReportError> {
    let Some(version) = pinned else { return Ok(lake.snapshot(table).await?) };
    lake.snapshot_at(table, version).await.map_err(|error| match error {
        LakeError::NoSuchVersion { version, .. } => ReportError::SnapshotGone(version),
        error => error.into(),
    })
}

/// The rows of the tenant, out of the files that can have some of these days (both inclusive): the start of every
/// plan. The caller still filters by day.
pub(crate) fn rows(
    snapshot: &TableSnapshot,
    tenant: TenantId,
    days: Option<(Day, Day)>,
) -> Result<LogicalPlanBuilder, ReportError> {
    let tenant = tenant.to_string();
    let held = |file: &&TableFile| file.scope.first().is_some_and(|held| *held == tenant);
    let near = |file: &&TableFile| days.is_none_or(|(first, last)| file.first_day <= last && first <= file.last_day);
    let files: Vec<TableFile> = snapshot.files().iter().filter(held).filter(near).cloned().collect();
    let source = provider_as_source(snapshot.unordered_provider_of(&files));
    let name = snapshot.table().name();
    Ok(LogicalPlanBuilder::scan(name, source, None)?.filter(col(TENANT_ID).eq(lit(tenant)))?)
}

/// The instant as a literal.
pub(crate) fn instant(at: DateTime<Utc>) -> Expr {
    Expr::Literal(ScalarValue::TimestampMicrosecond(Some(at.timestamp_micros()), Some("UTC".into())), None)
}

/// The columns of a batch, by name and row.
pub(crate) struct Columns<'a>(pub(crate) &'a RecordBatch);

impl Columns<'_> {
    fn column(&self, name: &str, kind: &DataType) -> Result<ArrayRef, ReportError> {
        let array = self.0.column_by_name(name).ok_or_else(|| wrong(name, &"not there"))?;
        if array.data_type() == kind {
            return Ok(ArrayRef::clone(array));
        }
        cast(array, kind).map_err(|error| wrong(name, &error))
    }

    /// A text; none is empty.
    pub(crate) fn text(&self, name: &str, at: usize) -> Result<String, ReportError> {
        // One row at a time, so that no column is converted again for each of its rows.
        let one = Columns(&self.0.slice(at, 1)).column(name, &DataType::Utf8)?;
        let text = one.as_string::<i32>();
        Ok(if text.is_valid(0) { text.value(0).to_owned() } else { String::new() })
    }

    /// A whole number.
    pub(crate) fn integer(&self, name: &str, at: usize) -> Result<Option<i64>, ReportError> {
        let column = self.column(name, &DataType::Int64)?;
        let values = column.as_primitive::<Int64Type>();
        Ok(values.is_valid(at).then(|| values.value(at)))
    }

    /// A number of things; none is 0.
    pub(crate) fn count(&self, name: &str, at: usize) -> Result<u64, ReportError> {
        let value = self.integer(name, at)?.unwrap_or(0);
        u64::try_from(value).map_err(|_| wrong(name, &format!("{value} is below 0")))
    }

    /// A sum of money; none is 0.
    pub(crate) fn amount(&self, name: &str, at: usize) -> Result<Amount, ReportError> {
        let column = self.column(name, &DataType::Decimal128(38, 24))?;
        let values = column.as_primitive::<Decimal128Type>();
        let unscaled = if values.is_valid(at) { values.value(at) } else { 0 };
        Amount::from_unscaled(unscaled).map_err(|error| wrong(name, &error))
    }

    /// A day.
    pub(crate) fn day(&self, name: &str, at: usize) -> Result<Day, ReportError> {
        let column = self.column(name, &DataType::Date32)?;
        let days = column.as_primitive::<Date32Type>();
        let day = days.is_valid(at).then(|| days.value(at));
        day.and_then(Day::from_since_epoch).ok_or_else(|| wrong(name, &"no day"))
    }

    /// An instant.
    pub(crate) fn instant(&self, name: &str, at: usize) -> Result<Option<DateTime<Utc>>, ReportError> {
        let column = self.column(name, &DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())))?;
        let instants = column.as_primitive::<TimestampMicrosecondType>();
        Ok(instants.is_valid(at).then(|| instants.value(at)).and_then(DateTime::from_timestamp_micros))
    }
}

pub(crate) fn wrong(column: &str, what: &dyn std::fmt::Display) -> ReportError {
    ReportError::Engine(format!("{column}: {what}"))
}

/// The columns of a batch, each converted once, for readers of all rows.
pub(crate) struct Whole<'a>(pub(crate) &'a RecordBatch);

impl Whole<'_> {
    fn column(&self, name: &str, kind: &DataType) -> Result<ArrayRef, ReportError> {
        Columns(self.0).column(name, kind)
    }

    /// A column of texts.
    pub(crate) fn texts(&self, name: &str) -> Result<Texts, ReportError> {
        Ok(Texts(self.column(name, &DataType::Utf8)?.as_string::<i32>().clone()))
    }

    /// A column of numbers of things.
    pub(crate) fn counts(&self, name: &'static str) -> Result<Counts, ReportError> {
        Ok(Counts(name, self.column(name, &DataType::Int64)?.as_primitive::<Int64Type>().clone()))
    }

    /// A column of days.
    pub(crate) fn days(&self, name: &'static str) -> Result<Days, ReportError> {
        Ok(Days(name, self.column(name, &DataType::Date32)?.as_primitive::<Date32Type>().clone()))
    }

    /// A column of instants.
    pub(crate) fn instants(&self, name: &str) -> Result<Instants, ReportError> {
        let kind = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
        Ok(Instants(self.column(name, &kind)?.as_primitive::<TimestampMicrosecondType>().clone()))
    }

    /// A column of flags.
    pub(crate) fn flags(&self, name: &str) -> Result<Flags, ReportError> {
        Ok(Flags(self.column(name, &DataType::Boolean)?.as_boolean().clone()))
    }
}

/// Texts; none is empty.
pub(crate) struct Texts(StringArray);

impl Texts {
    pub(crate) fn value(&self, at: usize) -> &str {
        if self.0.is_valid(at) { self.0.value(at) } else { "" }
    }
}

/// Numbers of things; none is 0.
pub(crate) struct Counts(&'static str, PrimitiveArray<Int64Type>);

impl Counts {
    pub(crate) fn value(&self, at: usize) -> Result<u64, ReportError> {
        let value = if self.1.is_valid(at) { self.1.value(at) } else { 0 };
        u64::try_from(value).map_err(|_| wrong(self.0, &format!("{value} is below 0")))
    }
}

/// Days.
pub(crate) struct Days(&'static str, PrimitiveArray<Date32Type>);

impl Days {
    pub(crate) fn value(&self, at: usize) -> Result<Day, ReportError> {
        let day = self.1.is_valid(at).then(|| self.1.value(at));
        day.and_then(Day::from_since_epoch).ok_or_else(|| wrong(self.0, &"no day"))
    }
}

/// Instants.
pub(crate) struct Instants(PrimitiveArray<TimestampMicrosecondType>);

impl Instants {
    pub(crate) fn value(&self, at: usize) -> Option<DateTime<Utc>> {
        self.0.is_valid(at).then(|| self.0.value(at)).and_then(DateTime::from_timestamp_micros)
    }
}

/// Flags; none is false.
pub(crate) struct Flags(BooleanArray);

impl Flags {
    pub(crate) fn value(&self, at: usize) -> bool {
        self.0.is_valid(at) && self.0.value(at)
    }
}
