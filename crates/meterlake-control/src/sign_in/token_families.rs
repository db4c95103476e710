//! What came from one sign-in to an application: its refresh tokens, each good for one use, and its access tokens.

use chrono::{DateTime, Utc};
use meterlake_model::PrincipalId;
use serde_json::json;
use sqlx::SqliteConnection;
use uuid::Uuid;

use crate::stored::{instant_opt, micros, parse};
use crate::{Control, ControlError};

/// The tokens that came from one sign-in to an application.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenFamily {
    /// Its id, the claim `sid` of its access tokens.
    pub id: Uuid,
    /// Who signed in.
    pub user: PrincipalId,
    /// To which application.
    pub application: PrincipalId,
    /// The API asked for first, as the request spelt it.
    pub resource: String,
    /// Scopes granted, a blank between them.
    pub scopes: String,
    /// When all of it was revoked.
    pub revoked_at: Option<DateTime<Utc>>,
}

#[derive(sqlx::FromRow)]
struct Row {
    id: String,
    user_id: String,
    application_id: String,
    resource: String,
    scopes: String,
    revoked_at: Option<i64>,
}

impl TryFrom<Row> for TokenFamily {
    type Error = ControlError;

    fn try_from(row: Row) -> Result<Self, ControlError> {
        Ok(Self {
            id: parse("token_families.id", &row.id)?,
            user: parse("token_families.user_id", &row.user_id)?,
            application: parse("token_families.application_id", &row.application_id)?,
            resource: row.resource,
            scopes: row.scopes,
            revoked_at: instant_opt(row.revoked_at),
        })
    }
}

/// What became of the use of a refresh token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refresh {
    /// It is used up, and its follower is kept.
    Rotated(TokenFamily),
    /// It had been used before, so that somebody has a copy: its family is revoked.
    Reused(TokenFamily),
    /// Its family was revoked before.
    Revoked,
    /// It was not used for so long that it ended.
    Expired,
    /// There is none of that hash for that application.
    Unknown,
}

/// Which families a revocation means; what is not given does not matter.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct FamilyFilter {
    pub(crate) id: Option<Uuid>,
    pub(crate) user: Option<PrincipalId>,
    pub(crate) application: Option<PrincipalId>,
}

impl Control {
    /// Keeps the first refresh token of a family. Tokens and families that ended long ago are forgotten.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn add_refresh_token(
        &self,
        hash: &[u8],
        family: Uuid,
        expires_at: DateTime<Utc>,
    ) -> Result<(), ControlError> {
        let now = self.now();
        let mut tx = self.write().await?;
        sqlx::query("DELETE FROM refresh_tokens WHERE expires_at <= ?")
            .bind(micros(now - chrono::TimeDelta::days(30)))
            .execute(&mut *tx)
            .await?;
        sqlx::query(
            "DELETE FROM token_families WHERE created_at <= ?
             AND NOT EXISTS (SELECT 1 FROM refresh_tokens WHERE family_id = token_families.id)",
        )
        .bind(micros(now - chrono::TimeDelta::days(30)))
        .execute(&mut *tx)
        .await?;
        insert_token(self, &mut tx, hash, &family.to_string(), expires_at).await?;
        let detail = json!({ "expires_at": expires_at });
        self.append_audit(&mut tx, "refresh-token.issue", &format!("family:{family}"), &detail).await?;
        Ok(tx.commit().await?)
    }

    /// Uses a refresh token of `application` up and keeps the hash of its follower; whoever uses one a second time
    /// ends the whole family.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn rotate_refresh_token(
        &self,
        hash: &[u8],
        application: PrincipalId,
        follower: &[u8],
        expires_at: DateTime<Utc>,
    ) -> Result<Refresh, ControlError> {
        let now = micros(self.now());
        let mut tx = self.write().await?;
        let token: Option<(String, i64, Option<i64>)> =
            sqlx::query_as("SELECT family_id, expires_at, used_at FROM refresh_tokens WHERE hash = ?")
                .bind(hash)
                .fetch_optional(&mut *tx)
                .await?;
        let Some((family_id, ends, used)) = token else { return Ok(Refresh::Unknown) };
        let family = read(&mut tx, &family_id).await?.filter(|family| family.application == application);
        let Some(family) = family else { return Ok(Refresh::Unknown) };
        if family.revoked_at.is_some() {
            return Ok(Refresh::Revoked);
        }
        let subject = format!("family:{}", family.id);
        let detail = json!({ "user": family.user, "application": application });
        if used.is_some() {
            self.append_audit(&mut tx, "refresh-token.reuse", &subject, &detail).await?;
            let of = FamilyFilter { id: Some(family.id), ..FamilyFilter::default() };
            revoke_families(self, &mut tx, &of, "refresh token used twice").await?;
            tx.commit().await?;
            return Ok(Refresh::Reused(family));
        }
        if ends <= now {
            return Ok(Refresh::Expired);
        }
        sqlx::query("UPDATE refresh_tokens SET used_at = ? WHERE hash = ?")
            .bind(now)
            .bind(hash)
            .execute(&mut *tx)
            .await?;
        insert_token(self, &mut tx, follower, &family_id, expires_at).await?;
        self.append_audit(&mut tx, "refresh-token.rotate", &subject, &detail).await?;
        tx.commit().await?;
        Ok(Refresh::Rotated(family))
    }

    /// The family that a refresh token belongs to, whatever its state, and whether the token was used before.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn refresh_token_family(&self, hash: &[u8]) -> Result<Option<(TokenFamily, bool)>, ControlError> {
        let mut connection = self.pool.acquire().await?;
        let token: Option<(String, bool)> =
            sqlx::query_as("SELECT family_id, used_at IS NOT NULL FROM refresh_tokens WHERE hash = ?")
                .bind(hash)
                .fetch_optional(&mut *connection)
                .await?;
        let Some((id, used)) = token else { return Ok(None) };
        Ok(read(&mut connection, &id).await?.map(|family| (family, used)))
    }

    /// Whether the tokens of a family still hold.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn family_holds(&self, id: Uuid) -> Result<bool, ControlError> {
        Ok(sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM token_families WHERE id = ? AND revoked_at IS NULL)")
            .bind(id.to_string())
            .fetch_one(&self.pool)
            .await?)
    }

    /// Revokes one family, for a reason that the audit trail tells. Whether it held.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn revoke_family(&self, id: Uuid, reason: &str) -> Result<bool, ControlError> {
        let mut tx = self.write().await?;
        let of = FamilyFilter { id: Some(id), ..FamilyFilter::default() };
        let revoked = revoke_families(self, &mut tx, &of, reason).await?;
        tx.commit().await?;
        Ok(revoked > 0)
    }

    /// Revokes what came from all sign-ins of a user, to an application, or both. How many families that were.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn revoke_families(
        &self,
        user: Option<PrincipalId>,
        application: Option<PrincipalId>,
        reason: &str,
    ) -> Result<u64, ControlError> {
        let mut tx = self.write().await?;
        let revoked = revoke_families(self, &mut tx, &FamilyFilter { id: None, user, application }, reason).await?;
        tx.commit().await?;
        Ok(revoked)
    }
}

pub(crate) async fn insert_family(
    control: &Control,
    tx: &mut SqliteConnection,
    family: &TokenFamily,
) -> Result<(), ControlError> {
    sqlx::query(
        "INSERT INTO token_families (id, user_id, application_id, resource, scopes, created_at)
         VALUES (?, ?, ?, ?, ?, ?)",
    )
    .bind(family.id.to_string())
    .bind(family.user.to_string())
    .bind(family.application.to_string())
    .bind(&family.resource)
    .bind(&family.scopes)
    .bind(micros(control.now()))
    .execute(tx)
    .await?;
    Ok(())
}

/// Ends what came of sign-ins: the tokens, and the codes that would still give some.
pub(crate) async fn end_sign_ins(
    control: &Control,
    tx: &mut SqliteConnection,
    of: &FamilyFilter,
    reason: &str,
) -> Result<(), ControlError> {
    forget_codes(tx, of).await?;
    sqlx::query(
        "UPDATE device_codes SET approved = 0
         WHERE redeemed_at IS NULL AND (?1 IS NULL OR user_id = ?1) AND (?2 IS NULL OR application_id = ?2)",
    )
    .bind(of.user.map(|id| id.to_string()))
    .bind(of.application.map(|id| id.to_string()))
    .execute(&mut *tx)
    .await?;
    revoke_families(control, tx, of, reason).await?;
    Ok(())
}

/// Forgets the authorization codes that were not redeemed yet.
pub(crate) async fn forget_codes(tx: &mut SqliteConnection, of: &FamilyFilter) -> Result<(), ControlError> {
    sqlx::query(
        "DELETE FROM authorization_codes
         WHERE family_id IS NULL AND (?1 IS NULL OR user_id = ?1) AND (?2 IS NULL OR application_id = ?2)",
    )
    .bind(of.user.map(|id| id.to_string()))
    .bind(of.application.map(|id| id.to_string()))
    .execute(&mut *tx)
    .await?;
    Ok(())
}

/// Revokes families with an entry in the audit trail each. How many.
pub(crate) async fn revoke_families(
    control: &Control,
    tx: &mut SqliteConnection,
    of: &FamilyFilter,
    reason: &str,
) -> Result<u64, ControlError> {
    let revoked: Vec<(String, String, String)> = sqlx::query_as(
        "UPDATE token_families SET revoked_at = ?1, revoked_for = ?2
         WHERE revoked_at IS NULL AND (?3 IS NULL OR id = ?3) AND (?4 IS NULL OR user_id = ?4)
           AND (?5 IS NULL OR application_id = ?5)
         RETURNING id, user_id, application_id",
    )
    .bind(micros(control.now()))
    .bind(reason)
    .bind(of.id.map(|id| id.to_string()))
    .bind(of.user.map(|id| id.to_string()))
    .bind(of.application.map(|id| id.to_string()))
    .fetch_all(&mut *tx)
    .await?;
    for (id, user, application) in &revoked {
        let detail = json!({ "user": user, "application": application, "reason": reason });
        control.append_audit(tx, "family.revoke", &format!("family:{id}"), &detail).await?;
    }
    Ok(revoked.len() as u64)
}

async fn read(connection: &mut SqliteConnection, id: &str) -> Result<Option<TokenFamily>, ControlError> {
    let row: Option<Row> = sqlx::query_as(
        "SELECT id, user_id, application_id, resource, scopes, revoked_at FROM token_families WHERE id = ?",
    )
    .bind(id)
    .fetch_optional(connection)
    .await?;
    row.map(TokenFamily::try_from).transpose()
}

async fn insert_token(
    control: &Control,
    tx: &mut SqliteConnection,
    hash: &[u8],
    family: &str,
    expires_at: DateTime<Utc>,
) -> Result<(), ControlError> {
    sqlx::query("INSERT INTO refresh_tokens (hash, family_id, created_at, expires_at) VALUES (?, ?, ?, ?)")
        .bind(hash)
        .bind(family)
        .bind(micros(control.now()))
        .bind(micros(expires_at))
        .execute(tx)
        .await?;
    Ok(())
}
