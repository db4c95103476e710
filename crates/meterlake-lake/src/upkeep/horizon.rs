//! The oldest version of a table whose files are all still there.

use serde::{Deserialize, Serialize};

use crate::{error::LakeError, root::TableRoot};

/// Beside the data; Delta readers skip names with a leading underscore.
const PATH: &str = "_maintenance/horizon.json";

#[derive(Serialize, Deserialize)]
struct Horizon {
    oldest_version: u64,
}

/// The oldest version that can be read; 0 when nothing was ever deleted.
pub(crate) async fn read(root: &TableRoot) -> Result<u64, LakeError> {
    let Some(content) = root.get(PATH).await? else { return Ok(0) };
    let horizon: Horizon = serde_json::from_slice(&content).map_err(|error| LakeError::Corrupt {
        path: PATH.to_owned(),
        reason: format!("is not {{\"oldest_version\": number}}: {error}"),
    })?;
    Ok(horizon.oldest_version)
}

/// Says that versions before `version` can no longer be read. Before the first file goes, so that nobody begins to
/// read a snapshot of which files are missing.
pub(super) async fn raise(root: &TableRoot, version: u64) -> Result<(), LakeError> {
    if read(root).await? < version {
        root.put(PATH, serde_json::to_vec(&Horizon { oldest_version: version })?.into()).await?;
    }
    Ok(())
}
