//! Whom the tokens of other parties' issuers stand for: principals that an operator linked to them.

use chrono::{DateTime, Utc};
use meterlake_model::PrincipalId;
use serde_json::json;

use crate::stored::{instant, micros, parse};
use crate::{Control, ControlError, Principal};

/// Whom a token of another party's issuer is for, as that issuer names it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "lowercase", tag = "kind")]
pub enum ExternalIdentity {
    /// A person (`sub`, or the claim that the settings name).
    Subject {
        /// The issuer.
        issuer: String,
        /// The person.
        subject: String,
    },
    /// An application (`azp`, `appid`, or the claim that the settings name).
    Application {
        /// The issuer.
        issuer: String,
        /// The application.
        application: String,
    },
}

impl ExternalIdentity {
    /// The issuer.
    #[must_use]
    pub fn issuer(&self) -> &str {
        match self {
            Self::Subject { issuer, .. } | Self::Application { issuer, .. } => issuer,
        }
    }

    const fn kind(&self) -> &'static str {
        match self {
            Self::Subject { .. } => "subject",
            Self::Application { .. } => "application",
        }
    }

    fn value(&self) -> &str {
        match self {
            Self::Subject { subject, .. } => subject,
            Self::Application { application, .. } => application,
        }
    }

    fn of(issuer: String, kind: &str, value: String) -> Result<Self, ControlError> {
        match kind {
            "subject" => Ok(Self::Subject { issuer, subject: value }),
            "application" => Ok(Self::Application { issuer, application: value }),
            other => Err(ControlError::Corrupt {
                column: "external_identities.kind",
                value: other.to_owned(),
                reason: "expected subject or application".to_owned(),
            }),
        }
    }
}

/// A link from an identity at another party's issuer to a principal.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct ExternalLink {
    /// The identity.
    #[serde(flatten)]
    pub identity: ExternalIdentity,
    /// The principal that its tokens stand for.
    pub principal: PrincipalId,
    /// Since when.
    pub created_at: DateTime<Utc>,
}

impl Control {
    /// The links of a principal, or all.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn external_links(&self, principal: Option<PrincipalId>) -> Result<Vec<ExternalLink>, ControlError> {
        let rows: Vec<(String, String, String, String, i64)> = sqlx::query_as(
            "SELECT issuer, kind, value, principal_id, created_at FROM external_identities
             WHERE ?1 IS NULL OR principal_id = ?1 ORDER BY issuer, kind, value",
        )
        .bind(principal.map(|p| p.to_string()))
        .fetch_all(&self.pool)
        .await?;
        rows.into_iter()
            .map(|(issuer, kind, value, principal, created_at)| {
                Ok(ExternalLink {
                    identity: ExternalIdentity::of(issuer, &kind, value)?,
                    principal: parse("external_identities.principal_id", &principal)?,
                    created_at: instant(created_at),
                })
            })
            .collect()
    }

    /// The principal that the tokens of the identity stand for, if it was linked.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn externally_known(&self, identity: &ExternalIdentity) -> Result<Option<Principal>, ControlError> {
        let mut tx = self.pool.begin().await?;
        let id: Option<String> = sqlx::query_scalar(
            "SELECT principal_id FROM external_identities WHERE issuer = ? AND kind = ? AND value = ?",
        )
        .bind(identity.issuer())
        .bind(identity.kind())
        .bind(identity.value())
        .fetch_optional(&mut *tx)
        .await?;
        match id {
            Some(id) => self.principal_in(&mut tx, parse("external_identities.principal_id", &id)?).await,
            None => Ok(None),
        }
    }

    /// Makes the tokens of the identity stand for the principal.
    ///
    /// # Errors
    /// [`ControlError::NotFound`] when there is no such principal, [`ControlError::Conflict`] when the identity is
    /// linked already.
    pub async fn link_external_identity(
        &self,
        principal: PrincipalId,
        identity: &ExternalIdentity,
    ) -> Result<(), ControlError> {
        let mut tx = self.write().await?;
        if self.principal_in(&mut tx, principal).await?.is_none() {
            return Err(ControlError::not_found("principal", principal));
        }
        let added = sqlx::query(
            "INSERT INTO external_identities (issuer, kind, value, principal_id, created_at) VALUES (?, ?, ?, ?, ?)
             ON CONFLICT DO NOTHING",
        )
        .bind(identity.issuer())
        .bind(identity.kind())
        .bind(identity.value())
        .bind(principal.to_string())
        .bind(micros(self.now()))
        .execute(&mut *tx)
        .await?;
        if added.rows_affected() == 0 {
            let reason = format!("of {} is linked already; unlink it first", identity.issuer());
            return Err(ControlError::Conflict { what: identity.kind(), id: identity.value().to_owned(), reason });
        }
        let subject = format!("principal:{principal}");
        self.append_audit(&mut tx, "principal.link", &subject, &json!({ "external": identity })).await?;
        Ok(tx.commit().await?)
    }

    /// Takes a link away, at once. Whether there was one.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn unlink_external_identity(&self, identity: &ExternalIdentity) -> Result<bool, ControlError> {
        let mut tx = self.write().await?;
        let principal: Option<String> = sqlx::query_scalar(
            "DELETE FROM external_identities WHERE issuer = ? AND kind = ? AND value = ? RETURNING principal_id",
        )
        .bind(identity.issuer())
        .bind(identity.kind())
        .bind(identity.value())
        .fetch_optional(&mut *tx)
        .await?;
        if let Some(principal) = &principal {
            let subject = format!("principal:{principal}");
            self.append_audit(&mut tx, "principal.unlink", &subject, &json!({ "external": identity })).await?;
        }
        tx.commit().await?;
        Ok(principal.is_some())
    }
}
