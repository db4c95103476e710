//! New states of tenants against the snapshots that the lake holds, and the commit.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::prelude::SessionContext;
use futures::stream;
use meterlake_lake::{Lake, LakeError, NewFile, Table, TableCommit, TableFile, TableSnapshot, crash_point};
use meterlake_model::{Day, ImportId, TenantId};

use super::join::Licence;
use super::rows::{self, Row};
use crate::dataset::Desk;
use crate::{Coverage, DatasetRecord, ImportError, ImportState, TenantSeen};

/// Data files of one tenant from which on they are written together.
const MANY_FILES: usize = 16;
/// Attempts when another writer changes the table between comparison and commit.
const ATTEMPTS: u32 = 4;
/// Memory for reading snapshots, in bytes.
const MEMORY: usize = 128 << 20;

/// A data file with its rows.
type Held = (TableFile, Vec<Row>);

/// What becomes of one tenant.
enum Fate {
    /// The lake says the same already.
    Same,
    /// So many rows give way, and the files of rows that are written again.
    Write { replaced: u64, rewritten: Vec<Held> },
}

/// Writes what is new and commits it; none when everything is known.
pub(super) async fn settle(
    desk: &Desk<'_>,
    record: &mut DatasetRecord,
    moment: Option<DateTime<Utc>>,
    states: Vec<(TenantId, Vec<Licence>)>,
) -> Result<Option<u64>, ImportError> {
    let context = meterlake_lake::session_context(MEMORY, None)?;
    let at = moment.unwrap_or(record.started_at);
    let mut writer = desk.lake.table_writer(Table::Licences, record.id, &desk.staging(record.id)?);
    let mut written: Vec<NewFile> = Vec::new();
    let mut attempt = 1;
    loop {
        let snapshot = desk.lake.snapshot(Table::Licences).await?;
        let (mut new, mut removes, mut replaced) = (Vec::new(), Vec::new(), 0);
        let mut changed = BTreeSet::new();
        for (tenant, licences) in &states {
            let state = State { tenant: *tenant, licences, at: at.timestamp_micros(), given: moment.is_some() };
            match state.fate(&context, &snapshot, &record.files[0].name).await? {
                Fate::Same => {}
                Fate::Write { replaced: rows, rewritten } => {
                    replaced += rows;
                    changed.insert(*tenant);
                    new.extend(state.rows(record.id));
                    for (file, rows) in rewritten {
                        new.extend(rows.into_iter().filter(|row| row.moment != state.at));
                        removes.push(file);
                    }
                }
            }
        }
        if changed.is_empty() {
            record.counts.duplicate += std::mem::take(&mut record.counts.taken);
            return Ok(None);
        }
        record.counts.replaced = replaced;
        let adds = write(&mut writer, &new).await?;
        written.extend(adds.iter().cloned());
        complete(record, at, &states, &changed, desk.clock.now());
        let commit = TableCommit {
            import: record.id,
            adds,
            removes,
            read_version: snapshot.version(),
            source_hashes: record.hashes(),
            record: Some(
                serde_json::to_value(&*record).map_err(|error| ImportError::Record { import: record.id, error })?,
            ),
            notes: Vec::new(),
        };
        crash_point("written");
        match desk.lake.commit_to(Table::Licences, commit).await {
            Ok(version) => {
                discard_unused(desk.lake, record.id, &written).await;
                return Ok(Some(version));
            }
            Err(LakeError::Conflict { .. }) if attempt < ATTEMPTS => attempt += 1,
            Err(error) => return Err(error.into()),
        }
    }
}

async fn discard_unused(lake: &Lake, import: ImportId, written: &[NewFile]) {
    if let Err(error) = lake.delete_unused_in(Table::Licences, written).await {
        tracing::warn!(%import, %error, "unused data files stay behind");
    }
}

async fn write(writer: &mut meterlake_lake::TableWriter, rows: &[Row]) -> Result<Vec<NewFile>, ImportError> {
    let batch = rows::batch(rows)?;
    let batches = RecordBatchStreamAdapter::new(batch.schema(), stream::iter([Ok(batch)]));
    let files = writer.write(Box::pin(batches)).await?;
    let (found, expected) = (files.iter().map(|f| f.rows).sum::<u64>(), rows.len() as u64);
    if found != expected {
        return Err(LakeError::Rows(format!("{found} rows were written where {expected} were read")).into());
    }
    Ok(files)
}

/// Notes in the record what the commit changes.
fn complete(
    record: &mut DatasetRecord,
    at: DateTime<Utc>,
    states: &[(TenantId, Vec<Licence>)],
    changed: &BTreeSet<TenantId>,
    now: DateTime<Utc>,
) {
    let changed_states: Vec<_> = states.iter().filter(|(tenant, _)| changed.contains(tenant)).collect();
    record.tenants =
        states.iter().map(|(tenant, _)| TenantSeen { tenant_id: *tenant, domain: String::new() }).collect();
    let day = Day::of(at);
    let cover = |tenant: TenantId| Coverage { tenant_id: tenant, first: day, last: day, covered_to: at };
    record.coverage = changed_states.iter().map(|(tenant, _)| cover(*tenant)).collect();
    let skus = changed_states.iter().map(|(_, licences)| licences.len() as u64).sum();
    record.figures.insert("SKUs".to_owned(), skus);
    record.state = ImportState::Committed;
    record.finished_at = Some(now);
}

/// What the files say of one tenant.
struct State<'a> {
    tenant: TenantId,
    licences: &'a [Licence],
    /// Microseconds since 1970.
    at: i64,
    /// Whether the user gave the moment.
    given: bool,
}

impl State<'_> {
    /// The rows of the new snapshot. A tenant without licences has one that says so.
    fn rows(&self, import: ImportId) -> Vec<Row> {
        let row = |licence: &Licence| Row::new(self.tenant, self.at, licence.clone(), import);
        match self.licences {
            [] => vec![row(&Licence::default())],
            some => some.iter().map(row).collect(),
        }
    }

    async fn fate(&self, context: &SessionContext, snapshot: &TableSnapshot, file: &str) -> Result<Fate, ImportError> {
        let scope = self.tenant.to_string();
        let mut held: Vec<Held> = Vec::new();
        for file in snapshot.files().iter().filter(|f| f.scope.first() == Some(&scope)) {
            held.push((file.clone(), rows::read(context, snapshot, std::slice::from_ref(file), self.tenant).await?));
        }
        let moments: BTreeSet<i64> = held.iter().flat_map(|(_, rows)| rows.iter().map(|r| r.moment)).collect();
        let same = |moment: i64| self.is_said_by(&held, moment);
        if self.given {
            if moments.contains(&self.at) && same(self.at) {
                return Ok(Fate::Same);
            }
        } else if let Some(newest) = moments.last() {
            if same(*newest) {
                return Ok(Fate::Same);
            }
            // The same files once more would undo what came since.
            if let Some(before) = moments.iter().rev().find(|moment| same(**moment)) {
                return Err(self.superseded(file, *before, *newest));
            }
        }
        let replaced = held.iter().flat_map(|(_, rows)| rows).filter(|r| r.moment == self.at).count() as u64;
        let many = held.len() >= MANY_FILES;
        held.retain(|(_, rows)| many || rows.iter().any(|r| r.moment == self.at));
        Ok(Fate::Write { replaced, rewritten: held })
    }

    fn is_said_by(&self, held: &[Held], moment: i64) -> bool {
        let rows = held.iter().flat_map(|(_, rows)| rows).filter(|r| r.moment == moment);
        let mut theirs: Vec<&Licence> = rows.map(|r| &r.licence).filter(|l| l.sku.is_some()).collect();
        let mut ours: Vec<&Licence> = self.licences.iter().collect();
        theirs.sort();
        ours.sort();
        theirs == ours
    }

    fn superseded(&self, file: &str, before: i64, newest: i64) -> ImportError {
        let shown = |moment: i64| {
            DateTime::from_timestamp_micros(moment)
                .map(|m| m.format("%Y-%m-%dT%H:%M:%SZ").to_string())
                .unwrap_or_default()
        };
        let reason = format!(
            "the licences of tenant {} are those of the snapshot of {}, and the lake holds one of {} since, so that it \
             must be said when these were fetched",
            self.tenant,
            shown(before),
            shown(newest)
        );
        ImportError::OptionNeeded { file: file.to_owned(), reason, option: "--moment" }
    }
}
