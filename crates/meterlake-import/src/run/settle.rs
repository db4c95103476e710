//! From written data files to the commit: compare with the lake, decide, rewrite what stays, commit.

use std::collections::BTreeSet;

use arrow::compute::filter_record_batch;
use datafusion::error::DataFusionError;
use datafusion::execution::SendableRecordBatchStream;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::prelude::SessionContext;
use futures::{StreamExt, TryStreamExt, stream};
use meterlake_lake::charges::columns;
use meterlake_lake::{ChargesSnapshot, ChargesWriter, Commit, Lake, LakeError, WrittenFile, crash_point};
use meterlake_model::{BillingPeriod, Day, ImportId, SharedClock};

use super::repeat;
use crate::scope::access::typed;
use crate::scope::claim::Claim;
use crate::scope::plan::{Hit, Plan, Planner};
use crate::scope::tally::{SetKey, Tally};
use crate::scope::{held, overlap};
use crate::{ImportError, ImportJournal, ImportRecord, ImportState};

/// Attempts when another writer changes the same charges between comparison and commit.
const ATTEMPTS: u32 = 4;

/// Everything that settling needs.
pub(super) struct Settler<'a> {
    pub(super) lake: &'a Lake,
    pub(super) journal: &'a dyn ImportJournal,
    pub(super) clock: &'a SharedClock,
    pub(super) context: &'a SessionContext,
    pub(super) tally: &'a Tally,
    pub(super) claim: &'a Claim,
    pub(super) written: &'a [WrittenFile],
}

/// How settling ended.
pub(super) enum Settled {
    /// Committed as this version; the record says what changed.
    Committed(u64),
    /// The lake held the same rows, brought by these imports.
    Unchanged(Vec<ImportId>),
}

impl Settler<'_> {
    pub(super) async fn settle(
        &self,
        record: &mut ImportRecord,
        writer: &mut ChargesWriter,
    ) -> Result<Settled, ImportError> {
        self.claim.check(self.tally)?;
        overlap::check_states(self.tally)?;
        let mut attempt = 1;
        let mut all_written = self.written.to_vec();
        loop {
            let snapshot = self.lake.charges().await?;
            let planner = Planner {
                context: self.context,
                snapshot: &snapshot,
                tally: self.tally,
                claim: self.claim,
                replace: record.replace,
            };
            let plan = planner.plan().await?;
            if plan.changes_nothing(self.tally) {
                let origins: BTreeSet<ImportId> = plan.unchanged.values().flat_map(|o| o.keys().copied()).collect();
                return Ok(Settled::Unchanged(origins.into_iter().collect()));
            }
            if !record.force {
                self.check_older(record, &plan).await?;
                self.check_superseded(record, &snapshot, &plan).await?;
            }
            let remainder = rewrite(self.context, &snapshot, &plan, writer).await?;
            all_written.extend(remainder.iter().cloned());
            self.complete(record, &snapshot, &plan).await?;
            let commit = self.commit(record, &snapshot, &plan, remainder)?;
            crash_point("written");
            match self.lake.commit(commit).await {
                Ok(version) => {
                    // Files of sets that were held already, and of attempts that came too late.
                    if let Err(error) = self.lake.delete_unused(&all_written).await {
                        tracing::warn!(import = %record.id, %error, "unused data files stay behind");
                    }
                    return Ok(Settled::Committed(version));
                }
                Err(LakeError::Conflict { .. }) if attempt < ATTEMPTS => attempt += 1,
                Err(error) => return Err(error.into()),
            }
        }
    }

    fn commit(
        &self,
        record: &ImportRecord,
        snapshot: &ChargesSnapshot,
        plan: &Plan,
        remainder: Vec<WrittenFile>,
    ) -> Result<Commit, ImportError> {
        let key = |file: &WrittenFile| SetKey { scope: file.scope.clone(), period: file.period };
        let mut adds: Vec<WrittenFile> =
            self.written.iter().filter(|f| !plan.unchanged.contains_key(&key(f))).cloned().collect();
        adds.extend(remainder);
        Ok(Commit {
            import: record.id,
            adds,
            removes: plan.removes(),
            read_version: snapshot.version(),
            source_hashes: record.hashes(),
            record: serde_json::to_value(record).map_err(|error| ImportError::Record { import: record.id, error })?,
        })
    }

    /// Refuses to put an older run of an export in the place of a later one.
    async fn check_older(&self, record: &ImportRecord, plan: &Plan) -> Result<(), ImportError> {
        let Some((manifest, run_time)) = record.manifest.as_ref().and_then(|m| m.run_time.map(|t| (m, t))) else {
            return Ok(());
        };
        for import in plan.covered_imports() {
            let held = self.journal.get(import).await.map_err(ImportError::Journal)?;
            let held_time = held.and_then(|r| r.manifest).and_then(|m| m.run_time);
            if let Some(held_time) = held_time.filter(|held| *held > run_time) {
                let manifest = manifest.path.display().to_string();
                return Err(ImportError::OlderRun { manifest, run_time, held_time, import });
            }
        }
        Ok(())
    }

    /// Refuses rows that were in the lake once and have been replaced since, whatever file they come in.
    async fn check_superseded(
        &self,
        record: &ImportRecord,
        snapshot: &ChargesSnapshot,
        plan: &Plan,
    ) -> Result<(), ImportError> {
        let sets: Vec<_> = record.sets_of(self.tally).filter(|(key, _)| plan.replaces(key)).collect();
        if sets.is_empty() {
            return Ok(());
        }
        let run_time = record.manifest.as_ref().and_then(|m| m.run_time);
        for old in self.journal.committed().await.map_err(ImportError::Journal)?.iter().rev() {
            let old_time = old.manifest.as_ref().and_then(|m| m.run_time);
            if matches!((run_time, old_time), (Some(new), Some(old)) if new > old) {
                continue;
            }
            for set in old.sets.iter().filter(|s| !s.unchanged) {
                let same = |(key, digest): &(&SetKey, String)| {
                    set.period == key.period && set.digest == *digest && set.scope.values() == key.scope
                };
                // Rows that are live are not gone; more than them is held, and that is what gives way.
                if !sets.iter().any(same) || repeat::is_live(set, self.context, snapshot).await? {
                    continue;
                }
                let by: Vec<String> = plan.covered_imports().iter().map(ToString::to_string).collect();
                let by = if by.is_empty() { String::new() } else { format!(" (now held: import {})", by.join(", ")) };
                let file = record.files.iter().map(|f| f.name.as_str()).collect::<Vec<_>>().join(", ");
                return Err(ImportError::Superseded { file, import: old.id, day: Day::of(old.started_at), by });
            }
        }
        Ok(())
    }

    /// Fills in what only the comparison tells.
    async fn complete(
        &self,
        record: &mut ImportRecord,
        snapshot: &ChargesSnapshot,
        plan: &Plan,
    ) -> Result<(), ImportError> {
        record.set_tally(self.tally, plan)?;
        record.counts.replaced = plan.replaced_rows();
        record.replaced = plan.replaced();
        record.restatements = plan.restatements(BillingPeriod::containing(self.clock.today()));
        record.superseded.clear();
        let paths: Vec<String> = plan.hits.keys().cloned().collect();
        let (gone, stay) = plan.losers();
        for import in gone.difference(&stay) {
            let old = self.journal.get(*import).await.map_err(ImportError::Journal)?;
            if let Some(old) = old
                && !repeat::has_live_rows(&old, self.context, snapshot, &paths).await?
            {
                record.superseded.push(*import);
            }
        }
        record.state = ImportState::Committed;
        record.finished_at = Some(self.clock.now());
        Ok(())
    }
}

/// Writes the rows that stay of the files that lose some; they keep their import, file and line.
async fn rewrite(
    context: &SessionContext,
    snapshot: &ChargesSnapshot,
    plan: &Plan,
    writer: &mut ChargesWriter,
) -> Result<Vec<WrittenFile>, ImportError> {
    let hits: Vec<Hit> = plan.rewrites().cloned().collect();
    if hits.is_empty() {
        return Ok(Vec::new());
    }
    let expected: u64 = hits.iter().map(Hit::staying_rows).sum();
    let written = writer.write(staying(context.clone(), snapshot.clone(), hits)).await?;
    let found: u64 = written.iter().map(|f| f.rows).sum();
    if found != expected {
        let reason = format!("{found} rows were rewritten where {expected} stay");
        return Err(LakeError::Rows(reason).into());
    }
    Ok(written)
}

fn staying(context: SessionContext, snapshot: ChargesSnapshot, hits: Vec<Hit>) -> SendableRecordBatchStream {
    let external = |error: ImportError| DataFusionError::External(Box::new(error));
    let batches = stream::iter(hits)
        .then(move |hit| {
            let (context, snapshot) = (context.clone(), snapshot.clone());
            async move {
                let batches = held::read(&context, &snapshot, &hit.file, &[]).await.map_err(external)?;
                Ok::<_, DataFusionError>(batches.map(move |batch| {
                    let batch = typed(&batch?).map_err(external)?;
                    let stays = held::staying(&batch, &hit.selections).map_err(external)?;
                    Ok(filter_record_batch(&batch, &stays)?)
                }))
            }
        })
        .try_flatten();
    Box::pin(RecordBatchStreamAdapter::new(columns::schema(), batches))
}
