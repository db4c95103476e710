//! B2C: events from audit records, and users.

mod activity;
mod applications;
mod audit;
mod coverage;
mod daily;
mod event;
mod held;
mod place;
mod read;
mod rows;
mod sign_in;
mod spool;
mod users;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use meterlake_lake::{Lake, Table, TableCommit, crash_point};
use meterlake_model::{Day, DayRange, SharedClock, TenantId};

pub(crate) use audit::is_audit_record;
pub(crate) use daily::{rebuild_daily, verify_daily};
pub(crate) use sign_in::SignIn;
pub use users::{UsersRequest, import_users};

use crate::dataset::{Desk, check_rejects};
use crate::lock::ImportLock;
use crate::{AllowRejects, Dataset, DatasetOutcome, DatasetRecord, ImportError, ImportJournal, Progress, recover};

/// Memory for comparing with what the lake holds, in bytes.
const SCAN_MEMORY: usize = 256 << 20;

/// Audit records that are to be imported.
#[derive(Clone, Debug, Default)]
pub struct B2cRequest {
    /// Files, or folders of files: Graph `directoryAudits`, Log Analytics `AuditLogs`; of External ID tenants also
    /// Graph `signIns`.
    pub paths: Vec<PathBuf>,
    /// `--tenant`: whose records they are, where they do not say it.
    pub tenant: Option<TenantId>,
    /// Tenant ids by domain name in lower case: Graph's records name their tenant by its domain.
    pub domains: BTreeMap<String, TenantId>,
    /// The tenants that are External ID tenants, for which sign-ins count.
    pub external_id: BTreeSet<TenantId>,
    /// `--applications`: Graph `applications`, which tells public from confidential clients.
    pub applications: Option<PathBuf>,
    /// `--days`: what the files cover; none: from the first to the last record of each file.
    pub days: Option<DayRange>,
    /// The server's secret, which salts the hashes of user ids.
    pub salt: [u8; 32],
    /// `--allow-rejects`: take the good records.
    pub allow_rejects: Option<AllowRejects>,
}

/// Imports audit records of B2C tenants: every record once by its id, whatever files and imports it comes in. Records
/// of earlier imports whose meaning changes by the new ones (a code that comes later makes an implicit sign-in a hybrid
/// one) are placed anew, and the counts of all days concerned are built in the same import.
///
/// # Errors
/// [`ImportError`]; reports are then as before, and rejects (if any) lie in `<data>/rejects/<import id>.csv`.
pub async fn import_b2c(
    lake: &Lake,
    journal: &dyn ImportJournal,
    clock: SharedClock,
    data_dir: &Path,
    request: B2cRequest,
    progress: Arc<dyn Progress>,
) -> Result<DatasetOutcome, ImportError> {
    let _lock = ImportLock::acquire(data_dir, progress.as_ref()).await?;
    recover::settle_dead(lake, journal, &clock, data_dir).await?;
    read::check_days(request.days, clock.now())?;
    let desk = Desk { lake, journal, clock: &clock, data_dir };
    let mut record = DatasetRecord::begin(Dataset::B2cEvents, &clock);
    note_options(&mut record, &request);
    desk.store(&record).await?;
    let result = run(&desk, &mut record, request, &progress).await;
    desk.end(record, result).await
}

fn note_options(record: &mut DatasetRecord, request: &B2cRequest) {
    let options = [
        ("tenant", request.tenant.map(|t| t.to_string())),
        ("applications", request.applications.as_ref().map(|p| p.display().to_string())),
        ("days", request.days.map(|d| format!("{}..{}", d.first, d.last))),
        (
            "allow-rejects",
            request.allow_rejects.map(|a| match a {
                AllowRejects::All => "all".to_owned(),
                AllowRejects::AtMost(n) => n.to_string(),
            }),
        ),
    ];
    record.options = options.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect();
}

async fn run(
    desk: &Desk<'_>,
    record: &mut DatasetRecord,
    request: B2cRequest,
    progress: &Arc<dyn Progress>,
) -> Result<Option<u64>, ImportError> {
    let staging = desk.staging(record.id)?;
    let read = {
        let (request, progress, staging) = (request.clone(), Arc::clone(progress), staging.clone());
        let (id, data_dir, now) = (record.id, desk.data_dir.to_owned(), desk.clock.now());
        let task =
            tokio::task::spawn_blocking(move || read::read_all(&request, id, &data_dir, &staging, now, &progress));
        task.await.map_err(|e| ImportError::Task(e.to_string()))??
    };
    record.files = read.files;
    record.counts.read = read.read;
    record.counts.passed_over = read.passed_over;
    record.tenants = read.tenants;
    record.coverage = read.coverage;
    record.warnings = read.warnings;
    check_rejects(record, &read.rejects, request.allow_rejects)?;
    progress.stage("comparing with the lake", None);
    let events = desk.lake.snapshot(Table::B2cEvents).await?;
    let context = meterlake_lake::session_context(SCAN_MEMORY, None)?;
    let mut writer = desk.lake.table_writer(Table::B2cEvents, record.id, &staging);
    let (placed, written) = place::place_all(&context, &events, &read.batches, &mut writer).await?;
    record.counts.taken = placed.taken;
    record.counts.duplicate = placed.duplicate;
    record.counts.replaced = placed.replaced;
    record.figures = placed.figures;
    record.touched = touched(desk.lake, record, placed.days).await?;
    if record.touched.is_empty() {
        return Ok(None);
    }
    record.finished_at = Some(desk.clock.now());
    // With all that completing it after a crash asks for.
    desk.store(record).await?;
    crash_point("written");
    let version = if written.is_empty() && placed.removes.is_empty() {
        events.version()
    } else {
        let commit = TableCommit {
            import: record.id,
            adds: written,
            removes: placed.removes,
            read_version: events.version(),
            source_hashes: record.hashes(),
            record: Some(daily::sidecar(record)?),
            notes: Vec::new(),
        };
        desk.lake.commit_to(Table::B2cEvents, commit).await?
    };
    crash_point("between");
    daily::rebuild_daily(desk.lake, record, version, &staging).await.map(Some)
}

/// Days to be built anew: those whose events change, and those that become covered, or covered for longer.
async fn touched(
    lake: &Lake,
    record: &DatasetRecord,
    mut days: BTreeMap<TenantId, BTreeSet<Day>>,
) -> Result<BTreeMap<String, Vec<Day>>, ImportError> {
    let daily = lake.snapshot(Table::B2cDaily).await?;
    for (tenant, markers) in coverage::markers(&record.coverage) {
        let held = daily::held_markers(&daily, tenant).await?;
        let further = markers.into_iter().filter(|(day, to)| held.get(day).is_none_or(|held| held < to));
        days.entry(tenant).or_default().extend(further.map(|(day, _)| day));
    }
    let days = days.into_iter().filter(|(_, days)| !days.is_empty());
    Ok(days.map(|(tenant, days)| (tenant.to_string(), days.into_iter().collect())).collect())
}
