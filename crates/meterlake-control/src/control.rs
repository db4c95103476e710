//! Opening the database, and the transactions of all changes.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use meterlake_model::SharedClock;
use serde_json::json;
use sqlx::migrate::Migrator;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{Sqlite, Transaction};

use crate::ControlError;
use crate::looked_up::LookedUp;
use crate::revision::Watch;

static MIGRATIONS: Migrator = sqlx::migrate!();

/// How long a change waits for another process to finish its own.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);

/// Control state in one SQLite file. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Control {
    pub(crate) pool: SqlitePool,
    clock: SharedClock,
    actor: Arc<str>,
    origin: Arc<str>,
    pub(crate) watch: Arc<Watch>,
    pub(crate) looked_up: Arc<LookedUp>,
}

impl Control {
    /// Opens the database at `path`, creating it and bringing its schema up to date. Any number of processes may
    /// have the same file open.
    ///
    /// # Errors
    /// [`ControlError::Open`] when the file cannot be opened, [`ControlError::Migrate`] when its schema is newer
    /// than this program or was altered.
    pub async fn open(path: &Path, clock: SharedClock) -> Result<Self, ControlError> {
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .foreign_keys(true)
            .busy_timeout(BUSY_TIMEOUT)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full);
        keep_private(path).map_err(|e| ControlError::Open { path: path.to_owned(), cause: e.into() })?;
        let pool = connect(path, &options).await?;
        migrate(path, &pool).await?;
        Ok(Self {
            pool,
            clock,
            actor: Arc::from("operator"),
            origin: Arc::from("command"),
            watch: Arc::new(Watch::new(options)),
            looked_up: Arc::default(),
        })
    }

    /// The same control state, its changes entered in the audit trail as made by `actor` (by default `operator`).
    #[must_use]
    pub fn acting_as(&self, actor: &str) -> Self {
        Self { actor: Arc::from(actor), ..self.clone() }
    }

    /// The same control state, its changes entered in the audit trail as asked for from `origin`: the peer address of
    /// a request, or `server` (by default `command`).
    #[must_use]
    pub fn coming_from(&self, origin: &str) -> Self {
        Self { origin: Arc::from(origin), ..self.clone() }
    }

    /// Who makes changes through this handle.
    #[must_use]
    pub fn actor(&self) -> &str {
        &self.actor
    }

    /// From where changes through this handle are asked for.
    #[must_use]
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// The clock that dates all changes.
    #[must_use]
    pub fn clock(&self) -> &SharedClock {
        &self.clock
    }

    /// Closes the database, waiting for queries that still run. Other handles fail from then on.
    pub async fn close(&self) {
        self.pool.close().await;
        self.watch.close().await;
    }

    pub(crate) fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }

    /// A transaction that holds the write lock from its start, so that it can never fail half-way for a lock.
    pub(crate) async fn write(&self) -> Result<Transaction<'static, Sqlite>, ControlError> {
        Ok(self.pool.begin_with("BEGIN IMMEDIATE").await?)
    }

    /// The secret called `name` that all processes of this data folder share; `fresh` becomes it when there is none.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn server_secret(&self, name: &str, fresh: &[u8]) -> Result<Vec<u8>, ControlError> {
        let mut tx = self.write().await?;
        let made = sqlx::query(
            "INSERT INTO server_secrets (name, secret, created_at) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
        )
        .bind(name)
        .bind(fresh)
        .bind(crate::stored::micros(self.now()))
        .execute(&mut *tx)
        .await?;
        if made.rows_affected() > 0 {
            self.append_audit(&mut tx, "server-secret.create", &format!("server-secret:{name}"), &json!({})).await?;
        }
        let secret = sqlx::query_scalar("SELECT secret FROM server_secrets WHERE name = ?")
            .bind(name)
            .fetch_one(&mut *tx)
            .await?;
        tx.commit().await?;
        Ok(secret)
    }
}

/// Creates the file so that only its owner can read it: it holds the keys that sign tokens. SQLite gives the files
/// beside it the same permissions.
fn keep_private(path: &Path) -> std::io::Result<()> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(path) {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => Err(error),
        _ => Ok(()),
    }
}

/// Connects. Two processes that create the file at once collide in the switch to WAL, which does not wait for
/// locks: so this tries again for as long as a change would wait.
async fn connect(path: &Path, options: &SqliteConnectOptions) -> Result<SqlitePool, ControlError> {
    let started = tokio::time::Instant::now();
    loop {
        let pool = SqlitePoolOptions::new()
            .max_connections(8)
            .acquire_timeout(Duration::from_secs(30))
            .connect_with(options.clone())
            .await;
        match pool {
            Ok(pool) => return Ok(pool),
            Err(error) if is_locked(&error) && started.elapsed() < BUSY_TIMEOUT => {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            Err(cause) => return Err(ControlError::Open { path: path.to_owned(), cause }),
        }
    }
}

/// Runs the missing migrations, all of them or none, while other processes that open the file wait.
async fn migrate(path: &Path, pool: &SqlitePool) -> Result<(), ControlError> {
    let open_error = |cause| ControlError::Open { path: path.to_owned(), cause };
    let mut tx = pool.begin_with("BEGIN IMMEDIATE").await.map_err(open_error)?;
    // Not `run`: its future is not `Send`.
    MIGRATIONS
        .run_direct(None, &mut *tx, false)
        .await
        .map_err(|cause| ControlError::Migrate { path: path.to_owned(), cause: Box::new(cause) })?;
    tx.commit().await.map_err(open_error)
}

/// SQLite's codes BUSY and LOCKED, with their extended forms.
fn is_locked(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(|e| e.code()).and_then(|c| c.parse::<i32>().ok());
    matches!(code.map(|c| c & 0xff), Some(5 | 6))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use meterlake_model::SystemClock;

    use super::*;

    async fn open(path: &Path) -> Result<Control, ControlError> {
        Control::open(path, Arc::new(SystemClock)).await
    }

    #[tokio::test]
    async fn the_audit_trail_can_only_grow() {
        let folder = tempfile::tempdir().unwrap();
        let control = open(&folder.path().join("c.db")).await.unwrap();
        control.audit("x", "y", &serde_json::Value::Null).await.unwrap();
        for change in ["DELETE FROM audit", "UPDATE audit SET actor = 'nobody'"] {
            let error = sqlx::query(change).execute(&control.pool).await.unwrap_err();
            assert!(error.to_string().contains("append-only"), "{error}");
        }
        assert_eq!(control.audit_entries(5).await.unwrap().len(), 1);
    }

    #[tokio::test]
    async fn a_newer_schema_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("c.db");
        let control = open(&path).await.unwrap();
        sqlx::query("UPDATE _sqlx_migrations SET version = 9999 WHERE version = 1")
            .execute(&control.pool)
            .await
            .unwrap();
        control.close().await;
        assert!(matches!(open(&path).await, Err(ControlError::Migrate { .. })));
    }
}
