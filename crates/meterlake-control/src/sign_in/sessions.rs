//! Browsers in which people are signed in.

use chrono::{DateTime, Utc};
use meterlake_model::PrincipalId;
use serde_json::json;

use crate::stored::{instant, micros, parse};
use crate::{Control, ControlError};

/// A browser in which a person is signed in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignInSession {
    /// Who.
    pub user: PrincipalId,
    /// When the password was given.
    pub created_at: DateTime<Utc>,
    /// From when it must be given again.
    pub expires_at: DateTime<Utc>,
}

impl Control {
    /// Remembers that a browser, known by a secret with that hash, signed a user in by the password of `password_hash`;
    /// not when the user's password is another one by now. Sessions that ended are forgotten. Whether it did.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn add_session(
        &self,
        hash: &[u8],
        user: PrincipalId,
        password_hash: &str,
        expires_at: DateTime<Utc>,
    ) -> Result<bool, ControlError> {
        let now = micros(self.now());
        let mut tx = self.write().await?;
        let current: bool =
            sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM passwords WHERE user_id = ? AND hash = ?)")
                .bind(user.to_string())
                .bind(password_hash)
                .fetch_one(&mut *tx)
                .await?;
        if !current {
            return Ok(false);
        }
        sqlx::query("DELETE FROM sign_in_sessions WHERE expires_at <= ?").bind(now).execute(&mut *tx).await?;
        sqlx::query("INSERT INTO sign_in_sessions (hash, user_id, created_at, expires_at) VALUES (?, ?, ?, ?)")
            .bind(hash)
            .bind(user.to_string())
            .bind(now)
            .bind(micros(expires_at))
            .execute(&mut *tx)
            .await?;
        self.append_audit(&mut tx, "session.begin", &format!("principal:{user}"), &json!({})).await?;
        tx.commit().await?;
        Ok(true)
    }

    /// The session of a browser, while it lasts.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn session(&self, hash: &[u8]) -> Result<Option<SignInSession>, ControlError> {
        let row: Option<(String, i64, i64)> = sqlx::query_as(
            "SELECT user_id, created_at, expires_at FROM sign_in_sessions WHERE hash = ? AND expires_at > ?",
        )
        .bind(hash)
        .bind(micros(self.now()))
        .fetch_optional(&self.pool)
        .await?;
        row.map(|(user, created_at, expires_at)| {
            let user = parse("sign_in_sessions.user_id", &user)?;
            Ok(SignInSession { user, created_at: instant(created_at), expires_at: instant(expires_at) })
        })
        .transpose()
    }

    /// Ends the session of a browser. Whose it was.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn end_session(&self, hash: &[u8]) -> Result<Option<PrincipalId>, ControlError> {
        let mut tx = self.write().await?;
        let user: Option<String> = sqlx::query_scalar("DELETE FROM sign_in_sessions WHERE hash = ? RETURNING user_id")
            .bind(hash)
            .fetch_optional(&mut *tx)
            .await?;
        if let Some(user) = &user {
            self.append_audit(&mut tx, "session.end", &format!("principal:{user}"), &json!({})).await?;
        }
        tx.commit().await?;
        user.map(|user| parse("sign_in_sessions.user_id", &user)).transpose()
    }

    /// Ends all sessions of a user and everything that came from its sign-ins.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn sign_out_user(&self, user: PrincipalId) -> Result<(), ControlError> {
        let mut tx = self.write().await?;
        self.sign_out_everywhere(&mut tx, user, "signed out everywhere").await?;
        self.append_audit(&mut tx, "session.end-all", &format!("principal:{user}"), &json!({})).await?;
        Ok(tx.commit().await?)
    }
}
