//! Directory tenants: they issue tokens, and reports are asked for them.

use std::collections::BTreeMap;

use meterlake_model::TenantId;
use serde_json::json;
use sqlx::SqliteConnection;

use crate::named::named;
use crate::stored::{micros, parse};
use crate::{Control, ControlError};

named!(
    /// What a tenant is for.
    TenantKind, "tenant kind", "directory, b2c or external-id", {
        /// An ordinary directory, such as a partner's.
        Directory = "directory",
        /// An Azure AD B2C tenant.
        B2c = "b2c",
        /// An External ID tenant.
        ExternalId = "external-id",
    }
);

/// A tenant.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Tenant {
    /// Its id.
    pub id: TenantId,
    /// What it is for.
    pub kind: TenantKind,
    /// Domain names that may stand for the id, lower case.
    pub domains: Vec<String>,
}

async fn read(connection: &mut SqliteConnection, id: Option<TenantId>) -> Result<Vec<Tenant>, ControlError> {
    let rows: Vec<(String, String, Option<String>)> = sqlx::query_as(
        "SELECT id, kind, domain FROM tenants LEFT JOIN tenant_domains ON tenant_id = id
         WHERE ?1 IS NULL OR id = ?1 ORDER BY id, position",
    )
    .bind(id.map(|id| id.to_string()))
    .fetch_all(connection)
    .await?;
    let mut tenants: BTreeMap<TenantId, Tenant> = BTreeMap::new();
    for (id, kind, domain) in rows {
        let id = parse("tenants.id", &id)?;
        let kind = parse("tenants.kind", &kind)?;
        let tenant = tenants.entry(id).or_insert_with(|| Tenant { id, kind, domains: Vec::new() });
        tenant.domains.extend(domain);
    }
    Ok(tenants.into_values().collect())
}

impl Control {
    /// All tenants, by id.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn tenants(&self) -> Result<Vec<Tenant>, ControlError> {
        let mut connection = self.pool.acquire().await?;
        read(&mut connection, None).await
    }

    /// One tenant.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn tenant(&self, id: TenantId) -> Result<Option<Tenant>, ControlError> {
        let mut connection = self.pool.acquire().await?;
        Ok(read(&mut connection, Some(id)).await?.pop())
    }

    /// The tenant with that id or domain name, in any case.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn find_tenant(&self, id_or_domain: &str) -> Result<Option<Tenant>, ControlError> {
        if let Ok(id) = id_or_domain.parse::<TenantId>() {
            return self.tenant(id).await;
        }
        let mut connection = self.pool.acquire().await?;
        let id: Option<String> = sqlx::query_scalar("SELECT tenant_id FROM tenant_domains WHERE domain = ?")
            .bind(id_or_domain)
            .fetch_optional(&mut *connection)
            .await?;
        match id {
            Some(id) => Ok(read(&mut connection, Some(parse("tenant_domains.tenant_id", &id)?)).await?.pop()),
            None => Ok(None),
        }
    }

    /// Adds the tenant if it is new, and makes `domains` all of its domain names; without `kind` it keeps its own
    /// (a new one is a directory).
    ///
    /// # Errors
    /// [`ControlError::Invalid`] for a text that cannot be a domain, [`ControlError::Conflict`] when a domain
    /// belongs to another tenant.
    pub async fn set_tenant(
        &self,
        id: TenantId,
        kind: Option<TenantKind>,
        domains: &[String],
    ) -> Result<Tenant, ControlError> {
        let domains = domains.iter().map(|d| domain_name(d)).collect::<Result<Vec<_>, _>>()?;
        let mut tx = self.write().await?;
        sqlx::query(
            "INSERT INTO tenants (id, kind, created_at, updated_at) VALUES (?1, coalesce(?2, 'directory'), ?3, ?3)
             ON CONFLICT (id) DO UPDATE SET kind = coalesce(?2, kind), updated_at = ?3",
        )
        .bind(id.to_string())
        .bind(kind.map(TenantKind::as_str))
        .bind(micros(self.now()))
        .execute(&mut *tx)
        .await?;
        sqlx::query("DELETE FROM tenant_domains WHERE tenant_id = ?").bind(id.to_string()).execute(&mut *tx).await?;
        for (position, domain) in (0i64..).zip(&domains) {
            let owner: Option<String> = sqlx::query_scalar("SELECT tenant_id FROM tenant_domains WHERE domain = ?")
                .bind(domain)
                .fetch_optional(&mut *tx)
                .await?;
            if let Some(owner) = owner.filter(|o| *o != id.to_string()) {
                let reason = format!("belongs to tenant {owner}");
                return Err(ControlError::Conflict { what: "domain", id: domain.clone(), reason });
            }
            sqlx::query(
                "INSERT INTO tenant_domains (domain, tenant_id, position) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
            )
            .bind(domain)
            .bind(id.to_string())
            .bind(position)
            .execute(&mut *tx)
            .await?;
        }
        let detail = json!({ "kind": kind, "domains": domains });
        self.append_audit(&mut tx, "tenant.set", &format!("tenant:{id}"), &detail).await?;
        let tenant = read(&mut tx, Some(id)).await?.pop();
        tx.commit().await?;
        tenant.ok_or_else(|| ControlError::not_found("tenant", id))
    }
}

/// Checks a domain name and brings it to lower case. It must not be taken for an id or for a fixed path part.
fn domain_name(text: &str) -> Result<String, ControlError> {
    let well_formed = (1..=253).contains(&text.len())
        && text.contains('.')
        && !text.starts_with('.')
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_'));
    if well_formed {
        Ok(text.to_ascii_lowercase())
    } else {
        Err(ControlError::Invalid {
            what: "domain",
            value: text.to_owned(),
            expected: "a domain name such as contoso.onmicrosoft.com",
        })
    }
}
