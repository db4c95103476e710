//! `meterlake tenant …`, `principal …`, `secret …` and `grant …`

use std::collections::HashMap;

use anyhow::{Context as _, bail};
use meterlake_control::{Control, GrantScope, NewPrincipal};
use meterlake_identity::Identity;
use meterlake_model::{PrincipalId, TenantId};

use crate::cli::{Grant, Principal, Secret, Tenant};
use crate::data_folder::DataFolder;
use crate::output;

pub(crate) async fn run_tenant(folder: &DataFolder, command: Tenant) -> anyhow::Result<()> {
    let control = folder.control().await?;
    match command {
        Tenant::List { json } => {
            let tenants = control.tenants().await?;
            if json {
                return output::json(&tenants);
            }
            let rows = tenants.into_iter().map(|t| [t.id.to_string(), t.domains.join(", ")]).collect();
            output::table(["tenant id", "domains"], rows, "no tenants yet")
        }
        Tenant::Set { tenant_id, mut domains } => {
            if domains.is_empty() {
                domains = control.tenant(tenant_id).await?.map(|t| t.domains).unwrap_or_default();
            }
            output::json(&control.set_tenant(tenant_id, None, &domains).await?)
        }
    }
}

pub(crate) async fn run(folder: &DataFolder, command: Principal) -> anyhow::Result<()> {
    let control = folder.control().await?;
    match command {
        Principal::List { json } => {
            let principals = control.principals().await?;
            if json {
                return output::json(&principals);
            }
            let rows = principals
                .into_iter()
                .map(|p| {
                    [
                        p.name,
                        p.kind.to_string(),
                        p.client_id.map(|c| c.to_string()).unwrap_or_default(),
                        p.tenant.to_string(),
                        if p.enabled { "enabled" } else { "disabled" }.to_owned(),
                    ]
                })
                .collect();
            output::table(["name", "kind", "client id", "tenant", "state"], rows, "no principals yet")
        }
        Principal::Add { kind, name, tenant } => {
            let tenant = tenant_id(&control, &tenant).await?;
            let new = NewPrincipal { kind, tenant, name, client_id: None };
            output::json(&control.add_principal(&new).await?)
        }
        Principal::Disable { principal } => set_enabled(&control, &principal, false).await,
        Principal::Enable { principal } => set_enabled(&control, &principal, true).await,
    }
}

async fn set_enabled(control: &Control, principal: &str, enabled: bool) -> anyhow::Result<()> {
    let principal = control.find_principal(principal).await?;
    control.set_principal_enabled(principal.id, enabled).await?;
    let word = if enabled { "may call again" } else { "may no longer call; its tokens are refused" };
    output::line(&format!("{} {word}", principal.name))
}

async fn tenant_id(control: &Control, id_or_domain: &str) -> anyhow::Result<TenantId> {
    let tenant = control.find_tenant(id_or_domain).await?;
    Ok(tenant.with_context(|| format!("there is no tenant {id_or_domain:?}; add it with `meterlake tenant set`"))?.id)
}

pub(crate) async fn run_secret(folder: &DataFolder, command: Secret) -> anyhow::Result<()> {
    let control = folder.control().await?;
    match command {
        Secret::Create { principal, days } => {
            let principal = control.find_principal(&principal).await?;
            let identity = open_identity(folder, &control).await?;
            let life = chrono::TimeDelta::days(i64::from(days));
            output::line(&identity.create_secret(principal.id, life).await?.text)
        }
        Secret::List { principal } => {
            let principal = control.find_principal(&principal).await?;
            let rows = control
                .secrets(principal.id)
                .await?
                .into_iter()
                .map(|s| {
                    let end = s.revoked_at.map_or_else(String::new, |at| at.to_rfc3339());
                    [s.id.to_string(), format!("{}…", s.hint), s.expires_at.to_rfc3339(), end]
                })
                .collect();
            output::table(["id", "begins", "expires", "revoked"], rows, "no secrets yet")
        }
        Secret::Revoke { id } => {
            control.revoke_secret(id).await?;
            output::line(&format!("secret {id} has ended"))
        }
    }
}

pub(crate) async fn run_grant(folder: &DataFolder, command: Grant) -> anyhow::Result<()> {
    let control = folder.control().await?;
    match command {
        Grant::List { principal } => {
            let only = match principal {
                Some(name) => Some(control.find_principal(&name).await?.id),
                None => None,
            };
            let names: HashMap<PrincipalId, String> =
                control.principals().await?.into_iter().map(|p| (p.id, p.name)).collect();
            let rows = control
                .grants(only)
                .await?
                .into_iter()
                .map(|g| [names.get(&g.principal).cloned().unwrap_or_default(), g.scope.to_string()])
                .collect();
            output::table(["principal", "may read"], rows, "no grants yet")
        }
        Grant::Add { principal, target } => {
            let principal = control.find_principal(&principal).await?;
            let scope = scope(&control, &target).await?;
            control.add_grant(principal.id, &scope).await?;
            output::line(&format!("{} may read {scope}", principal.name))
        }
        Grant::Remove { principal, target } => {
            let principal = control.find_principal(&principal).await?;
            let scope = scope(&control, &target).await?;
            if !control.remove_grant(principal.id, &scope).await? {
                bail!("{} has no grant on {scope}", principal.name);
            }
            output::line(&format!("{} may no longer read {scope}", principal.name))
        }
    }
}

/// A grant's scope; a tenant may be given by domain.
async fn scope(control: &Control, target: &str) -> anyhow::Result<GrantScope> {
    match target.strip_prefix("tenant:") {
        Some(tenant) => Ok(GrantScope::Tenant(tenant_id(control, tenant).await?)),
        None => Ok(target.parse()?),
    }
}

/// The identity service over this folder's control state.
pub(crate) async fn open_identity(folder: &DataFolder, control: &Control) -> anyhow::Result<Identity> {
    let mut config = meterlake_identity::IdentityConfig {
        token_lifetime_seconds: folder.config.tokens.lifetime_seconds,
        signing_key_days: folder.config.tokens.signing_key_days,
        ..Default::default()
    };
    if !folder.config.base_url.is_empty() {
        config.issuer_base = folder.config.base_url.trim_end_matches('/').to_owned();
        config.issuer_from_request = false;
    }
    Ok(Identity::open(control.clone(), std::sync::Arc::clone(&folder.clock), config).await?)
}
