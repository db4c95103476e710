//! What can go wrong with control state.

use std::path::PathBuf;

/// Why control state could not be read or changed. Each message is whole by itself: what SQLite said is in it, not
/// behind it as a source.
#[derive(Debug, thiserror::Error)]
pub enum ControlError {
    /// The database file cannot be opened or created.
    #[error("cannot open the control database {path}: {cause}")]
    Open {
        /// The file.
        path: PathBuf,
        /// What SQLite said.
        cause: sqlx::Error,
    },
    /// The database has another schema than this program knows.
    #[error("cannot bring the control database {path} to this program's schema: {cause}")]
    Migrate {
        /// The file.
        path: PathBuf,
        /// What the migration said.
        cause: Box<sqlx::migrate::MigrateError>,
    },
    /// SQLite refused or failed.
    #[error("control database: {0}")]
    Database(sqlx::Error),
    /// A stored value is not what its column should hold.
    #[error("control database: {column} holds {value:?}: {reason}")]
    Corrupt {
        /// Table and column.
        column: &'static str,
        /// The stored text.
        value: String,
        /// What is wrong with it.
        reason: String,
    },
    /// There is no such thing.
    #[error("there is no {what} {id:?}")]
    NotFound {
        /// The kind of thing.
        what: &'static str,
        /// How it was asked for.
        id: String,
    },
    /// It exists already, or belongs to another.
    #[error("{what} {id:?} {reason}")]
    Conflict {
        /// The kind of thing.
        what: &'static str,
        /// Its name or id.
        id: String,
        /// Why that is in the way.
        reason: String,
    },
    /// A given value is not allowed.
    #[error("{what} {value:?} is not allowed, expected {expected}")]
    Invalid {
        /// The kind of value.
        what: &'static str,
        /// The value as given.
        value: String,
        /// What is allowed.
        expected: &'static str,
    },
}

impl From<sqlx::Error> for ControlError {
    fn from(error: sqlx::Error) -> Self {
        Self::Database(error)
    }
}

impl ControlError {
    /// Whether it is the caller's request, not the database, that is at fault.
    #[must_use]
    pub fn is_request(&self) -> bool {
        matches!(self, Self::NotFound { .. } | Self::Conflict { .. } | Self::Invalid { .. })
    }

    pub(crate) fn not_found(what: &'static str, id: impl ToString) -> Self {
        Self::NotFound { what, id: id.to_string() }
    }
}
