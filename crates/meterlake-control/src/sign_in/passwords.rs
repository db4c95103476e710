//! Passwords of users, as the hashes that identity makes.

use meterlake_model::PrincipalId;
use serde_json::json;

use super::token_families::{FamilyFilter, end_sign_ins};
use crate::stored::micros;
use crate::{Control, ControlError, PrincipalKind};

impl Control {
    /// The hash of a user's password, if one is set.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn password_hash(&self, user: PrincipalId) -> Result<Option<String>, ControlError> {
        Ok(sqlx::query_scalar("SELECT hash FROM passwords WHERE user_id = ?")
            .bind(user.to_string())
            .fetch_optional(&self.pool)
            .await?)
    }

    /// The users that have a password.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn users_with_password(&self) -> Result<Vec<PrincipalId>, ControlError> {
        let ids: Vec<String> = sqlx::query_scalar("SELECT user_id FROM passwords").fetch_all(&self.pool).await?;
        ids.iter().map(|id| crate::stored::parse("passwords.user_id", id)).collect()
    }

    /// Sets a user's password to the one of this hash. Who signed in with the old one is signed out everywhere.
    ///
    /// # Errors
    /// [`ControlError::NotFound`] when there is no such principal, [`ControlError::Conflict`] when it is an
    /// application: applications have secrets.
    pub async fn set_password_hash(&self, user: PrincipalId, hash: &str) -> Result<(), ControlError> {
        let mut tx = self.write().await?;
        let found: Option<(String, String)> = sqlx::query_as("SELECT name, kind FROM principals WHERE id = ?")
            .bind(user.to_string())
            .fetch_optional(&mut *tx)
            .await?;
        let (name, kind) = found.ok_or_else(|| ControlError::not_found("principal", user))?;
        if kind != PrincipalKind::User.as_str() {
            let reason = format!("is an {kind}; only a user has a password");
            return Err(ControlError::Conflict { what: "principal", id: name, reason });
        }
        sqlx::query(
            "INSERT INTO passwords (user_id, hash, set_at) VALUES (?1, ?2, ?3)
             ON CONFLICT (user_id) DO UPDATE SET hash = ?2, set_at = ?3",
        )
        .bind(user.to_string())
        .bind(hash)
        .bind(micros(self.now()))
        .execute(&mut *tx)
        .await?;
        self.sign_out_everywhere(&mut tx, user, "password set").await?;
        self.append_audit(&mut tx, "password.set", &format!("principal:{user}"), &json!({})).await?;
        Ok(tx.commit().await?)
    }

    /// Takes a user's password away, so that it can no longer sign in, and signs it out everywhere. Whether it had one.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn remove_password(&self, user: PrincipalId) -> Result<bool, ControlError> {
        let mut tx = self.write().await?;
        let gone =
            sqlx::query("DELETE FROM passwords WHERE user_id = ?").bind(user.to_string()).execute(&mut *tx).await?;
        if gone.rows_affected() > 0 {
            self.sign_out_everywhere(&mut tx, user, "password removed").await?;
            self.append_audit(&mut tx, "password.remove", &format!("principal:{user}"), &json!({})).await?;
        }
        tx.commit().await?;
        Ok(gone.rows_affected() > 0)
    }

    /// Ends all sessions of a user, and all tokens that came of its sign-ins.
    pub(crate) async fn sign_out_everywhere(
        &self,
        tx: &mut sqlx::SqliteConnection,
        user: PrincipalId,
        reason: &str,
    ) -> Result<(), ControlError> {
        sqlx::query("DELETE FROM sign_in_sessions WHERE user_id = ?").bind(user.to_string()).execute(&mut *tx).await?;
        end_sign_ins(self, tx, &FamilyFilter { user: Some(user), ..FamilyFilter::default() }, reason).await
    }
}
