//! Authorization codes: what a person's browser carries from the sign-in page to an application.

use chrono::{DateTime, Utc};
use meterlake_model::PrincipalId;
use serde_json::json;
use sqlx::SqliteConnection;
use uuid::Uuid;

use super::token_families::{FamilyFilter, insert_family, revoke_families};
use crate::stored::{instant, micros, parse, parse_opt};
use crate::{Control, ControlError, TokenFamily};

/// An authorization code, without its text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuthorizationCode {
    /// Who signed in.
    pub user: PrincipalId,
    /// To which application.
    pub application: PrincipalId,
    /// Where it was sent.
    pub redirect_uri: String,
    /// Whether the request named that address, so that its redemption has to as well.
    pub redirect_named: bool,
    /// The API asked for, as the request spelt it.
    pub resource: String,
    /// Scopes granted, a blank between them.
    pub scopes: String,
    /// What the application wants to find again in the id token.
    pub nonce: Option<String>,
    /// SHA-256 of the verifier, base64url (RFC 7636).
    pub challenge: Option<String>,
    /// When the password was given.
    pub signed_in_at: DateTime<Utc>,
    /// From when it is worth nothing.
    pub expires_at: DateTime<Utc>,
    /// What came from it, if it was redeemed before.
    pub family: Option<Uuid>,
}

#[derive(sqlx::FromRow)]
struct Row {
    user_id: String,
    application_id: String,
    redirect_uri: String,
    redirect_named: bool,
    resource: String,
    scopes: String,
    nonce: Option<String>,
    challenge: Option<String>,
    signed_in_at: i64,
    expires_at: i64,
    family_id: Option<String>,
}

impl TryFrom<Row> for AuthorizationCode {
    type Error = ControlError;

    fn try_from(row: Row) -> Result<Self, ControlError> {
        Ok(Self {
            user: parse("authorization_codes.user_id", &row.user_id)?,
            application: parse("authorization_codes.application_id", &row.application_id)?,
            redirect_uri: row.redirect_uri,
            redirect_named: row.redirect_named,
            resource: row.resource,
            scopes: row.scopes,
            nonce: row.nonce,
            challenge: row.challenge,
            signed_in_at: instant(row.signed_in_at),
            expires_at: instant(row.expires_at),
            family: parse_opt("authorization_codes.family_id", row.family_id.as_deref())?,
        })
    }
}

/// What became of the redemption of a code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Redemption {
    /// It is redeemed, and this came from it.
    Done(TokenFamily),
    /// It had been redeemed before: what came from it then is revoked.
    Again,
}

impl Control {
    /// Keeps a new code under its hash. Codes that ended a day ago are forgotten.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn add_authorization_code(&self, hash: &[u8], code: &AuthorizationCode) -> Result<(), ControlError> {
        let now = self.now();
        let mut tx = self.write().await?;
        sqlx::query("DELETE FROM authorization_codes WHERE expires_at <= ?")
            .bind(micros(now - chrono::TimeDelta::days(1)))
            .execute(&mut *tx)
            .await?;
        sqlx::query(
            "INSERT INTO authorization_codes (hash, user_id, application_id, redirect_uri, redirect_named, resource,
             scopes, nonce, challenge, signed_in_at, created_at, expires_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        )
        .bind(hash)
        .bind(code.user.to_string())
        .bind(code.application.to_string())
        .bind(&code.redirect_uri)
        .bind(code.redirect_named)
        .bind(&code.resource)
        .bind(&code.scopes)
        .bind(&code.nonce)
        .bind(&code.challenge)
        .bind(micros(code.signed_in_at))
        .bind(micros(now))
        .bind(micros(code.expires_at))
        .execute(&mut *tx)
        .await?;
        let detail = json!({ "application": code.application, "resource": code.resource });
        self.append_audit(&mut tx, "code.issue", &format!("principal:{}", code.user), &detail).await?;
        Ok(tx.commit().await?)
    }

    /// The code with that hash, redeemed and expired ones included.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn authorization_code(&self, hash: &[u8]) -> Result<Option<AuthorizationCode>, ControlError> {
        let mut connection = self.pool.acquire().await?;
        read(&mut connection, hash).await
    }

    /// Redeems a code that was read and checked: once only, however many ask at the same time. A second redemption
    /// revokes what came from the first.
    ///
    /// # Errors
    /// [`ControlError::NotFound`] when the code was taken away meanwhile.
    pub async fn redeem_authorization_code(&self, hash: &[u8]) -> Result<Redemption, ControlError> {
        let mut tx = self.write().await?;
        let code = read(&mut tx, hash).await?;
        let code = code.ok_or_else(|| ControlError::not_found("authorization code", "of that hash"))?;
        let subject = format!("principal:{}", code.user);
        if let Some(family) = code.family {
            let detail = json!({ "application": code.application, "family": family });
            self.append_audit(&mut tx, "code.reuse", &subject, &detail).await?;
            let of = FamilyFilter { id: Some(family), ..FamilyFilter::default() };
            revoke_families(self, &mut tx, &of, "authorization code used twice").await?;
            tx.commit().await?;
            return Ok(Redemption::Again);
        }
        let family = TokenFamily {
            id: Uuid::new_v4(),
            user: code.user,
            application: code.application,
            resource: code.resource,
            scopes: code.scopes,
            revoked_at: None,
        };
        insert_family(self, &mut tx, &family).await?;
        sqlx::query("UPDATE authorization_codes SET family_id = ? WHERE hash = ?")
            .bind(family.id.to_string())
            .bind(hash)
            .execute(&mut *tx)
            .await?;
        let detail = json!({ "application": family.application, "family": family.id });
        self.append_audit(&mut tx, "code.redeem", &subject, &detail).await?;
        tx.commit().await?;
        Ok(Redemption::Done(family))
    }
}

async fn read(connection: &mut SqliteConnection, hash: &[u8]) -> Result<Option<AuthorizationCode>, ControlError> {
    let row: Option<Row> = sqlx::query_as("SELECT * FROM authorization_codes WHERE hash = ?")
        .bind(hash)
        .fetch_optional(connection)
        .await?;
    row.map(AuthorizationCode::try_from).transpose()
}
