//! Manifests that stand beside exported blobs.

use std::path::PathBuf;

use chrono::{DateTime, Utc};
use meterlake_model::{CostBasis, DayRange, InvoiceState};

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
