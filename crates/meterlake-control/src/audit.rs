//! The audit trail: who did what, when, and from where. Only ever appended to.

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
    /// From where: the peer address of a request, `command`, or `server` for what a server does by itself. Empty in
    /// entries of versions that did not keep it.
    pub origin: String,
    /// What was done, for example `key.create`.
    pub action: String,
    /// To what, for example `enrolment:100/primary`.
    pub subject: String,
    /// Further facts. Never a secret.
    pub detail: Value,
}

/// Which entries of the audit trail are asked for; the default is all of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AuditFilter {
    /// Only entries of then or later.
    pub since: Option<DateTime<Utc>>,
    /// Only entries with this subject, or made by it.
    pub subject: Option<String>,
    /// Only this action (`key.create`), or all of a thing (`key`).
    pub action: Option<String>,
    /// Only the newest so many of these.
    pub newest: Option<u32>,
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
        let mut entries = self.audit_trail(&AuditFilter { newest: Some(limit), ..AuditFilter::default() }).await?;
        entries.reverse();
        Ok(entries)
    }

    /// The entries that the filter asks for, oldest first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn audit_trail(&self, filter: &AuditFilter) -> Result<Vec<AuditEntry>, ControlError> {
        let rows: Vec<(i64, i64, String, String, String, String, String)> = sqlx::query_as(
            "SELECT * FROM (
                 SELECT id, at, actor, origin, action, subject, detail FROM audit
                 WHERE (?1 IS NULL OR at >= ?1) AND (?2 IS NULL OR subject = ?2 OR actor = ?2)
                   AND (?3 IS NULL OR action = ?3 OR substr(action, 1, length(?3) + 1) = ?3 || '.')
                 ORDER BY id DESC LIMIT ?4
             ) ORDER BY id",
        )
        .bind(filter.since.map(micros))
        .bind(&filter.subject)
        .bind(&filter.action)
        .bind(filter.newest.map_or(-1, i64::from))
        .fetch_all(&self.pool)
        .await?;
        rows.into_iter()
            .map(|(id, at, actor, origin, action, subject, detail)| {
                let detail = json("audit.detail", &detail)?;
                Ok(AuditEntry { id, at: instant(at), actor, origin, action, subject, detail })
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
        sqlx::query("INSERT INTO audit (at, actor, origin, action, subject, detail) VALUES (?, ?, ?, ?, ?, ?)")
            .bind(micros(self.now()))
            .bind(self.actor())
            .bind(self.origin())
            .bind(action)
            .bind(subject)
            .bind(detail.to_string())
            .execute(tx)
            .await?;
        Ok(())
    }
}
