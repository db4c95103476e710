//! Client secrets of applications. Only their hashes are kept.

use chrono::{DateTime, Utc};
use meterlake_model::PrincipalId;
use serde_json::json;
use uuid::Uuid;

use crate::stored::{instant, instant_opt, micros, parse};
use crate::{Control, ControlError, PrincipalKind};

/// A client secret, without its text.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Secret {
    /// Its id.
    pub id: Uuid,
    /// The application whose it is.
    pub principal: PrincipalId,
    /// SHA-256 of its text.
    #[serde(skip)]
    pub hash: Vec<u8>,
    /// The first characters of its text, to tell it from others.
    pub hint: String,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// From when it no longer works.
    pub expires_at: DateTime<Utc>,
    /// When it was revoked.
    pub revoked_at: Option<DateTime<Utc>>,
}

/// A client secret to keep.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewSecret {
    /// The application whose it is.
    pub principal: PrincipalId,
    /// SHA-256 of its text.
    pub hash: Vec<u8>,
    /// The first characters of its text.
    pub hint: String,
    /// From when it no longer works.
    pub expires_at: DateTime<Utc>,
}

#[derive(sqlx::FromRow)]
struct Row {
    id: String,
    principal_id: String,
    hash: Vec<u8>,
    hint: String,
    created_at: i64,
    expires_at: i64,
    revoked_at: Option<i64>,
}

impl TryFrom<Row> for Secret {
    type Error = ControlError;

    fn try_from(row: Row) -> Result<Self, ControlError> {
        Ok(Self {
            id: parse("secrets.id", &row.id)?,
            principal: parse("secrets.principal_id", &row.principal_id)?,
            hash: row.hash,
            hint: row.hint,
            created_at: instant(row.created_at),
            expires_at: instant(row.expires_at),
            revoked_at: instant_opt(row.revoked_at),
        })
    }
}

impl Control {
    /// The secrets of a principal, newest first, revoked and expired ones included.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn secrets(&self, principal: PrincipalId) -> Result<Vec<Secret>, ControlError> {
        let rows: Vec<Row> =
            sqlx::query_as("SELECT * FROM secrets WHERE principal_id = ? ORDER BY created_at DESC, rowid DESC")
                .bind(principal.to_string())
                .fetch_all(&self.pool)
                .await?;
        rows.into_iter().map(Secret::try_from).collect()
    }

    /// Keeps the hash of a new secret.
    ///
    /// # Errors
    /// [`ControlError::NotFound`] when there is no such principal, [`ControlError::Conflict`] when it is a user or a
    /// public application: they have no secrets.
    pub async fn add_secret(&self, new: &NewSecret) -> Result<Secret, ControlError> {
        let secret = Secret {
            id: Uuid::new_v4(),
            principal: new.principal,
            hash: new.hash.clone(),
            hint: new.hint.clone(),
            created_at: self.now(),
            expires_at: new.expires_at,
            revoked_at: None,
        };
        let mut tx = self.write().await?;
        let found: Option<(String, String, bool)> =
            sqlx::query_as("SELECT name, kind, public FROM principals WHERE id = ?")
                .bind(new.principal.to_string())
                .fetch_optional(&mut *tx)
                .await?;
        let (name, kind, public) = found.ok_or_else(|| ControlError::not_found("principal", new.principal))?;
        if kind != PrincipalKind::Application.as_str() {
            let reason = format!("is a {kind}; only an application has secrets");
            return Err(ControlError::Conflict { what: "principal", id: name, reason });
        }
        if public {
            let reason = "is public; a public application has no secrets".to_owned();
            return Err(ControlError::Conflict { what: "application", id: name, reason });
        }
        sqlx::query(
            "INSERT INTO secrets (id, principal_id, hash, hint, created_at, expires_at) VALUES (?, ?, ?, ?, ?, ?)",
        )
        .bind(secret.id.to_string())
        .bind(secret.principal.to_string())
        .bind(&secret.hash)
        .bind(&secret.hint)
        .bind(micros(secret.created_at))
        .bind(micros(secret.expires_at))
        .execute(&mut *tx)
        .await?;
        let detail = json!({ "principal": secret.principal, "expires_at": secret.expires_at });
        self.append_audit(&mut tx, "secret.create", &format!("secret:{}", secret.id), &detail).await?;
        tx.commit().await?;
        Ok(secret)
    }

    /// Ends a secret at once. Tokens already got with it live on to their end.
    ///
    /// # Errors
    /// [`ControlError::NotFound`] when there is no such secret that still stands.
    pub async fn revoke_secret(&self, id: Uuid) -> Result<(), ControlError> {
        let mut tx = self.write().await?;
        let changed = sqlx::query("UPDATE secrets SET revoked_at = ? WHERE id = ? AND revoked_at IS NULL")
            .bind(micros(self.now()))
            .bind(id.to_string())
            .execute(&mut *tx)
            .await?;
        if changed.rows_affected() == 0 {
            return Err(ControlError::not_found("secret in force", id));
        }
        self.append_audit(&mut tx, "secret.revoke", &format!("secret:{id}"), &json!({})).await?;
        Ok(tx.commit().await?)
    }
}
