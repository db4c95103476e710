//! Users of a B2C tenant, counted from Graph `users` with their `identities`.

use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, Date32Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray,
};
use arrow::compute::{cast, filter_record_batch};
use chrono::{DateTime, TimeDelta, Utc};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use futures::{TryStreamExt, stream};
use meterlake_lake::tables::user_counts::columns;
use meterlake_lake::{Lake, LakeError, Table, TableCommit, TableFile, crash_point};
use meterlake_model::{Day, ImportId, SharedClock, TenantId};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use super::SCAN_MEMORY;
use super::daily::sidecar;
use super::rows::{Columns, tenant_text};
use crate::dataset::other_kind::{KindCheck, is_user};
use crate::dataset::records::{Entry, RecordFile};
use crate::dataset::{self, Desk, check_rejects};
use crate::lock::ImportLock;
use crate::rejects::{Rejects, RejectsFile};
use crate::{
    AllowRejects, Coverage, Dataset, DatasetFile, DatasetOutcome, DatasetRecord, ImportError, ImportJournal, Progress,
    Reject, TenantSeen, recover,
};

/// A snapshot of users that is to be imported.
#[derive(Clone, Debug, Default)]
pub struct UsersRequest {
    /// All files of one snapshot, or folders of them: Graph `users` with `identities`.
    pub paths: Vec<PathBuf>,
    /// `--tenant`: whose users they are.
    pub tenant: Option<TenantId>,
    /// Tenant ids by domain name in lower case: sign-in names are issued by the tenant's domain.
    pub domains: BTreeMap<String, TenantId>,
    /// `--day`: the day of the snapshot; none: today.
    pub day: Option<Day>,
    /// `--allow-rejects`: count the good records.
    pub allow_rejects: Option<AllowRejects>,
}

/// Numbers of users; `local`, `alternate` and `other` sum to the total.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct UserCounts {
    local: i64,
    other: i64,
    alternate: BTreeMap<String, i64>,
}

/// What a user is, by the first rule that fits.
#[derive(Debug, PartialEq, Eq)]
enum Kind {
    /// Has a sign-in name of the tenant: e-mail address, user name, phone number or one of the tenant's own types.
    Local,
    /// Signs in through this provider only.
    Alternate(String),
    /// Has a user principal name at most.
    Other,
}

/// What reading found.
struct Read {
    counts: UserCounts,
    files: Vec<DatasetFile>,
    duplicate: u64,
    read: u64,
    rejects: Rejects,
    tenant: TenantId,
    domain: String,
}

/// Counts the users of one snapshot, distinct by id over all its files; replaces an earlier count of the tenant and
/// day.
///
/// # Errors
/// [`ImportError`]; nothing is changed then.
pub async fn import_users(
    lake: &Lake,
    journal: &dyn ImportJournal,
    clock: SharedClock,
    data_dir: &Path,
    request: UsersRequest,
    progress: Arc<dyn Progress>,
) -> Result<DatasetOutcome, ImportError> {
    let _lock = ImportLock::acquire(data_dir, progress.as_ref()).await?;
    recover::settle_dead(lake, journal, &clock, data_dir).await?;
    let now = clock.now();
    let day = request.day.unwrap_or_else(|| Day::of(now));
    if day > Day::of(now) {
        let reason = format!("{day} lies in the future, of which there is no snapshot");
        return Err(ImportError::OptionConflict { file: "--day".to_owned(), reason });
    }
    let desk = Desk { lake, journal, clock: &clock, data_dir };
    let mut record = DatasetRecord::begin(Dataset::Users, &clock);
    record.options.insert("day".to_owned(), day.to_string());
    if let Some(tenant) = request.tenant {
        record.options.insert("tenant".to_owned(), tenant.to_string());
    }
    desk.store(&record).await?;
    let result = run(&desk, &mut record, request, day, &progress).await;
    desk.end(record, result).await
}

async fn run(
    desk: &Desk<'_>,
    record: &mut DatasetRecord,
    request: UsersRequest,
    day: Day,
    progress: &Arc<dyn Progress>,
) -> Result<Option<u64>, ImportError> {
    let allowed = request.allow_rejects;
    let read = {
        let (progress, id, data_dir) = (Arc::clone(progress), record.id, desk.data_dir.to_owned());
        let task = tokio::task::spawn_blocking(move || read_all(&request, id, &data_dir, progress.as_ref()));
        task.await.map_err(|e| ImportError::Task(e.to_string()))??
    };
    // A snapshot of a past day is as old as the day's end at most.
    let taken_at = (day.midnight() + TimeDelta::days(1) - TimeDelta::microseconds(1)).min(desk.clock.now());
    let (tenant, counts) = (read.tenant, read.counts);
    record.files = read.files;
    record.counts.read = read.read;
    record.counts.duplicate = read.duplicate;
    record.tenants = vec![TenantSeen { tenant_id: tenant, domain: read.domain }];
    record.coverage = vec![Coverage { tenant_id: tenant, first: day, last: day, covered_to: taken_at }];
    let alternate: i64 = counts.alternate.values().sum();
    let figures = [("local users", counts.local), ("other users", counts.other), ("alternate", alternate)];
    record.figures = figures.into_iter().map(|(n, c)| (n.to_owned(), c.unsigned_abs())).collect();
    check_rejects(record, &read.rejects, allowed)?;
    record.counts.taken = record.counts.read - record.counts.duplicate - record.counts.rejected;
    let snapshot = desk.lake.snapshot(Table::UserCounts).await?;
    let name = tenant_text(tenant);
    let files: Vec<TableFile> = snapshot.files().iter().filter(|f| f.scope.first() == Some(&name)).cloned().collect();
    let mut batches = Vec::new();
    if !files.is_empty() {
        let context = meterlake_lake::session_context(SCAN_MEMORY, None)?;
        let table = context.read_table(snapshot.unordered_provider_of(&files)).map_err(LakeError::Engine)?;
        let mut stream = table.execute_stream().await.map_err(LakeError::Engine)?;
        while let Some(batch) = stream.try_next().await.map_err(LakeError::Engine)? {
            let (others, held) = without_day(&batch, day)?;
            if held.contains(&counts) {
                record.counts.duplicate = record.counts.read - record.counts.rejected;
                record.counts.taken = 0;
                return Ok(None);
            }
            record.counts.replaced += held.len() as u64;
            batches.push(others);
        }
    }
    batches.push(row(&name, day, &counts, taken_at, record.id)?);
    record.finished_at = Some(desk.clock.now());
    desk.store(record).await?;
    let staging = desk.staging(record.id)?;
    let rows = stream::iter(batches.into_iter().map(Ok));
    let rows = Box::pin(RecordBatchStreamAdapter::new(Table::UserCounts.schema(), rows));
    let adds = desk.lake.table_writer(Table::UserCounts, record.id, &staging).write(rows).await?;
    crash_point("written");
    let commit = TableCommit {
        import: record.id,
        adds,
        removes: files,
        read_version: snapshot.version(),
        source_hashes: record.hashes(),
        record: Some(sidecar(record)?),
        notes: Vec::new(),
    };
    desk.lake.commit_to(Table::UserCounts, commit).await.map(Some).map_err(Into::into)
}

/// Reads all files of the snapshot. Blocks.
fn read_all(
    request: &UsersRequest,
    import: ImportId,
    data_dir: &Path,
    progress: &dyn Progress,
) -> Result<Read, ImportError> {
    let mut counts = UserCounts::default();
    let mut files: Vec<DatasetFile> = Vec::new();
    let mut rejects = RejectsFile::new(data_dir, import);
    // Sixteen bytes a user; ids themselves may be of any length.
    let mut seen: HashSet<[u8; 16]> = HashSet::new();
    let (mut duplicate, mut read, mut with_identities) = (0, 0, 0u64);
    let (mut pages, mut unfinished) = (0, 0);
    let mut issuers: BTreeMap<String, u64> = BTreeMap::new();
    for file in dataset::find(&request.paths)? {
        progress.stage(&format!("reading {}", file.name), Some(file.size));
        let mut records = RecordFile::open(&file)?;
        let mut told = DatasetFile::of(&file);
        "users (Graph)".clone_into(&mut told.form);
        let mut kind = KindCheck::new(&file.name, "Graph users with identities");
        while let Some(entry) = records.next(progress)? {
            told.rows += 1;
            let (line, column, reason) = match entry {
                Entry::Fault { line, reason } => (line, "", reason),
                Entry::Record { line, fields } => {
                    if !kind.is_settled() {
                        if may_be_user(&fields) { kind.fits() } else { kind.stranger(&fields)? }
                    }
                    match user(&fields) {
                        Ok((id, kind)) => {
                            with_identities += u64::from(fields.contains_key("identities"));
                            note_issuers(&fields, &mut issuers);
                            if seen.insert(short_hash(id)) {
                                counts.add(kind);
                            } else {
                                duplicate += 1;
                            }
                            continue;
                        }
                        Err((column, reason)) => (line, column, reason.to_owned()),
                    }
                }
            };
            told.rejected += 1;
            let (file, column) = (file.name.clone(), column.to_owned());
            rejects.add(&Reject { file, line, column, value: String::new(), reason, raw: String::new() })?;
        }
        kind.finish()?;
        read += told.rows;
        (told.sha256, told.content_sha256) = records.digests();
        told.compression = records.compression;
        told.repeated = files.iter().any(|f| f.content_sha256 == told.content_sha256);
        let (of_file, open) = records.pages();
        pages += of_file;
        unfinished += open;
        files.push(told);
    }
    let names = || files.iter().map(|f| f.name.as_str()).collect::<Vec<_>>().join(", ");
    let rejects = rejects.finish()?;
    if !seen.is_empty() && with_identities == 0 {
        let reason = "no user has `identities`, by which users are told apart; fetch them with $select=id,identities";
        return Err(ImportError::Unrecognised { file: names(), reason: reason.to_owned() });
    }
    if pages > 0 && pages == unfinished {
        let reason = "every page names a next one, so that the last pages are missing; give all files of the snapshot";
        return Err(ImportError::Unrecognised { file: names(), reason: reason.to_owned() });
    }
    let (tenant, domain) = tenant(request, &issuers, &names())?;
    Ok(Read { counts, files, duplicate, read, rejects, tenant, domain })
}

/// The tenant: as given, or of the domain that issued sign-in names.
fn tenant(
    request: &UsersRequest,
    issuers: &BTreeMap<String, u64>,
    files: &str,
) -> Result<(TenantId, String), ImportError> {
    let known = issuers.iter().filter_map(|(domain, users)| Some((request.domains.get(domain)?, domain, users)));
    let found = known.max_by_key(|(_, _, users)| **users).map(|(id, domain, _)| (*id, domain.clone()));
    match (request.tenant, found) {
        (Some(given), Some((found, domain))) if given != found => Err(ImportError::OptionConflict {
            file: files.to_owned(),
            reason: format!("--tenant is {given}, but the users' sign-in names are of {domain}, tenant {found}"),
        }),
        (Some(given), found) => Ok((given, found.map(|(_, domain)| domain).unwrap_or_default())),
        (None, Some(found)) => Ok(found),
        (None, None) => Err(ImportError::OptionNeeded {
            file: files.to_owned(),
            reason: "users do not say of which tenant they are".to_owned(),
            option: "--tenant",
        }),
    }
}

fn identities(fields: &Map<String, Value>) -> impl Iterator<Item = (&str, &str)> {
    let all = fields.get("identities").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    all.iter().map(|identity| {
        let text = |name: &str| identity.get(name).and_then(Value::as_str).unwrap_or_default().trim();
        (text("signInType"), text("issuer"))
    })
}

/// Whether a record is a user, or may be one that was fetched without the members that would tell.
fn may_be_user(fields: &Map<String, Value>) -> bool {
    is_user(fields) || fields.keys().all(|name| ["id", "displayName", "createdDateTime"].contains(&name.as_str()))
}

/// The id and kind of a user, or the column at fault and why.
fn user(fields: &Map<String, Value>) -> Result<(&str, Kind), (&'static str, &'static str)> {
    let id = fields.get("id").and_then(Value::as_str).unwrap_or_default().trim();
    if id.is_empty() {
        return Err(("id", "the record has no id, by which a user is counted once"));
    }
    if fields.get("identities").is_some_and(|v| !v.is_array() && !v.is_null()) {
        return Err(("identities", "not a list of identities"));
    }
    let local = |kind: &str| {
        !kind.is_empty() && !kind.eq_ignore_ascii_case("federated") && !kind.eq_ignore_ascii_case("userPrincipalName")
    };
    if identities(fields).any(|(kind, _)| local(kind)) {
        return Ok((id, Kind::Local));
    }
    let federated = identities(fields).find(|(kind, _)| kind.eq_ignore_ascii_case("federated"));
    Ok((id, federated.map_or(Kind::Other, |(_, issuer)| Kind::Alternate(provider_key(issuer)))))
}

/// A provider's key in the report: `facebook_com`.
fn provider_key(issuer: &str) -> String {
    if issuer.is_empty() { "unknown".to_owned() } else { issuer.replace('.', "_") }
}

fn note_issuers(fields: &Map<String, Value>, issuers: &mut BTreeMap<String, u64>) {
    for (kind, issuer) in identities(fields) {
        if !kind.eq_ignore_ascii_case("federated") && issuer.contains('.') && issuers.len() < 1_000 {
            *issuers.entry(issuer.to_ascii_lowercase()).or_default() += 1;
        }
    }
}

fn short_hash(id: &str) -> [u8; 16] {
    let mut short = [0; 16];
    short.copy_from_slice(&Sha256::digest(id.to_ascii_lowercase())[..16]);
    short
}

impl UserCounts {
    fn add(&mut self, kind: Kind) {
        match kind {
            Kind::Local => self.local += 1,
            Kind::Other => self.other += 1,
            Kind::Alternate(provider) => *self.alternate.entry(provider).or_default() += 1,
        }
    }
}

/// The rows of a batch but those of `day`, as the table is written; and the counts of the latter.
fn without_day(batch: &RecordBatch, day: Day) -> Result<(RecordBatch, Vec<UserCounts>), ImportError> {
    let at = Columns(batch);
    let days = at.day(columns::DAY)?;
    let (local, other) = (at.integer(columns::LOCAL)?, at.integer(columns::OTHER)?);
    let providers = at.text(columns::ALTERNATE_BY_PROVIDER)?;
    let of_day = |row: usize| days.value(row) == day.since_epoch();
    let held = (0..batch.num_rows()).filter(|&row| of_day(row)).map(|row| UserCounts {
        local: local.value(row),
        other: other.value(row),
        alternate: serde_json::from_str(providers.value(row)).unwrap_or_default(),
    });
    let held = held.collect();
    let mask: BooleanArray = (0..batch.num_rows()).map(|row| Some(!of_day(row))).collect();
    let others = filter_record_batch(batch, &mask).map_err(LakeError::Arrow)?;
    let schema = Table::UserCounts.schema();
    let arrays = schema.fields().iter().map(|field| {
        let missing = || LakeError::Rows(format!("column {} is missing", field.name()));
        cast(others.column_by_name(field.name()).ok_or_else(missing)?, field.data_type()).map_err(LakeError::Arrow)
    });
    let arrays = arrays.collect::<Result<Vec<ArrayRef>, _>>()?;
    Ok((RecordBatch::try_new(Arc::clone(&schema), arrays).map_err(LakeError::Arrow)?, held))
}

fn row(
    tenant: &str,
    day: Day,
    counts: &UserCounts,
    taken_at: DateTime<Utc>,
    import: ImportId,
) -> Result<RecordBatch, ImportError> {
    let alternate: i64 = counts.alternate.values().sum();
    let providers = serde_json::to_string(&counts.alternate).map_err(|error| ImportError::Record { import, error })?;
    let text = |value: &str| -> ArrayRef { Arc::new(StringArray::from(vec![value])) };
    let number = |value: i64| -> ArrayRef { Arc::new(Int64Array::from(vec![value])) };
    let schema = Table::UserCounts.schema();
    let arrays = schema.fields().iter().map(|field| match field.name().as_str() {
        columns::TENANT_ID => text(tenant),
        columns::DAY => Arc::new(Date32Array::from(vec![day.since_epoch()])) as ArrayRef,
        columns::TOTAL => number(counts.local + counts.other + alternate),
        columns::LOCAL => number(counts.local),
        columns::OTHER => number(counts.other),
        columns::ALTERNATE => number(alternate),
        columns::ALTERNATE_BY_PROVIDER => text(&providers),
        columns::TAKEN_AT => {
            Arc::new(TimestampMicrosecondArray::from(vec![taken_at.timestamp_micros()]).with_timezone("UTC"))
        }
        _ => text(&import.to_string()),
    });
    let arrays: Vec<ArrayRef> = arrays.collect();
    Ok(RecordBatch::try_new(schema, arrays).map_err(LakeError::Arrow)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind_of(identities: &Value) -> Kind {
        let fields = serde_json::json!({ "id": "u", "identities": identities });
        user(fields.as_object().unwrap()).unwrap().1
    }

    #[test]
    fn first_match() {
        let identity = |kind: &str, issuer: &str| serde_json::json!({"signInType": kind, "issuer": issuer, "issuerAssignedId": "x"});
        let (upn, mail) =
            (identity("userPrincipalName", "t.onmicrosoft.com"), identity("emailAddress", "t.onmicrosoft.com"));
        let facebook = identity("federated", "facebook.com");
        for local in ["emailAddress", "userName", "phoneNumber", "loyaltyNumber"] {
            assert_eq!(kind_of(&serde_json::json!([facebook, identity(local, "t"), upn])), Kind::Local, "{local}");
        }
        assert_eq!(kind_of(&serde_json::json!([upn, facebook])), Kind::Alternate("facebook_com".to_owned()));
        assert_eq!(kind_of(&serde_json::json!([upn])), Kind::Other);
        assert_eq!(kind_of(&serde_json::json!([])), Kind::Other);
        assert_eq!(kind_of(&serde_json::json!([mail])), Kind::Local);
    }
}
