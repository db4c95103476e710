//! Files that were imported before, by their hashes.

use std::collections::BTreeMap;

use arrow::array::{Int64Array, RecordBatch, StringArray};
use chrono::{DateTime, Utc};
use datafusion::prelude::SessionContext;
use futures::TryStreamExt;
use meterlake_lake::charges::columns;
use meterlake_lake::{ChargesSnapshot, LakeError, scope_key};
use meterlake_model::{Day, DayRange, ImportId};

use crate::scope::access::{column, typed};
use crate::scope::held;
use crate::{FileRecord, ImportError, ImportJournal, ImportRecord, Manifest, ScopeOption, SetRecord};

/// What the journal and the lake say of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Seen {
    /// Never imported, or read with other options.
    New,
    /// Imported, and all of its rows are live.
    Current { imports: Vec<ImportId>, claimed: Claimed },
    /// Imported, and at least some of its rows have been replaced.
    Superseded { import: ImportId, day: Day, run_time: Option<DateTime<Utc>> },
}

/// What a record's import said that its files cover.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Claimed {
    scope: Option<ScopeOption>,
    whole: bool,
    days: Option<DayRange>,
}

impl Claimed {
    pub(super) fn of(record: &ImportRecord) -> Self {
        Self::new(record.scope.as_ref(), record.manifest.as_ref())
    }

    pub(super) fn new(scope: Option<&ScopeOption>, manifest: Option<&Manifest>) -> Self {
        Self { scope: scope.cloned(), whole: manifest.is_some(), days: manifest.and_then(|m| m.days) }
    }
}

/// Looks a file up by the hashes of its bytes and of its decompressed contents.
pub(super) async fn seen(
    file: &FileRecord,
    journal: &dyn ImportJournal,
    context: &SessionContext,
    snapshot: &ChargesSnapshot,
) -> Result<Seen, ImportError> {
    let mut records = BTreeMap::new();
    for hash in [&file.sha256, &file.content_sha256] {
        let found = journal.find_by_hash(hash).await.map_err(ImportError::Journal)?;
        records.extend(found.into_iter().map(|r| (r.id, r)));
    }
    let mut superseded = None;
    for record in records.values().rev() {
        let same = |f: &&(usize, &FileRecord)| {
            let same_bytes =
                [&f.1.sha256, &f.1.content_sha256].iter().any(|h| **h == file.sha256 || **h == file.content_sha256);
            // A file with rejects may bring more rows the next time, so it is never taken as settled.
            same_bytes && f.1.reading == file.reading && !f.1.repeated && f.1.rejected == 0
        };
        let old = record.files.iter().enumerate().collect::<Vec<_>>();
        let Some((ordinal, old)) = old.iter().find(same).copied() else { continue };
        let mut imports = Vec::new();
        let (mut current, mut certain) = (true, true);
        for (index, rows) in &old.sets {
            let Some(set) = record.sets.get(*index) else { continue };
            let live = live_rows(context, snapshot, set).await?;
            let origins: Vec<ImportId> =
                if set.unchanged { set.origins.keys().copied().collect() } else { vec![record.id] };
            if set.unchanged {
                // These rows came with earlier imports, of which more rows may be live than the file has.
                certain &= set.origins.iter().all(|(import, rows)| live_of(&live, *import, None) == *rows);
            } else {
                current &= live_of(&live, record.id, Some(ordinal)) == *rows;
            }
            imports.extend(origins);
        }
        if current && !certain {
            return Ok(Seen::New);
        }
        if current {
            imports.sort_unstable();
            imports.dedup();
            return Ok(Seen::Current { imports, claimed: Claimed::of(record) });
        }
        let run_time = record.manifest.as_ref().and_then(|m| m.run_time);
        superseded.get_or_insert(Seen::Superseded { import: record.id, day: Day::of(record.started_at), run_time });
    }
    Ok(superseded.unwrap_or(Seen::New))
}

/// Whether all rows that make up a set of a committed import are live.
pub(super) async fn is_live(
    set: &SetRecord,
    context: &SessionContext,
    snapshot: &ChargesSnapshot,
) -> Result<bool, ImportError> {
    let live = live_rows(context, snapshot, set).await?;
    Ok(set.origins.iter().all(|(import, rows)| live_of(&live, *import, None) == *rows))
}

type Live = BTreeMap<(String, i64), u64>;

fn live_of(live: &Live, import: ImportId, ordinal: Option<usize>) -> u64 {
    let import = import.to_string();
    let ordinal = ordinal.and_then(|o| i64::try_from(o).ok());
    live.iter().filter(|((i, o), _)| *i == import && ordinal.is_none_or(|w| w == *o)).map(|(_, rows)| rows).sum()
}

/// Live rows of a set by import and source file.
async fn live_rows(context: &SessionContext, snapshot: &ChargesSnapshot, set: &SetRecord) -> Result<Live, ImportError> {
    let values = set.scope.values();
    let key = scope_key(values.each_ref().map(String::as_str));
    let mut live = Live::new();
    for file in snapshot.files().iter().filter(|f| f.period == set.period && f.scope_key == key) {
        let mut batches = held::read(context, snapshot, file, &[columns::IMPORT_ID, columns::SOURCE_FILE]).await?;
        while let Some(batch) = batches.try_next().await.map_err(LakeError::from)? {
            count(&typed(&batch)?, &mut live)?;
        }
    }
    Ok(live)
}

fn count(batch: &RecordBatch, live: &mut Live) -> Result<(), ImportError> {
    let imports: &StringArray = column(batch, columns::IMPORT_ID)?;
    let ordinals: &Int64Array = column(batch, columns::SOURCE_FILE)?;
    let mut row = 0;
    while row < batch.num_rows() {
        let (import, ordinal, start) = (imports.value(row), ordinals.value(row), row);
        while row < batch.num_rows() && imports.value(row) == import && ordinals.value(row) == ordinal {
            row += 1;
        }
        *live.entry((import.to_owned(), ordinal)).or_default() += (row - start) as u64;
    }
    Ok(())
}

/// Whether any live row outside of these files is the import's.
pub(super) async fn has_live_rows(
    record: &ImportRecord,
    context: &SessionContext,
    snapshot: &ChargesSnapshot,
    without: &[String],
) -> Result<bool, ImportError> {
    let id = record.id.to_string();
    for set in record.sets.iter().filter(|s| !s.unchanged) {
        let values = set.scope.values();
        let key = scope_key(values.each_ref().map(String::as_str));
        let files = snapshot.files().iter().filter(|f| f.period == set.period && f.scope_key == key);
        for file in files.filter(|f| !without.contains(&f.path)) {
            let mut batches = held::read(context, snapshot, file, &[columns::IMPORT_ID]).await?;
            while let Some(batch) = batches.try_next().await.map_err(LakeError::from)? {
                let batch = typed(&batch)?;
                if column::<StringArray>(&batch, columns::IMPORT_ID)?.iter().flatten().any(|i| i == id) {
                    return Ok(true);
                }
            }
        }
    }
    Ok(false)
}

/// Live rows of every import, by counting the whole table.
pub(super) async fn live_rows_by_import(
    context: &SessionContext,
    snapshot: &ChargesSnapshot,
) -> Result<BTreeMap<ImportId, u64>, ImportError> {
    let mut live = Live::new();
    for file in snapshot.files() {
        let mut batches = held::read(context, snapshot, file, &[columns::IMPORT_ID, columns::SOURCE_FILE]).await?;
        while let Some(batch) = batches.try_next().await.map_err(LakeError::from)? {
            count(&typed(&batch)?, &mut live)?;
        }
    }
    let mut imports = BTreeMap::new();
    for ((import, _), rows) in live {
        if let Ok(import) = import.parse::<ImportId>() {
            *imports.entry(import).or_default() += rows;
        }
    }
    Ok(imports)
}
