//! Keys that sign tokens. One signs; the next one is published before it does; retired ones verify until the last
//! token they signed has ended.

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
    /// When it was made; it verifies from then on.
    pub created_at: DateTime<Utc>,
    /// From when it signs.
    pub signs_from: DateTime<Utc>,
    /// From when it no longer signs.
    pub retired_at: Option<DateTime<Utc>>,
    /// From when it no longer verifies.
    pub expires_at: Option<DateTime<Utc>>,
}

impl SigningKey {
    /// Whether it signs, as of `now`.
    #[must_use]
    pub fn signs(&self, now: DateTime<Utc>) -> bool {
        self.signs_from <= now && self.retired_at.is_none_or(|at| now < at)
    }
}

/// When a new key signs, and what becomes of the keys before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rotation {
    /// Age of the newest key below which nothing is done; none rotates at any age.
    pub min_age: Option<TimeDelta>,
    /// For how long the new key is published before it signs.
    pub ahead: TimeDelta,
    /// For how long the keys before it verify after they stopped signing. Zero ends their tokens at once.
    pub overlap: TimeDelta,
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
    signs_from: Option<i64>,
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
            signs_from: instant(row.signs_from.unwrap_or(row.created_at)),
            retired_at: instant_opt(row.retired_at),
            expires_at: instant_opt(row.expires_at),
        }
    }
}

impl Control {
    /// The keys that verify, newest first. The first that [`SigningKey::signs`] does.
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
        let present: bool =
            sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM signing_keys WHERE retired_at IS NULL OR retired_at > ?)")
                .bind(micros(self.now()))
                .fetch_one(&mut *tx)
                .await?;
        if !present {
            self.insert(&mut tx, key).await?;
        }
        tx.commit().await?;
        Ok(!present)
    }

    /// When the newest key was made; none where there is no key.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn newest_signing_key_at(&self) -> Result<Option<DateTime<Utc>>, ControlError> {
        let newest: Option<i64> =
            sqlx::query_scalar("SELECT max(created_at) FROM signing_keys").fetch_one(&self.pool).await?;
        Ok(instant_opt(newest))
    }

    /// Makes `key` the one that signs, from `rotation.ahead` after now on; its own `signs_from` is replaced by that.
    /// Those before it sign until then, and verify for the overlap longer. Of several processes that rotate by age at
    /// once, one does. Whether the key was kept.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn rotate_signing_key(&self, key: &SigningKey, rotation: Rotation) -> Result<bool, ControlError> {
        let now = self.now();
        let later = |instant: DateTime<Utc>, by| instant.checked_add_signed(by).unwrap_or(DateTime::<Utc>::MAX_UTC);
        let signs_from = later(now, rotation.ahead);
        let mut tx = self.write().await?;
        if let Some(min_age) = rotation.min_age {
            let newest: Option<i64> =
                sqlx::query_scalar("SELECT max(created_at) FROM signing_keys").fetch_one(&mut *tx).await?;
            if newest.is_some_and(|newest| now < later(instant(newest), min_age)) {
                return Ok(false);
            }
        }
        let expires_at = later(signs_from, rotation.overlap);
        let retired: Vec<String> = sqlx::query_scalar(
            "UPDATE signing_keys SET retired_at = min(coalesce(retired_at, ?1), ?1), expires_at = ?2
             WHERE expires_at IS NULL OR expires_at > ?2 RETURNING kid",
        )
        .bind(micros(signs_from))
        .bind(micros(expires_at))
        .fetch_all(&mut *tx)
        .await?;
        for kid in retired {
            let detail = json!({ "signs_until": signs_from, "verifies_until": expires_at });
            self.append_audit(&mut tx, "signing-key.retire", &format!("signing-key:{kid}"), &detail).await?;
        }
        self.insert(&mut tx, &SigningKey { signs_from, ..key.clone() }).await?;
        tx.commit().await?;
        Ok(true)
    }

    async fn insert(&self, tx: &mut SqliteConnection, key: &SigningKey) -> Result<(), ControlError> {
        sqlx::query(
            "INSERT INTO signing_keys (kid, pkcs8, modulus, exponent, created_at, signs_from)
             VALUES (?, ?, ?, ?, ?, ?)",
        )
        .bind(&key.kid)
        .bind(&key.pkcs8)
        .bind(&key.modulus)
        .bind(&key.exponent)
        .bind(micros(key.created_at))
        .bind(micros(key.signs_from))
        .execute(&mut *tx)
        .await?;
        let detail = json!({ "signs_from": key.signs_from });
        self.append_audit(tx, "signing-key.create", &format!("signing-key:{}", key.kid), &detail).await
    }
}
