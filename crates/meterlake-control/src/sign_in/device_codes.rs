//! Device codes (RFC 8628): a program polls with one while a person types the short code that goes with it into a
//! browser elsewhere.

use chrono::{DateTime, TimeDelta, Utc};
use meterlake_model::PrincipalId;
use serde_json::json;
use sqlx::SqliteConnection;
use uuid::Uuid;

use super::token_families::insert_family;
use crate::stored::{instant, instant_opt, micros, number, parse, parse_opt};
use crate::{Control, ControlError, TokenFamily};

/// Seconds that an early poll adds to the interval (RFC 8628, 3.5).
const SLOWER: i64 = 5;
/// An interval grows no further.
const SLOWEST: i64 = 60;
/// How much earlier than the interval a poll may come: the clocks of pollers are not that good.
const EARLY: TimeDelta = TimeDelta::seconds(1);

/// A device code to keep.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewDeviceCode {
    /// SHA-256 of the code that the program polls with.
    pub hash: Vec<u8>,
    /// SHA-256 of the code that the person types.
    pub user_code_hash: Vec<u8>,
    /// The application.
    pub application: PrincipalId,
    /// The API asked for, as the request spelt it.
    pub resource: String,
    /// Scopes asked for, a blank between them.
    pub scopes: String,
    /// From when it is worth nothing.
    pub expires_at: DateTime<Utc>,
    /// Seconds between polls.
    pub interval_seconds: u32,
}

/// A device code, without its texts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceCode {
    /// The application.
    pub application: PrincipalId,
    /// The API asked for, as the request spelt it.
    pub resource: String,
    /// Scopes asked for, a blank between them.
    pub scopes: String,
    /// From when it is worth nothing.
    pub expires_at: DateTime<Utc>,
    /// What its person decided.
    pub decision: DeviceDecision,
    /// Whether its tokens were fetched.
    pub redeemed: bool,
    /// Whether this poll came too early.
    pub too_early: bool,
    /// Seconds between polls from now on.
    pub interval_seconds: u32,
}

/// What the person decided who typed the code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeviceDecision {
    /// Nothing yet.
    Pending,
    /// To let the program read; the person signed in at that instant.
    Approved {
        /// Who.
        user: PrincipalId,
        /// When the password was given.
        signed_in_at: DateTime<Utc>,
    },
    /// Not to.
    Denied,
}

#[derive(sqlx::FromRow)]
struct Row {
    application_id: String,
    resource: String,
    scopes: String,
    expires_at: i64,
    interval_seconds: i64,
    polled_at: Option<i64>,
    user_id: Option<String>,
    approved: Option<bool>,
    signed_in_at: Option<i64>,
    redeemed_at: Option<i64>,
}

impl TryFrom<Row> for DeviceCode {
    type Error = ControlError;

    fn try_from(row: Row) -> Result<Self, ControlError> {
        let user: Option<PrincipalId> = parse_opt("device_codes.user_id", row.user_id.as_deref())?;
        let decision = match (row.approved, user) {
            (None, _) => DeviceDecision::Pending,
            (Some(true), Some(user)) => {
                let signed_in_at = instant_opt(row.signed_in_at).unwrap_or(DateTime::UNIX_EPOCH);
                DeviceDecision::Approved { user, signed_in_at }
            }
            (Some(_), _) => DeviceDecision::Denied,
        };
        Ok(Self {
            application: parse("device_codes.application_id", &row.application_id)?,
            resource: row.resource,
            scopes: row.scopes,
            expires_at: instant(row.expires_at),
            decision,
            redeemed: row.redeemed_at.is_some(),
            too_early: false,
            interval_seconds: number("device_codes.interval_seconds", row.interval_seconds)?,
        })
    }
}

impl Control {
    /// Keeps a new device code. Codes that ended a day ago are forgotten. False when another code that still stands
    /// has that user code, so that the caller draws another.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn add_device_code(&self, new: &NewDeviceCode) -> Result<bool, ControlError> {
        let now = self.now();
        let mut tx = self.write().await?;
        sqlx::query("DELETE FROM device_codes WHERE expires_at <= ?")
            .bind(micros(now - TimeDelta::days(1)))
            .execute(&mut *tx)
            .await?;
        let added = sqlx::query(
            "INSERT INTO device_codes (hash, user_code_hash, application_id, resource, scopes, created_at, expires_at,
             interval_seconds) VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
        )
        .bind(&new.hash)
        .bind(&new.user_code_hash)
        .bind(new.application.to_string())
        .bind(&new.resource)
        .bind(&new.scopes)
        .bind(micros(now))
        .bind(micros(new.expires_at))
        .bind(new.interval_seconds)
        .execute(&mut *tx)
        .await?;
        if added.rows_affected() > 0 {
            let detail = json!({ "resource": new.resource });
            self.append_audit(&mut tx, "device-code.issue", &format!("principal:{}", new.application), &detail).await?;
        }
        tx.commit().await?;
        Ok(added.rows_affected() > 0)
    }

    /// The device code that a person typed, while it waits for a decision.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn device_code_to_decide(&self, user_code_hash: &[u8]) -> Result<Option<DeviceCode>, ControlError> {
        let row: Option<Row> = sqlx::query_as(
            "SELECT * FROM device_codes WHERE user_code_hash = ? AND expires_at > ? AND approved IS NULL",
        )
        .bind(user_code_hash)
        .bind(micros(self.now()))
        .fetch_optional(&self.pool)
        .await?;
        row.map(DeviceCode::try_from).transpose()
    }

    /// Enters what the person decided who typed the code. Whether it still waited for a decision.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn decide_device_code(
        &self,
        user_code_hash: &[u8],
        user: PrincipalId,
        signed_in_at: DateTime<Utc>,
        approved: bool,
    ) -> Result<bool, ControlError> {
        let now = micros(self.now());
        let mut tx = self.write().await?;
        let application: Option<String> = sqlx::query_scalar(
            "UPDATE device_codes SET user_id = ?, signed_in_at = ?, approved = ?
             WHERE user_code_hash = ? AND expires_at > ? AND approved IS NULL RETURNING application_id",
        )
        .bind(user.to_string())
        .bind(micros(signed_in_at))
        .bind(approved)
        .bind(user_code_hash)
        .bind(now)
        .fetch_optional(&mut *tx)
        .await?;
        if let Some(application) = &application {
            let action = if approved { "device-code.approve" } else { "device-code.deny" };
            let detail = json!({ "application": application });
            self.append_audit(&mut tx, action, &format!("principal:{user}"), &detail).await?;
        }
        tx.commit().await?;
        Ok(application.is_some())
    }

    /// The device code with that hash for a poll of its application, whose time is noted; a poll that comes too early
    /// makes the interval longer. None for a code of another application.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn poll_device_code(
        &self,
        hash: &[u8],
        application: PrincipalId,
    ) -> Result<Option<DeviceCode>, ControlError> {
        let now = self.now();
        let mut tx = self.write().await?;
        let Some(row) = read(&mut tx, hash).await? else { return Ok(None) };
        let (polled_at, interval) = (instant_opt(row.polled_at), row.interval_seconds);
        let mut code = DeviceCode::try_from(row)?;
        if code.application != application {
            return Ok(None);
        }
        code.too_early = polled_at.is_some_and(|last| now < last + TimeDelta::seconds(interval) - EARLY);
        let next = if code.too_early { interval.saturating_add(SLOWER).min(SLOWEST) } else { interval };
        code.interval_seconds = number("device_codes.interval_seconds", next)?;
        sqlx::query("UPDATE device_codes SET polled_at = ?, interval_seconds = ? WHERE hash = ?")
            .bind(micros(now))
            .bind(next)
            .bind(hash)
            .execute(&mut *tx)
            .await?;
        tx.commit().await?;
        Ok(Some(code))
    }

    /// Begins the family of an approved device code, once only: none when it was redeemed before or is not approved.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn redeem_device_code(&self, hash: &[u8]) -> Result<Option<TokenFamily>, ControlError> {
        let mut tx = self.write().await?;
        let Some(row) = read(&mut tx, hash).await? else { return Ok(None) };
        let code = DeviceCode::try_from(row)?;
        let DeviceDecision::Approved { user, .. } = code.decision else { return Ok(None) };
        if code.redeemed {
            return Ok(None);
        }
        let family = TokenFamily {
            id: Uuid::new_v4(),
            user,
            application: code.application,
            resource: code.resource,
            scopes: code.scopes,
            revoked_at: None,
        };
        insert_family(self, &mut tx, &family).await?;
        sqlx::query("UPDATE device_codes SET redeemed_at = ? WHERE hash = ?")
            .bind(micros(self.now()))
            .bind(hash)
            .execute(&mut *tx)
            .await?;
        let detail = json!({ "application": family.application, "family": family.id });
        self.append_audit(&mut tx, "device-code.redeem", &format!("principal:{user}"), &detail).await?;
        tx.commit().await?;
        Ok(Some(family))
    }
}

async fn read(connection: &mut SqliteConnection, hash: &[u8]) -> Result<Option<Row>, ControlError> {
    Ok(sqlx::query_as("SELECT * FROM device_codes WHERE hash = ?").bind(hash).fetch_optional(connection).await?)
}
