//! What imports of the datasets beside charges have in common: B2C events, user counts, licences.

mod desk;
mod files;
mod json_records;
pub(crate) mod other_kind;
mod record;
pub(crate) mod records;
pub(crate) mod recover;
mod text;

pub(crate) use desk::{Desk, check_rejects};
pub(crate) use files::find;
pub use record::{Coverage, Dataset, DatasetCounts, DatasetFile, DatasetOutcome, DatasetRecord, TenantSeen};
pub use text::{dataset_record_text, dataset_summary_json, dataset_summary_text};
