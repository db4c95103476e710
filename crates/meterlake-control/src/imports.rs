//! Records of imports. The record itself is the importer's JSON; columns beside it serve the lists and look-ups.

use chrono::{DateTime, Utc};
use meterlake_model::{BillingAccountId, ImportId, SourceKind};
use serde_json::Value;
use sqlx::SqliteConnection;

use crate::named::named;
use crate::stored::{instant, instant_opt, json, micros, number, parse, parse_opt, signed};
use crate::{Control, ControlError, CustomerSeen, customers};

named!(
    /// How far an import has come.
    ImportState, "import state", "running, committed, unchanged, failed or abandoned", {
        /// Under way, or its process died.
        Running = "running",
        /// In the lake.
        Committed = "committed",
        /// Ended without a change: the lake held the same rows already.
        Unchanged = "unchanged",
        /// Ended with an error and without a change.
        Failed = "failed",
        /// Its process died before the commit; nothing changed.
        Abandoned = "abandoned",
    }
);

/// An import as stored.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct ImportRow {
    /// Its id; sorts by time.
    pub id: ImportId,
    /// How far it has come.
    pub state: ImportState,
    /// Kind of its files as a source of charges, or the dataset that it brought; none until known.
    pub kind: Option<String>,
    /// When it began.
    pub started_at: DateTime<Utc>,
    /// When it ended.
    pub finished_at: Option<DateTime<Utc>>,
    /// Lake version that its commit made.
    pub version: Option<u64>,
    /// The later import after which no row of this one was live any more.
    pub superseded_by: Option<ImportId>,
    /// Why it failed.
    pub error: Option<String>,
    /// The whole record, as the importer wrote it.
    pub record: Value,
}

/// An import to store, with what the control state learns from it once it is committed.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredImport<'a> {
    /// Its id.
    pub id: ImportId,
    /// How far it has come.
    pub state: ImportState,
    /// Kind of its files as a source of charges, or the dataset that it brought; none until known.
    pub kind: Option<&'a str>,
    /// When it began.
    pub started_at: DateTime<Utc>,
    /// When it ended.
    pub finished_at: Option<DateTime<Utc>>,
    /// Lake version that its commit made.
    pub version: Option<u64>,
    /// Why it failed.
    pub error: Option<&'a str>,
    /// SHA-256 (lower-case hex) of its files' bytes and of their decompressed contents.
    pub hashes: &'a [String],
    /// Earlier imports of which no row is live any more.
    pub superseded: &'a [ImportId],
    /// Customers in its files.
    pub customers: &'a [CustomerSeen],
    /// Billing accounts in its files.
    pub billing_accounts: &'a [BillingAccountId],
    /// The whole record.
    pub record: &'a Value,
}

#[derive(sqlx::FromRow)]
struct Row {
    id: String,
    state: String,
    kind: Option<String>,
    started_at: i64,
    finished_at: Option<i64>,
    version: Option<i64>,
    superseded_by: Option<String>,
    error: Option<String>,
    record: String,
}

impl TryFrom<Row> for ImportRow {
    type Error = ControlError;

    fn try_from(row: Row) -> Result<Self, ControlError> {
        Ok(Self {
            id: parse("imports.id", &row.id)?,
            state: parse("imports.state", &row.state)?,
            kind: row.kind,
            started_at: instant(row.started_at),
            finished_at: instant_opt(row.finished_at),
            version: row.version.map(|v| number("imports.version", v)).transpose()?,
            superseded_by: parse_opt("imports.superseded_by", row.superseded_by.as_deref())?,
            error: row.error,
            record: json("imports.record", &row.record)?,
        })
    }
}

fn rows(rows: Vec<Row>) -> Result<Vec<ImportRow>, ControlError> {
    rows.into_iter().map(ImportRow::try_from).collect()
}

impl Control {
    /// Stores an import, new or known, in whatever state it is. In the same transaction a newly committed one marks
    /// the imports it superseded, enters its customers (never over an operator's values), and gives EA billing
    /// accounts that nobody mapped an enrolment of the same number. Storing the same again changes nothing more.
    ///
    /// # Errors
    /// [`ControlError::Conflict`] when the import is committed already and `import` says otherwise.
    pub async fn store_import(&self, import: &StoredImport<'_>) -> Result<(), ControlError> {
        let mut tx = self.write().await?;
        let before: Option<String> = sqlx::query_scalar("SELECT state FROM imports WHERE id = ?")
            .bind(import.id.to_string())
            .fetch_optional(&mut *tx)
            .await?;
        let was_committed = before.as_deref() == Some(ImportState::Committed.as_str());
        if was_committed && import.state != ImportState::Committed {
            let reason = format!("is committed and cannot become {}", import.state);
            return Err(ControlError::Conflict { what: "import", id: import.id.to_string(), reason });
        }
        put(&mut tx, import).await?;
        if import.state == ImportState::Committed && !was_committed {
            self.learn(&mut tx, import).await?;
        }
        Ok(tx.commit().await?)
    }

    /// What the rest of the control state learns from a committed import.
    async fn learn(&self, tx: &mut SqliteConnection, import: &StoredImport<'_>) -> Result<(), ControlError> {
        for older in import.superseded.iter().filter(|older| **older != import.id) {
            sqlx::query("UPDATE imports SET superseded_by = ? WHERE id = ?")
                .bind(import.id.to_string())
                .bind(older.to_string())
                .execute(&mut *tx)
                .await?;
        }
        for customer in import.customers {
            customers::see(tx, customer, micros(self.now())).await?;
        }
        // Datasets are no kinds of charges, and have no billing accounts.
        if let Some(kind) = import.kind.and_then(|kind| kind.parse::<SourceKind>().ok()) {
            for account in import.billing_accounts {
                self.see_account(tx, kind, account).await?;
            }
        }
        let detail = serde_json::json!({ "kind": import.kind, "version": import.version });
        self.append_audit(tx, "import.commit", &format!("import:{}", import.id), &detail).await
    }

    /// One import.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn import(&self, id: ImportId) -> Result<Option<ImportRow>, ControlError> {
        let row: Option<Row> = sqlx::query_as("SELECT * FROM imports WHERE id = ?")
            .bind(id.to_string())
            .fetch_optional(&self.pool)
            .await?;
        row.map(ImportRow::try_from).transpose()
    }

    /// All imports, newest first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn imports(&self) -> Result<Vec<ImportRow>, ControlError> {
        rows(sqlx::query_as("SELECT * FROM imports ORDER BY id DESC").fetch_all(&self.pool).await?)
    }

    /// The imports in that state, oldest first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn imports_in_state(&self, state: ImportState) -> Result<Vec<ImportRow>, ControlError> {
        rows(
            sqlx::query_as("SELECT * FROM imports WHERE state = ? ORDER BY id")
                .bind(state.as_str())
                .fetch_all(&self.pool)
                .await?,
        )
    }

    /// The imports, in any state, that hold a file with this SHA-256 of its bytes or of its decompressed contents;
    /// oldest first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn imports_by_hash(&self, sha256: &str) -> Result<Vec<ImportRow>, ControlError> {
        rows(sqlx::query_as(
            "SELECT imports.* FROM import_hashes JOIN imports ON id = import_id WHERE sha256 = lower(?) ORDER BY id",
        )
        .bind(sha256)
        .fetch_all(&self.pool)
        .await?)
    }
}

async fn put(tx: &mut SqliteConnection, import: &StoredImport<'_>) -> Result<(), ControlError> {
    sqlx::query(
        "INSERT INTO imports (id, state, kind, started_at, finished_at, version, error, record)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?)
         ON CONFLICT (id) DO UPDATE SET state = excluded.state, kind = excluded.kind,
             started_at = excluded.started_at, finished_at = excluded.finished_at, version = excluded.version,
             error = excluded.error, record = excluded.record",
    )
    .bind(import.id.to_string())
    .bind(import.state.as_str())
    .bind(import.kind)
    .bind(micros(import.started_at))
    .bind(import.finished_at.map(micros))
    .bind(import.version.map(|v| signed("lake version", v)).transpose()?)
    .bind(import.error)
    .bind(import.record.to_string())
    .execute(&mut *tx)
    .await?;
    for hash in import.hashes {
        sqlx::query("INSERT INTO import_hashes (sha256, import_id) VALUES (lower(?), ?) ON CONFLICT DO NOTHING")
            .bind(hash)
            .bind(import.id.to_string())
            .execute(&mut *tx)
            .await?;
    }
    Ok(())
}
