//! Immutable states of a table.

use std::{collections::HashMap, fmt, sync::Arc};

use chrono::{DateTime, Utc};
use datafusion::{catalog::TableProvider, datasource::listing::PartitionedFile};
use deltalake_core::{kernel::LogicalFileView, table::state::DeltaTableState};
use meterlake_model::{BillingPeriod, Day, ImportId};

use crate::{
    charges::ChargesFile,
    error::LakeError,
    log::Heading,
    provider::{FilesProvider, partitioned_file},
    root::TableRoot,
    scope::{ScopeKey, key_of},
    stats::{FileStats, StatValue},
    tables::Table,
};

/// Microseconds of a day.
pub(crate) const DAY: i64 = 86_400_000_000;

/// A state of a table that never changes. Cheap to clone.
#[derive(Clone)]
pub struct TableSnapshot(Arc<Inner>);

struct Inner {
    table: Table,
    root: TableRoot,
    version: u64,
    committed_at: DateTime<Utc>,
    data_version: u64,
    notes: Vec<(Table, u64)>,
    files: Arc<[TableFile]>,
    /// The same files as `charges` knows them; none in other tables.
    charges: Vec<ChargesFile>,
}

/// A live data file. All its rows have one partition and one scope. Cheap to clone.
#[derive(Clone, Debug)]
pub struct TableFile {
    /// Path under the table's root.
    pub path: Arc<str>,
    /// The number `yyyymm` in the partition column; none in a table without one.
    pub partition: Option<i32>,
    /// Key of the scope of all its rows.
    pub scope_key: ScopeKey,
    /// The scope itself, in the order of [`Table::scope`].
    pub scope: Arc<[String]>,
    /// Import that wrote the file (its rows may be an older import's).
    pub written_by: ImportId,
    /// Number of rows.
    pub rows: u64,
    /// Size in bytes.
    pub size: u64,
    /// UTC day of the least value of the day or instant in [`Table::sort`].
    pub first_day: Day,
    /// UTC day of the greatest value of the day or instant in [`Table::sort`].
    pub last_day: Day,
    /// Least and greatest value of that column, as a number of days or microseconds.
    pub(crate) span: (i64, i64),
    pub(crate) stats: Arc<FileStats>,
    pub(crate) scan: Arc<PartitionedFile>,
}

impl TableSnapshot {
    /// The state that the Delta log describes. Files that `before` already knew are taken from there.
    pub(crate) fn load(
        table: Table,
        root: &TableRoot,
        state: &DeltaTableState,
        heading: Heading,
        notes: Vec<(Table, u64)>,
        before: Option<&Self>,
    ) -> Result<Self, LakeError> {
        refuse_features(table, root, state)?;
        let known: HashMap<&str, &TableFile> =
            before.map_or(&[][..], |b| b.files()).iter().map(|file| (file.path.as_ref(), file)).collect();
        let log = state.snapshot().try_log_data()?;
        let mut files = Vec::with_capacity(log.num_files());
        for view in log.iter() {
            let file = match known.get(view.path().as_ref()) {
                Some(file) => (*file).clone(),
                None => TableFile::of(table, root, &view)?,
            };
            files.push(file);
        }
        files.sort_by(|a, b| a.path.cmp(&b.path));
        let charges = match table {
            Table::Charges => {
                let known = |path: &str| before.and_then(|b| b.charges_file(path)).cloned();
                files.iter().map(|f| known(&f.path).map_or_else(|| ChargesFile::of(f), Ok)).collect::<Result<_, _>>()?
            }
            _ => Vec::new(),
        };
        let version = state.version();
        Ok(Self(Arc::new(Inner {
            table,
            root: root.clone(),
            version,
            committed_at: heading.committed_at,
            data_version: heading.same_rows_as.unwrap_or(version),
            notes,
            files: files.into(),
            charges,
        })))
    }

    /// The table.
    #[must_use]
    pub fn table(&self) -> Table {
        self.0.table
    }

    /// Where the table lies.
    pub(crate) fn root(&self) -> &TableRoot {
        &self.0.root
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

    /// The newest version up to this one whose commit changed rows: compactions, which put the same rows into other
    /// files, do not count. What is built from a table compares this with the version that it notes.
    #[must_use]
    pub fn data_version(&self) -> u64 {
        self.0.data_version
    }

    /// The version of another table that the rows were built from, by the newest commit that notes one; `table` is
    /// one of [`Table::built_from`].
    #[must_use]
    pub fn noted(&self, table: Table) -> Option<u64> {
        self.0.notes.iter().find(|(noted, _)| *noted == table).map(|(_, version)| *version)
    }

    /// The live data files, by path.
    #[must_use]
    pub fn files(&self) -> &[TableFile] {
        &self.0.files
    }

    /// The live file of this path.
    #[must_use]
    pub fn file(&self, path: &str) -> Option<&TableFile> {
        self.0.files.binary_search_by(|file| file.path.as_ref().cmp(path)).ok().map(|place| &self.0.files[place])
    }

    /// The live files of `charges`, by path.
    pub(crate) fn charges_files(&self) -> &[ChargesFile] {
        &self.0.charges
    }

    /// The live file of `charges` of this path.
    pub(crate) fn charges_file(&self, path: &str) -> Option<&ChargesFile> {
        let files = &self.0.charges;
        files.binary_search_by(|file| file.path.as_str().cmp(path)).ok().map(|place| &files[place])
    }

    /// The whole table: the columns of [`Table::schema`], with text as `Utf8View`.
    #[must_use]
    pub fn provider(&self) -> Arc<dyn TableProvider> {
        Arc::new(self.some(Arc::clone(&self.0.files)))
    }

    /// Only the rows of these files.
    #[must_use]
    pub fn provider_of(&self, files: &[TableFile]) -> Arc<dyn TableProvider> {
        Arc::new(self.some(files.to_vec().into()))
    }

    /// Only the rows of these files, in no order: for aggregates, which want no more partitions than threads.
    #[must_use]
    pub fn unordered_provider_of(&self, files: &[TableFile]) -> Arc<dyn TableProvider> {
        Arc::new(self.some(files.to_vec().into()).unordered())
    }

    /// The provider of some files of this snapshot.
    pub(crate) fn some(&self, files: Arc<[TableFile]>) -> FilesProvider {
        FilesProvider::new(self.0.table, self.0.root.clone(), files)
    }
}

impl fmt::Debug for TableSnapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{} ({} files)", self.0.table, self.0.version, self.0.files.len())
    }
}

/// Refuses tables whose rows cannot be read from plain Parquet files alone.
fn refuse_features(table: Table, root: &TableRoot, state: &DeltaTableState) -> Result<(), LakeError> {
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
    if !partitions.iter().eq(table.partition()) {
        let expected = table.partition().unwrap_or("no partitions");
        return Err(refused(format!("is partitioned by {partitions:?}; expected {expected}")));
    }
    Ok(())
}

impl TableFile {
    fn of(table: Table, root: &TableRoot, view: &LogicalFileView) -> Result<Self, LakeError> {
        let path = view.path().into_owned();
        let corrupt = |reason: &str| LakeError::Corrupt { path: path.clone(), reason: reason.to_owned() };
        if view.deletion_vector_descriptor().is_some() {
            return Err(corrupt("has a deletion vector, which Meterlake does not read"));
        }
        let (partition, scope_key, written_by) = parse_path(table, &path).ok_or_else(|| {
            let folder = table.partition().map_or_else(String::new, |column| format!("{column}=yyyymm/"));
            corrupt(&format!(
                "is not named {folder}<scope key>-<import id>-<number>.parquet; was it compacted by another tool?"
            ))
        })?;
        let size = u64::try_from(view.size()).map_err(|_| corrupt("has a negative size"))?;
        let stats = view
            .stats()
            .and_then(|text| FileStats::from_json(table, &text))
            .ok_or_else(|| corrupt("has no statistics in the Delta log"))?;
        let scope = scope_of(table, &stats).ok_or_else(|| corrupt("has rows of several scopes by its statistics"))?;
        if key_of(&scope) != scope_key {
            return Err(corrupt("has rows of another scope than its name says"));
        }
        let lead = table.layout().lead();
        let no_days = || corrupt(&format!("has no statistics of {} in the Delta log", table.layout().stats[lead]));
        let (first, first_day) = placed(stats.least[lead].as_ref()).ok_or_else(no_days)?;
        let (last, last_day) = placed(stats.greatest[lead].as_ref()).ok_or_else(no_days)?;
        let scan = Arc::new(partitioned_file(table, root.in_bucket(&path), size, partition, &stats));
        Ok(Self {
            path: path.into(),
            partition,
            scope_key,
            scope: scope.into(),
            written_by,
            rows: stats.rows,
            size,
            first_day,
            last_day,
            span: (first, last),
            stats: Arc::new(stats),
            scan,
        })
    }
}

/// A day or instant as a number, and its day.
fn placed(value: Option<&StatValue>) -> Option<(i64, Day)> {
    match value? {
        StatValue::Day(days) => Some((i64::from(*days), Day::from_since_epoch(*days)?)),
        StatValue::Instant(micros) => {
            Some((*micros, Day::from_since_epoch(i32::try_from(micros.div_euclid(DAY)).ok()?)?))
        }
        _ => None,
    }
}

fn scope_of(table: Table, stats: &FileStats) -> Option<Vec<String>> {
    (0..table.layout().scope)
        .map(|place| match stats.constant(place)? {
            StatValue::Text(text) => Some(text.clone()),
            _ => None,
        })
        .collect()
}

/// The partition, scope key and import in a data file's name.
pub(crate) fn parse_path(table: Table, path: &str) -> Option<(Option<i32>, ScopeKey, ImportId)> {
    let (partition, name) = match table.partition() {
        Some(column) => {
            let (folder, name) = path.split_once('/')?;
            let number = folder.strip_prefix(column)?.strip_prefix('=')?.parse().ok()?;
            (Some(BillingPeriod::from_number(number)?.number()), name)
        }
        None => (None, path),
    };
    let (key, rest) = name.strip_suffix(".parquet")?.split_at_checked(16)?;
    let (import, _number) = rest.strip_prefix('-')?.rsplit_once('-')?;
    Some((partition, key.parse().ok()?, import.parse().ok()?))
}
