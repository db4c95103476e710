//! The record of one import: what it read, what it changed, and where to look. Stored as JSON in the control state
//! and, as the commit's sidecar, in the lake.

use std::collections::BTreeMap;
use std::fmt;

use chrono::{DateTime, Utc};
use meterlake_model::{
    Amount, BillingPeriod, CostBasis, CurrencyCode, CustomerTenantId, Day, ImportId, Offer, Quantity, SourceKind,
};
use serde::{Deserialize, Serialize};

use crate::run::AllowRejects;
use crate::scope::ScopeOption;
use crate::{Compression, DateFormat, Format, Manifest, NumberFormat, Options};

/// How far an import has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ImportState {
    /// Under way, or its process died: `recover` tells which.
    Running,
    /// In the lake.
    Committed,
    /// Ended without a change: the lake held the same rows already.
    Unchanged,
    /// Ended with an error and without a change.
    Failed,
    /// Its process died before the commit; nothing changed.
    Abandoned,
}

impl ImportState {
    /// The name as in JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Committed => "committed",
            Self::Unchanged => "unchanged",
            Self::Failed => "failed",
            Self::Abandoned => "abandoned",
        }
    }
}

impl fmt::Display for ImportState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Everything that is kept about one import. Records outlive the program that wrote them: what tells neither figures nor
/// what the rows belong to has a default, and whatever is added later needs one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImportRecord {
    /// Its id; sorts by time.
    pub id: ImportId,
    /// How far it has come.
    pub state: ImportState,
    /// When it began.
    pub started_at: DateTime<Utc>,
    /// When it ended: just before its commit for a committed one.
    pub finished_at: Option<DateTime<Utc>>,
    /// Snapshot of `charges` that its commit made. None in the sidecar, which is written before the commit.
    pub version: Option<u64>,
    /// Version of Meterlake that ran it.
    #[serde(default)]
    pub program: String,
    /// Kind of its files.
    pub kind: SourceKind,
    /// Cost basis of its rows.
    pub basis: CostBasis,
    /// What settled the basis.
    #[serde(default)]
    pub basis_reason: String,
    /// The run's manifest.
    pub manifest: Option<Manifest>,
    /// What the user said about the files.
    #[serde(default)]
    pub options: Options,
    /// What the user said the files cover.
    pub scope: Option<ScopeOption>,
    /// Whether `--replace` was given.
    #[serde(default)]
    pub replace: bool,
    /// Whether `--force` was given.
    #[serde(default)]
    pub force: bool,
    /// Rejects that were allowed.
    pub allow_rejects: Option<AllowRejects>,
    /// Its files, by ordinal (`source_file` of the rows).
    pub files: Vec<FileRecord>,
    /// Rows by fate.
    #[serde(flatten)]
    pub counts: Counts,
    /// Sums over all good rows of the files.
    pub totals: Totals,
    /// What the files hold, a scope and period each.
    pub sets: Vec<SetRecord>,
    /// Charges of earlier imports that this one replaced, a scope and period each.
    #[serde(rename = "replacements", default)]
    pub replaced: Vec<ReplacedRecord>,
    /// Changes in closed months.
    #[serde(default)]
    pub restatements: Vec<Restatement>,
    /// Earlier imports of which no row is live any more.
    #[serde(default)]
    pub superseded: Vec<ImportId>,
    /// Customers in the files.
    #[serde(default)]
    pub customers: Vec<CustomerSeen>,
    /// Billing accounts in the files.
    #[serde(default)]
    pub billing_accounts: Vec<AccountSeen>,
    /// Remarks for the user.
    #[serde(default)]
    pub warnings: Vec<String>,
    /// Name of the rejects file in the data folder's `rejects/`, if there are rejects.
    pub rejects_file: Option<String>,
    /// Why it failed.
    pub error: Option<String>,
}

/// One file of an import.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileRecord {
    /// File name, with its zip member if any.
    pub name: String,
    /// The path as given.
    #[serde(default)]
    pub path: String,
    /// Bytes on disk.
    pub size: u64,
    /// SHA-256 of the file's bytes, lower-case hex.
    pub sha256: String,
    /// SHA-256 of the decompressed bytes.
    pub content_sha256: String,
    /// Kind and variant, for example `2024-08-01`.
    #[serde(default)]
    pub variant: String,
    /// Outer packing.
    pub compression: Compression,
    /// How rows are written.
    pub format: Format,
    /// Order of dates, decided over all rows.
    pub date_format: DateFormat,
    /// Decimal mark, decided over all rows.
    pub number_format: NumberFormat,
    /// Options and basis that its rows were read with; the same bytes read otherwise are other rows.
    #[serde(default)]
    pub reading: String,
    /// Rows read, bad ones included.
    pub rows: u64,
    /// Bad rows.
    pub rejected: u64,
    /// Good rows by position in [`ImportRecord::sets`].
    pub sets: BTreeMap<usize, u64>,
    /// Whether it has the contents of an earlier file of the same run and was passed over.
    #[serde(default)]
    pub repeated: bool,
}

/// Rows of an import by fate. `read = taken + duplicate + rejected`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Data rows in the files.
    pub read: u64,
    /// Rows that are now in the lake by this import.
    pub taken: u64,
    /// Rows that the lake held already, or that came twice in one run.
    #[serde(default)]
    pub duplicate: u64,
    /// Rows of earlier imports that gave way.
    #[serde(default)]
    pub replaced: u64,
    /// Rows that could not be taken.
    #[serde(default)]
    pub rejected: u64,
}

/// Exact sums.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Totals {
    /// Billed cost by currency; a currency without any billed cost is absent.
    pub billed_cost: BTreeMap<String, Amount>,
    /// Effective cost by currency; a currency without any effective cost is absent.
    pub effective_cost: BTreeMap<String, Amount>,
    /// Quantity by unit of measure.
    pub quantity: BTreeMap<String, Quantity>,
}

/// The scope of a set of charges.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ScopeRecord {
    /// Kind of source.
    pub source_kind: String,
    /// Billing account.
    pub billing_account: String,
    /// Narrower export scope, empty for the whole account.
    pub export_scope: String,
    /// Cost basis.
    pub basis: String,
    /// Currency.
    pub currency: String,
    /// Invoice state, empty where the source has none.
    pub invoice_state: String,
}

/// The rows of an import in one scope and billing period.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SetRecord {
    /// The scope.
    #[serde(flatten)]
    pub scope: ScopeRecord,
    /// The billing period.
    pub period: BillingPeriod,
    /// First day of usage.
    pub first_day: Day,
    /// Last day of usage.
    pub last_day: Day,
    /// Rows.
    pub rows: u64,
    /// Billed cost, none when no row has one.
    pub billed_cost: Option<Amount>,
    /// Effective cost, none when no row has one.
    pub effective_cost: Option<Amount>,
    /// Quantity by unit.
    pub quantity: BTreeMap<String, Quantity>,
    /// Order-independent digest of the rows' business columns, 32 hex digits.
    pub digest: String,
    /// Whether the lake held exactly these rows, so that they stayed as they were.
    #[serde(default)]
    pub unchanged: bool,
    /// Imports whose live rows make up the set: this one, or where unchanged those that brought them.
    pub origins: BTreeMap<ImportId, u64>,
}

/// Charges that gave way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReplacedRecord {
    /// The scope.
    #[serde(flatten)]
    pub scope: ScopeRecord,
    /// The billing period.
    pub period: BillingPeriod,
    /// Rows by the import that had brought them.
    pub rows: BTreeMap<ImportId, u64>,
    /// Rows of the same data files that stayed, rewritten as they were.
    #[serde(default)]
    pub kept: u64,
    /// Why they gave way: `same scope`, `billed replaces unbilled`, `--replace`.
    #[serde(default)]
    pub reason: String,
}

/// A change in a closed month.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Restatement {
    /// The scope.
    #[serde(flatten)]
    pub scope: ScopeRecord,
    /// The billing period.
    pub period: BillingPeriod,
    /// Rows before and after.
    pub rows: Change<u64>,
    /// Billed cost before and after.
    pub billed_cost: Change<Option<Amount>>,
    /// Effective cost before and after.
    pub effective_cost: Change<Option<Amount>>,
}

/// A figure before and after.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change<T> {
    /// Before.
    pub old: T,
    /// After.
    pub new: T,
}

/// A customer that occurs in the files.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CustomerSeen {
    /// Tenant id.
    pub tenant_id: CustomerTenantId,
    /// Name, empty where the source has none.
    pub name: String,
    /// Domain, empty where the source has none.
    pub domain: String,
    /// Offer that files of this kind are about.
    pub offer: Option<Offer>,
    /// Currency of its charges (the first one seen).
    pub currency: Option<CurrencyCode>,
}

/// A billing account that occurs in the files.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountSeen {
    /// Its id as imported.
    pub id: String,
    /// Its name, empty where the source has none.
    pub name: String,
}

impl ScopeRecord {
    /// From the values of `columns::SCOPE`, in that order.
    #[must_use]
    pub fn from_values(values: &meterlake_lake::ScopeValues) -> Self {
        let [source_kind, billing_account, export_scope, basis, currency, invoice_state] = values.clone();
        Self { source_kind, billing_account, export_scope, basis, currency, invoice_state }
    }

    /// The values of `columns::SCOPE`, in that order.
    #[must_use]
    pub fn values(&self) -> meterlake_lake::ScopeValues {
        [
            self.source_kind.clone(),
            self.billing_account.clone(),
            self.export_scope.clone(),
            self.basis.clone(),
            self.currency.clone(),
            self.invoice_state.clone(),
        ]
    }
}

impl fmt::Display for ScopeRecord {
    /// For messages: `cost-export-ea, account 100, actual, EUR`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, account {}", self.source_kind, self.billing_account)?;
        for part in [&self.export_scope, &self.basis, &self.invoice_state, &self.currency] {
            if !part.is_empty() {
                write!(f, ", {part}")?;
            }
        }
        Ok(())
    }
}

impl ImportRecord {
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
        self.replaced.clear();
        self.restatements.clear();
        self.superseded.clear();
        self.version = None;
    }
}
