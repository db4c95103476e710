//! Keys that sign tokens. One signs; retired ones verify until the last token they signed has ended.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;
use sqlx::SqliteConnection;

use crate::stored::{instant, instant_opt, micros};
use crate::{Control, ControlError};

/// An RSA key that signs, or signed, tokens.
#[derive(Clone, PartialEq, Eq)]
pub struct SigningKey {
    /// Its id in token headers.
    pub kid: String,
    /// The private key, PKCS#8 DER.
    pub pkcs8: Vec<u8>,
    /// Public modulus, big endian.
    pub modulus: Vec<u8>,
    /// Public exponent, big endian.
    pub exponent: Vec<u8>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// From when it no longer signs.
    pub retired_at: Option<DateTime<Utc>>,
    /// From when it no longer verifies.
    pub expires_at: Option<DateTime<Utc>>,
}

impl std::fmt::Debug for SigningKey {
    /// Without the private key.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SigningKey")
            .field("kid", &self.kid)
            .field("retired_at", &self.retired_at)
            .finish_non_exhaustive()
    }
}

#[derive(sqlx::FromRow)]
struct Row {
    kid: String,
    pkcs8: Vec<u8>,
    modulus: Vec<u8>,
    exponent: Vec<u8>,
    created_at: i64,
    retired_at: Option<i64>,
    expires_at: Option<i64>,
}

impl From<Row> for SigningKey {
    fn from(row: Row) -> Self {
        Self {
            kid: row.kid,
            pkcs8: row.pkcs8,
            modulus: row.modulus,
            exponent: row.exponent,
            created_at: instant(row.created_at),
            retired_at: instant_opt(row.retired_at),
            expires_at: instant_opt(row.expires_at),
        }
    }
}

impl Control {
    /// The keys that still verify, newest first. The first that is not retired signs.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn signing_keys(&self) -> Result<Vec<SigningKey>, ControlError> {
        let rows: Vec<Row> = sqlx::query_as(
            "SELECT * FROM signing_keys WHERE expires_at IS NULL OR expires_at > ?
             ORDER BY created_at DESC, rowid DESC",
        )
        .bind(micros(self.now()))
        .fetch_all(&self.pool)
        .await?;
        Ok(rows.into_iter().map(SigningKey::from).collect())
    }

    /// Keeps a key for signing unless there is one already. Whether it was kept.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn add_first_signing_key(&self, key: &SigningKey) -> Result<bool, ControlError> {
        let mut tx = self.write().await?;
        let present: bool = sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM signing_keys WHERE retired_at IS NULL)")
            .fetch_one(&mut *tx)
            .await?;
        if !present {
            self.insert(&mut tx, key).await?;
        }
        tx.commit().await?;
        Ok(!present)
    }

    /// Makes `key` the one that signs. The keys before it are retired and verify for `overlap` longer.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn rotate_signing_key(&self, key: &SigningKey, overlap: TimeDelta) -> Result<(), ControlError> {
        let now = self.now();
        let mut tx = self.write().await?;
        sqlx::query("UPDATE signing_keys SET retired_at = ?, expires_at = ? WHERE retired_at IS NULL")
            .bind(micros(now))
            .bind(micros(now.checked_add_signed(overlap).unwrap_or(DateTime::<Utc>::MAX_UTC)))
            .execute(&mut *tx)
            .await?;
        self.insert(&mut tx, key).await?;
        Ok(tx.commit().await?)
    }

    async fn insert(&self, tx: &mut SqliteConnection, key: &SigningKey) -> Result<(), ControlError> {
        sqlx::query("INSERT INTO signing_keys (kid, pkcs8, modulus, exponent, created_at) VALUES (?, ?, ?, ?, ?)")
            .bind(&key.kid)
            .bind(&key.pkcs8)
            .bind(&key.modulus)
            .bind(&key.exponent)
            .bind(micros(key.created_at))
            .execute(&mut *tx)
            .await?;
        self.append_audit(tx, "signing-key.create", &format!("signing-key:{}", key.kid), &json!({})).await
    }
}
