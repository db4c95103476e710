//! Wrong guesses at secrets and passwords, and the lock-outs that too many of them bring.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;
use sqlx::SqliteConnection;

use crate::stored::{instant, micros};
use crate::{Control, ControlError};

/// How many wrong guesses lock an account, and for how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AttemptLimit {
    /// As many failures within `window` lock the account.
    pub failures: u32,
    /// For how long a failure counts.
    pub window: TimeDelta,
    /// For how long the account is locked.
    pub lock: TimeDelta,
}

impl Control {
    /// Until when attempts at the account are refused; none when they are not.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn locked_until(&self, account: &str) -> Result<Option<DateTime<Utc>>, ControlError> {
        let mut connection = self.pool.acquire().await?;
        locked(&mut connection, account, micros(self.now())).await
    }

    /// Counts a wrong guess at the account. The one that reaches the limit locks the account and is entered in the
    /// audit trail; one at a locked account does not count, so that a lock-out ends however long the guessing goes on.
    /// Until when the account was locked before this guess; none when it was not.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn count_failed_attempt(
        &self,
        account: &str,
        limit: AttemptLimit,
    ) -> Result<Option<DateTime<Utc>>, ControlError> {
        let now = self.now();
        let mut tx = self.write().await?;
        if let Some(until) = locked(&mut tx, account, micros(now)).await? {
            return Ok(Some(until));
        }
        sqlx::query("DELETE FROM failed_attempts WHERE at <= ?")
            .bind(micros(now - limit.window))
            .execute(&mut *tx)
            .await?;
        sqlx::query("DELETE FROM lock_outs WHERE locked_until <= ?").bind(micros(now)).execute(&mut *tx).await?;
        sqlx::query("INSERT INTO failed_attempts (account, at) VALUES (?, ?)")
            .bind(account)
            .bind(micros(now))
            .execute(&mut *tx)
            .await?;
        let failures: i64 = sqlx::query_scalar("SELECT count(*) FROM failed_attempts WHERE account = ?")
            .bind(account)
            .fetch_one(&mut *tx)
            .await?;
        if failures >= i64::from(limit.failures) {
            let until = now + limit.lock;
            forget(&mut tx, account).await?;
            sqlx::query("INSERT INTO lock_outs (account, locked_until) VALUES (?, ?)")
                .bind(account)
                .bind(micros(until))
                .execute(&mut *tx)
                .await?;
            let detail = json!({ "failures": failures, "until": until });
            self.append_audit(&mut tx, "account.lock", account, &detail).await?;
        }
        tx.commit().await?;
        Ok(None)
    }

    /// Forgets the wrong guesses at an account whose secret was given. Until when the account is locked; none when it
    /// is not.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn forget_failed_attempts(&self, account: &str) -> Result<Option<DateTime<Utc>>, ControlError> {
        let mut connection = self.pool.acquire().await?;
        if let Some(until) = locked(&mut connection, account, micros(self.now())).await? {
            return Ok(Some(until));
        }
        // Nearly always there are none, and then nothing is written.
        let any: bool = sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM failed_attempts WHERE account = ?)")
            .bind(account)
            .fetch_one(&mut *connection)
            .await?;
        drop(connection);
        if any {
            let mut tx = self.write().await?;
            forget(&mut tx, account).await?;
            tx.commit().await?;
        }
        Ok(None)
    }

    /// Ends the lock-out of an account before its time. Whether it was locked.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn unlock(&self, account: &str) -> Result<bool, ControlError> {
        let mut tx = self.write().await?;
        let was_locked = locked(&mut tx, account, micros(self.now())).await?.is_some();
        forget(&mut tx, account).await?;
        sqlx::query("DELETE FROM lock_outs WHERE account = ?").bind(account).execute(&mut *tx).await?;
        if was_locked {
            self.append_audit(&mut tx, "account.unlock", account, &json!({})).await?;
        }
        tx.commit().await?;
        Ok(was_locked)
    }
}

async fn locked(
    connection: &mut SqliteConnection,
    account: &str,
    now: i64,
) -> Result<Option<DateTime<Utc>>, ControlError> {
    let until: Option<i64> =
        sqlx::query_scalar("SELECT locked_until FROM lock_outs WHERE account = ? AND locked_until > ?")
            .bind(account)
            .bind(now)
            .fetch_optional(connection)
            .await?;
    Ok(until.map(instant))
}

async fn forget(connection: &mut SqliteConnection, account: &str) -> Result<(), ControlError> {
    sqlx::query("DELETE FROM failed_attempts WHERE account = ?").bind(account).execute(connection).await?;
    Ok(())
}
