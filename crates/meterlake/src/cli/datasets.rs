//! Arguments of the imports beside charges.

use std::path::PathBuf;

use clap::Args;
use meterlake_model::{Day, DayRange, TenantId};

/// What all imports of datasets beside charges take.
#[derive(Debug, Args)]
pub(crate) struct DatasetOptions {
    /// Take the good records and keep the rejects, at most N of them where given
    #[arg(long, value_name = "N", num_args = 0..=1, require_equals = true, default_missing_value = "18446744073709551615")]
    pub(crate) allow_rejects: Option<u64>,
    /// Print the summary as JSON
    #[arg(long)]
    pub(crate) json: bool,
    /// No progress bar
    #[arg(short, long)]
    pub(crate) quiet: bool,
}

/// Options of `meterlake import b2c-events`.
#[derive(Debug, Args)]
pub(crate) struct ImportB2cEvents {
    /// Files or folders of them: JSON arrays, `{"value":[…]}` pages, JSON lines, Log Analytics JSON or CSV, gzip of them
    #[arg(required = true, value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    /// Tenant (id or domain) of records that do not name it
    #[arg(long, value_name = "ID")]
    pub(crate) tenant: Option<String>,
    /// Graph `applications` file, which tells public from confidential clients
    #[arg(long, value_name = "FILE")]
    pub(crate) applications: Option<PathBuf>,
    /// Days that the files cover, first..last [default: from the first to the last record of each file]
    #[arg(long, value_name = "DAYS", value_parser = day_range)]
    pub(crate) days: Option<DayRange>,
    #[command(flatten)]
    pub(crate) common: DatasetOptions,
}

/// Options of `meterlake import users`.
#[derive(Debug, Args)]
pub(crate) struct ImportUsers {
    /// All files of one full snapshot, or a folder of them
    #[arg(required = true, value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    /// Tenant (id or domain) of users that do not tell it
    #[arg(long, value_name = "ID")]
    pub(crate) tenant: Option<String>,
    /// Day of the snapshot [default: today]
    #[arg(long, value_name = "DAY")]
    pub(crate) day: Option<Day>,
    #[command(flatten)]
    pub(crate) common: DatasetOptions,
}

/// Options of `meterlake import licences`.
#[derive(Debug, Args)]
pub(crate) struct ImportLicences {
    /// Files of one snapshot in any mix of the sources, recognised by content, or a folder of them
    #[arg(required = true, value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    /// Tenant (id or domain) of files that do not name it
    #[arg(long, value_name = "ID")]
    pub(crate) tenant: Option<String>,
    /// Our own partner tenant: subscriptions that it owns were bought through us
    #[arg(long, value_name = "GUID")]
    pub(crate) partner: Option<TenantId>,
    /// When the state was fetched, RFC 3339 [default: now]
    #[arg(long, value_name = "INSTANT")]
    pub(crate) moment: Option<chrono::DateTime<chrono::Utc>>,
    #[command(flatten)]
    pub(crate) common: DatasetOptions,
}

/// Reads `2026-11-01..2026-11-30`, or one day.
fn day_range(text: &str) -> Result<DayRange, String> {
    let (first, last) = text.split_once("..").unwrap_or((text, text));
    let day = |text: &str| text.parse::<Day>().map_err(|error| error.to_string());
    DayRange::new(day(first)?, day(last)?).map_err(|error| error.to_string())
}
