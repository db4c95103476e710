//! EA enrolments and the billing accounts whose charges they answer.

use std::collections::BTreeMap;

use meterlake_model::{BillingAccountId, EnrolmentNumber, SourceKind};
use serde_json::json;
use sqlx::SqliteConnection;

use crate::stored::{micros, parse};
use crate::{Control, ControlError};

/// An enrolment.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Enrolment {
    /// Its number, as in the routes.
    pub number: EnrolmentNumber,
    /// The billing accounts whose charges it answers.
    pub billing_accounts: Vec<BillingAccountId>,
}

async fn read(
    connection: &mut SqliteConnection,
    number: Option<&EnrolmentNumber>,
) -> Result<Vec<Enrolment>, ControlError> {
    let rows: Vec<(String, Option<String>)> = sqlx::query_as(
        "SELECT number, billing_account FROM enrolments LEFT JOIN enrolment_accounts ON enrolment = number
         WHERE ?1 IS NULL OR number = ?1 ORDER BY number, billing_account",
    )
    .bind(number.map(EnrolmentNumber::as_str))
    .fetch_all(connection)
    .await?;
    let mut enrolments: BTreeMap<EnrolmentNumber, Vec<BillingAccountId>> = BTreeMap::new();
    for (number, account) in rows {
        let accounts = enrolments.entry(parse("enrolments.number", &number)?).or_default();
        if let Some(account) = account {
            accounts.push(parse("enrolment_accounts.billing_account", &account)?);
        }
    }
    Ok(enrolments.into_iter().map(|(number, billing_accounts)| Enrolment { number, billing_accounts }).collect())
}

impl Control {
    /// All enrolments, by number.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn enrolments(&self) -> Result<Vec<Enrolment>, ControlError> {
        let mut connection = self.pool.acquire().await?;
        read(&mut connection, None).await
    }

    /// One enrolment.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn enrolment(&self, number: &EnrolmentNumber) -> Result<Option<Enrolment>, ControlError> {
        let mut connection = self.pool.acquire().await?;
        Ok(read(&mut connection, Some(number)).await?.pop())
    }

    /// Adds the enrolment if it is new, and makes `accounts` all of its billing accounts.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn set_enrolment(
        &self,
        number: &EnrolmentNumber,
        accounts: &[BillingAccountId],
    ) -> Result<Enrolment, ControlError> {
        let mut tx = self.write().await?;
        put(&mut tx, number, accounts, micros(self.now())).await?;
        let detail = json!({ "billing_accounts": accounts });
        self.append_audit(&mut tx, "enrolment.set", &format!("enrolment:{number}"), &detail).await?;
        let enrolment = read(&mut tx, Some(number)).await?.pop();
        tx.commit().await?;
        enrolment.ok_or_else(|| ControlError::not_found("enrolment", number))
    }

    /// Forgets an enrolment and its keys; charges stay in the lake. Whether there was one.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn remove_enrolment(&self, number: &EnrolmentNumber) -> Result<bool, ControlError> {
        let mut tx = self.write().await?;
        let gone =
            sqlx::query("DELETE FROM enrolments WHERE number = ?").bind(number.as_str()).execute(&mut *tx).await?;
        if gone.rows_affected() > 0 {
            self.append_audit(&mut tx, "enrolment.remove", &format!("enrolment:{number}"), &json!({})).await?;
        }
        tx.commit().await?;
        Ok(gone.rows_affected() > 0)
    }

    /// Gives a billing account that an EA source brought its own enrolment, when its id can be an enrolment number
    /// and nobody decided otherwise: no enrolment answers for it, and none has that number.
    pub(crate) async fn see_account(
        &self,
        tx: &mut SqliteConnection,
        kind: SourceKind,
        account: &BillingAccountId,
    ) -> Result<(), ControlError> {
        if !matches!(kind, SourceKind::CostExportEa | SourceKind::EaUsageDetails) {
            return Ok(());
        }
        let Ok(number) = account.as_str().parse::<EnrolmentNumber>() else { return Ok(()) };
        let known: bool = sqlx::query_scalar(
            "SELECT EXISTS (SELECT 1 FROM enrolment_accounts WHERE billing_account = ?1)
                 OR EXISTS (SELECT 1 FROM enrolments WHERE number = ?1)",
        )
        .bind(account.as_str())
        .fetch_one(&mut *tx)
        .await?;
        if known {
            return Ok(());
        }
        put(tx, &number, std::slice::from_ref(account), micros(self.now())).await?;
        let detail = json!({ "billing_accounts": [account], "by": "import" });
        self.append_audit(tx, "enrolment.set", &format!("enrolment:{number}"), &detail).await
    }
}

async fn put(
    tx: &mut SqliteConnection,
    number: &EnrolmentNumber,
    accounts: &[BillingAccountId],
    now: i64,
) -> Result<(), ControlError> {
    sqlx::query(
        "INSERT INTO enrolments (number, created_at, updated_at) VALUES (?1, ?2, ?2)
         ON CONFLICT (number) DO UPDATE SET updated_at = ?2",
    )
    .bind(number.as_str())
    .bind(now)
    .execute(&mut *tx)
    .await?;
    sqlx::query("DELETE FROM enrolment_accounts WHERE enrolment = ?").bind(number.as_str()).execute(&mut *tx).await?;
    for account in accounts {
        sqlx::query("INSERT INTO enrolment_accounts (enrolment, billing_account) VALUES (?, ?) ON CONFLICT DO NOTHING")
            .bind(number.as_str())
            .bind(account.as_str())
            .execute(&mut *tx)
            .await?;
    }
    Ok(())
}
