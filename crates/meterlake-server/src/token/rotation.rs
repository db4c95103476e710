//! Replacing signing keys that are old enough, while the server runs.

use std::time::Duration;

use crate::state::ServerState;

/// How often the age of the key is looked at.
const LOOK: Duration = Duration::from_secs(3600);

/// Replaces the signing key when it is old enough, for ever.
pub(crate) async fn keep_signing_key(state: ServerState) {
    loop {
        match state.identity().coming_from("server").rotate_old_signing_key().await {
            Ok(Some(kid)) => tracing::info!(%kid, "made the next signing key; it signs in a day"),
            Ok(None) => {}
            Err(error) => tracing::error!(%error, "cannot replace the signing key"),
        }
        tokio::time::sleep(LOOK).await;
    }
}
