//! What of charges has a rollup, and whether it has.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::Arc,
};

use meterlake_model::{BillingPeriod, CostBasis, Day, ImportId};
use sha2::{Digest, Sha256};

use crate::{
    charges::{ChargesFile, ChargesSnapshot, columns},
    error::LakeError,
    lake::Lake,
    scope::{ScopeKey, ScopeValues},
    snapshot::{TableFile, TableSnapshot},
    stats::StatValue,
    tables::Table,
};

/// Goes into every fingerprint; to be raised when other rows are made of the same charges.
const FORM: &str = "charges_rollup 1";

/// What a rollup sums the days of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Grain {
    /// Each day by itself.
    Day,
    /// The days of a calendar month.
    Month,
}

impl Grain {
    /// Both, the month first: whether days pay is told by its rows.
    pub const ALL: [Self; 2] = [Self::Month, Self::Day];

    /// The table that holds the sums.
    #[must_use]
    pub const fn table(self) -> Table {
        match self {
            Self::Day => Table::ChargesRollup,
            Self::Month => Table::ChargesRollupMonths,
        }
    }

    /// The day that stands for a day, both as days since 1970-01-01.
    #[must_use]
    pub fn first_day(self) -> fn(i32) -> i32 {
        match self {
            Self::Day => |day| day,
            Self::Month => |day| {
                Day::from_since_epoch(day).map_or(day, |day| BillingPeriod::containing(day).first_day().since_epoch())
            },
        }
    }
}

/// The newest snapshots of both tables.
#[derive(Clone, Debug)]
pub struct Rollups {
    /// By day.
    pub days: TableSnapshot,
    /// By month.
    pub months: TableSnapshot,
}

impl Rollups {
    /// The newest snapshots.
    ///
    /// # Errors
    /// When a log cannot be read.
    pub async fn newest(lake: &Lake) -> Result<Self, LakeError> {
        let (days, months) =
            futures::try_join!(lake.snapshot(Grain::Day.table()), lake.snapshot(Grain::Month.table()))?;
        Ok(Self { days, months })
    }

    pub(super) fn of(&self, grain: Grain) -> &TableSnapshot {
        match grain {
            Grain::Day => &self.days,
            Grain::Month => &self.months,
        }
    }
}

/// The charges of one billing period and scope in a snapshot.
#[derive(Clone, Debug)]
pub struct RollupPart {
    /// The billing period.
    pub period: BillingPeriod,
    /// The key of the scope.
    pub scope_key: ScopeKey,
    /// The scope, in the order of [`columns::SCOPE`].
    pub scope: Arc<ScopeValues>,
    /// All live files of charges of the period and scope, by path.
    pub(super) files: Vec<ChargesFile>,
    pub(super) fingerprint: ImportId,
}

/// The files to read instead of some files of charges.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    /// Files of `charges_rollup`.
    pub days: Vec<TableFile>,
    /// Files of `charges_rollup_months`.
    pub months: Vec<TableFile>,
    /// Files of charges that have no valid rollup, or none that could hold charges of customers.
    pub charges: Vec<ChargesFile>,
}

impl RollupPart {
    /// Charges in it, those that are no customer's included.
    #[must_use]
    pub fn rows(&self) -> u64 {
        self.files.iter().map(|file| file.rows).sum()
    }

    /// The first and the last day of its charges.
    fn days(&self) -> Option<(Day, Day)> {
        let first = self.files.iter().map(|file| file.first_day).min();
        first.zip(self.files.iter().map(|file| file.last_day).max())
    }

    /// Whether it has the rollups that it asks for.
    pub(super) fn is_summed(&self, rollups: &Rollups) -> bool {
        self.file(&rollups.months).is_some()
            && (self.asks(Grain::Day, rollups) != Some(true) || self.file(&rollups.days).is_some())
    }

    /// Whether it asks for a rollup of this grain; none when that is not known before its months are summed. Days pay
    /// where it is sure that they have at most half as many rows as the charges. Where they do not, charges are read for
    /// questions by day: they are sorted by day, and as many sums would take longer to write than they save.
    pub(super) fn asks(&self, grain: Grain, rollups: &Rollups) -> Option<bool> {
        if grain == Grain::Month {
            return Some(true);
        }
        let months = self.file(&rollups.months)?;
        let (first, last) = self.days()?;
        let days = u64::try_from(last.since_epoch() - first.since_epoch() + 1).unwrap_or(u64::MAX);
        Some(months.rows.saturating_mul(days).saturating_mul(2) <= self.rows())
    }

    /// The file with its rollup, if it is valid.
    pub(super) fn file<'a>(&self, rollup: &'a TableSnapshot) -> Option<&'a TableFile> {
        rollup.file(&self.path())
    }

    /// Whether the file is a rollup of the same period and scope, valid or not.
    pub(super) fn is_of(&self, file: &TableFile) -> bool {
        file.partition == Some(self.period.number()) && file.scope_key == self.scope_key
    }

    /// The only path under which its rollup is valid.
    pub(super) fn path(&self) -> String {
        let folder = Grain::Day.table().partition().unwrap_or_default();
        format!("{folder}={}/{}-{}-0.parquet", self.period.number(), self.scope_key, self.fingerprint)
    }
}

impl fmt::Display for RollupPart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.period.number(), self.scope_key)
    }
}

/// The parts of a snapshot that ask for a rollup: those with billed charges of customers.
pub(super) fn parts(charges: &ChargesSnapshot) -> Vec<RollupPart> {
    let mut parts: BTreeMap<(BillingPeriod, ScopeKey), Vec<ChargesFile>> = BTreeMap::new();
    for file in charges.files() {
        parts.entry((file.period, file.scope_key)).or_default().push(file.clone());
    }
    let asks = |files: &[ChargesFile]| is_billed(&files[0]) && files.iter().any(has_customers);
    parts.into_values().filter(|files| asks(files)).map(RollupPart::of).collect()
}

impl RollupPart {
    /// The part of these files, which are one at least.
    fn of(files: Vec<ChargesFile>) -> Self {
        let first = &files[0];
        let (period, scope_key, scope) = (first.period, first.scope_key, Arc::clone(&first.scope));
        let mut digest = Sha256::new_with_prefix(FORM);
        for file in &files {
            digest.update([0]);
            digest.update(file.path.as_bytes());
        }
        let mut head = [0; 16];
        head.copy_from_slice(&digest.finalize()[..16]);
        let fingerprint = ImportId(uuid::Builder::from_custom_bytes(head).into_uuid());
        Self { period, scope_key, scope, files, fingerprint }
    }
}

fn is_billed(file: &ChargesFile) -> bool {
    let basis = columns::SCOPE.iter().position(|column| *column == columns::COST_BASIS);
    basis.is_some_and(|basis| file.scope[basis] != CostBasis::Amortized.as_str())
}

/// Whether some rows may have a customer. The empty text sorts before every other.
fn has_customers(file: &ChargesFile) -> bool {
    let place = Table::Charges.layout().stat(columns::CUSTOMER_TENANT_ID);
    let greatest = place.and_then(|place| file.file.stats.greatest[place].as_ref());
    !matches!(greatest, Some(StatValue::Text(greatest)) if greatest.is_empty())
}

/// What to read for sums by customer over `files`, which are some or all files of `charges`. The valid rollup of a part
/// stands for all of its files, so that it holds rows of files that were not asked for: conditions must be on columns
/// of the rollup, and none on single files. Months are read where `by_month` says that they do for charges between two
/// days.
#[must_use]
pub fn sources(
    charges: &ChargesSnapshot,
    rollups: &Rollups,
    files: &[ChargesFile],
    by_month: &dyn Fn(Day, Day) -> bool,
) -> Sources {
    let mut sources = Sources::default();
    if Grain::ALL.iter().all(|grain| rollups.of(*grain).files().is_empty()) {
        sources.charges = files.to_vec();
        return sources;
    }
    let parts: BTreeMap<(BillingPeriod, ScopeKey), RollupPart> =
        parts(charges).into_iter().map(|part| ((part.period, part.scope_key), part)).collect();
    let mut taken = BTreeSet::new();
    for file in files {
        let key = (file.period, file.scope_key);
        let rolled = parts.get(&key).and_then(|part| {
            let months =
                part.file(&rollups.months).filter(|_| part.days().is_some_and(|(first, last)| by_month(first, last)));
            months.map(|file| (file, Grain::Month)).or_else(|| Some((part.file(&rollups.days)?, Grain::Day)))
        });
        match rolled {
            None => sources.charges.push(file.clone()),
            Some((rolled, grain)) if taken.insert(key) => match grain {
                Grain::Day => sources.days.push(rolled.clone()),
                Grain::Month => sources.months.push(rolled.clone()),
            },
            Some(_) => {}
        }
    }
    sources
}
