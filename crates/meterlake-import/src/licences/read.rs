//! All files of a run, read into the sources of each tenant.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;
use std::sync::Arc;

use meterlake_model::{ImportId, TenantId};
use serde_json::{Map, Value};
use uuid::Uuid;

use super::item::{self, Fault, Item};
use super::join::{Names, Sources};
use crate::dataset::other_kind::KindCheck;
use crate::dataset::records::{Entry, RecordFile};
use crate::dataset::{DatasetCounts, DatasetFile};
use crate::rejects::{Rejects, RejectsFile};
use crate::source::batch::RAW_LIMIT;
use crate::{ImportError, Progress, Reject, SourceFile};

/// Records of one run at most. The whole of a run is joined in memory; a tenant has hundreds, not millions.
const MOST_RECORDS: u64 = 2_000_000;

/// What the files of a run say.
#[derive(Debug, Default)]
pub(super) struct Read {
    pub(super) tenants: BTreeMap<TenantId, Sources>,
    pub(super) names: Names,
    pub(super) files: Vec<DatasetFile>,
    pub(super) counts: DatasetCounts,
    pub(super) figures: BTreeMap<String, u64>,
    pub(super) rejects: Rejects,
    pub(super) warnings: Vec<String>,
}

/// A record with its place.
struct Placed {
    line: u64,
    tenant: Option<Uuid>,
    item: Item,
    raw: String,
}

/// One file's records.
struct Contents {
    name: String,
    records: Vec<Placed>,
    /// The tenant that its pages name.
    tenant: Option<Uuid>,
    /// Whether it is a list of SKUs, even if an empty one.
    lists_skus: bool,
}

/// Reads every file once. Bad records go to the rejects file of the import.
pub(super) fn read(
    files: &[SourceFile],
    tenant: Option<TenantId>,
    import: ImportId,
    data_dir: &Path,
    progress: &Arc<dyn Progress>,
) -> Result<Read, ImportError> {
    let mut read = Read::default();
    let mut rejects = RejectsFile::new(data_dir, import);
    let mut all = Vec::new();
    for file in files {
        let (contents, record) = read_file(file, &mut read, &mut rejects, progress.as_ref())?;
        if read.files.iter().any(|f| f.content_sha256 == record.content_sha256) {
            let text = "has the same contents as an earlier file of the run and was passed over";
            read.warnings.push(format!("{}: {text}", file.name));
            read.counts.duplicate += contents.records.len() as u64;
            read.files.push(DatasetFile { repeated: true, ..record });
        } else {
            read.files.push(record);
            all.push(contents);
        }
    }
    place(all, tenant, &mut read, &mut rejects)?;
    read.rejects = rejects.finish()?;
    read.counts.rejected = read.rejects.count;
    Ok(read)
}

fn read_file(
    file: &SourceFile,
    read: &mut Read,
    rejects: &mut RejectsFile,
    progress: &dyn Progress,
) -> Result<(Contents, DatasetFile), ImportError> {
    progress.stage(&format!("reading {}", file.name), Some(file.size));
    let mut source = RecordFile::open(file)?;
    let (mut records, mut rows, mut rejected) = (Vec::new(), 0u64, 0u64);
    let mut kind = KindCheck::new(
        &file.name,
        "licences: Graph subscribedSkus or directory/subscriptions, Partner Center subscriptions or subscribedskus, or \
         Microsoft's product-names CSV",
    );
    let mut forms: BTreeSet<&'static str> = BTreeSet::new();
    while let Some(entry) = source.next(progress)? {
        rows += 1;
        read.counts.read += 1;
        if read.counts.read > MOST_RECORDS {
            let reason = format!("more than {MOST_RECORDS} records; expected the licences of tenants");
            return Err(ImportError::Unrecognised { file: file.name.clone(), reason });
        }
        let (line, fault, raw) = match entry {
            Entry::Record { line, fields } => match item::read(&fields) {
                Ok((item, tenant)) => {
                    kind.fits();
                    forms.insert(item.form());
                    records.push(Placed { line, tenant, item, raw: raw(&fields) });
                    continue;
                }
                Err(fault) => {
                    if fault.is_of_unknown_source() {
                        kind.stranger(&fields)?
                    } else {
                        kind.fits()
                    }
                    (line, fault, raw(&fields))
                }
            },
            Entry::Fault { line, reason } => (line, Fault { column: "", value: String::new(), reason }, String::new()),
        };
        rejected += 1;
        rejects.add(&reject(&file.name, line, &fault, raw))?;
    }
    kind.finish()?;
    let (pages, unfinished) = source.pages();
    if pages > 0 && unfinished == pages {
        let text = "its last page names a next one, so that it may not be complete";
        read.warnings.push(format!("{}: {text}", file.name));
    }
    let context = source.context().to_lowercase();
    let link = source.self_link();
    let lists_skus = records.iter().any(|r| matches!(r.item, Item::GraphSku(_) | Item::PartnerSku(_)))
        || context.contains("subscribedskus")
        || link.to_lowercase().contains("/subscribedskus");
    let tenant = item::customer_in(link);
    let (sha256, content_sha256) = source.digests();
    let empty_form = if lists_skus { "subscribedSkus" } else { "empty" };
    let form =
        if forms.is_empty() { empty_form.to_owned() } else { forms.iter().copied().collect::<Vec<_>>().join(", ") };
    let record = DatasetFile {
        name: file.name.clone(),
        path: file.path.display().to_string(),
        size: file.size,
        sha256,
        content_sha256,
        form,
        compression: source.compression,
        rows,
        rejected,
        repeated: false,
    };
    Ok((Contents { name: file.name.clone(), records, tenant, lists_skus }, record))
}

fn raw(fields: &Map<String, Value>) -> String {
    let mut text = serde_json::to_string(fields).unwrap_or_default();
    let end = (0..=RAW_LIMIT.min(text.len())).rev().find(|&at| text.is_char_boundary(at)).unwrap_or(0);
    text.truncate(end);
    text
}

fn reject(file: &str, line: u64, fault: &Fault, raw: String) -> Reject {
    let (column, value, reason) = (fault.column.to_owned(), fault.value.clone(), fault.reason.clone());
    Reject { file: file.to_owned(), line, column, value, reason, raw }
}

/// Finds the tenant of every record and puts it there, each record once.
fn place(
    all: Vec<Contents>,
    given: Option<TenantId>,
    read: &mut Read,
    rejects: &mut RejectsFile,
) -> Result<(), ImportError> {
    let named = all.iter().flat_map(|c| c.records.iter().map(|r| r.tenant).chain([c.tenant])).flatten();
    let named: BTreeSet<Uuid> = named.collect();
    let only = match named.first() {
        Some(tenant) if named.len() == 1 => Some(*tenant),
        _ => None,
    };
    let mut seen: HashMap<(Option<TenantId>, &'static str, String), Item> = HashMap::new();
    for contents in all {
        let of_file: BTreeSet<Uuid> = contents.records.iter().filter_map(|r| r.tenant).chain(contents.tenant).collect();
        let of_file = of_file.first().copied().filter(|_| of_file.len() == 1);
        let fallback = of_file.or(given.map(|t| t.0)).or(only).map(TenantId);
        if contents.lists_skus
            && let Some(tenant) = fallback
        {
            read.tenants.entry(tenant).or_default().listed = true;
        }
        for record in contents.records {
            let form = record.item.form();
            let tenant = match record.item {
                Item::Name(_) => None,
                _ => Some(tenant_of(&contents.name, form, record.tenant.map(TenantId).or(fallback), given)?),
            };
            match seen.get(&(tenant, form, record.item.key())) {
                Some(before) if *before == record.item || matches!(record.item, Item::Name(_)) => {
                    read.counts.duplicate += 1;
                    continue;
                }
                Some(_) => {
                    let reason = format!("{form} hold {} twice, with different contents", record.item.key());
                    let fault = Fault { column: "", value: String::new(), reason };
                    if let Some(file) = read.files.iter_mut().find(|f| f.name == contents.name) {
                        file.rejected += 1;
                    }
                    rejects.add(&reject(&contents.name, record.line, &fault, record.raw))?;
                    continue;
                }
                None => drop(seen.insert((tenant, form, record.item.key()), record.item.clone())),
            }
            *read.figures.entry(form.to_owned()).or_default() += 1;
            match (tenant, record.item) {
                (Some(tenant), item) => {
                    read.counts.taken += 1;
                    put(read.tenants.entry(tenant).or_default(), item);
                }
                (None, Item::Name(name)) => {
                    read.counts.passed_over += 1;
                    read.names.insert(name.sku, name);
                }
                (None, _) => {}
            }
        }
    }
    Ok(())
}

fn put(sources: &mut Sources, item: Item) {
    match item {
        Item::GraphSku(sku) => drop(sources.graph.insert(sku.sku, sku)),
        Item::PartnerSku(sku) => drop(sources.partner_skus.insert(sku.sku, sku)),
        Item::Directory(subscription) => sources.directory.push(subscription),
        Item::Partner(subscription) => sources.partner.push(subscription),
        Item::Name(_) => {}
    }
}

/// The tenant of a record, which must be the one that the user names.
fn tenant_of(
    file: &str,
    form: &'static str,
    found: Option<TenantId>,
    given: Option<TenantId>,
) -> Result<TenantId, ImportError> {
    match (found, given) {
        (Some(found), Some(given)) if found != given => {
            let reason = format!("it holds {form} of tenant {found}, but --tenant is {given}");
            Err(ImportError::OptionConflict { file: file.to_owned(), reason })
        }
        (Some(tenant), _) => Ok(tenant),
        (None, _) => {
            let reason = format!("{form} do not name the tenant that they are of");
            Err(ImportError::OptionNeeded { file: file.to_owned(), reason, option: "--tenant" })
        }
    }
}
