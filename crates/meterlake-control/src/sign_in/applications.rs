//! How applications take part in sign-in: whether they have a secret, and where answers may be sent.

use chrono::{DateTime, Utc};
use meterlake_model::PrincipalId;
use serde_json::json;
use uuid::Uuid;

use super::token_families::{FamilyFilter, forget_codes};
use crate::stored::{instant, micros, parse};
use crate::{Control, ControlError, Principal, PrincipalKind};

/// An address that answers for an application may be sent to.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct RedirectUri {
    /// The application.
    pub application: PrincipalId,
    /// The address, as it was given.
    pub uri: String,
    /// Since when.
    pub created_at: DateTime<Utc>,
}

impl Control {
    /// The application of that client id, in whatever tenant.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn application_anywhere(&self, client_id: Uuid) -> Result<Option<Principal>, ControlError> {
        let tenant: Option<String> =
            sqlx::query_scalar("SELECT tenant_id FROM principals WHERE client_id = ? AND kind = 'application'")
                .bind(client_id.to_string())
                .fetch_optional(&self.pool)
                .await?;
        match tenant {
            Some(tenant) => self.application(parse("principals.tenant_id", &tenant)?, client_id).await,
            None => Ok(None),
        }
    }

    /// The user of that name, in any case.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn user(&self, name: &str) -> Result<Option<Principal>, ControlError> {
        let id: Option<String> = sqlx::query_scalar("SELECT id FROM principals WHERE name = ? AND kind = 'user'")
            .bind(name)
            .fetch_optional(&self.pool)
            .await?;
        match id {
            Some(id) => self.principal(parse("principals.id", &id)?).await,
            None => Ok(None),
        }
    }

    /// Makes an application public, which has no secret, or confidential again.
    ///
    /// # Errors
    /// [`ControlError::NotFound`] when there is no such principal, [`ControlError::Conflict`] when it is a user or
    /// has secrets in force.
    pub async fn set_application_public(&self, application: PrincipalId, public: bool) -> Result<(), ControlError> {
        let mut tx = self.write().await?;
        let name = application_name(&mut tx, application).await?;
        if public {
            let secret: bool = sqlx::query_scalar(
                "SELECT EXISTS (SELECT 1 FROM secrets
                 WHERE principal_id = ? AND revoked_at IS NULL AND expires_at > ?)",
            )
            .bind(application.to_string())
            .bind(micros(self.now()))
            .fetch_one(&mut *tx)
            .await?;
            if secret {
                let reason = "has a secret in force; a public application has none".to_owned();
                return Err(ControlError::Conflict { what: "application", id: name, reason });
            }
        }
        // Codes that were asked for under the other rule are asked for again.
        let of = FamilyFilter { application: Some(application), ..FamilyFilter::default() };
        forget_codes(&mut tx, &of).await?;
        sqlx::query("UPDATE principals SET public = ? WHERE id = ?")
            .bind(public)
            .bind(application.to_string())
            .execute(&mut *tx)
            .await?;
        let detail = json!({ "public": public });
        self.append_audit(&mut tx, "application.set", &format!("principal:{application}"), &detail).await?;
        Ok(tx.commit().await?)
    }

    /// The redirect URIs of an application, or of all.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn redirect_uris(&self, application: Option<PrincipalId>) -> Result<Vec<RedirectUri>, ControlError> {
        let rows: Vec<(String, String, i64)> = sqlx::query_as(
            "SELECT application_id, uri, created_at FROM redirect_uris
             WHERE ?1 IS NULL OR application_id = ?1 ORDER BY application_id, uri",
        )
        .bind(application.map(|a| a.to_string()))
        .fetch_all(&self.pool)
        .await?;
        rows.into_iter()
            .map(|(application, uri, created_at)| {
                let application = parse("redirect_uris.application_id", &application)?;
                Ok(RedirectUri { application, uri, created_at: instant(created_at) })
            })
            .collect()
    }

    /// Lets answers for an application be sent to `uri`, whose form the caller has checked. Whether they could not
    /// before.
    ///
    /// # Errors
    /// [`ControlError::NotFound`] when there is no such principal, [`ControlError::Conflict`] when it is a user.
    pub async fn add_redirect_uri(&self, application: PrincipalId, uri: &str) -> Result<bool, ControlError> {
        let mut tx = self.write().await?;
        application_name(&mut tx, application).await?;
        let added = sqlx::query(
            "INSERT INTO redirect_uris (application_id, uri, created_at) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
        )
        .bind(application.to_string())
        .bind(uri)
        .bind(micros(self.now()))
        .execute(&mut *tx)
        .await?;
        if added.rows_affected() > 0 {
            let subject = format!("principal:{application}");
            self.append_audit(&mut tx, "redirect.add", &subject, &json!({ "uri": uri })).await?;
        }
        tx.commit().await?;
        Ok(added.rows_affected() > 0)
    }

    /// Takes a redirect URI away. Whether there was one.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn remove_redirect_uri(&self, application: PrincipalId, uri: &str) -> Result<bool, ControlError> {
        let mut tx = self.write().await?;
        let gone = sqlx::query("DELETE FROM redirect_uris WHERE application_id = ? AND uri = ?")
            .bind(application.to_string())
            .bind(uri)
            .execute(&mut *tx)
            .await?;
        if gone.rows_affected() > 0 {
            let subject = format!("principal:{application}");
            self.append_audit(&mut tx, "redirect.remove", &subject, &json!({ "uri": uri })).await?;
        }
        tx.commit().await?;
        Ok(gone.rows_affected() > 0)
    }
}

/// The name of an application.
async fn application_name(tx: &mut sqlx::SqliteConnection, id: PrincipalId) -> Result<String, ControlError> {
    let found: Option<(String, String)> = sqlx::query_as("SELECT name, kind FROM principals WHERE id = ?")
        .bind(id.to_string())
        .fetch_optional(tx)
        .await?;
    let (name, kind) = found.ok_or_else(|| ControlError::not_found("principal", id))?;
    if kind != PrincipalKind::Application.as_str() {
        let reason = format!("is a {kind}; expected an application");
        return Err(ControlError::Conflict { what: "principal", id: name, reason });
    }
    Ok(name)
}
