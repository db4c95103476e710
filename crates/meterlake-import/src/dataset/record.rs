//! The record of one import of a dataset. Stored as JSON in the control state and as the commit's sidecar in the
//! lake; its `dataset` member tells it from an import of charges.

use std::collections::BTreeMap;
use std::fmt;

use chrono::{DateTime, Utc};
use meterlake_model::{Day, ImportId, SharedClock, TenantId};
use serde::{Deserialize, Serialize};

use crate::{Compression, ImportState};

/// What an import brought, other than charges.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Dataset {
    /// Authentications and MFA attempts of B2C tenants.
    #[serde(rename = "b2c-events")]
    B2cEvents,
    /// Snapshots of users by kind of identity.
    #[serde(rename = "users")]
    Users,
    /// Snapshots of licences.
    #[serde(rename = "licences")]
    Licences,
}

impl Dataset {
    /// Every dataset.
    pub const ALL: &[Self] = &[Self::B2cEvents, Self::Users, Self::Licences];

    /// The name, as stored and as on the command line.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::B2cEvents => "b2c-events",
            Self::Users => "users",
            Self::Licences => "licences",
        }
    }
}

impl fmt::Display for Dataset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Everything that is kept about one import of a dataset.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DatasetRecord {
    /// What it brought.
    pub dataset: Dataset,
    /// Its id; sorts by time.
    pub id: ImportId,
    /// How far it has come.
    pub state: ImportState,
    /// When it began.
    pub started_at: DateTime<Utc>,
    /// When it ended: just before its commit for a committed one.
    pub finished_at: Option<DateTime<Utc>>,
    /// Version of the dataset's (last committed) table that its commit made. None in the sidecar, which is written
    /// before the commit.
    pub version: Option<u64>,
    /// Version of Meterlake that ran it.
    pub program: String,
    /// Options as the user gave them, by name without hyphens before it (`tenant`, `days`).
    pub options: BTreeMap<String, String>,
    /// Its files, by ordinal (`source_file` of the rows).
    pub files: Vec<DatasetFile>,
    /// Records by fate.
    pub counts: DatasetCounts,
    /// Further counts for the user, by name (`authentications`, `SmsMfa`, `local users`, …).
    pub figures: BTreeMap<String, u64>,
    /// Tenants that the records are about.
    pub tenants: Vec<TenantSeen>,
    /// Which tenants and days the import covers.
    pub coverage: Vec<Coverage>,
    /// Days whose derived rows the import (re)built, by tenant: the covered ones, and days whose earlier events it
    /// changed. Empty where nothing is derived.
    #[serde(default)]
    pub touched: BTreeMap<String, Vec<Day>>,
    /// Remarks for the user.
    pub warnings: Vec<String>,
    /// Name of the rejects file in the data folder's `rejects/`, if there are rejects.
    pub rejects_file: Option<String>,
    /// Why it failed.
    pub error: Option<String>,
}

/// One file of an import of a dataset.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DatasetFile {
    /// File name, with its zip member if any.
    pub name: String,
    /// The path as given.
    pub path: String,
    /// Bytes on disk.
    pub size: u64,
    /// SHA-256 of the file's bytes, lower-case hex.
    pub sha256: String,
    /// SHA-256 of the decompressed bytes.
    pub content_sha256: String,
    /// What it was recognised as, for example `directoryAudits`, `Log Analytics AuditLogs`, `subscribedSkus`.
    pub form: String,
    /// Outer packing.
    pub compression: Compression,
    /// Records read, bad ones included.
    pub rows: u64,
    /// Bad records.
    pub rejected: u64,
    /// Whether it has the contents of an earlier file of the same run and was passed over.
    pub repeated: bool,
}

/// Records by fate. `read = taken + duplicate + passed_over + rejected`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DatasetCounts {
    /// Records in the files.
    pub read: u64,
    /// Records that are now in the lake by this import.
    pub taken: u64,
    /// Records that the lake held already, or that came twice in one run.
    pub duplicate: u64,
    /// Rows of earlier imports that gave way.
    pub replaced: u64,
    /// Good records that the dataset has no use for (other activities of the audit log).
    pub passed_over: u64,
    /// Records that could not be taken.
    pub rejected: u64,
}

/// A tenant that records are about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TenantSeen {
    /// Its id.
    pub tenant_id: TenantId,
    /// A domain name of it, empty where the source has none.
    pub domain: String,
}

/// What an import covers: "no activity" is told from "not imported" by it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Coverage {
    /// The tenant.
    pub tenant_id: TenantId,
    /// The first covered day.
    pub first: Day,
    /// The last covered day.
    pub last: Day,
    /// The newest covered moment.
    pub covered_to: DateTime<Utc>,
}

/// How an import of a dataset ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DatasetOutcome {
    /// It is in the lake and in the journal.
    Committed(Box<DatasetRecord>),
    /// The lake holds exactly this already; nothing changed (state `unchanged`).
    AlreadyCurrent(Box<DatasetRecord>),
}

impl DatasetRecord {
    /// The record of an import that begins now, without files.
    #[must_use]
    pub fn begin(dataset: Dataset, clock: &SharedClock) -> Self {
        let now = clock.now();
        Self {
            dataset,
            id: ImportId::new(now),
            state: ImportState::Running,
            started_at: now,
            finished_at: None,
            version: None,
            program: env!("CARGO_PKG_VERSION").to_owned(),
            options: BTreeMap::new(),
            files: Vec::new(),
            counts: DatasetCounts::default(),
            figures: BTreeMap::new(),
            tenants: Vec::new(),
            coverage: Vec::new(),
            touched: BTreeMap::new(),
            warnings: Vec::new(),
            rejects_file: None,
            error: None,
        }
    }

    /// SHA-256 of its files and of their decompressed contents, each once.
    #[must_use]
    pub fn hashes(&self) -> Vec<String> {
        let mut hashes: Vec<String> =
            self.files.iter().flat_map(|f| [f.sha256.clone(), f.content_sha256.clone()]).collect();
        hashes.sort_unstable();
        hashes.dedup();
        hashes
    }

    /// Takes back what the record says of changes that did not come to pass.
    pub(crate) fn forget_effects(&mut self) {
        self.counts.taken = 0;
        self.counts.replaced = 0;
        self.coverage.clear();
        self.touched.clear();
        self.version = None;
    }
}
