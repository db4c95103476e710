//! `b2c_daily`: counted from `b2c_events` at one version, and the coverage of the import.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, Date32Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use datafusion::logical_expr::{col, lit};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::prelude::SessionContext;
use datafusion::scalar::ScalarValue;
use futures::{TryStreamExt, stream};
use meterlake_lake::tables::b2c_daily::{COVERAGE, columns};
use meterlake_lake::tables::b2c_events::{PART, columns as events};
use meterlake_lake::{Finding, Lake, LakeError, Table, TableCommit, TableFile, TableSnapshot};
use meterlake_model::{Day, TenantId};

use super::SCAN_MEMORY;
use super::coverage;
use super::event::day_of;
use super::rows::{Columns, tenant_text};
use crate::{DatasetRecord, ImportError, ImportState};

/// What a row is about: day, application, kind, flow, MFA method.
type Key = (Day, String, String, String, String);

#[derive(Clone, Copy, Default, PartialEq, Eq)]
struct Counts {
    attempts: i64,
    successes: i64,
    first: Option<i64>,
    last: Option<i64>,
    covered_to: Option<i64>,
}

type Rows = BTreeMap<Key, Counts>;

fn marker(day: Day) -> Key {
    (day, String::new(), COVERAGE.to_owned(), String::new(), String::new())
}

/// Builds the touched days of a committed version of `b2c_events` anew, marks the coverage of the import, and commits
/// both: this makes the import visible. Returns the version of `b2c_daily`.
///
/// # Errors
/// [`ImportError::Lake`] when the lake cannot be read or written.
pub(crate) async fn rebuild_daily(
    lake: &Lake,
    record: &DatasetRecord,
    events_version: u64,
    staging: &Path,
) -> Result<u64, ImportError> {
    let context = meterlake_lake::session_context(SCAN_MEMORY, None)?;
    let events = lake.snapshot_at(Table::B2cEvents, events_version).await?;
    let daily = lake.snapshot(Table::B2cDaily).await?;
    let markers = coverage::markers(&record.coverage);
    let (mut batches, mut removes) = (Vec::new(), Vec::new());
    for (tenant, days) in &record.touched {
        let days: BTreeSet<Day> = days.iter().copied().collect();
        let files = files_of(&daily, tenant);
        let mut rows = held(&context, &daily, &files).await?;
        rows.retain(|key, _| key.2 == COVERAGE || !days.contains(&key.0));
        rows.extend(counted(&context, &events, tenant, &days).await?);
        let of_tenant = tenant.parse().ok().and_then(|id: TenantId| markers.get(&id));
        for (day, to) in of_tenant.into_iter().flatten() {
            let covered = &mut rows.entry(marker(*day)).or_default().covered_to;
            *covered = Some(covered.map_or(*to, |held| held.max(*to)));
        }
        batches.push(batch(tenant, &rows)?);
        removes.extend(files);
    }
    let rows = stream::iter(batches.into_iter().map(Ok));
    let rows = Box::pin(RecordBatchStreamAdapter::new(Table::B2cDaily.schema(), rows));
    let adds = lake.table_writer(Table::B2cDaily, record.id, staging).write(rows).await?;
    let commit = TableCommit {
        import: record.id,
        adds,
        removes,
        read_version: daily.version(),
        source_hashes: record.hashes(),
        record: Some(sidecar(record)?),
        notes: vec![(Table::B2cEvents, events_version)],
    };
    Ok(lake.commit_to(Table::B2cDaily, commit).await?)
}

/// Counts all events of the version that the days note again, and compares.
pub(crate) async fn verify_daily(lake: &Lake, daily: &TableSnapshot) -> Result<Vec<Finding>, ImportError> {
    let table = Table::B2cDaily;
    let Some(version) = daily.noted(Table::B2cEvents) else {
        let none = daily.files().is_empty();
        let place = "noted version of b2c_events";
        return Ok(if none { Vec::new() } else { vec![Finding::new(table, "log", place, "a version", "none")] });
    };
    let events = match lake.snapshot_at(Table::B2cEvents, version).await {
        Ok(events) => events,
        Err(error @ LakeError::NoSuchVersion { .. }) => {
            let place = "noted version of b2c_events";
            return Ok(vec![Finding::new(table, "log", place, "a version that can be read", error)]);
        }
        Err(error) => return Err(error.into()),
    };
    let context = meterlake_lake::session_context(SCAN_MEMORY, None)?;
    let of_tenants = events.files().iter().chain(daily.files()).filter_map(|file| file.scope.first());
    let tenants: BTreeSet<&String> = of_tenants.collect();
    let mut findings = Vec::new();
    for tenant in tenants {
        let mut told = held(&context, daily, &files_of(daily, tenant)).await?;
        told.retain(|key, _| key.2 != COVERAGE);
        let mut days: BTreeSet<Day> = told.keys().map(|key| key.0).collect();
        for file in files_of(&events, tenant) {
            days.extend(
                std::iter::successors(Some(file.first_day), |day| day.plus(1)).take_while(|day| *day <= file.last_day),
            );
        }
        let counted = counted(&context, &events, tenant, &days).await?;
        for key in told.keys().chain(counted.keys()).collect::<BTreeSet<_>>() {
            let shown = |counts: Option<&Counts>| {
                counts.map_or_else(
                    || "no row".to_owned(),
                    |c| format!("{} attempts, {} successes", c.attempts, c.successes),
                )
            };
            let (expected, found) = (counted.get(key), told.get(key));
            let times = |counts: Option<&Counts>| counts.map(|c| (c.attempts, c.successes, c.first, c.last));
            if times(expected) != times(found) {
                let (day, application, kind, flow, method) = key;
                let place = format!("{day}, application {application:?}, {kind}, {flow}{method}");
                findings.push(Finding::new(table, format!("tenant {tenant}"), place, shown(expected), shown(found)));
            }
        }
    }
    Ok(findings)
}

/// The record as it is kept beside the tables.
pub(crate) fn sidecar(record: &DatasetRecord) -> Result<serde_json::Value, ImportError> {
    let mut record = record.clone();
    record.state = ImportState::Committed;
    serde_json::to_value(&record).map_err(|error| ImportError::Record { import: record.id, error })
}

/// Up to when each covered day of a tenant is covered, in microseconds.
pub(crate) async fn held_markers(daily: &TableSnapshot, tenant: TenantId) -> Result<BTreeMap<Day, i64>, ImportError> {
    let context = meterlake_lake::session_context(SCAN_MEMORY, None)?;
    let rows = held(&context, daily, &files_of(daily, &tenant_text(tenant))).await?;
    Ok(rows
        .into_iter()
        .filter(|(key, _)| key.2 == COVERAGE)
        .filter_map(|(key, c)| Some((key.0, c.covered_to?)))
        .collect())
}

fn files_of(snapshot: &TableSnapshot, tenant: &str) -> Vec<TableFile> {
    snapshot.files().iter().filter(|f| f.scope.first().is_some_and(|t| t == tenant)).cloned().collect()
}

/// The rows of a tenant's files.
async fn held(context: &SessionContext, daily: &TableSnapshot, files: &[TableFile]) -> Result<Rows, ImportError> {
    let mut rows = Rows::new();
    if files.is_empty() {
        return Ok(rows);
    }
    let table = context.read_table(daily.unordered_provider_of(files)).map_err(LakeError::Engine)?;
    let mut stream = table.execute_stream().await.map_err(LakeError::Engine)?;
    while let Some(batch) = stream.try_next().await.map_err(LakeError::Engine)? {
        let at = Columns(&batch);
        let days = at.day(columns::DAY)?;
        let [application, kind, flow, method] = [
            at.text(columns::APPLICATION_ID)?,
            at.text(columns::KIND)?,
            at.text(columns::FLOW)?,
            at.text(columns::MFA_METHOD)?,
        ];
        let (attempts, successes) = (at.integer(columns::ATTEMPTS)?, at.integer(columns::SUCCESSES)?);
        let [first, last, covered_to] =
            [at.instant(columns::FIRST_TIME)?, at.instant(columns::LAST_TIME)?, at.instant(columns::COVERED_TO)?];
        for row in 0..batch.num_rows() {
            let day = Day::from_since_epoch(days.value(row))
                .ok_or_else(|| LakeError::Rows(format!("b2c_daily holds day {}", days.value(row))))?;
            let text = |column: &StringArray| column.value(row).to_owned();
            let instant = |column: &TimestampMicrosecondArray| column.is_valid(row).then(|| column.value(row));
            let counts = Counts {
                attempts: attempts.value(row),
                successes: successes.value(row),
                first: instant(&first),
                last: instant(&last),
                covered_to: instant(&covered_to),
            };
            rows.insert((day, text(&application), text(&kind), text(&flow), text(&method)), counts);
        }
    }
    Ok(rows)
}

/// Counts the events of these days.
async fn counted(
    context: &SessionContext,
    snapshot: &TableSnapshot,
    tenant: &str,
    days: &BTreeSet<Day>,
) -> Result<Rows, ImportError> {
    let mut rows: HashMap<Key, Counts> = HashMap::new();
    let files = files_of(snapshot, tenant);
    let (Some(first), Some(last)) = (days.first(), days.last()) else { return Ok(Rows::new()) };
    if files.is_empty() {
        return Ok(Rows::new());
    }
    let instant =
        |day: Day| lit(ScalarValue::TimestampMicrosecond(Some(day.midnight().timestamp_micros()), Some("UTC".into())));
    let mut within = col(events::TIME).gt_eq(instant(*first));
    if let Some(next) = last.plus(1) {
        within = within.and(col(events::TIME).lt(instant(next)));
    }
    let names = [events::TIME, events::APPLICATION_ID, events::KIND, events::FLOW, events::MFA_METHOD, events::SUCCESS];
    let table = context.read_table(snapshot.unordered_provider_of(&files)).map_err(LakeError::Engine)?;
    let frame = table.filter(within).and_then(|t| t.select_columns(&names)).map_err(LakeError::Engine)?;
    let mut stream = frame.execute_stream().await.map_err(LakeError::Engine)?;
    while let Some(batch) = stream.try_next().await.map_err(LakeError::Engine)? {
        let at = Columns(&batch);
        let (times, success) = (at.instant(events::TIME)?, at.flag(events::SUCCESS)?);
        let [application, kind, flow, method] = [
            at.text(events::APPLICATION_ID)?,
            at.text(events::KIND)?,
            at.text(events::FLOW)?,
            at.text(events::MFA_METHOD)?,
        ];
        for row in (0..batch.num_rows()).filter(|&row| kind.value(row) != PART) {
            let (time, text) = (times.value(row), |column: &StringArray| column.value(row).to_owned());
            let day = day_of(time);
            if !days.contains(&day) {
                continue;
            }
            let counts = rows.entry((day, text(&application), text(&kind), text(&flow), text(&method))).or_default();
            counts.attempts += 1;
            counts.successes += i64::from(success.value(row));
            counts.first = Some(counts.first.map_or(time, |t| t.min(time)));
            counts.last = Some(counts.last.map_or(time, |t| t.max(time)));
        }
    }
    Ok(rows.into_iter().collect())
}

fn batch(tenant: &str, rows: &Rows) -> Result<RecordBatch, ImportError> {
    let text = |of: fn(&Key) -> &str| -> ArrayRef { Arc::new(StringArray::from_iter_values(rows.keys().map(of))) };
    let number = |of: fn(&Counts) -> i64| -> ArrayRef { Arc::new(Int64Array::from_iter_values(rows.values().map(of))) };
    let instant = |of: fn(&Counts) -> Option<i64>| -> ArrayRef {
        Arc::new(rows.values().map(of).collect::<TimestampMicrosecondArray>().with_timezone("UTC"))
    };
    let schema = Table::B2cDaily.schema();
    let arrays = schema.fields().iter().map(|field| match field.name().as_str() {
        columns::TENANT_ID => Arc::new(StringArray::from_iter_values(rows.keys().map(|_| tenant))) as ArrayRef,
        columns::DAY => Arc::new(Date32Array::from_iter_values(rows.keys().map(|k| k.0.since_epoch()))),
        columns::APPLICATION_ID => text(|k| &k.1),
        columns::KIND => text(|k| &k.2),
        columns::FLOW => text(|k| &k.3),
        columns::MFA_METHOD => text(|k| &k.4),
        columns::ATTEMPTS => number(|c| c.attempts),
        columns::SUCCESSES => number(|c| c.successes),
        columns::FIRST_TIME => instant(|c| c.first),
        columns::LAST_TIME => instant(|c| c.last),
        _ => instant(|c| c.covered_to),
    });
    let arrays: Vec<ArrayRef> = arrays.collect();
    Ok(RecordBatch::try_new(schema, arrays).map_err(LakeError::Arrow)?)
}
