//! Immutable states of the table `charges`.

use std::{collections::HashMap, fmt, sync::Arc};

use chrono::{DateTime, Utc};
use datafusion::{catalog::TableProvider, datasource::listing::PartitionedFile};
use deltalake_core::{kernel::LogicalFileView, table::state::DeltaTableState};
use meterlake_model::{BillingPeriod, Day, ImportId};

use crate::{
    error::LakeError,
    provider::{ChargesProvider, partitioned_file},
    root::TableRoot,
    scope::{ScopeKey, ScopeValues},
    stats::{self, FileStats, StatValue},
};

/// A state of `charges` that never changes. Cheap to clone.
#[derive(Clone)]
pub struct ChargesSnapshot(Arc<Inner>);

struct Inner {
    root: TableRoot,
    version: u64,
    committed_at: DateTime<Utc>,
    files: Arc<[ChargesFile]>,
}

/// A live data file of `charges`. All its rows have one billing period and one scope.
#[derive(Clone, Debug)]
pub struct ChargesFile {
    /// Path under the table's root.
    pub path: String,
    /// Billing period of all its rows.
    pub period: BillingPeriod,
    /// Key of the scope of all its rows.
    pub scope_key: ScopeKey,
    /// The scope itself, in the order of [`crate::charges::columns::SCOPE`].
    pub scope: Arc<ScopeValues>,
    /// Import that wrote the file (its rows may be an older import's).
    pub written_by: ImportId,
    /// Number of rows.
    pub rows: u64,
    /// Size in bytes.
    pub size: u64,
    /// Earliest `usage_date`.
    pub first_day: Day,
    /// Latest `usage_date`.
    pub last_day: Day,
    pub(crate) stats: Arc<FileStats>,
    pub(crate) scan: Arc<PartitionedFile>,
}

impl ChargesSnapshot {
    /// The state that the Delta log describes. Files that `before` already knew are taken from there.
    pub(crate) fn load(
        root: &TableRoot,
        state: &DeltaTableState,
        committed_at: DateTime<Utc>,
        before: Option<&Self>,
    ) -> Result<Self, LakeError> {
        refuse_features(root, state)?;
        let known: HashMap<&str, &ChargesFile> =
            before.map_or(&[][..], |b| b.files()).iter().map(|file| (file.path.as_str(), file)).collect();
        let log = state.snapshot().try_log_data()?;
        let mut files = Vec::with_capacity(log.num_files());
        for view in log.iter() {
            let file = match known.get(view.path().as_ref()) {
                Some(file) => (*file).clone(),
                None => ChargesFile::of(root, &view)?,
            };
            files.push(file);
        }
        files.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(Self(Arc::new(Inner { root: root.clone(), version: state.version(), committed_at, files: files.into() })))
    }

    /// The version of the table.
    #[must_use]
    pub fn version(&self) -> u64 {
        self.0.version
    }

    /// When this version was committed.
    #[must_use]
    pub fn committed_at(&self) -> DateTime<Utc> {
        self.0.committed_at
    }

    /// The live data files, by path.
    #[must_use]
    pub fn files(&self) -> &[ChargesFile] {
        &self.0.files
    }

    /// The live file of this path.
    #[must_use]
    pub fn file(&self, path: &str) -> Option<&ChargesFile> {
        self.0.files.binary_search_by(|file| file.path.as_str().cmp(path)).ok().map(|place| &self.0.files[place])
    }

    /// The whole table: the columns of [`crate::charges::columns::schema`], with text as `Utf8View`.
    #[must_use]
    pub fn provider(&self) -> Arc<dyn TableProvider> {
        Arc::new(ChargesProvider::new(self.0.root.clone(), Arc::clone(&self.0.files)))
    }

    /// Only the rows of these files.
    #[must_use]
    pub fn provider_of(&self, files: &[ChargesFile]) -> Arc<dyn TableProvider> {
        Arc::new(ChargesProvider::new(self.0.root.clone(), files.to_vec().into()))
    }

    /// Only the rows of these files, in no order: for aggregates, which want no more partitions than threads.
    #[must_use]
    pub fn unordered_provider_of(&self, files: &[ChargesFile]) -> Arc<dyn TableProvider> {
        Arc::new(ChargesProvider::new(self.0.root.clone(), files.to_vec().into()).unordered())
    }
}

impl fmt::Debug for ChargesSnapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "charges@{} ({} files)", self.0.version, self.0.files.len())
    }
}

/// Refuses tables whose rows cannot be read from plain Parquet files alone.
fn refuse_features(root: &TableRoot, state: &DeltaTableState) -> Result<(), LakeError> {
    let refused = |reason: String| LakeError::Unsupported { table: root.url.to_string(), reason };
    let protocol = serde_json::to_value(state.protocol())?;
    let reader = protocol.get("minReaderVersion").and_then(serde_json::Value::as_i64);
    if reader != Some(1) {
        let features = protocol.get("readerFeatures").filter(|f| !f.is_null());
        return Err(refused(format!(
            "asks for Delta reader version {}{}; Meterlake reads version 1 without deletion vectors, column mapping \
             or other features",
            reader.map_or_else(|| "?".to_owned(), |version| version.to_string()),
            features.map_or_else(String::new, |features| format!(" with {features}")),
        )));
    }
    let partitions = state.metadata().partition_columns();
    if !partitions.iter().eq([crate::charges::columns::BILLING_PERIOD]) {
        return Err(refused(format!("is partitioned by {partitions:?}; expected billing_period")));
    }
    Ok(())
}

impl ChargesFile {
    fn of(root: &TableRoot, view: &LogicalFileView) -> Result<Self, LakeError> {
        let path = view.path().into_owned();
        let corrupt = |reason: &str| LakeError::Corrupt { path: path.clone(), reason: reason.to_owned() };
        if view.deletion_vector_descriptor().is_some() {
            return Err(corrupt("has a deletion vector, which Meterlake does not read"));
        }
        let (period, scope_key, written_by) = parse_path(&path).ok_or_else(|| {
            corrupt("is not named billing_period=yyyymm/<scope key>-<import id>-<number>.parquet; was it compacted by another tool?")
        })?;
        let size = u64::try_from(view.size()).map_err(|_| corrupt("has a negative size"))?;
        let stats = view
            .stats()
            .and_then(|text| FileStats::from_json(&text))
            .ok_or_else(|| corrupt("has no statistics in the Delta log"))?;
        let scope = scope_of(&stats).ok_or_else(|| corrupt("has rows of several scopes by its statistics"))?;
        if crate::scope::scope_key(scope.each_ref().map(String::as_str)) != scope_key {
            return Err(corrupt("has rows of another scope than its name says"));
        }
        let day = |value: &Option<StatValue>| match value {
            Some(StatValue::Day(days)) => Day::from_since_epoch(*days),
            _ => None,
        };
        let no_days = || corrupt("has no statistics of usage_date in the Delta log");
        let first_day = day(&stats.least[stats::USAGE_DATE]).ok_or_else(no_days)?;
        let last_day = day(&stats.greatest[stats::USAGE_DATE]).ok_or_else(no_days)?;
        let scan = Arc::new(partitioned_file(root.in_bucket(&path), size, period, &stats));
        Ok(Self {
            period,
            scope_key,
            scope: Arc::new(scope),
            written_by,
            rows: stats.rows,
            size,
            first_day,
            last_day,
            stats: Arc::new(stats),
            scan,
            path,
        })
    }
}

fn scope_of(stats: &FileStats) -> Option<ScopeValues> {
    let mut scope = ScopeValues::default();
    for (place, value) in scope.iter_mut().enumerate() {
        match stats.constant(place)? {
            StatValue::Text(text) => value.clone_from(text),
            _ => return None,
        }
    }
    Some(scope)
}

/// The period, scope key and import in a data file's name.
pub(crate) fn parse_path(path: &str) -> Option<(BillingPeriod, ScopeKey, ImportId)> {
    let (folder, name) = path.split_once('/')?;
    let period = BillingPeriod::from_number(folder.strip_prefix("billing_period=")?.parse().ok()?)?;
    let (key, rest) = name.strip_suffix(".parquet")?.split_at_checked(16)?;
    let (import, _number) = rest.strip_prefix('-')?.rsplit_once('-')?;
    Some((period, key.parse().ok()?, import.parse().ok()?))
}
