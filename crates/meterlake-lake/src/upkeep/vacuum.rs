//! Deleting data files that no snapshot within the history needs.

use std::collections::{BTreeMap, HashSet};

use chrono::{DateTime, TimeDelta, Utc};
use futures::TryStreamExt;
use meterlake_model::ImportId;
use object_store::{ObjectMeta, ObjectStore, ObjectStoreExt, path::Path as StorePath};

use super::{crash::crash_point, horizon};
use crate::{error::LakeError, lake::Lake, log, snapshot::parse_path, table_log::TableLog, tables::Table};

/// Age from which on a file that no commit names is taken for left behind.
const LEFT_BEHIND: TimeDelta = TimeDelta::days(1);

/// Why a data file may go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Why {
    /// It was replaced before the history begins.
    Replaced,
    /// No commit ever named it, and who wrote it is gone.
    LeftBehind,
}

/// A data file that may go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Doomed {
    /// Path under the table's root.
    pub path: String,
    /// Size in bytes.
    pub size: u64,
    /// Why it may go.
    pub why: Why,
}

/// What a vacuum of a table would do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VacuumPlan {
    /// The table.
    pub table: Table,
    /// The oldest version that can be read afterwards.
    pub oldest_version: u64,
    /// Files that would go, by path.
    pub files: Vec<Doomed>,
}

/// What a vacuum did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Vacuumed {
    /// Files that are gone.
    pub files: usize,
    /// Their bytes.
    pub bytes: u64,
}

impl Lake {
    /// The data files of a table that may go: those that no snapshot needs which was the newest one at any time within
    /// `history` before now, nor one that another table's rows of that time were built from; and files that no commit
    /// ever named and that are older than a day. Only for one who knows that neither an import nor another maintenance
    /// runs, because their files look like those.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub async fn vacuum_plan(&self, table: Table, history: TimeDelta) -> Result<VacuumPlan, LakeError> {
        let log = self.log(table);
        let now = log.clock.now();
        let newest = log.newest().await?;
        let begin = now.checked_sub_signed(history).unwrap_or(DateTime::<Utc>::MIN_UTC);
        let mut oldest = log.newest_at(begin).await?;
        for derived in Table::ALL.into_iter().filter(|derived| derived.read_beside().contains(&table)) {
            let version = self.log(derived).newest_at(begin).await?;
            // Built later than the history begins: from a version that is kept by itself.
            let noted = self.snapshot_at(derived, version).await?.noted(table);
            oldest = noted.map_or(oldest, |noted| oldest.min(noted));
        }
        let oldest = oldest.max(horizon::read(&log.root).await?);
        let needed = log.needed_since(oldest, newest.version()).await?;

        let mut commits: BTreeMap<ImportId, Option<u64>> = BTreeMap::new();
        let mut files = Vec::new();
        for object in listed(log).await? {
            let path = object.location.to_string();
            // What other tools put there is theirs.
            let Some((_, _, id)) = parse_path(table, &path) else { continue };
            if needed.contains(&path) {
                continue;
            }
            let committed = match commits.get(&id) {
                Some(known) => *known,
                None => *commits.entry(id).or_insert(log.committed_version(id).await?),
            };
            let why = if committed.is_some_and(|version| version <= oldest) { Why::Replaced } else { Why::LeftBehind };
            // A commit that came after `newest` was read may need it.
            let is_new = committed.is_some_and(|version| version > newest.version());
            if is_new || (why == Why::LeftBehind && now - written_at(id, &object) < LEFT_BEHIND) {
                continue;
            }
            files.push(Doomed { path, size: object.size, why });
        }
        files.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(VacuumPlan { table, oldest_version: oldest, files })
    }

    /// Deletes the files of a plan, after noting that older snapshots can no longer be read.
    ///
    /// # Errors
    /// When a file cannot be deleted; the rest stays, and the next vacuum goes on.
    pub async fn vacuum(&self, plan: &VacuumPlan) -> Result<Vacuumed, LakeError> {
        let root = &self.log(plan.table).root;
        let mut gone = Vacuumed::default();
        if plan.files.is_empty() {
            return Ok(gone);
        }
        horizon::raise(root, plan.oldest_version).await?;
        crash_point("vacuum-begun");
        for file in &plan.files {
            match root.store.delete(&StorePath::from(file.path.as_str())).await {
                Ok(()) => {
                    gone.files += 1;
                    gone.bytes += file.size;
                }
                Err(object_store::Error::NotFound { .. }) => {}
                Err(error) => return Err(error.into()),
            }
            crash_point("vacuum-half");
        }
        Ok(gone)
    }
}

/// The objects that are not the log's, nor records.
async fn listed(log: &TableLog) -> Result<Vec<ObjectMeta>, LakeError> {
    let objects = log.root.store.list(None).try_filter(|object| {
        let is_data = !object.location.as_ref().starts_with('_');
        std::future::ready(is_data)
    });
    Ok(objects.try_collect().await?)
}

/// When a file was written: its id tells by the clock that all go by; else the store does.
fn written_at(id: ImportId, object: &ObjectMeta) -> DateTime<Utc> {
    let told = (id.0.get_version_num() == 7).then(|| id.0.get_timestamp()).flatten();
    let told = told.and_then(|time| {
        let (seconds, nanos) = time.to_unix();
        DateTime::from_timestamp(i64::try_from(seconds).ok()?, nanos)
    });
    told.unwrap_or(object.last_modified)
}

impl TableLog {
    /// The version that was the newest at an instant; the first one for an instant before it.
    async fn newest_at(&self, instant: DateTime<Utc>) -> Result<u64, LakeError> {
        // Versions follow each other in time; an entry that is gone counts as old.
        let (mut at_or_before, mut after) = (0, self.newest().await?.version() + 1);
        while after - at_or_before > 1 {
            let middle = at_or_before + (after - at_or_before) / 2;
            if self.heading(middle).await?.committed_at <= instant {
                at_or_before = middle;
            } else {
                after = middle;
            }
        }
        Ok(at_or_before)
    }

    /// The paths of all files that a version from `oldest` to `newest` has.
    async fn needed_since(&self, oldest: u64, newest: u64) -> Result<HashSet<String>, LakeError> {
        let mut needed: HashSet<String> = self.at(oldest).await?.files().iter().map(|f| f.path.to_string()).collect();
        for version in oldest + 1..=newest {
            let path = log::entry_path(version);
            match self.root.get(&path).await? {
                Some(entry) => {
                    let added = log::added_paths(&entry)
                        .map_err(|error| LakeError::Corrupt { path, reason: format!("is no log entry: {error}") })?;
                    needed.extend(added);
                }
                // Cleaned away by another tool: its state is read instead.
                None => needed.extend(self.at(version).await?.files().iter().map(|f| f.path.to_string())),
            }
        }
        Ok(needed)
    }
}
