//! Arguments of reports and estimates.

use std::path::PathBuf;

use clap::Args;
use meterlake_model::{BillingPeriod, Day};
use meterlake_reports::Granularity;

use crate::report::ReportName;
use crate::rows::RowFormat;

/// Options of `meterlake report`.
#[derive(Debug, Args)]
pub(crate) struct Report {
    /// ea-usage-details, azure-usage, usage-summary, tenantUserCount, b2cAuthenticationCountSummary,
    /// b2cAuthenticationCount, b2cMfaRequestCountSummary, b2cMfaRequestCount or license-consumption
    pub(crate) name: ReportName,
    /// Enrolment number (ea-usage-details)
    #[arg(long, alias = "enrollment", value_name = "NUMBER")]
    pub(crate) enrolment: Option<String>,
    /// v1, v2 or v3 (ea-usage-details) [default: v3]
    #[arg(long, value_name = "VERSION")]
    pub(crate) ea_version: Option<String>,
    /// Tenant: id or domain (B2C reports), id (license-consumption)
    #[arg(long, value_name = "ID")]
    pub(crate) tenant: Option<String>,
    /// Customer: tenant id (azure-usage, usage-summary), C3 customer id (license-consumption)
    #[arg(long, value_name = "GUID")]
    pub(crate) customer: Option<String>,
    /// Billing period (ea-usage-details) [default: the current one]
    #[arg(long, value_name = "YYYYMM")]
    pub(crate) period: Option<BillingPeriod>,
    /// First day
    #[arg(long, value_name = "DAY")]
    pub(crate) from: Option<Day>,
    /// Last day
    #[arg(long, value_name = "DAY")]
    pub(crate) to: Option<Day>,
    /// Only this application (B2C reports)
    #[arg(long, value_name = "GUID")]
    pub(crate) application: Option<uuid::Uuid>,
    /// Filter as in the API (azure-usage, B2C reports)
    #[arg(long)]
    pub(crate) filter: Option<String>,
    /// Fields to group by, with commas (azure-usage)
    #[arg(long, value_name = "FIELDS")]
    pub(crate) group_by: Option<String>,
    /// day, week or month (azure-usage)
    #[arg(long, value_name = "LEVEL")]
    pub(crate) aggregation: Option<String>,
    /// Order, for example "Quantity desc" (azure-usage)
    #[arg(long, value_name = "ORDER")]
    pub(crate) order_by: Option<String>,
    /// Print at most N rows
    #[arg(long, value_name = "N")]
    pub(crate) top: Option<u64>,
    /// Pass over the first N rows (azure-usage)
    #[arg(long, value_name = "N")]
    pub(crate) skip: Option<u64>,
    /// table, json, csv, xml or list
    #[arg(long, default_value = "table")]
    pub(crate) format: RowFormat,
    /// Ask the server at this address instead of the data folder
    #[arg(long, value_name = "URL")]
    pub(crate) server: Option<String>,
    /// Access token for the server
    #[arg(long, env = "METERLAKE_TOKEN", hide_env_values = true)]
    pub(crate) token: Option<String>,
    /// API key of the enrolment for the server (ea-usage-details)
    #[arg(long, env = "METERLAKE_KEY", hide_env_values = true)]
    pub(crate) key: Option<String>,
}

/// Options of `meterlake estimate`.
#[derive(Debug, Args)]
pub(crate) struct EstimateBill {
    /// B2C tenant: id or domain
    #[arg(long, value_name = "ID")]
    pub(crate) tenant: String,
    /// Price file (TOML) [default: [b2c] prices of the settings]
    #[arg(long, value_name = "FILE")]
    pub(crate) prices: Option<PathBuf>,
    /// day, week (from Monday) or month
    #[arg(long, default_value = "month")]
    pub(crate) by: Granularity,
    /// Also each application, with its part of the cost
    #[arg(long)]
    pub(crate) per_application: bool,
    /// First day [default: two months before the last day's month]
    #[arg(long, value_name = "DAY")]
    pub(crate) from: Option<Day>,
    /// Last day [default: today]
    #[arg(long, value_name = "DAY")]
    pub(crate) to: Option<Day>,
    /// Linked subscription whose charges of the service are put beside [default: found by the tenant's domain names]
    #[arg(long, value_name = "ID")]
    pub(crate) subscription: Option<String>,
    /// table, json, csv, xml or list
    #[arg(long, default_value = "table")]
    pub(crate) format: RowFormat,
}
