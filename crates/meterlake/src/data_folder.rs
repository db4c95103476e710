//! The data folder and what lies in it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, bail};
use meterlake_control::Control;
use meterlake_import::{ImportError, RecoveryReport, recover};
use meterlake_lake::Lake;
use meterlake_model::{SharedClock, ShiftedClock, SystemClock};
use meterlake_reports::PriceList;
use url::Url;

use crate::config::Config;
use crate::journal::Journal;

/// An opened data folder: paths, settings and the clock.
#[derive(Clone, Debug)]
pub(crate) struct DataFolder {
    /// The folder.
    pub(crate) dir: PathBuf,
    /// Settings.
    pub(crate) config: Config,
    /// The one clock.
    pub(crate) clock: SharedClock,
}

impl DataFolder {
    /// Opens the folder `dir`, which must be there: a look at a mistyped folder shall not make it.
    pub(crate) fn open_existing(dir: &Path, config_file: Option<&Path>) -> anyhow::Result<Self> {
        if !dir.is_dir() {
            bail!("there is no data folder {}; name it with --data or METERLAKE_DATA", dir.display());
        }
        Self::open(dir, config_file)
    }

    /// Opens the folder `dir`, making it where it is missing.
    pub(crate) fn open(dir: &Path, config_file: Option<&Path>) -> anyhow::Result<Self> {
        std::fs::create_dir_all(dir).with_context(|| format!("cannot make the data folder {}", dir.display()))?;
        let dir = dir.canonicalize().with_context(|| format!("cannot open the data folder {}", dir.display()))?;
        let config = Config::load(config_file, &dir)?;
        Ok(Self { dir, config, clock: clock()? })
    }

    /// The control state.
    pub(crate) async fn control(&self) -> anyhow::Result<Control> {
        let path = self.dir.join("meterlake.db");
        Control::open(&path, Arc::clone(&self.clock))
            .await
            .with_context(|| format!("cannot open the control state {}", path.display()))
    }

    /// The lake.
    pub(crate) async fn lake(&self) -> anyhow::Result<Lake> {
        let path = self.dir.join("lake");
        std::fs::create_dir_all(&path).with_context(|| format!("cannot make {}", path.display()))?;
        let url =
            Url::from_directory_path(&path).ok().with_context(|| format!("{} is no usable path", path.display()))?;
        Lake::open_with_clock(&url, Arc::clone(&self.clock))
            .await
            .with_context(|| format!("cannot open the lake {}", path.display()))
    }

    /// Folder of spill files.
    pub(crate) fn staging(&self) -> PathBuf {
        self.dir.join("staging")
    }

    /// Folder of asynchronous export files.
    pub(crate) fn exports(&self) -> PathBuf {
        self.dir.join("exports")
    }

    /// The price file of the settings, if one is set.
    pub(crate) fn prices(&self) -> anyhow::Result<Option<PriceList>> {
        if self.config.b2c.prices.is_empty() {
            return Ok(None);
        }
        let path = self.dir.join(&self.config.b2c.prices);
        let text = std::fs::read_to_string(&path)
            .with_context(|| format!("cannot read the price file {} of the setting [b2c] prices", path.display()))?;
        Ok(Some(PriceList::from_toml(&text).with_context(|| path.display().to_string())?))
    }

    /// What salts the hashes of user ids: the same for all imports of this folder, and nowhere else.
    pub(crate) async fn user_salt(&self, control: &Control) -> anyhow::Result<[u8; 32]> {
        let fresh = [uuid::Uuid::new_v4(), uuid::Uuid::new_v4()].map(uuid::Uuid::into_bytes).concat();
        let kept = control.server_secret("user-hashes", &fresh).await?;
        <[u8; 32]>::try_from(kept).map_err(|_| anyhow::anyhow!("the salt of user hashes is damaged"))
    }

    /// Settles what interrupted imports left behind.
    pub(crate) async fn recover(&self, lake: &Lake, journal: &Journal) -> Result<RecoveryReport, ImportError> {
        recover(lake, journal, &self.clock, &self.dir).await
    }
}

/// The machine's clock, or one that starts at `METERLAKE_NOW` (RFC 3339), so that tests and rehearsals can run as of another day.
fn clock() -> anyhow::Result<SharedClock> {
    match std::env::var("METERLAKE_NOW") {
        Ok(text) => {
            let instant = chrono::DateTime::parse_from_rfc3339(&text).with_context(|| {
                format!("METERLAKE_NOW={text:?} is not an RFC 3339 instant such as 2026-11-21T09:00:00Z")
            })?;
            Ok(Arc::new(ShiftedClock::starting_at(instant.to_utc())))
        }
        Err(_) => Ok(Arc::new(SystemClock)),
    }
}
