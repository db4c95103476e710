//! API keys of enrolments: two slots each, so that one can be renewed while the other is in use.
//! Only their hashes are kept.

use chrono::{DateTime, TimeDelta, Utc};
use meterlake_model::EnrolmentNumber;
use serde_json::json;
use uuid::Uuid;

use crate::named::named;
use crate::stored::{instant, instant_opt, micros, parse};
use crate::{Control, ControlError};

named!(
    /// Which of an enrolment's two keys.
    KeySlot, "key slot", "primary or secondary", {
        /// The first.
        Primary = "primary",
        /// The second.
        Secondary = "secondary",
    }
);

/// An API key of an enrolment, without its text.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct EaKey {
    /// Its id.
    pub id: Uuid,
    /// The one enrolment it opens.
    pub enrolment: EnrolmentNumber,
    /// Its slot.
    pub slot: KeySlot,
    /// SHA-256 of its text.
    #[serde(skip)]
    pub hash: Vec<u8>,
    /// The first characters of its text, to tell it from others.
    pub hint: String,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// From when it no longer works.
    pub expires_at: DateTime<Utc>,
    /// When it was revoked, by command or by its successor in the slot.
    pub revoked_at: Option<DateTime<Utc>>,
}

/// How long before the end of a key its operator is told.
const NOTICE: TimeDelta = TimeDelta::days(14);

impl EaKey {
    /// Whether it is in force and ends within 14 days.
    #[must_use]
    pub fn ends_soon(&self, now: DateTime<Utc>) -> bool {
        self.revoked_at.is_none() && now < self.expires_at && self.expires_at - now <= NOTICE
    }
}

/// An API key to keep.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewEaKey {
    /// The one enrolment it opens.
    pub enrolment: EnrolmentNumber,
    /// Its slot.
    pub slot: KeySlot,
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
    enrolment: String,
    slot: String,
    hash: Vec<u8>,
    hint: String,
    created_at: i64,
    expires_at: i64,
    revoked_at: Option<i64>,
}

impl TryFrom<Row> for EaKey {
    type Error = ControlError;

    fn try_from(row: Row) -> Result<Self, ControlError> {
        Ok(Self {
            id: parse("keys.id", &row.id)?,
            enrolment: parse("keys.enrolment", &row.enrolment)?,
            slot: parse("keys.slot", &row.slot)?,
            hash: row.hash,
            hint: row.hint,
            created_at: instant(row.created_at),
            expires_at: instant(row.expires_at),
            revoked_at: instant_opt(row.revoked_at),
        })
    }
}

impl Control {
    /// All keys, by enrolment and slot, newest first, revoked and expired ones included.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn keys(&self) -> Result<Vec<EaKey>, ControlError> {
        let rows: Vec<Row> = sqlx::query_as("SELECT * FROM keys ORDER BY enrolment, slot, created_at DESC, rowid DESC")
            .fetch_all(&self.pool)
            .await?;
        rows.into_iter().map(EaKey::try_from).collect()
    }

    /// The key whose text has that SHA-256, revoked and expired ones included.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn key_by_hash(&self, hash: &[u8]) -> Result<Option<EaKey>, ControlError> {
        let row: Option<Row> =
            sqlx::query_as("SELECT * FROM keys WHERE hash = ?").bind(hash).fetch_optional(&self.pool).await?;
        row.map(EaKey::try_from).transpose()
    }

    /// Keeps the hash of a new key in its slot and revokes the slot's old key.
    ///
    /// # Errors
    /// [`ControlError::NotFound`] when there is no such enrolment.
    pub async fn replace_key(&self, new: &NewEaKey) -> Result<EaKey, ControlError> {
        let key = EaKey {
            id: Uuid::new_v4(),
            enrolment: new.enrolment.clone(),
            slot: new.slot,
            hash: new.hash.clone(),
            hint: new.hint.clone(),
            created_at: self.now(),
            expires_at: new.expires_at,
            revoked_at: None,
        };
        let mut tx = self.write().await?;
        let known: bool = sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM enrolments WHERE number = ?)")
            .bind(key.enrolment.as_str())
            .fetch_one(&mut *tx)
            .await?;
        if !known {
            return Err(ControlError::not_found("enrolment", &key.enrolment));
        }
        let replaced = revoke(&mut tx, &key.enrolment, key.slot, micros(key.created_at)).await?;
        sqlx::query(
            "INSERT INTO keys (id, enrolment, slot, hash, hint, created_at, expires_at) VALUES (?, ?, ?, ?, ?, ?, ?)",
        )
        .bind(key.id.to_string())
        .bind(key.enrolment.as_str())
        .bind(key.slot.as_str())
        .bind(&key.hash)
        .bind(&key.hint)
        .bind(micros(key.created_at))
        .bind(micros(key.expires_at))
        .execute(&mut *tx)
        .await?;
        let detail = json!({ "key": key.id, "expires_at": key.expires_at, "replaced": replaced });
        self.append_audit(&mut tx, "key.create", &subject(&key.enrolment, key.slot), &detail).await?;
        tx.commit().await?;
        Ok(key)
    }

    /// Ends the key of a slot at once.
    ///
    /// # Errors
    /// [`ControlError::NotFound`] when the slot holds no key.
    pub async fn revoke_key(&self, enrolment: &EnrolmentNumber, slot: KeySlot) -> Result<(), ControlError> {
        let mut tx = self.write().await?;
        let Some(id) = revoke(&mut tx, enrolment, slot, micros(self.now())).await? else {
            return Err(ControlError::not_found("key", format!("{slot} of enrolment {enrolment}")));
        };
        self.append_audit(&mut tx, "key.revoke", &subject(enrolment, slot), &json!({ "key": id })).await?;
        Ok(tx.commit().await?)
    }
}

fn subject(enrolment: &EnrolmentNumber, slot: KeySlot) -> String {
    format!("enrolment:{enrolment}/{slot}")
}

/// Revokes the key of a slot and returns its id, if it holds one.
async fn revoke(
    tx: &mut sqlx::SqliteConnection,
    enrolment: &EnrolmentNumber,
    slot: KeySlot,
    now: i64,
) -> Result<Option<String>, ControlError> {
    Ok(sqlx::query_scalar(
        "UPDATE keys SET revoked_at = ? WHERE enrolment = ? AND slot = ? AND revoked_at IS NULL RETURNING id",
    )
    .bind(now)
    .bind(enrolment.as_str())
    .bind(slot.as_str())
    .fetch_optional(tx)
    .await?)
}
