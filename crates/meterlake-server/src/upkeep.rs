//! What a running server looks after by itself: signing keys that are old enough to be replaced, and API keys that end
//! soon.

use std::collections::HashMap;
use std::time::Duration;

use chrono::TimeDelta;

use crate::state::ServerState;

/// How often it looks.
const LOOK: Duration = Duration::from_secs(3600);
/// How often an operator is told of the same key.
const REMIND: TimeDelta = TimeDelta::days(1);

/// Looks after keys, for ever.
pub(crate) async fn keep_keys(state: ServerState) {
    let mut told = HashMap::new();
    loop {
        match state.identity().coming_from("server").rotate_old_signing_key().await {
            Ok(Some(kid)) => tracing::info!(%kid, "made the next signing key; it signs in a day"),
            Ok(None) => {}
            Err(error) => tracing::error!(%error, "cannot replace the signing key"),
        }
        match state.control().keys().await {
            Ok(keys) => {
                let now = state.clock().now();
                for key in keys.iter().filter(|key| key.ends_soon(now)) {
                    if told.get(&key.id).is_none_or(|last| now - *last >= REMIND) {
                        told.insert(key.id, now);
                        let (enrolment, slot, ends) = (&key.enrolment, key.slot, key.expires_at);
                        tracing::warn!(%enrolment, %slot, %ends, "an API key ends soon; make the other slot's anew");
                    }
                }
            }
            Err(error) => tracing::error!(%error, "cannot look at the API keys"),
        }
        tokio::time::sleep(LOOK).await;
    }
}
