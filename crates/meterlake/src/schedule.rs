//! Maintenance that a server does by itself, now and then, beside its requests.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use chrono::{DateTime, TimeDelta, Utc};
use meterlake_import::{MaintainRequest, Progress};
use meterlake_lake::{Lake, Pace, Table};
use serde::{Deserialize, Serialize};

use crate::commands::maintain;
use crate::config::Maintenance;
use crate::data_folder::DataFolder;

/// How long after its start the server first looks whether there is something to do, and how often then.
const FIRST_LOOK: Duration = Duration::from_secs(5);
const LOOK: Duration = Duration::from_secs(300);

/// When maintenance was last done, and at which version each table was then. Kept as `maintenance.json` in the data
/// folder, so that it also counts what `meterlake maintain` did, and a restart does not begin anew.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct LastTime {
    ended_at: DateTime<Utc>,
    versions: BTreeMap<String, u64>,
}

impl LastTime {
    /// Now, with the tables as they are.
    pub(crate) async fn now(folder: &DataFolder, lake: &Lake) -> anyhow::Result<Self> {
        let mut versions = BTreeMap::new();
        for table in Table::ALL {
            versions.insert(table.name().to_owned(), lake.snapshot(table).await?.version());
        }
        Ok(Self { ended_at: folder.clock.now(), versions })
    }

    fn path(folder: &DataFolder) -> PathBuf {
        folder.dir.join("maintenance.json")
    }

    /// Keeps it for the next look, also of another process.
    pub(crate) fn store(&self, folder: &DataFolder) -> anyhow::Result<()> {
        let (path, fresh) = (Self::path(folder), folder.dir.join("maintenance.json.new"));
        let written = std::fs::write(&fresh, serde_json::to_vec_pretty(self)?);
        written
            .and_then(|()| std::fs::rename(&fresh, &path))
            .with_context(|| format!("cannot write {}", path.display()))
    }

    fn load(folder: &DataFolder) -> Option<Self> {
        let text = std::fs::read(Self::path(folder)).ok()?;
        serde_json::from_slice(&text)
            .inspect_err(|error| tracing::warn!(%error, "maintenance.json is passed over"))
            .ok()
    }

    /// Why it is time again, if it is. `spread` (0 to 255) is which part of the tenth is added.
    fn due(&self, now: &Self, settings: &Maintenance, spread: u8) -> Option<String> {
        if settings.every_hours == 0 {
            return None;
        }
        let minutes = i64::from(settings.every_hours) * 60;
        let wait = TimeDelta::minutes(minutes + minutes * i64::from(spread) / 2550);
        if now.ended_at - self.ended_at >= wait {
            return Some(format!("the last time was {}", self.ended_at.format("%Y-%m-%d %H:%M UTC")));
        }
        let commits = |(table, version): (&String, &u64)| {
            let since = version.saturating_sub(*self.versions.get(table).unwrap_or(&0));
            (settings.after_commits > 0 && since >= u64::from(settings.after_commits))
                .then(|| format!("{since} commits of {table} since the last time"))
        };
        now.versions.iter().find_map(commits)
    }
}

/// Keeps the lake in order for as long as the process lives, on a thread of its own: what it computes takes no turn of
/// the threads that answer, and it rests as long as it works.
pub(crate) fn start(folder: &DataFolder, lake: Lake) -> anyhow::Result<()> {
    if folder.config.maintenance.every_hours == 0 {
        return Ok(());
    }
    let folder = folder.clone();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(4)
        .build()
        .context("cannot start the thread of maintenance")?;
    std::thread::Builder::new()
        .name("maintenance".to_owned())
        .spawn(move || runtime.block_on(keep(folder, lake)))
        .context("cannot start the thread of maintenance")?;
    Ok(())
}

async fn keep(folder: DataFolder, lake: Lake) {
    let mut wait = FIRST_LOOK;
    let spread = uuid::Uuid::new_v4().as_bytes()[0];
    loop {
        tokio::time::sleep(wait).await;
        wait = LOOK;
        if let Err(error) = look(&folder, &lake, spread).await {
            tracing::error!(error = format!("{error:#}"), "maintenance failed; it is tried again later");
        }
    }
}

/// Does maintenance when it is time.
async fn look(folder: &DataFolder, lake: &Lake, spread: u8) -> anyhow::Result<()> {
    let now = LastTime::now(folder, lake).await?;
    let Some(last) = LastTime::load(folder) else {
        // A server that has just begun has nothing to put in order.
        return now.store(folder);
    };
    let settings = &folder.config.maintenance;
    let Some(why) = last.due(&now, settings, spread) else { return Ok(()) };
    tracing::info!(why, "maintenance begins");
    let request = MaintainRequest {
        tables: Vec::new(),
        history: TimeDelta::days(i64::from(settings.history_days.get())),
        dry_run: false,
        pace: Pace::Half,
    };
    let report = maintain::work(folder, lake, &request, Arc::new(Quiet)).await?;
    let sum = |of: fn(&meterlake_import::TableUpkeep) -> u64| report.tables.iter().map(of).sum::<u64>();
    tracing::info!(
        merged_files = sum(|told| told.merged_files),
        merged_bytes = sum(|told| told.merged_bytes),
        written_bytes = sum(|told| told.written_bytes),
        deleted_files = sum(|told| told.deleted_files),
        deleted_bytes = sum(|told| told.deleted_bytes),
        rollup_parts = sum(|told| told.rollup_parts),
        "maintenance ended"
    );
    Ok(())
}

/// What is to be seen now goes to the log.
struct Quiet;

impl Progress for Quiet {
    fn stage(&self, what: &str, _total: Option<u64>) {
        tracing::debug!(what, "maintenance");
    }

    fn advance(&self, _bytes: u64) {}

    fn message(&self, text: &str) {
        tracing::info!(text, "maintenance");
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use super::*;

    fn at(text: &str, charges: u64) -> LastTime {
        LastTime { ended_at: text.parse().unwrap(), versions: [("charges".to_owned(), charges)].into() }
    }

    #[test]
    fn due_after_so_many_hours_and_a_tenth_at_most_or_after_so_many_commits() {
        let settings = |every_hours, after_commits| Maintenance {
            every_hours,
            after_commits,
            history_days: NonZeroU32::new(400).unwrap(),
        };
        let last = at("2024-11-01T00:00:00Z", 100);
        let daily = settings(24, 200);
        assert_eq!(last.due(&at("2024-11-01T23:59:00Z", 299), &daily, 0), None);
        assert!(last.due(&at("2024-11-02T00:00:00Z", 100), &daily, 0).unwrap().contains("2024-11-01 00:00 UTC"));
        assert_eq!(last.due(&at("2024-11-02T02:23:00Z", 100), &daily, 255), None);
        assert!(last.due(&at("2024-11-02T02:24:00Z", 100), &daily, 255).is_some());
        assert!(last.due(&at("2024-11-01T00:05:00Z", 300), &daily, 0).unwrap().contains("200 commits of charges"));
        assert_eq!(last.due(&at("2024-11-01T00:05:00Z", 9000), &settings(24, 0), 0), None);
        assert_eq!(last.due(&at("2025-11-01T00:00:00Z", 9000), &settings(0, 200), 0), None);
        // A clock that was set back is no reason.
        assert_eq!(last.due(&at("2023-11-01T00:00:00Z", 100), &daily, 0), None);
    }
}
