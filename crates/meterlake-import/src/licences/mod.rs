//! Licences: any mix of the files that say what a tenant has, joined into one snapshot of it.
//!
//! Sources, told apart by their records: Graph `subscribedSkus` and `directory/subscriptions`, Partner Center
//! `subscribedskus` and `subscriptions`, and Microsoft's table of product names (CSV). What each figure comes from:
//!
//! - units bought: enabled prepaid units of the SKU; else Partner Center's total without units in their grace period;
//!   else the units of the tenant's enabled subscriptions;
//! - units bought through us: those of enabled subscriptions whose owner is our tenant (`--partner`); else Partner
//!   Center's active units; else those of the owner that the subscriptions in our Partner Center have;
//! - units assigned: the SKU's consumed units;
//! - subscriptions: those of Partner Center that are active, joined by their commerce id, each with its offer's name and
//!   billing cycle; an enabled one of ours that Partner Center's list lacks is named after its product, without cycle;
//! - product: Partner Center's name, else that of Microsoft's table, else the part number.
//!
//! A snapshot is the state of the whole tenant at a moment. The newest is what reports show; others stay as history.

mod item;
mod join;
mod read;
mod rows;
mod snapshot;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use chrono::{DateTime, Utc};
use meterlake_lake::Lake;
use meterlake_model::{SharedClock, TenantId};

pub(crate) use item::licence_source;

use crate::dataset::{self, Desk};
use crate::lock::ImportLock;
use crate::{
    AllowRejects, Dataset, DatasetOutcome, DatasetRecord, ImportError, ImportJournal, Progress, SourceFile, recover,
};

/// Which licence files are to be imported, and what they do not say themselves.
#[derive(Clone, Debug, Default)]
pub struct LicencesRequest {
    /// Files of one snapshot, of any mix of the sources, or folders of them.
    pub paths: Vec<PathBuf>,
    /// `--tenant`: the tenant that the files are of, where they do not name it.
    pub tenant: Option<TenantId>,
    /// `--partner`: our own tenant, which owns the subscriptions that were bought through us.
    pub partner: Option<TenantId>,
    /// `--moment`: when the state was fetched; now when not given.
    pub moment: Option<DateTime<Utc>>,
    /// `--allow-rejects`: take the good records.
    pub allow_rejects: Option<AllowRejects>,
}

/// Imports licence files as one snapshot of each tenant in them: all of it or nothing. Files that say what the newest
/// snapshot says change nothing, unless a moment is given.
///
/// # Errors
/// [`ImportError`]; the lake is then as before, and rejects (if any) lie in `<data>/rejects/<import id>.csv`.
pub async fn import_licences(
    lake: &Lake,
    journal: &dyn ImportJournal,
    clock: SharedClock,
    data_dir: &Path,
    request: LicencesRequest,
    progress: Arc<dyn Progress>,
) -> Result<DatasetOutcome, ImportError> {
    let _lock = ImportLock::acquire(data_dir, progress.as_ref()).await?;
    recover::settle_dead(lake, journal, &clock, data_dir).await?;
    let files = dataset::find(&request.paths)?;
    if let Some(moment) = request.moment.filter(|moment| *moment > clock.now()) {
        let reason = format!("--moment {} lies in the future; it is when the files were fetched", moment.to_rfc3339());
        return Err(ImportError::OptionConflict { file: names(&files), reason });
    }
    let desk = Desk { lake, journal, clock: &clock, data_dir };
    let mut record = DatasetRecord::begin(Dataset::Licences, &clock);
    let options = [
        ("tenant", request.tenant.map(|t| t.to_string())),
        ("partner", request.partner.map(|t| t.to_string())),
        ("moment", request.moment.map(|m| m.to_rfc3339())),
        (
            "allow-rejects",
            request.allow_rejects.map(|allowed| match allowed {
                AllowRejects::All => "all".to_owned(),
                AllowRejects::AtMost(count) => count.to_string(),
            }),
        ),
    ];
    record.options = options.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect();
    desk.store(&record).await?;
    let result = run(&desk, &mut record, &request, files, &progress).await;
    desk.end(record, result).await
}

async fn run(
    desk: &Desk<'_>,
    record: &mut DatasetRecord,
    request: &LicencesRequest,
    files: Vec<SourceFile>,
    progress: &Arc<dyn Progress>,
) -> Result<Option<u64>, ImportError> {
    let (tenant, import) = (request.tenant, record.id);
    let (data_dir, watched) = (desk.data_dir.to_owned(), Arc::clone(progress));
    let all_names = names(&files);
    let task = tokio::task::spawn_blocking(move || read::read(&files, tenant, import, &data_dir, &watched));
    let read = task.await.map_err(|e| ImportError::Task(e.to_string()))??;
    record.files = read.files;
    record.counts = read.counts;
    record.figures = read.figures;
    record.warnings = read.warnings;
    dataset::check_rejects(record, &read.rejects, request.allow_rejects)?;
    if let Some((tenant, _)) = read.tenants.iter().find(|(_, s)| !s.listed && s.directory.is_empty()) {
        let reason = format!(
            "subscriptions of tenant {tenant} alone do not tell its licences; give Graph subscribedSkus or \
             directory/subscriptions, or Partner Center subscribedskus, with them"
        );
        return Err(ImportError::Unrecognised { file: all_names, reason });
    }
    if read.tenants.is_empty() {
        return Err(ImportError::NoRows { files: all_names });
    }
    let mut states = Vec::new();
    for (tenant, sources) in &read.tenants {
        let joined = join::join(sources, &read.names, request.partner.map(|p| p.0));
        record.warnings.extend(joined.warnings.iter().map(|warning| format!("tenant {tenant}: {warning}")));
        states.push((*tenant, joined.licences));
    }
    progress.stage("comparing with the lake", None);
    snapshot::settle(desk, record, request.moment, states).await
}

fn names(files: &[SourceFile]) -> String {
    files.iter().map(|f| f.name.as_str()).collect::<Vec<_>>().join(", ")
}
