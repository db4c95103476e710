//! Checkpoints: the whole state of a table in one file, so that opening it reads few log entries.

use serde::Deserialize;

use crate::{error::LakeError, lake::Lake, tables::Table};

/// Commits since the last checkpoint from which on a new one is worth its file.
const WORTH: u64 = 10;

#[derive(Deserialize)]
struct LastCheckpoint {
    version: u64,
}

impl Lake {
    /// The version that maintenance would write a checkpoint of now; none when the last one is new enough.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub async fn checkpoint_due(&self, table: Table) -> Result<Option<u64>, LakeError> {
        let log = self.log(table);
        let newest = log.newest().await?.version();
        let last = match log.root.get("_delta_log/_last_checkpoint").await? {
            // A damaged one is written anew.
            Some(text) => serde_json::from_slice::<LastCheckpoint>(&text).map_or(0, |last| last.version),
            None => 0,
        };
        Ok((newest >= last.saturating_add(WORTH)).then_some(newest))
    }

    /// Writes a checkpoint of the newest version.
    ///
    /// # Errors
    /// When the log cannot be read, or the checkpoint cannot be written.
    pub async fn write_checkpoint(&self, table: Table) -> Result<(), LakeError> {
        let log = self.log(table);
        log.newest().await?;
        log.checkpoint().await
    }
}
