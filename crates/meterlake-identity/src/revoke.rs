//! Revoking tokens before their end.

use chrono::{DateTime, TimeDelta};

use crate::client::Proof;
use crate::{AuthError, Identity, IdentityError, MAX_LIFETIME_SECONDS, TokenError, TokenForm, random};

/// For how long after its end a token is remembered as revoked: longer than the leeway.
const AFTER_ITS_END: TimeDelta = TimeDelta::hours(1);

impl Identity {
    /// `POST /{tenant}/oauth2/v2.0/revoke` (RFC 7009): ends the token that the form names, if the application that asks
    /// got it; with a refresh token everything that came from the same sign-in. A token that is not known, or is
    /// another application's, is no error: it is of no use to who asks, before and after.
    ///
    /// # Errors
    /// [`TokenError`], with all that is to be printed.
    pub async fn revoke(&self, tenant: &str, form: TokenForm, authorization: Option<&str>) -> Result<(), TokenError> {
        let directory = self.directory(tenant).await?;
        let form = form.with_basic(authorization)?;
        let given = |field: &Option<String>| field.as_deref().is_some_and(|text| !text.is_empty());
        if !given(&form.client_id) {
            return Err(TokenError::missing("client_id"));
        }
        if !given(&form.token) {
            return Err(TokenError::missing("token"));
        }
        let application = self.application(&directory, &form, Proof::SecretUnlessPublic).await?;
        let token = form.token.as_deref().unwrap_or_default();
        let control = &self.inner.control;
        if let Some((family, _)) = control.refresh_token_family(&random::hash(token)).await? {
            if family.application == application.id {
                self.revoke_refresh_token(token).await?;
            }
            return Ok(());
        }
        let claims = match self.inner.keys.verify(control, token).await {
            Ok((claims, _)) => claims,
            Err(AuthError::Control(cause)) => return Err(cause.into()),
            Err(_) => return Ok(()),
        };
        if application.client_id.is_some_and(|id| id.to_string() == claims.appid) {
            let end = DateTime::from_timestamp(claims.exp, 0).unwrap_or(DateTime::UNIX_EPOCH) + AFTER_ITS_END;
            let actor = format!("principal:{}", application.id);
            control.acting_as(&actor).revoke_token(&claims.uti, end, claims.oid.parse().ok()).await?;
        }
        Ok(())
    }

    /// Revokes the token of that id (`uti`), at once. Whether it was not revoked before; that there is such a token is
    /// not known here, because tokens are not kept.
    ///
    /// # Errors
    /// When the control state fails.
    pub async fn revoke_token_id(&self, uti: &str) -> Result<bool, IdentityError> {
        // No token of today lives longer.
        let end = self.inner.clock.now() + TimeDelta::seconds(MAX_LIFETIME_SECONDS) + AFTER_ITS_END;
        Ok(self.inner.control.revoke_token(uti, end, None).await?)
    }
}
