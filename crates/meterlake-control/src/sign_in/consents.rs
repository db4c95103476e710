//! What people let applications read in their name.

use chrono::{DateTime, Utc};
use meterlake_model::PrincipalId;
use serde_json::json;

use super::token_families::{FamilyFilter, forget_codes, revoke_families};
use crate::stored::{instant, micros, parse};
use crate::{Control, ControlError};

/// A consent.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Consent {
    /// Who gave it.
    pub user: PrincipalId,
    /// To which application.
    pub application: PrincipalId,
    /// For which API, by its short name; empty where the application only learns who signed in.
    pub audience: String,
    /// Since when.
    pub created_at: DateTime<Utc>,
}

impl Control {
    /// The consents of a user, or of all.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn consents(&self, user: Option<PrincipalId>) -> Result<Vec<Consent>, ControlError> {
        let rows: Vec<(String, String, String, i64)> = sqlx::query_as(
            "SELECT user_id, application_id, audience, created_at FROM consents
             WHERE ?1 IS NULL OR user_id = ?1 ORDER BY user_id, application_id, audience",
        )
        .bind(user.map(|u| u.to_string()))
        .fetch_all(&self.pool)
        .await?;
        rows.into_iter()
            .map(|(user, application, audience, created_at)| {
                Ok(Consent {
                    user: parse("consents.user_id", &user)?,
                    application: parse("consents.application_id", &application)?,
                    audience,
                    created_at: instant(created_at),
                })
            })
            .collect()
    }

    /// Whether a user let an application read that API.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn has_consent(
        &self,
        user: PrincipalId,
        application: PrincipalId,
        audience: &str,
    ) -> Result<bool, ControlError> {
        Ok(sqlx::query_scalar(
            "SELECT EXISTS (SELECT 1 FROM consents WHERE user_id = ? AND application_id = ? AND audience = ?)",
        )
        .bind(user.to_string())
        .bind(application.to_string())
        .bind(audience)
        .fetch_one(&self.pool)
        .await?)
    }

    /// Remembers a consent.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn add_consent(
        &self,
        user: PrincipalId,
        application: PrincipalId,
        audience: &str,
    ) -> Result<(), ControlError> {
        let mut tx = self.write().await?;
        let added = sqlx::query(
            "INSERT INTO consents (user_id, application_id, audience, created_at) VALUES (?, ?, ?, ?)
             ON CONFLICT DO NOTHING",
        )
        .bind(user.to_string())
        .bind(application.to_string())
        .bind(audience)
        .bind(micros(self.now()))
        .execute(&mut *tx)
        .await?;
        if added.rows_affected() > 0 {
            let detail = json!({ "application": application, "audience": audience });
            self.append_audit(&mut tx, "consent.give", &format!("principal:{user}"), &detail).await?;
        }
        Ok(tx.commit().await?)
    }

    /// Takes a user's consents to an application away, and ends the tokens that it got by them. How many there were.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn remove_consents(&self, user: PrincipalId, application: PrincipalId) -> Result<u64, ControlError> {
        let mut tx = self.write().await?;
        let gone = sqlx::query("DELETE FROM consents WHERE user_id = ? AND application_id = ?")
            .bind(user.to_string())
            .bind(application.to_string())
            .execute(&mut *tx)
            .await?
            .rows_affected();
        let of = FamilyFilter { user: Some(user), application: Some(application), ..FamilyFilter::default() };
        forget_codes(&mut tx, &of).await?;
        revoke_families(self, &mut tx, &of, "consent taken away").await?;
        if gone > 0 {
            let detail = json!({ "application": application });
            self.append_audit(&mut tx, "consent.remove", &format!("principal:{user}"), &detail).await?;
        }
        tx.commit().await?;
        Ok(gone)
    }
}
