//! Who may call: applications and users.

use chrono::{DateTime, Utc};
use meterlake_model::{PrincipalId, TenantId};
use serde_json::json;
use sqlx::SqliteConnection;
use uuid::Uuid;

use crate::named::named;
use crate::sign_in::{FamilyFilter, end_sign_ins};
use crate::stored::{instant, micros, parse, parse_opt};
use crate::{Control, ControlError};

named!(
    /// What a principal is.
    PrincipalKind, "principal kind", "application or user", {
        /// An application with a client id and secrets.
        Application = "application",
        /// A person.
        User = "user",
    }
);

/// Who calls.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Principal {
    /// Its id (`oid` of its tokens).
    pub id: PrincipalId,
    /// Application or user.
    pub kind: PrincipalKind,
    /// The tenant it belongs to.
    pub tenant: TenantId,
    /// The name that commands know it by.
    pub name: String,
    /// Client id of an application.
    pub client_id: Option<Uuid>,
    /// Whether it is an application without a secret: a program on a person's machine.
    pub public: bool,
    /// Whether it may call at all.
    pub enabled: bool,
    /// Since when it exists.
    pub created_at: DateTime<Utc>,
}

/// A principal to add.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewPrincipal {
    /// Application or user.
    pub kind: PrincipalKind,
    /// The tenant it belongs to, which must be known.
    pub tenant: TenantId,
    /// A name that no other principal has (in any case).
    pub name: String,
    /// Client id of an application; `None` makes one. Ignored for users.
    pub client_id: Option<Uuid>,
}

#[derive(sqlx::FromRow)]
struct Row {
    id: String,
    kind: String,
    tenant_id: String,
    name: String,
    client_id: Option<String>,
    public: bool,
    enabled: bool,
    created_at: i64,
}

impl TryFrom<Row> for Principal {
    type Error = ControlError;

    fn try_from(row: Row) -> Result<Self, ControlError> {
        Ok(Self {
            id: parse("principals.id", &row.id)?,
            kind: parse("principals.kind", &row.kind)?,
            tenant: parse("principals.tenant_id", &row.tenant_id)?,
            name: row.name,
            client_id: parse_opt("principals.client_id", row.client_id.as_deref())?,
            public: row.public,
            enabled: row.enabled,
            created_at: instant(row.created_at),
        })
    }
}

impl Control {
    /// All principals, by name.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn principals(&self) -> Result<Vec<Principal>, ControlError> {
        let rows: Vec<Row> = sqlx::query_as("SELECT * FROM principals ORDER BY name").fetch_all(&self.pool).await?;
        rows.into_iter().map(Principal::try_from).collect()
    }

    /// One principal.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn principal(&self, id: PrincipalId) -> Result<Option<Principal>, ControlError> {
        let mut connection = self.pool.acquire().await?;
        self.principal_in(&mut connection, id).await
    }

    /// One principal, read within a transaction.
    pub(crate) async fn principal_in(
        &self,
        connection: &mut SqliteConnection,
        id: PrincipalId,
    ) -> Result<Option<Principal>, ControlError> {
        let row: Option<Row> = sqlx::query_as("SELECT * FROM principals WHERE id = ?")
            .bind(id.to_string())
            .fetch_optional(connection)
            .await?;
        row.map(Principal::try_from).transpose()
    }

    /// The principal with that name, id or client id.
    ///
    /// # Errors
    /// [`ControlError::NotFound`] when there is none.
    pub async fn find_principal(&self, name_or_id: &str) -> Result<Principal, ControlError> {
        let row: Option<Row> = sqlx::query_as(
            "SELECT * FROM principals WHERE name = ?1 OR id = lower(?1) OR client_id = lower(?1)
             ORDER BY name = ?1 DESC, id = lower(?1) DESC LIMIT 1",
        )
        .bind(name_or_id)
        .fetch_optional(&self.pool)
        .await?;
        row.map(Principal::try_from).transpose()?.ok_or_else(|| ControlError::not_found("principal", name_or_id))
    }

    /// The application of that client id in that tenant.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn application(&self, tenant: TenantId, client_id: Uuid) -> Result<Option<Principal>, ControlError> {
        let row: Option<Row> =
            sqlx::query_as("SELECT * FROM principals WHERE client_id = ? AND tenant_id = ? AND kind = 'application'")
                .bind(client_id.to_string())
                .bind(tenant.to_string())
                .fetch_optional(&self.pool)
                .await?;
        row.map(Principal::try_from).transpose()
    }

    /// Adds a principal, enabled and without grants.
    ///
    /// # Errors
    /// [`ControlError::Conflict`] when the name or client id is taken, [`ControlError::NotFound`] when the tenant
    /// is not known, [`ControlError::Invalid`] for an empty name.
    pub async fn add_principal(&self, new: &NewPrincipal) -> Result<Principal, ControlError> {
        let name = new.name.trim();
        if name.is_empty() || name.chars().any(char::is_control) {
            return Err(ControlError::Invalid {
                what: "principal name",
                value: new.name.clone(),
                expected: "a name of printable characters",
            });
        }
        let principal = Principal {
            id: PrincipalId(Uuid::new_v4()),
            kind: new.kind,
            tenant: new.tenant,
            name: name.to_owned(),
            client_id: match new.kind {
                PrincipalKind::Application => Some(new.client_id.unwrap_or_else(Uuid::new_v4)),
                PrincipalKind::User => None,
            },
            public: false,
            enabled: true,
            created_at: self.now(),
        };
        let client_id = principal.client_id.map(|c| c.to_string());
        let mut tx = self.write().await?;
        let known: bool = sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM tenants WHERE id = ?)")
            .bind(new.tenant.to_string())
            .fetch_one(&mut *tx)
            .await?;
        if !known {
            return Err(ControlError::not_found("tenant", new.tenant));
        }
        let taken: Option<String> = sqlx::query_scalar("SELECT name FROM principals WHERE name = ? OR client_id = ?")
            .bind(&principal.name)
            .bind(&client_id)
            .fetch_optional(&mut *tx)
            .await?;
        if let Some(taken) = taken {
            let reason = "exists already, or has that client id".to_owned();
            return Err(ControlError::Conflict { what: "principal", id: taken, reason });
        }
        sqlx::query(
            "INSERT INTO principals (id, kind, tenant_id, name, client_id, enabled, created_at)
             VALUES (?, ?, ?, ?, ?, 1, ?)",
        )
        .bind(principal.id.to_string())
        .bind(principal.kind.as_str())
        .bind(principal.tenant.to_string())
        .bind(&principal.name)
        .bind(&client_id)
        .bind(micros(principal.created_at))
        .execute(&mut *tx)
        .await?;
        let detail = json!({ "kind": principal.kind, "name": principal.name, "tenant": principal.tenant });
        self.append_audit(&mut tx, "principal.add", &format!("principal:{}", principal.id), &detail).await?;
        tx.commit().await?;
        Ok(principal)
    }

    /// Lets a principal call, or stops it: at once, tokens it has included; what came of its sign-ins does not come back.
    ///
    /// # Errors
    /// [`ControlError::NotFound`] when it is not known.
    pub async fn set_principal_enabled(&self, id: PrincipalId, enabled: bool) -> Result<(), ControlError> {
        let mut tx = self.write().await?;
        let changed = sqlx::query("UPDATE principals SET enabled = ? WHERE id = ?")
            .bind(enabled)
            .bind(id.to_string())
            .execute(&mut *tx)
            .await?;
        if changed.rows_affected() == 0 {
            return Err(ControlError::not_found("principal", id));
        }
        if !enabled {
            self.sign_out_everywhere(&mut tx, id, "principal disabled").await?;
            let through_it = FamilyFilter { application: Some(id), ..FamilyFilter::default() };
            end_sign_ins(self, &mut tx, &through_it, "principal disabled").await?;
        }
        let action = if enabled { "principal.enable" } else { "principal.disable" };
        self.append_audit(&mut tx, action, &format!("principal:{id}"), &json!({})).await?;
        Ok(tx.commit().await?)
    }

    /// Removes a principal with its secrets and grants. Whether there was one.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn remove_principal(&self, id: PrincipalId) -> Result<bool, ControlError> {
        let mut tx = self.write().await?;
        let gone = sqlx::query("DELETE FROM principals WHERE id = ?").bind(id.to_string()).execute(&mut *tx).await?;
        if gone.rows_affected() > 0 {
            self.append_audit(&mut tx, "principal.remove", &format!("principal:{id}"), &json!({})).await?;
        }
        tx.commit().await?;
        Ok(gone.rows_affected() > 0)
    }
}
