//! Events between reading and placing: on disk, in buckets that each hold whole correlation groups, so that any number
//! of them is placed in bounded memory.

use std::collections::BTreeMap;
use std::fs::File;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};

use meterlake_model::TenantId;

use super::event::Event;
use crate::ImportError;

/// Buckets of a tenant.
const BUCKETS: u64 = 64;
/// Events that are placed at once, unless one bucket holds more.
const BATCH: u64 = 300_000;

struct Bucket {
    path: PathBuf,
    out: BufWriter<File>,
    events: u64,
}

/// Events by tenant (none for records that name none) and bucket.
pub(crate) struct Spool {
    folder: PathBuf,
    buckets: BTreeMap<(Option<TenantId>, u64), Bucket>,
}

impl Spool {
    pub(crate) fn new(folder: &Path) -> Self {
        Self { folder: folder.to_owned(), buckets: BTreeMap::new() }
    }

    pub(crate) fn add(&mut self, tenant: Option<TenantId>, event: &Event) -> Result<(), ImportError> {
        let group = if event.correlation.is_empty() { &event.id } else { &event.correlation };
        let mut hasher = DefaultHasher::new();
        group.hash(&mut hasher);
        let number = hasher.finish() % BUCKETS;
        let bucket = match self.buckets.entry((tenant, number)) {
            std::collections::btree_map::Entry::Occupied(found) => found.into_mut(),
            std::collections::btree_map::Entry::Vacant(place) => {
                let owner = tenant.map_or_else(|| "unnamed".to_owned(), |t| t.to_string());
                let path = self.folder.join(format!("events-{owner}-{number}.jsonl"));
                let file = File::create(&path).map_err(|error| ImportError::Io { path: path.clone(), error })?;
                place.insert(Bucket { path, out: BufWriter::with_capacity(16 << 10, file), events: 0 })
            }
        };
        bucket.events += 1;
        let io = |error| ImportError::Io { path: bucket.path.clone(), error };
        serde_json::to_writer(&mut bucket.out, event).map_err(|e| io(e.into()))?;
        bucket.out.write_all(b"\n").map_err(io)
    }

    /// Whether there are events of records that name no tenant.
    pub(crate) fn has_unnamed(&self) -> bool {
        self.buckets.keys().any(|(tenant, _)| tenant.is_none())
    }

    /// Closes the files: lists of paths, each list to be placed at once, by tenant. Unnamed events are `unnamed`'s.
    pub(crate) fn finish(
        self,
        unnamed: Option<TenantId>,
    ) -> Result<BTreeMap<TenantId, Vec<Vec<PathBuf>>>, ImportError> {
        self.finish_by(unnamed, BATCH)
    }

    fn finish_by(
        self,
        unnamed: Option<TenantId>,
        most: u64,
    ) -> Result<BTreeMap<TenantId, Vec<Vec<PathBuf>>>, ImportError> {
        let mut by_bucket: BTreeMap<(TenantId, u64), (Vec<PathBuf>, u64)> = BTreeMap::new();
        for ((tenant, number), mut bucket) in self.buckets {
            bucket.out.flush().map_err(|error| ImportError::Io { path: bucket.path.clone(), error })?;
            let Some(tenant) = tenant.or(unnamed) else { continue };
            let (paths, events) = by_bucket.entry((tenant, number)).or_default();
            paths.push(bucket.path);
            *events += bucket.events;
        }
        let mut batches: BTreeMap<TenantId, Vec<Vec<PathBuf>>> = BTreeMap::new();
        let mut filled = 0;
        for ((tenant, _), (paths, events)) in by_bucket {
            let lists = batches.entry(tenant).or_default();
            match lists.last_mut() {
                Some(last) if filled + events <= most => {
                    last.extend(paths);
                    filled += events;
                }
                _ => {
                    lists.push(paths);
                    filled = events;
                }
            }
        }
        Ok(batches)
    }
}

/// The events of some buckets.
pub(crate) fn load(paths: &[PathBuf]) -> Result<Vec<Event>, ImportError> {
    let mut events = Vec::new();
    for path in paths {
        let io = |error| ImportError::Io { path: path.clone(), error };
        for line in BufReader::new(File::open(path).map_err(io)?).lines() {
            events.push(serde_json::from_str(&line.map_err(io)?).map_err(|e| io(e.into()))?);
        }
    }
    Ok(events)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::b2c::activity::{Activity, Client};

    #[test]
    fn groups_stay_whole_and_batches_small() {
        let folder = tempfile::tempdir().unwrap();
        let mut spool = Spool::new(folder.path());
        let tenant = TenantId(uuid::Uuid::from_u128(1));
        for number in 0..2_000 {
            let event = Event {
                id: format!("e{number}"),
                time: 0,
                activity: Activity::Code,
                client: Client::Unknown,
                success: true,
                correlation: if number % 5 == 0 { String::new() } else { format!("g{}", number % 300) },
                application: String::new(),
                policy: String::new(),
                provider: String::new(),
                user_hash: String::new(),
                import: String::new(),
                file: 0,
                line: number,
            };
            // Every other one comes without its tenant.
            spool.add((number % 2 == 0).then_some(tenant), &event).unwrap();
        }
        let batches = spool.finish_by(Some(tenant), 200).unwrap().remove(&tenant).unwrap();
        assert!(batches.len() > 5);
        let (mut groups, mut events) = (BTreeSet::new(), 0);
        for paths in batches {
            let batch = load(&paths).unwrap();
            assert!(batch.len() <= 200);
            events += batch.len();
            let of_batch: BTreeSet<String> =
                batch.into_iter().map(|e| e.correlation).filter(|c| !c.is_empty()).collect();
            assert!(groups.is_disjoint(&of_batch));
            groups.extend(of_batch);
        }
        assert_eq!((events, groups.len()), (2_000, 240));
    }
}
