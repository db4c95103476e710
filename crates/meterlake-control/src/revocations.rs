//! Tokens that are refused before their end.

use chrono::{DateTime, Utc};
use meterlake_model::PrincipalId;
use serde_json::json;

use crate::sign_in::{FamilyFilter, end_sign_ins};
use crate::stored::{instant, micros};
use crate::{Control, ControlError, Principal};

/// What stands for or against a token whose signature is good.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenStanding {
    /// Its principal.
    pub principal: Principal,
    /// Whether this very token was revoked.
    pub revoked: bool,
    /// Until when all tokens of the principal were revoked: those issued until then.
    pub revoked_until: Option<DateTime<Utc>>,
}

impl Control {
    /// The standing of the token `uti` of that principal, in one read; none when there is no such principal.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn token_standing(
        &self,
        principal: PrincipalId,
        uti: &str,
    ) -> Result<Option<TokenStanding>, ControlError> {
        // In a transaction both reads see one state.
        let mut tx = self.pool.begin().await?;
        let Some(found) = self.principal_in(&mut tx, principal).await? else { return Ok(None) };
        let (revoked, revoked_until): (bool, Option<i64>) = sqlx::query_as(
            "SELECT EXISTS (SELECT 1 FROM revoked_tokens WHERE uti = ?),
                    (SELECT revoked_at FROM revoked_principals WHERE principal_id = ?)",
        )
        .bind(uti)
        .bind(principal.to_string())
        .fetch_one(&mut *tx)
        .await?;
        Ok(Some(TokenStanding { principal: found, revoked, revoked_until: revoked_until.map(instant) }))
    }

    /// Revokes one token by its id (`uti`). It is remembered until `expires_at`, after which it is refused anyway.
    /// Whether it was not revoked before.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn revoke_token(
        &self,
        uti: &str,
        expires_at: DateTime<Utc>,
        principal: Option<PrincipalId>,
    ) -> Result<bool, ControlError> {
        let now = micros(self.now());
        let mut tx = self.write().await?;
        sqlx::query("DELETE FROM revoked_tokens WHERE expires_at <= ?").bind(now).execute(&mut *tx).await?;
        let added = sqlx::query(
            "INSERT INTO revoked_tokens (uti, revoked_at, expires_at) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
        )
        .bind(uti)
        .bind(now)
        .bind(micros(expires_at))
        .execute(&mut *tx)
        .await?;
        if added.rows_affected() > 0 {
            let detail = json!({ "principal": principal });
            self.append_audit(&mut tx, "token.revoke", &format!("token:{uti}"), &detail).await?;
        }
        tx.commit().await?;
        Ok(added.rows_affected() > 0)
    }

    /// Revokes all tokens of a principal that were issued until now, refresh tokens included, and ends its
    /// sessions; of an application also what people got through it, codes included that wait to be redeemed.
    ///
    /// # Errors
    /// [`ControlError::NotFound`] when it is not known.
    pub async fn revoke_tokens_of(&self, principal: PrincipalId) -> Result<(), ControlError> {
        let mut tx = self.write().await?;
        if self.principal_in(&mut tx, principal).await?.is_none() {
            return Err(ControlError::not_found("principal", principal));
        }
        sqlx::query(
            "INSERT INTO revoked_principals (principal_id, revoked_at) VALUES (?1, ?2)
             ON CONFLICT (principal_id) DO UPDATE SET revoked_at = ?2",
        )
        .bind(principal.to_string())
        .bind(micros(self.now()))
        .execute(&mut *tx)
        .await?;
        self.sign_out_everywhere(&mut tx, principal, "all tokens revoked").await?;
        let through_it = FamilyFilter { application: Some(principal), ..FamilyFilter::default() };
        end_sign_ins(self, &mut tx, &through_it, "all tokens revoked").await?;
        self.append_audit(&mut tx, "token.revoke-all", &format!("principal:{principal}"), &json!({})).await?;
        Ok(tx.commit().await?)
    }
}
