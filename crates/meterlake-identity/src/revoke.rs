//! Revoking tokens before their end.

use chrono::TimeDelta;

use crate::{Identity, IdentityError, MAX_LIFETIME_SECONDS};

impl Identity {
    /// Revokes the token of that id (`uti`), at once. Whether it was not revoked before; that there is such a token is
    /// not known here, because tokens are not kept.
    ///
    /// # Errors
    /// When the control state fails.
    pub async fn revoke_token_id(&self, uti: &str) -> Result<bool, IdentityError> {
        // No token of today lives longer.
        let end = self.inner.clock.now() + TimeDelta::seconds(MAX_LIFETIME_SECONDS + 3600);
        Ok(self.inner.control.revoke_token(uti, end, None).await?)
    }
}
