//! From files to spooled events: one pass, a record at a time.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use meterlake_model::{DayRange, ImportId, TenantId};

use super::B2cRequest;
use super::activity::Activity;
use super::applications::{self, Applications};
use super::audit::{Audit, Bad, NamedTenant, is_audit_record};
use super::coverage::{self, Span};
use super::event::{Event, day_of};
use super::sign_in::SignIn;
use super::spool::Spool;
use crate::dataset::other_kind::KindCheck;
use crate::dataset::records::{Entry, RecordFile};
use crate::rejects::{Rejects, RejectsFile};
use crate::source::SourceFile;
use crate::{Coverage, DatasetFile, ImportError, Progress, Reject, TenantSeen, dataset};

/// What reading found.
pub(crate) struct Read {
    pub(crate) files: Vec<DatasetFile>,
    pub(crate) read: u64,
    pub(crate) passed_over: u64,
    pub(crate) rejects: Rejects,
    pub(crate) tenants: Vec<TenantSeen>,
    pub(crate) coverage: Vec<Coverage>,
    pub(crate) warnings: Vec<String>,
    /// Buckets to be placed at once, by tenant.
    pub(crate) batches: BTreeMap<TenantId, Vec<Vec<std::path::PathBuf>>>,
}

struct Reader<'a> {
    request: &'a B2cRequest,
    import: ImportId,
    applications: Option<Applications>,
    spool: Spool,
    rejects: RejectsFile,
    read: u64,
    passed_over: u64,
    /// First and last instant by file and tenant; files that hold the pages of one answer are as one.
    spans: Vec<BTreeMap<Option<TenantId>, Span>>,
    goes_on: bool,
    tenants: BTreeMap<TenantId, String>,
    domains: BTreeSet<String>,
}

/// Reads everything. Blocks.
pub(crate) fn read_all(
    request: &B2cRequest,
    import: ImportId,
    data_dir: &Path,
    staging: &Path,
    now: chrono::DateTime<chrono::Utc>,
    progress: &Arc<dyn Progress>,
) -> Result<Read, ImportError> {
    let mut reader = Reader {
        request,
        import,
        applications: request.applications.as_deref().map(applications::read).transpose()?,
        spool: Spool::new(staging),
        rejects: RejectsFile::new(data_dir, import),
        read: 0,
        passed_over: 0,
        spans: Vec::new(),
        goes_on: false,
        tenants: BTreeMap::new(),
        domains: BTreeSet::new(),
    };
    let mut files: Vec<DatasetFile> = Vec::new();
    let mut warnings = Vec::new();
    let (mut pages, mut unfinished) = (0, 0);
    for (file, ordinal) in dataset::find(&request.paths)?.iter().zip(0i64..) {
        let mut read = reader.file(file, ordinal, progress.as_ref(), &mut pages, &mut unfinished)?;
        read.repeated = files.iter().any(|f| f.content_sha256 == read.content_sha256);
        files.push(read);
    }
    if pages > 0 && pages == unfinished {
        warnings.push("every page names a next one: the last pages seem to be missing".to_owned());
    }
    reader.finish(files, warnings, now)
}

impl Reader<'_> {
    fn file(
        &mut self,
        file: &SourceFile,
        ordinal: i64,
        progress: &dyn Progress,
        pages: &mut u64,
        unfinished: &mut u64,
    ) -> Result<DatasetFile, ImportError> {
        progress.stage(&format!("reading {}", file.name), Some(file.size));
        let mut records = RecordFile::open(file)?;
        let mut told = DatasetFile::of(file);
        if !self.goes_on {
            self.spans.push(BTreeMap::new());
        }
        let mut kind = KindCheck::new(
            &file.name,
            "audit records (Graph directoryAudits, Log Analytics AuditLogs) or Graph signIns of an External ID tenant",
        );
        while let Some(entry) = records.next(progress)? {
            told.rows += 1;
            let outcome = match entry {
                Entry::Fault { line, reason } => Err((line, "", String::new(), reason)),
                Entry::Record { line, fields } => {
                    let (form, outcome) = match SignIn::of(&fields) {
                        Some(sign_in) => {
                            kind.fits();
                            ("signIns (Graph)", self.sign_in(file, &sign_in, ordinal, line)?)
                        }
                        None => {
                            let audit = Audit::new(&fields);
                            if !kind.is_settled() {
                                if is_audit_record(&fields) { kind.fits() } else { kind.stranger(&fields)? }
                            }
                            (audit.form(), self.record(file, &audit, ordinal, line)?)
                        }
                    };
                    if told.form.is_empty() {
                        form.clone_into(&mut told.form);
                    }
                    outcome.map_err(|bad| (line, bad.column, bad.value, bad.reason.to_owned()))
                }
            };
            // The record as it stands would carry what must not be kept: user ids, names, phone numbers.
            if let Err((line, column, value, reason)) = outcome {
                told.rejected += 1;
                let (file, column) = (file.name.clone(), column.to_owned());
                self.rejects.add(&Reject { file, line, column, value, reason, raw: String::new() })?;
            }
        }
        kind.finish()?;
        self.read += told.rows;
        (told.sha256, told.content_sha256) = records.digests();
        told.compression = records.compression;
        if told.form.is_empty() {
            "no records".clone_into(&mut told.form);
        }
        self.goes_on = records.goes_on();
        let (seen, open) = records.pages();
        *pages += seen;
        *unfinished += open;
        Ok(told)
    }

    /// Takes one record.
    fn record(
        &mut self,
        file: &SourceFile,
        audit: &Audit<'_>,
        ordinal: i64,
        line: u64,
    ) -> Result<Result<(), Bad>, ImportError> {
        if audit.activity_name().is_empty() {
            let reason = "not an audit record: no activityDisplayName or OperationName";
            return Ok(Err(Bad { column: "activityDisplayName", value: String::new(), reason }));
        }
        let activity = audit.activity();
        let time = match (audit.time(), activity) {
            (Ok(time), _) => time,
            (Err(bad), Some(_)) => return Ok(Err(bad)),
            (Err(_), None) => {
                self.passed_over += 1;
                return Ok(Ok(()));
            }
        };
        let tenant = self.tenant(file, line, audit.tenant())?;
        self.check_day(file, line, time)?;
        let Some(activity) = activity else {
            self.see(tenant, time);
            self.passed_over += 1;
            return Ok(Ok(()));
        };
        let (id, success) = match (audit.id(), audit.success()) {
            (Ok(id), Ok(success)) => (id.to_owned(), success),
            (Err(bad), _) | (_, Err(bad)) => return Ok(Err(bad)),
        };
        self.see(tenant, time);
        let application = audit.application();
        let client = self.applications.as_ref().and_then(|all| all.get(&application).copied()).unwrap_or_default();
        let event = Event {
            id,
            time,
            activity,
            client,
            success,
            correlation: audit.correlation(),
            application,
            policy: audit.policy(),
            provider: audit.provider(),
            user_hash: audit.user_hash(&self.request.salt),
            import: self.import.to_string(),
            file: ordinal,
            line: i64::try_from(line).unwrap_or(i64::MAX),
        };
        self.spool.add(tenant, &event)?;
        Ok(Ok(()))
    }

    /// Takes one sign-in of an External ID tenant: an issue of tokens, and each message or call on the way.
    fn sign_in(
        &mut self,
        file: &SourceFile,
        sign_in: &SignIn<'_>,
        ordinal: i64,
        line: u64,
    ) -> Result<Result<(), Bad>, ImportError> {
        let (time, id, success) = match (sign_in.time(), sign_in.id(), sign_in.success()) {
            (Ok(time), Ok(id), Ok(success)) => (time, id.to_owned(), success),
            (Err(bad), ..) | (_, Err(bad), _) | (.., Err(bad)) => return Ok(Err(bad)),
        };
        let Some(tenant) = self.tenant(file, line, sign_in.tenant())? else {
            return Err(ImportError::OptionNeeded {
                file: file.name.clone(),
                reason: format!("the sign-in in line {line} does not say of which tenant it is"),
                option: "--tenant",
            });
        };
        if !self.request.external_id.contains(&tenant) {
            let reason = format!(
                "line {line} is a Graph signIn, which cannot be tied to an application of a B2C tenant; sign-ins count \
                 for External ID tenants only, and tenant {tenant} is not known as one (`meterlake tenant set {tenant} \
                 --kind external-id`)"
            );
            return Err(ImportError::Unrecognised { file: file.name.clone(), reason });
        }
        self.check_day(file, line, time)?;
        self.see(Some(tenant), time);
        let application = sign_in.application();
        let event = Event {
            id,
            time,
            activity: Activity::AccessToken,
            client: self.applications.as_ref().and_then(|all| all.get(&application).copied()).unwrap_or_default(),
            success,
            // Each stands alone.
            correlation: String::new(),
            application,
            policy: String::new(),
            provider: String::new(),
            user_hash: sign_in.user_hash(&self.request.salt),
            import: self.import.to_string(),
            file: ordinal,
            line: i64::try_from(line).unwrap_or(i64::MAX),
        };
        for (number, (activity, success)) in (1..).zip(sign_in.phone_attempts()) {
            let id = format!("{}/mfa-{number}", event.id);
            self.spool.add(Some(tenant), &Event { id, activity, success, ..event.clone() })?;
        }
        self.spool.add(Some(tenant), &event)?;
        Ok(Ok(()))
    }

    /// Whose record it is: what it says, and the user; they must agree.
    fn tenant(&mut self, file: &SourceFile, line: u64, named: NamedTenant) -> Result<Option<TenantId>, ImportError> {
        let id = named.id.or_else(|| self.request.domains.get(&named.domain).copied());
        let tenant = match (self.request.tenant, id) {
            (Some(given), Some(found)) if given != found => {
                return Err(ImportError::OptionConflict {
                    file: file.name.clone(),
                    reason: format!("--tenant is {given}, but the record in line {line} is of tenant {found}"),
                });
            }
            (given, found) => given.or(found),
        };
        if let Some(tenant) = tenant {
            let domain = self.tenants.entry(tenant).or_default();
            if domain.is_empty() && !named.domain.is_empty() {
                domain.clone_from(&named.domain);
            }
        }
        if !named.domain.is_empty() && self.domains.len() < 8 {
            self.domains.insert(named.domain);
        }
        Ok(tenant)
    }

    fn check_day(&self, file: &SourceFile, line: u64, time: i64) -> Result<(), ImportError> {
        match self.request.days {
            Some(days) if !days.contains(day_of(time)) => Err(ImportError::OptionConflict {
                file: file.name.clone(),
                reason: format!(
                    "--days says {} to {}, but the record in line {line} is of {}",
                    days.first,
                    days.last,
                    day_of(time)
                ),
            }),
            _ => Ok(()),
        }
    }

    fn see(&mut self, tenant: Option<TenantId>, time: i64) {
        if let Some(spans) = self.spans.last_mut() {
            spans.entry(tenant).and_modify(|span| span.add(time)).or_insert(Span::of(time));
        }
    }

    fn finish(
        mut self,
        files: Vec<DatasetFile>,
        mut warnings: Vec<String>,
        now: chrono::DateTime<chrono::Utc>,
    ) -> Result<Read, ImportError> {
        let names = || files.iter().map(|f| f.name.as_str()).collect::<Vec<_>>().join(", ");
        if let Some(tenant) = self.request.tenant {
            self.tenants.entry(tenant).or_default();
        }
        // Records that name no tenant are of the only one there is.
        let only = match self.tenants.keys().collect::<Vec<_>>().as_slice() {
            [only] => Some(**only),
            _ => None,
        };
        let rejects = self.rejects.finish()?;
        if only.is_none() && (self.spool.has_unnamed() || self.tenants.is_empty()) && rejects.count < self.read.max(1) {
            let domains: Vec<&str> = self.domains.iter().map(String::as_str).collect();
            let reason = if domains.is_empty() {
                "the records do not say of which tenant they are".to_owned()
            } else {
                format!("the records name their tenant as {}, whose id is not known", domains.join(", "))
            };
            return Err(ImportError::OptionNeeded { file: names(), reason, option: "--tenant" });
        }
        if self.read == 0 && self.request.days.is_none() {
            return Err(ImportError::NoRows { files: names() });
        }
        if self.request.tenant.is_some() && self.domains.len() > 1 {
            let domains: Vec<&str> = self.domains.iter().map(String::as_str).collect();
            warnings
                .push(format!("the records name several domains, all taken for one tenant: {}", domains.join(", ")));
        }
        let coverage = match self.request.days {
            Some(days) => coverage::stated(self.tenants.keys().copied(), days, now),
            None => coverage::seen(&self.spans, only),
        };
        let tenants =
            self.tenants.iter().map(|(id, domain)| TenantSeen { tenant_id: *id, domain: domain.clone() }).collect();
        Ok(Read {
            files,
            read: self.read,
            passed_over: self.passed_over,
            rejects,
            tenants,
            coverage,
            warnings,
            batches: self.spool.finish(only)?,
        })
    }
}

/// Stated days must not lie in the future, where nothing can be covered.
pub(crate) fn check_days(days: Option<DayRange>, now: chrono::DateTime<chrono::Utc>) -> Result<(), ImportError> {
    match days {
        Some(days) if days.last > meterlake_model::Day::of(now) => Err(ImportError::OptionConflict {
            file: "--days".to_owned(),
            reason: format!("{} lies in the future, which no file can cover", days.last),
        }),
        _ => Ok(()),
    }
}
