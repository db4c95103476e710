//! What imports of the datasets beside charges have in common: B2C events, user counts, licences.

mod record;

pub use record::{Coverage, Dataset, DatasetCounts, DatasetFile, DatasetOutcome, DatasetRecord, TenantSeen};
