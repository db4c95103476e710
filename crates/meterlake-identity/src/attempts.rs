//! Lock-out on guessing: after ten wrong secrets or passwords in a quarter of an hour an account is closed for a
//! quarter of an hour, to the right password, too; the secrets of applications nobody guesses, so that a lock-out holds
//! for wrong ones only. The counts are kept in the control state, so that a restart forgets none
//! and all processes count together.

use chrono::{DateTime, TimeDelta, Utc};
use meterlake_control::{AttemptLimit, ControlError};

use crate::{Identity, random};

const LIMIT: AttemptLimit = AttemptLimit { failures: 10, window: TimeDelta::minutes(15), lock: TimeDelta::minutes(15) };

/// What stands before a name that no person has. People type passwords where names belong, so it is kept as a hash.
const UNKNOWN_NAME: &str = "name:";

/// Why an attempt does not count, whatever was given.
#[derive(Debug, thiserror::Error)]
pub enum AttemptError {
    /// There were too many wrong ones.
    #[error("the account is locked until {until}, after too many wrong attempts")]
    Locked {
        /// From when attempts are heard again.
        until: DateTime<Utc>,
    },
    /// The control state failed.
    #[error(transparent)]
    Control(#[from] ControlError),
}

/// The account of an application, for lock-outs.
pub(crate) fn client_account(application: meterlake_model::PrincipalId) -> String {
    format!("client:{application}")
}

/// The account as it is kept.
fn kept(account: &str) -> String {
    match account.strip_prefix(UNKNOWN_NAME) {
        // In any case of the letters that names are compared without: else a known name could be told from others.
        Some(name) => format!("{UNKNOWN_NAME}{}", random::fingerprint(&name.to_ascii_lowercase())),
        None => account.to_owned(),
    }
}

fn open(locked_until: Option<DateTime<Utc>>) -> Result<(), AttemptError> {
    match locked_until {
        Some(until) => Err(AttemptError::Locked { until }),
        None => Ok(()),
    }
}

impl Identity {
    /// Asked before a secret is compared. `account` says what is guessed at: `client:<principal id>`,
    /// `user:<principal id>`, `name:<name>` for names that nobody has, `device:<who types user codes>`.
    ///
    /// # Errors
    /// [`AttemptError::Locked`] when the account is locked.
    pub async fn attempt_allowed(&self, account: &str) -> Result<(), AttemptError> {
        open(self.inner.control.locked_until(&kept(account)).await?)
    }

    /// Told after a wrong secret. The tenth within a quarter of an hour locks the account.
    ///
    /// # Errors
    /// [`AttemptError::Locked`] when the account was locked meanwhile: then the answer is that of a locked account, so
    /// that guesses sent all at once learn no more than guesses one by one.
    pub async fn attempt_failed(&self, account: &str) -> Result<(), AttemptError> {
        open(self.inner.control.count_failed_attempt(&kept(account), LIMIT).await?)
    }

    /// Told after the right secret, before anything is given for it. Forgets the wrong ones.
    ///
    /// # Errors
    /// [`AttemptError::Locked`] when the account was locked meanwhile.
    pub async fn attempt_succeeded(&self, account: &str) -> Result<(), AttemptError> {
        open(self.inner.control.forget_failed_attempts(&kept(account)).await?)
    }
}
