//! The audit trail: who did what, and when. Only ever appended to.

use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::SqliteConnection;

use crate::stored::{instant, json, micros};
use crate::{Control, ControlError};

/// One entry of the audit trail.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct AuditEntry {
    /// Running number.
    pub id: i64,
    /// When.
    pub at: DateTime<Utc>,
    /// Who: `operator`, `principal:<id>`, ….
    pub actor: String,
    /// What was done, for example `key.create`.
    pub action: String,
    /// To what, for example `enrolment:100/primary`.
    pub subject: String,
    /// Further facts. Never a secret.
    pub detail: Value,
}

impl Control {
    /// Appends an entry for something that changes nothing else here, such as a token issued.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn audit(&self, action: &str, subject: &str, detail: &Value) -> Result<(), ControlError> {
        let mut tx = self.write().await?;
        self.append_audit(&mut tx, action, subject, detail).await?;
        Ok(tx.commit().await?)
    }

    /// The newest `limit` entries, newest first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn audit_entries(&self, limit: u32) -> Result<Vec<AuditEntry>, ControlError> {
        let rows: Vec<(i64, i64, String, String, String, String)> =
            sqlx::query_as("SELECT id, at, actor, action, subject, detail FROM audit ORDER BY id DESC LIMIT ?")
                .bind(limit)
                .fetch_all(&self.pool)
                .await?;
        rows.into_iter()
            .map(|(id, at, actor, action, subject, detail)| {
                Ok(AuditEntry { id, at: instant(at), actor, action, subject, detail: json("audit.detail", &detail)? })
            })
            .collect()
    }

    /// Appends an entry in the transaction of the change it tells of.
    pub(crate) async fn append_audit(
        &self,
        tx: &mut SqliteConnection,
        action: &str,
        subject: &str,
        detail: &Value,
    ) -> Result<(), ControlError> {
        sqlx::query("INSERT INTO audit (at, actor, action, subject, detail) VALUES (?, ?, ?, ?, ?)")
            .bind(micros(self.now()))
            .bind(self.actor())
            .bind(action)
            .bind(subject)
            .bind(detail.to_string())
            .execute(tx)
            .await?;
        Ok(())
    }
}
