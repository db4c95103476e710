//! The steps of one import, under the lock.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use datafusion::prelude::SessionContext;
use meterlake_lake::{Lake, LakeError, crash_point};
use meterlake_model::{ImportId, SharedClock};

use super::prepare::{Prepared, prepare};
use super::read::{Read, read_into};
use super::repeat::{Claimed, Seen, seen};
use super::settle::{Settled, Settler};
use super::{AlreadyCurrent, ImportJournal, ImportRequest, Outcome, SCAN_MEMORY};
use crate::record::{Counts, ImportRecord, ImportState, Totals};
use crate::rejects::RejectsFile;
use crate::scope::claim::Claim;
use crate::{ImportError, Progress};

/// One import.
pub(super) struct Importer<'a> {
    pub(super) lake: &'a Lake,
    pub(super) journal: &'a dyn ImportJournal,
    pub(super) clock: &'a SharedClock,
    pub(super) data_dir: &'a Path,
    pub(super) request: &'a ImportRequest,
    pub(super) progress: &'a Arc<dyn Progress>,
}

impl Importer<'_> {
    pub(super) async fn run(&self) -> Result<Outcome, ImportError> {
        let prepared = prepare(self.request, self.progress).await?;
        let context = meterlake_lake::session_context(SCAN_MEMORY, None)?;
        if let Some(current) = self.known(&prepared, &context).await? {
            return Ok(Outcome::AlreadyCurrent(current));
        }
        let mut record = self.record(&prepared);
        self.store(&record).await?;
        let staging = self.data_dir.join("staging").join(record.id.to_string());
        let result = self.write_and_settle(&prepared, &context, &mut record, &staging).await;
        if let Err(error) = std::fs::remove_dir_all(&staging)
            && error.kind() != std::io::ErrorKind::NotFound
        {
            tracing::warn!(folder = %staging.display(), %error, "staging folder stays behind");
        }
        match result {
            Ok(Settled::Committed(version)) => self.finish(record, version).await,
            Ok(Settled::Unchanged(imports)) => {
                self.lake.discard(record.id).await?;
                record.state = ImportState::Unchanged;
                record.finished_at = Some(self.clock.now());
                record.counts.duplicate = record.counts.read - record.counts.rejected;
                self.store(&record).await?;
                let files = record.files.iter().map(|f| f.name.clone()).collect();
                let Counts { read: rows, rejected, .. } = record.counts;
                let warnings = record.warnings;
                Ok(Outcome::AlreadyCurrent(AlreadyCurrent { imports, files, rows, rejected, warnings }))
            }
            Err(error) => self.fail(record, error).await,
        }
    }

    /// Whether the hashes tell already that nothing is new.
    async fn known(
        &self,
        prepared: &Prepared,
        context: &SessionContext,
    ) -> Result<Option<AlreadyCurrent>, ImportError> {
        let snapshot = self.lake.charges().await?;
        let run_time = prepared.manifest.as_ref().and_then(|m| m.run_time);
        let claimed = Claimed::new(self.request.scope.as_ref(), prepared.manifest.as_ref());
        let (mut imports, mut all_current, mut superseded) = (Vec::new(), true, None);
        for file in prepared.records.iter().filter(|f| !f.repeated) {
            match seen(file, self.journal, context, &snapshot).await? {
                Seen::New => all_current = false,
                Seen::Current { imports: by, claimed: before } => {
                    // With another claim the same rows may let others go, so that the whole comparison must tell.
                    all_current &= before == claimed && !self.request.replace;
                    imports.extend(by);
                }
                Seen::Superseded { import, day, run_time: old_time } => {
                    all_current = false;
                    let newer = matches!((run_time, old_time), (Some(new), Some(old)) if new > old);
                    if !newer && superseded.is_none() {
                        let file = file.name.clone();
                        superseded = Some(ImportError::Superseded { file, import, day, by: String::new() });
                    }
                }
            }
        }
        if all_current {
            imports.sort_unstable();
            imports.dedup();
            let files = prepared.records.iter().map(|f| f.name.clone()).collect();
            let rows = prepared.records.iter().map(|f| f.rows).sum();
            return Ok(Some(AlreadyCurrent { imports, files, rows, rejected: 0, warnings: prepared.warnings.clone() }));
        }
        match superseded {
            Some(error) if !self.request.force => Err(error),
            _ => Ok(None),
        }
    }

    fn record(&self, prepared: &Prepared) -> ImportRecord {
        let now = self.clock.now();
        ImportRecord {
            id: ImportId::new(now),
            state: ImportState::Running,
            started_at: now,
            finished_at: None,
            version: None,
            program: env!("CARGO_PKG_VERSION").to_owned(),
            kind: prepared.kind,
            basis: prepared.basis.basis,
            basis_reason: prepared.basis.reason.clone(),
            manifest: prepared.manifest.clone(),
            options: self.request.options.clone(),
            scope: self.request.scope.clone(),
            replace: self.request.replace,
            force: self.request.force,
            allow_rejects: self.request.allow_rejects,
            files: prepared.records.clone(),
            counts: Counts { read: prepared.records.iter().map(|f| f.rows).sum(), ..Counts::default() },
            totals: Totals::default(),
            sets: Vec::new(),
            replaced: Vec::new(),
            restatements: Vec::new(),
            superseded: Vec::new(),
            customers: Vec::new(),
            billing_accounts: Vec::new(),
            warnings: prepared.warnings.clone(),
            rejects_file: None,
            error: None,
        }
    }

    async fn write_and_settle(
        &self,
        prepared: &Prepared,
        context: &SessionContext,
        record: &mut ImportRecord,
        staging: &Path,
    ) -> Result<Settled, ImportError> {
        let io = |path: PathBuf| move |error| ImportError::Io { path, error };
        std::fs::create_dir_all(staging).map_err(io(staging.to_path_buf()))?;
        let mut writer = self.lake.writer(record.id, staging);
        let inputs = prepared.inputs(record.id, &self.request.options, self.progress);
        let ordinals: Vec<u32> = inputs.iter().map(|i| i.context.ordinal).collect();
        let rejects = RejectsFile::new(self.data_dir, record.id);
        let (read, written) = read_into(&mut writer, inputs, rejects).await?;
        self.count(record, &read, &ordinals);
        read.rejects.check(record.counts.read, self.request.allow_rejects)?;
        let taken: u64 = read.tally.sets.values().map(|s| s.sums.rows).sum();
        let rows: u64 = written.iter().map(|f| f.rows).sum();
        if rows != taken {
            return Err(LakeError::Rows(format!("{rows} rows were written where {taken} were read")).into());
        }
        if taken == 0 {
            let files = record.files.iter().map(|f| f.name.as_str()).collect::<Vec<_>>().join(", ");
            return Err(ImportError::NoRows { files });
        }
        let claim = Claim::new(record.kind, record.manifest.as_ref(), record.scope.as_ref(), record.replace);
        self.progress.stage("comparing with the lake", None);
        let settler = Settler {
            lake: self.lake,
            journal: self.journal,
            clock: self.clock,
            context,
            tally: &read.tally,
            claim: &claim,
            written: &written,
        };
        settler.settle(record, &mut writer).await
    }

    /// Notes rows and rejects of each file.
    fn count(&self, record: &mut ImportRecord, read: &Read, ordinals: &[u32]) {
        for (ordinal, (rows, rejected)) in ordinals.iter().zip(&read.rows) {
            if let Some(file) = usize::try_from(*ordinal).ok().and_then(|o| record.files.get_mut(o)) {
                (file.rows, file.rejected) = (*rows, *rejected);
            }
        }
        record.counts.read = record.files.iter().map(|f| f.rows).sum();
        record.counts.rejected = read.rejects.count;
        record.rejects_file = read.rejects.file_name();
    }

    async fn store(&self, record: &ImportRecord) -> Result<(), ImportError> {
        self.journal.store(record).await.map_err(ImportError::Journal)
    }

    async fn finish(&self, mut record: ImportRecord, version: u64) -> Result<Outcome, ImportError> {
        crash_point("committed");
        record.version = Some(version);
        match self.journal.store(&record).await {
            Ok(()) => Ok(Outcome::Committed(Box::new(record))),
            Err(error) => Err(ImportError::Unrecorded { import: record.id, version, error }),
        }
    }

    /// Takes everything back, unless the commit is in the log after all (its answer may have been lost).
    async fn fail(&self, mut record: ImportRecord, error: ImportError) -> Result<Outcome, ImportError> {
        match self.lake.committed_version(record.id).await {
            Ok(Some(version)) => return self.finish(record, version).await,
            Ok(None) => {}
            Err(unknown) => {
                // Left as running: the next command settles it when the lake can be read again.
                tracing::warn!(import = %record.id, error = %unknown, "cannot tell whether the import is committed");
                return Err(error);
            }
        }
        if let Err(left) = self.lake.discard(record.id).await {
            tracing::warn!(import = %record.id, error = %left, "uncommitted data files stay behind");
            return Err(error);
        }
        record.forget_effects();
        record.state = ImportState::Failed;
        record.finished_at = Some(self.clock.now());
        record.error = Some(error.to_string());
        if let Err(left) = self.store(&record).await {
            tracing::warn!(import = %record.id, error = %left, "failure not noted in the journal");
        }
        Err(error)
    }
}
