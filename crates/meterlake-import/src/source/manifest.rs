//! Manifests that stand beside exported blobs.

use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use meterlake_model::{CostBasis, Day, DayRange, InvoiceState};
use serde::Deserialize;

use crate::ImportError;
use crate::value::date;

/// Which service wrote the manifest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ManifestKind {
    /// Azure Cost Management export.
    AzureCostExport,
    /// Microsoft Graph partner billing export.
    GraphPartnerBilling,
}

/// What a manifest says of its run.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Manifest {
    /// Where it lies.
    pub path: PathBuf,
    /// Who wrote it.
    pub kind: ManifestKind,
    /// When the run was submitted or the manifest created.
    pub run_time: Option<DateTime<Utc>>,
    /// Id of the run, for records.
    pub run_id: Option<String>,
    /// Cost basis that the export was configured for.
    pub basis: Option<CostBasis>,
    /// Days that the run covers, both inclusive.
    pub days: Option<DayRange>,
    /// Scope narrower than the billing account (subscription, resource group, department …), else empty.
    pub export_scope: Option<String>,
    /// Billing account in the export's scope.
    pub billing_account: Option<String>,
    /// Billed or unbilled, for partner billing.
    pub invoice_state: Option<InvoiceState>,
    /// Rows of all blobs, when stated.
    pub rows: Option<u64>,
}

/// What a manifest says of one blob.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct ManifestFile {
    /// Name as the manifest gives it.
    pub blob: String,
    /// Bytes, when stated.
    pub bytes: Option<u64>,
    /// Data rows, when stated.
    pub rows: Option<u64>,
}

/// Both manifests in one shape; members of the other kind stay empty.
#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Wire {
    data_row_count: Option<u64>,
    blobs: Option<Vec<WireBlob>>,
    export_config: Option<WireConfig>,
    run_info: Option<WireRun>,
    // Graph
    id: Option<String>,
    created_date_time: Option<String>,
    partition_type: Option<String>,
    partner_tenant_id: Option<String>,
    root_directory: Option<String>,
    blob_count: Option<u64>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct WireBlob {
    blob_name: Option<String>,
    name: Option<String>,
    byte_count: Option<u64>,
    data_row_count: Option<u64>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct WireConfig {
    resource_id: Option<String>,
    r#type: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct WireRun {
    submitted_time: Option<String>,
    run_id: Option<String>,
    start_date: Option<String>,
    end_date: Option<String>,
}

/// Reads a manifest and the blobs it lists.
pub(super) fn read(path: &Path) -> Result<(Manifest, Vec<ManifestFile>), ImportError> {
    let bytes = std::fs::read(path).map_err(|error| ImportError::Io { path: path.to_owned(), error })?;
    let text = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(&bytes);
    let refuse = |reason: String| ImportError::Discovery { place: path.display().to_string(), reason };
    let wire: Wire = serde_json::from_slice(text).map_err(|e| refuse(format!("not a manifest: {e}")))?;
    let Some(wire_blobs) = wire.blobs else {
        return Err(refuse(
            "not a manifest: it has no `blobs`; expected the manifest of an Azure cost export or of a Graph partner \
             billing export"
                .to_owned(),
        ));
    };
    let mut blobs = Vec::with_capacity(wire_blobs.len());
    for (at, blob) in wire_blobs.into_iter().enumerate() {
        let name = blob.blob_name.or(blob.name).filter(|n| !n.is_empty());
        let name = name.ok_or_else(|| refuse(format!("blob {} has neither `blobName` nor `name`", at + 1)))?;
        blobs.push(ManifestFile { blob: name, bytes: blob.byte_count, rows: blob.data_row_count });
    }
    if blobs.is_empty() {
        return Err(refuse("the manifest lists no blobs: the run exported nothing".to_owned()));
    }
    if let Some(count) = wire.blob_count.filter(|&n| n != blobs.len() as u64) {
        return Err(refuse(format!("it states {count} blobs but lists {}", blobs.len())));
    }
    let graph = wire.export_config.is_none() && wire.run_info.is_none();
    let run = wire.run_info.unwrap_or_default();
    let config = wire.export_config.unwrap_or_default();
    let (billing_account, export_scope) = scope_of(config.resource_id.as_deref().unwrap_or_default());
    let manifest = Manifest {
        path: path.to_owned(),
        kind: if graph { ManifestKind::GraphPartnerBilling } else { ManifestKind::AzureCostExport },
        run_time: run.submitted_time.or(wire.created_date_time).as_deref().and_then(instant),
        run_id: run.run_id.or(if graph { wire.id } else { None }),
        basis: config.r#type.as_deref().and_then(basis_of),
        days: days(run.start_date.as_deref(), run.end_date.as_deref()),
        export_scope,
        billing_account: if graph { wire.partner_tenant_id } else { billing_account },
        invoice_state: graph.then(|| state_of(&[wire.root_directory, wire.partition_type])).flatten(),
        rows: wire.data_row_count,
    };
    Ok((manifest, blobs))
}

fn instant(text: &str) -> Option<DateTime<Utc>> {
    let moment = date::parse(text, crate::DateFormat::Iso)?;
    DateTime::from_timestamp_micros(moment.utc_micros())
}

/// The days of a run. Azure writes the midnight that starts the first and the one that starts the last day; an end
/// such as `23:59:59` lies in the last day too.
fn days(start: Option<&str>, end: Option<&str>) -> Option<DayRange> {
    let day = |text: &str| date::parse(text, crate::DateFormat::Iso).map(|m| m.day);
    let (first, last): (Day, Day) = (day(start?)?, day(end?)?);
    DayRange::new(first, last).ok()
}

fn basis_of(kind: &str) -> Option<CostBasis> {
    match kind.to_ascii_lowercase().as_str() {
        "actualcost" | "usage" => Some(CostBasis::Actual),
        "amortizedcost" => Some(CostBasis::Amortized),
        "focuscost" => Some(CostBasis::Both),
        _ => None,
    }
}

/// Partner billing exports name the state in the path of their blobs.
fn state_of(texts: &[Option<String>]) -> Option<InvoiceState> {
    let lower = texts.iter().flatten().map(|t| t.to_ascii_lowercase()).collect::<Vec<_>>().join("/");
    if lower.contains("unbilled") {
        Some(InvoiceState::Unbilled)
    } else {
        lower.contains("billed").then_some(InvoiceState::Billed)
    }
}

/// Splits the id of an export into the billing account and the narrower scope.
fn scope_of(resource_id: &str) -> (Option<String>, Option<String>) {
    let lower = resource_id.to_ascii_lowercase();
    let Some(end) = lower.find("/providers/microsoft.costmanagement") else { return (None, None) };
    let scope = resource_id[..end].trim_matches('/');
    let parts: Vec<&str> = scope.split('/').collect();
    let account = parts.iter().position(|p| p.eq_ignore_ascii_case("billingAccounts"));
    match account.and_then(|at| parts.get(at + 1).map(|id| (at, *id))) {
        Some((at, id)) => {
            let narrower = parts[(at + 2).min(parts.len())..].join("/");
            (Some(id.to_owned()), Some(narrower))
        }
        None => (None, Some(scope.to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes() {
        let scope = |id| scope_of(id);
        let some = |a: &str, b: &str| (Some(a.to_owned()), Some(b.to_owned()));
        assert_eq!(
            scope("/providers/Microsoft.Billing/billingAccounts/861/providers/Microsoft.CostManagement/exports/x"),
            some("861", "")
        );
        assert_eq!(
            scope(
                "providers/Microsoft.Billing/billingAccounts/861/departments/7/providers/Microsoft.CostManagement/exports/x"
            ),
            some("861", "departments/7")
        );
        assert_eq!(
            scope("/subscriptions/s/resourceGroups/g/providers/Microsoft.CostManagement/exports/x"),
            (None, Some("subscriptions/s/resourceGroups/g".to_owned()))
        );
    }
}
