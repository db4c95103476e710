//! The manifest that Cost Management writes beside the blobs of an export run.

use std::path::Path;

use anyhow::{Context, Result};
use meterlake_model::BillingPeriod;
use serde::Serialize;

/// One blob of the run.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Blob {
    pub(super) blob_name: String,
    pub(super) byte_count: u64,
    pub(super) data_row_count: u64,
}

/// What the run was.
pub(super) struct Export<'a> {
    pub(super) name: &'a str,
    pub(super) billing_account: &'a str,
    pub(super) period: BillingPeriod,
    /// Instant of submission, as text.
    pub(super) submitted: String,
    pub(super) run_id: uuid::Uuid,
    pub(super) folder: &'a str,
    /// Whether the month goes on.
    pub(super) running_month: bool,
    pub(super) blobs: Vec<Blob>,
}

/// Writes `manifest.json` into `dir`.
pub(super) fn write(dir: &Path, export: &Export<'_>) -> Result<()> {
    let scope = format!("/providers/Microsoft.Billing/billingAccounts/{}", export.billing_account);
    let manifest = serde_json::json!({
        "manifestVersion": "2024-04-01",
        "byteCount": export.blobs.iter().map(|b| b.byte_count).sum::<u64>(),
        "blobCount": export.blobs.len(),
        "dataRowCount": export.blobs.iter().map(|b| b.data_row_count).sum::<u64>(),
        "exportConfig": {
            "exportName": export.name,
            "resourceId": format!("{scope}/providers/Microsoft.CostManagement/exports/{}", export.name),
            "dataVersion": "2024-08-01",
            "apiVersion": "2024-08-01",
            "type": "ActualCost",
            "timeFrame": if export.running_month { "MonthToDate" } else { "TheLastMonth" },
            "granularity": "Daily"
        },
        "deliveryConfig": {
            "partitionData": true,
            "dataOverwriteBehavior": "CreateNewReport",
            "fileFormat": "Csv",
            "compressionMode": "gzip",
            "containerUri": "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/finance/providers/Microsoft.Storage/storageAccounts/costexports/blobServices/default/containers/costs",
            "rootFolderPath": export.folder
        },
        "runInfo": {
            "executionType": "Scheduled",
            "submittedTime": export.submitted,
            "runId": export.run_id.to_string(),
            "startDate": format!("{}T00:00:00", export.period.first_day()),
            "endDate": format!("{}T00:00:00", export.period.last_day())
        },
        "blobs": export.blobs
    });
    let path = dir.join("manifest.json");
    let text = serde_json::to_string_pretty(&manifest).context("a manifest is JSON")?;
    std::fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))
}
