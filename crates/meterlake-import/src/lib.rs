//! Source files of charges: recognise, read, map, check, reject, and commit them as imports.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

mod b2c;
mod convert;
mod dataset;
mod error;
mod inspect;
mod licences;
mod lock;
pub mod mapping;
mod options;
mod progress;
mod record;
mod recover;
mod rejects;
mod run;
mod scope;
pub mod source;
mod summary;
mod upkeep;
mod value;

pub use b2c::{B2cRequest, UsersRequest, import_b2c, import_users};
pub use convert::{ConvertContext, Converted, Converter, Reject, convert};
pub use dataset::{
    Coverage, Dataset, DatasetCounts, DatasetFile, DatasetOutcome, DatasetRecord, TenantSeen, dataset_record_text,
    dataset_summary_json, dataset_summary_text,
};
pub use error::ImportError;
pub use inspect::{Inspected, inspect};
pub use licences::{LicencesRequest, import_licences};
pub use options::{DateFormat, NumberFormat, Options};
pub use progress::{NoProgress, Progress};
pub use record::{
    AccountSeen, Change, Counts, CustomerSeen, FileRecord, ImportRecord, ImportState, ReplacedRecord, Restatement,
    ScopeRecord, SetRecord, Totals,
};
pub use recover::{RecoveryReport, recover};
pub use run::{
    AllowRejects, AlreadyCurrent, ImportJournal, ImportRequest, JournalError, Outcome, import_charges,
    live_rows_by_import,
};
pub use scope::{ScopeOption, ScopeOptionError, WouldDrop};
pub use source::{Compression, Format, Manifest, ManifestFile, ManifestKind, Run, SourceFile, discover};
pub use summary::{record_text, recovery_text, summary_json, summary_text};
pub use upkeep::{
    Action, ActionKind, CheckReport, CheckRequest, MaintainReport, MaintainRequest, TableChecked, TableUpkeep, check,
    maintain,
};
