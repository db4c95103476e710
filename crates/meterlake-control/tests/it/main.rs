//! Control state in real files.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod audited;
mod database;
mod exports;
mod imports;
mod organisations;
mod people;
mod sign_in;

use std::sync::Arc;

use meterlake_control::Control;
use meterlake_model::{SharedClock, SteppingClock};

/// Control state in a folder of its own, at a clock that stands at noon of 2024-11-15.
pub(crate) struct Fixture {
    pub(crate) control: Control,
    pub(crate) clock: Arc<SteppingClock>,
    pub(crate) folder: tempfile::TempDir,
}

impl Fixture {
    pub(crate) async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock = Arc::new(SteppingClock::at("2024-11-15T12:00:00.123456Z".parse().unwrap()));
        let shared: SharedClock = clock.clone();
        let control = Control::open(&folder.path().join("meterlake.db"), shared).await.unwrap();
        Self { control, clock, folder }
    }

    /// The same file as another process opens it.
    pub(crate) async fn again(&self) -> Control {
        let shared: SharedClock = self.clock.clone();
        Control::open(&self.folder.path().join("meterlake.db"), shared).await.unwrap()
    }

    /// Actions in the audit trail, oldest first.
    pub(crate) async fn actions(&self) -> Vec<String> {
        let mut entries = self.control.audit_entries(1000).await.unwrap();
        entries.reverse();
        entries.into_iter().map(|e| e.action).collect()
    }
}
