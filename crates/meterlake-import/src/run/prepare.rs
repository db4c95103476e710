//! Before anything is written: find the files, read them once, settle kind and basis.

use std::collections::BTreeMap;
use std::sync::Arc;

use meterlake_model::{CustomerTenantId, ImportId, SourceKind};

use super::ImportRequest;
use super::basis::{self, Basis};
use super::read::Input;
use crate::{
    ConvertContext, FileRecord, ImportError, Inspected, Manifest, Options, Progress, SourceFile, discover, inspect,
};

/// A run whose files are recognised and agree with each other.
#[derive(Debug)]
pub(super) struct Prepared {
    pub(super) files: Vec<(SourceFile, Inspected)>,
    /// One record a file, in the same order.
    pub(super) records: Vec<FileRecord>,
    pub(super) manifest: Option<Manifest>,
    pub(super) kind: SourceKind,
    pub(super) basis: Basis,
    pub(super) export_scope: String,
    pub(super) warnings: Vec<String>,
}

/// Reads every file once, on a thread of its own.
pub(super) async fn prepare(request: &ImportRequest, progress: &Arc<dyn Progress>) -> Result<Prepared, ImportError> {
    let (request, progress) = (request.clone(), Arc::clone(progress));
    let task = tokio::task::spawn_blocking(move || prepare_blocking(&request, progress.as_ref()));
    task.await.map_err(|e| ImportError::Task(e.to_string()))?
}

fn prepare_blocking(request: &ImportRequest, progress: &dyn Progress) -> Result<Prepared, ImportError> {
    let run = discover(&request.paths)?;
    let mut files = Vec::with_capacity(run.files.len());
    for file in run.files {
        let inspected = inspect(&file, &request.options, progress)?;
        check_rows(&file, &inspected, run.manifest.as_ref())?;
        files.push((file, inspected));
    }
    let kind = one_kind(&files)?;
    let rows: u64 = files.iter().map(|(_, i)| i.rows).sum();
    if rows == 0 {
        return Err(ImportError::NoRows { files: names(&files) });
    }
    check_all_rows(run.manifest.as_ref(), rows)?;
    let basis = basis::settle(&files, run.manifest.as_ref(), request.options.basis)?;
    let option_scope = request.scope.as_ref().and_then(|s| s.export.clone());
    let manifest_scope = run.manifest.as_ref().and_then(|m| m.export_scope.clone());
    let export_scope = option_scope.or(manifest_scope).unwrap_or_default();
    let records = file_records(&files, &basis, &export_scope, &request.options);
    let warnings = warnings(&files, &records);
    Ok(Prepared { files, records, manifest: run.manifest, kind, basis, export_scope, warnings })
}

impl Prepared {
    /// The files to convert: all but those with the contents of an earlier one.
    pub(super) fn inputs(&self, import: ImportId, options: &Options, progress: &Arc<dyn Progress>) -> Vec<Input> {
        let all = self.files.iter().zip(&self.records).zip(0u32..);
        all.filter(|((_, record), _)| !record.repeated)
            .map(|(((file, inspected), _), ordinal)| Input {
                file: file.clone(),
                inspected: inspected.clone(),
                context: ConvertContext {
                    import,
                    ordinal,
                    basis: self.basis.basis,
                    export_scope: self.export_scope.clone(),
                    invoice_state: self.manifest.as_ref().and_then(|m| m.invoice_state),
                    billing_account: self.manifest.as_ref().and_then(|m| m.billing_account.clone()),
                    options: options.clone(),
                    progress: Arc::clone(progress),
                },
            })
            .collect()
    }
}

fn names(files: &[(SourceFile, Inspected)]) -> String {
    files.iter().map(|(f, _)| f.name.as_str()).collect::<Vec<_>>().join(", ")
}

fn check_rows(file: &SourceFile, inspected: &Inspected, manifest: Option<&Manifest>) -> Result<(), ImportError> {
    match file.expected.as_ref().and_then(|e| e.rows) {
        Some(expected) if expected != inspected.rows => Err(ImportError::RowsMissing {
            file: file.name.clone(),
            manifest: manifest.map_or_else(|| "the manifest".to_owned(), |m| m.path.display().to_string()),
            expected,
            found: inspected.rows,
        }),
        _ => Ok(()),
    }
}

fn check_all_rows(manifest: Option<&Manifest>, found: u64) -> Result<(), ImportError> {
    match manifest.and_then(|m| m.rows.map(|rows| (m, rows))) {
        Some((manifest, expected)) if expected != found => Err(ImportError::RowsMissing {
            file: "the export".to_owned(),
            manifest: manifest.path.display().to_string(),
            expected,
            found,
        }),
        _ => Ok(()),
    }
}

fn one_kind(files: &[(SourceFile, Inspected)]) -> Result<SourceKind, ImportError> {
    let Some((first, inspected)) = files.first() else {
        return Err(ImportError::NoRows { files: "no file".to_owned() });
    };
    match files.iter().find(|(_, i)| i.kind != inspected.kind) {
        Some((other, other_inspected)) => Err(ImportError::MixedKinds {
            first: first.name.clone(),
            first_kind: inspected.kind,
            second: other.name.clone(),
            second_kind: other_inspected.kind,
        }),
        None => Ok(inspected.kind),
    }
}

fn file_records(
    files: &[(SourceFile, Inspected)],
    basis: &Basis,
    export_scope: &str,
    options: &Options,
) -> Vec<FileRecord> {
    let mut records: Vec<FileRecord> = Vec::with_capacity(files.len());
    for (file, inspected) in files {
        let repeated = records.iter().any(|r| r.content_sha256 == inspected.content_sha256);
        records.push(FileRecord {
            name: file.name.clone(),
            path: file.path.display().to_string(),
            size: inspected.size,
            sha256: inspected.sha256.clone(),
            content_sha256: inspected.content_sha256.clone(),
            variant: inspected.variant.clone(),
            compression: inspected.compression,
            format: inspected.format,
            date_format: inspected.date_format,
            number_format: inspected.number_format,
            reading: reading(inspected, basis, export_scope, options),
            rows: inspected.rows,
            rejected: 0,
            sets: BTreeMap::new(),
            repeated,
        });
    }
    records
}

/// What decided, beside the bytes, how rows were read. An option that the file leaves no use for has no part in it.
fn reading(inspected: &Inspected, basis: &Basis, export_scope: &str, options: &Options) -> String {
    let mut parts = vec![format!("basis={}", basis.basis)];
    let mut add = |name: &str, value: Option<String>| parts.extend(value.map(|v| format!("{name}={v}")));
    add("dates", serde_json::to_value(inspected.date_format).ok().and_then(|v| v.as_str().map(str::to_owned)));
    add("numbers", serde_json::to_value(inspected.number_format).ok().and_then(|v| v.as_str().map(str::to_owned)));
    add("export", Some(export_scope.to_owned()).filter(|e| !e.is_empty()));
    let account = options.billing_account.as_ref().filter(|_| inspected.lacks_account);
    add("account", account.map(ToString::to_string));
    let currency = options.currency.as_ref().filter(|_| inspected.lacks_currency);
    add("currency", currency.map(ToString::to_string));
    add("period", options.period.map(|p| p.to_string()));
    add("customer", options.customer.as_ref().map(CustomerTenantId::to_string));
    add("subscription", options.subscription.clone());
    add("state", options.invoice_state.map(|s| s.to_string()));
    parts.join("; ")
}

fn warnings(files: &[(SourceFile, Inspected)], records: &[FileRecord]) -> Vec<String> {
    let mut all = Vec::new();
    for ((file, inspected), record) in files.iter().zip(records) {
        all.extend(inspected.warnings.iter().map(|w| format!("{}: {w}", file.name)));
        if record.repeated {
            all.push(format!("{}: has the same contents as an earlier file of the run and was passed over", file.name));
        }
    }
    all
}
