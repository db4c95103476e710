//! Whether the control state is still what it was: one cheap question in place of reading it all again.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions as _, SqliteConnection};

use crate::{Control, ControlError};

/// A state of the control database. While it is the newest, everything read from it holds; any change by any process
/// makes another one. Later ones are greater.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Revision {
    /// Which connection counted: the numbers of two of them cannot be compared.
    connection: u64,
    /// SQLite's `data_version`: it changes when any other connection, of any process, commits.
    version: i64,
}

/// Asks SQLite for its `data_version`, on a connection of its own that never writes.
pub(crate) struct Watch {
    options: SqliteConnectOptions,
    /// Questions begun so far.
    begun: AtomicU64,
    /// The last answer, and the number of its question.
    answered: Mutex<Option<(u64, Revision)>>,
    asking: tokio::sync::Mutex<Asking>,
}

#[derive(Default)]
struct Asking {
    connection: Option<SqliteConnection>,
    /// Connections opened so far.
    opened: u64,
}

impl Watch {
    /// Opens nothing yet.
    pub(crate) fn new(options: SqliteConnectOptions) -> Self {
        Self { options, begun: AtomicU64::new(0), answered: Mutex::default(), asking: tokio::sync::Mutex::default() }
    }

    /// The revision at some moment after the call. Calls that wait at the same time share a question that begins
    /// after the last of them.
    async fn newest(&self) -> Result<Revision, ControlError> {
        let before = self.begun.load(Ordering::Acquire);
        let mut asking = self.asking.lock().await;
        let answered = *self.answered.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, revision)) = answered.filter(|(question, _)| *question > before) {
            return Ok(revision);
        }
        let question = self.begun.fetch_add(1, Ordering::AcqRel) + 1;
        // Out of its place while it is asked: a connection that fails, or whose asker goes away, is not asked again.
        let mut connection = match asking.connection.take() {
            Some(connection) => connection,
            None => {
                asking.opened += 1;
                self.options.clone().create_if_missing(false).connect().await?
            }
        };
        let version = sqlx::query_scalar("PRAGMA data_version").fetch_one(&mut connection).await?;
        let revision = Revision { connection: asking.opened, version };
        asking.connection = Some(connection);
        *self.answered.lock().unwrap_or_else(PoisonError::into_inner) = Some((question, revision));
        Ok(revision)
    }

    /// Closes the connection.
    pub(crate) async fn close(&self) {
        self.asking.lock().await.connection = None;
    }
}

impl std::fmt::Debug for Watch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Watch")
    }
}

impl Control {
    /// The revision of the control state at some moment after the call, so that it tells of every change that was
    /// finished before, by whichever process. Costs far less than reading anything.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn revision(&self) -> Result<Revision, ControlError> {
        if self.pool.is_closed() {
            return Err(sqlx::Error::PoolClosed.into());
        }
        self.watch.newest().await
    }
}
