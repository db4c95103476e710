//! What principals may read.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Utc};
use meterlake_model::{CustomerTenantId, PrincipalId, TenantId};
use serde_json::json;

use crate::stored::{instant, micros, parse};
use crate::{Control, ControlError};

/// What a grant lets its principal read.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(into = "String")]
pub enum GrantScope {
    /// Every customer, also those yet to come (`customers`).
    AllCustomers,
    /// One customer (`customer:<tenant id>`).
    Customer(CustomerTenantId),
    /// The reports of every tenant (`tenants`).
    AllTenants,
    /// The reports of one tenant (`tenant:<id>`).
    Tenant(TenantId),
}

impl fmt::Display for GrantScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AllCustomers => f.write_str("customers"),
            Self::Customer(id) => write!(f, "customer:{id}"),
            Self::AllTenants => f.write_str("tenants"),
            Self::Tenant(id) => write!(f, "tenant:{id}"),
        }
    }
}

impl From<GrantScope> for String {
    fn from(scope: GrantScope) -> Self {
        scope.to_string()
    }
}

impl FromStr for GrantScope {
    type Err = ControlError;

    /// Reads the form that `Display` writes. A tenant must be given by id.
    fn from_str(text: &str) -> Result<Self, ControlError> {
        let scope = match text.split_once(':') {
            None => match text {
                "customers" => Some(Self::AllCustomers),
                "tenants" => Some(Self::AllTenants),
                _ => None,
            },
            Some(("customer", id)) => id.parse().ok().map(Self::Customer),
            Some(("tenant", id)) => id.parse().ok().map(Self::Tenant),
            Some(_) => None,
        };
        scope.ok_or_else(|| ControlError::Invalid {
            what: "grant",
            value: text.to_owned(),
            expected: "customers, customer:<tenant id>, tenants or tenant:<id>",
        })
    }
}

/// A grant.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Grant {
    /// Who may read.
    pub principal: PrincipalId,
    /// What.
    pub scope: GrantScope,
    /// Since when.
    pub created_at: DateTime<Utc>,
}

impl Control {
    /// The grants of a principal, or of all.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn grants(&self, principal: Option<PrincipalId>) -> Result<Vec<Grant>, ControlError> {
        // Earlier versions also kept grants on enrolments, which no route ever read.
        let rows: Vec<(String, String, i64)> = sqlx::query_as(
            "SELECT principal_id, scope, created_at FROM grants
             WHERE (?1 IS NULL OR principal_id = ?1) AND scope NOT GLOB 'enrolment*' ORDER BY principal_id, scope",
        )
        .bind(principal.map(|p| p.to_string()))
        .fetch_all(&self.pool)
        .await?;
        rows.into_iter()
            .map(|(principal, scope, created_at)| {
                Ok(Grant {
                    principal: parse("grants.principal_id", &principal)?,
                    scope: parse("grants.scope", &scope)?,
                    created_at: instant(created_at),
                })
            })
            .collect()
    }

    /// Lets a principal read. Whether it could not before.
    ///
    /// # Errors
    /// [`ControlError::NotFound`] when there is no such principal.
    pub async fn add_grant(&self, principal: PrincipalId, scope: &GrantScope) -> Result<bool, ControlError> {
        let mut tx = self.write().await?;
        let known: bool = sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM principals WHERE id = ?)")
            .bind(principal.to_string())
            .fetch_one(&mut *tx)
            .await?;
        if !known {
            return Err(ControlError::not_found("principal", principal));
        }
        let added =
            sqlx::query("INSERT INTO grants (principal_id, scope, created_at) VALUES (?, ?, ?) ON CONFLICT DO NOTHING")
                .bind(principal.to_string())
                .bind(scope.to_string())
                .bind(micros(self.now()))
                .execute(&mut *tx)
                .await?;
        if added.rows_affected() > 0 {
            let detail = json!({ "scope": scope });
            self.append_audit(&mut tx, "grant.add", &format!("principal:{principal}"), &detail).await?;
        }
        tx.commit().await?;
        Ok(added.rows_affected() > 0)
    }

    /// Takes a grant away, at once. Whether there was one.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn remove_grant(&self, principal: PrincipalId, scope: &GrantScope) -> Result<bool, ControlError> {
        let mut tx = self.write().await?;
        let gone = sqlx::query("DELETE FROM grants WHERE principal_id = ? AND scope = ?")
            .bind(principal.to_string())
            .bind(scope.to_string())
            .execute(&mut *tx)
            .await?;
        if gone.rows_affected() > 0 {
            let detail = json!({ "scope": scope });
            self.append_audit(&mut tx, "grant.remove", &format!("principal:{principal}"), &detail).await?;
        }
        tx.commit().await?;
        Ok(gone.rows_affected() > 0)
    }
}
