//! `meterlake tenant …`, `principal …`, `secret …` and `grant …`

use std::collections::HashMap;
use std::sync::Arc;

use anyhow::{Context as _, bail};
use meterlake_control::{Control, ExternalIdentity, GrantScope, NewPrincipal, PrincipalKind};
use meterlake_identity::{ClaimNames, ExternalIssuer, Identity, KeyFetcher};
use meterlake_model::{PrincipalId, TenantId};

use super::people;
use crate::cli::{ExternalOptions, Grant, Principal, Secret, Tenant};
use crate::config::Issuer;
use crate::data_folder::DataFolder;
use crate::issuer_documents::IssuerDocuments;
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
        Tenant::Set { tenant_id, mut domains, kind } => {
            if domains.is_empty() {
                domains = control.tenant(tenant_id).await?.map(|t| t.domains).unwrap_or_default();
            }
            output::json(&control.set_tenant(tenant_id, kind, &domains).await?)
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
                        if p.public { "public application".to_owned() } else { p.kind.to_string() },
                        p.client_id.map(|c| c.to_string()).unwrap_or_default(),
                        p.tenant.to_string(),
                        if p.enabled { "enabled" } else { "disabled" }.to_owned(),
                    ]
                })
                .collect();
            output::table(["name", "kind", "client id", "tenant", "state"], rows, "no principals yet")
        }
        Principal::Add { kind, name, tenant, public, redirect_uris } => {
            if kind == PrincipalKind::User && (public || !redirect_uris.is_empty()) {
                bail!("--public and --redirect-uri are for applications; {name} is to be a user");
            }
            for uri in &redirect_uris {
                meterlake_identity::check_redirect_uri(uri)?;
            }
            let tenant = tenant_id(&control, &tenant).await?;
            let new = NewPrincipal { kind, tenant, name, client_id: None };
            let mut principal = control.add_principal(&new).await?;
            if public {
                control.set_application_public(principal.id, true).await?;
                principal.public = true;
            }
            for uri in &redirect_uris {
                control.add_redirect_uri(principal.id, uri).await?;
            }
            output::json(&principal)
        }
        Principal::Set { principal, public } => {
            let principal = control.find_principal(&principal).await?;
            control.set_application_public(principal.id, public).await?;
            let kind = if public { "public: it has no secret" } else { "confidential: it proves itself by a secret" };
            output::line(&format!("{} is {kind}", principal.name))
        }
        Principal::Redirect(command) => people::run_redirect(folder, command).await,
        Principal::Disable { principal } => set_enabled(&control, &principal, false).await,
        Principal::Enable { principal } => set_enabled(&control, &principal, true).await,
        Principal::Unlock { principal } => unlock(&control, &principal).await,
        Principal::Link { principal, external } => link(folder, &control, &principal, external).await,
        Principal::Unlink { external } => {
            let identity = external_identity(external);
            if !control.unlink_external_identity(&identity).await? {
                bail!("there is no such link");
            }
            output::line("its tokens stand for nobody any more")
        }
        Principal::Links { principal, json } => list_links(&control, principal, json).await,
    }
}

async fn set_enabled(control: &Control, principal: &str, enabled: bool) -> anyhow::Result<()> {
    let principal = control.find_principal(principal).await?;
    control.set_principal_enabled(principal.id, enabled).await?;
    let word = if enabled { "may call again" } else { "may no longer call; its tokens are refused" };
    output::line(&format!("{} {word}", principal.name))
}

/// Ends the lock-out that wrong guesses brought.
async fn unlock(control: &Control, principal: &str) -> anyhow::Result<()> {
    let principal = control.find_principal(principal).await?;
    let account = match principal.kind {
        PrincipalKind::Application => format!("client:{}", principal.id),
        PrincipalKind::User => format!("user:{}", principal.id),
    };
    let word = if control.unlock(&account).await? { "may try again" } else { "was not locked" };
    output::line(&format!("{} {word}", principal.name))
}

pub(crate) async fn tenant_id(control: &Control, id_or_domain: &str) -> anyhow::Result<TenantId> {
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
    let settings = &folder.config;
    let mut config = meterlake_identity::IdentityConfig {
        // Where the base URL is not set, tokens name where the server listens.
        issuer_base: format!("http://{}", settings.listen.replace("0.0.0.0", "localhost").replace("[::]", "localhost")),
        token_lifetime_seconds: settings.tokens.lifetime_seconds,
        signing_key_days: settings.tokens.signing_key_days,
        audiences: settings.tokens.audiences.clone(),
        refresh_token_days: settings.tokens.refresh_token_days,
        session_hours: settings.tokens.session_hours,
        ..Default::default()
    };
    if !settings.base_url.is_empty() {
        config.issuer_base = settings.base_url.trim_end_matches('/').to_owned();
        config.issuer_from_request = false;
    }
    let identity = Identity::open(control.clone(), Arc::clone(&folder.clock), config).await?;
    if settings.issuers.is_empty() {
        return Ok(identity);
    }
    let documents: Arc<dyn KeyFetcher> = Arc::new(IssuerDocuments::new()?);
    Ok(identity.trusting(settings.issuers.iter().map(external_issuer).collect(), &documents)?)
}

fn external_issuer(settings: &Issuer) -> ExternalIssuer {
    let usual = ClaimNames::default();
    let claims = &settings.claims;
    ExternalIssuer {
        issuer: settings.issuer.clone(),
        audiences: settings.audiences.clone(),
        jwks_uri: settings.jwks_uri.clone(),
        claims: ClaimNames {
            subject: claims.subject.clone().unwrap_or(usual.subject),
            application: claims.application.clone().map_or(usual.application, |name| vec![name]),
            scopes: claims.scopes.clone().unwrap_or(usual.scopes),
            tenant: claims.tenant.clone(),
        },
    }
}

/// The identity that a link names.
fn external_identity(options: ExternalOptions) -> ExternalIdentity {
    let issuer = options.issuer;
    match (options.subject, options.application) {
        (Some(subject), _) => ExternalIdentity::Subject { issuer, subject },
        (None, application) => ExternalIdentity::Application { issuer, application: application.unwrap_or_default() },
    }
}

/// Links an identity of another party's issuer to a principal of the fitting kind.
async fn link(folder: &DataFolder, control: &Control, name: &str, options: ExternalOptions) -> anyhow::Result<()> {
    let principal = control.find_principal(name).await?;
    let identity = external_identity(options);
    let expected = match identity {
        ExternalIdentity::Subject { .. } => PrincipalKind::User,
        ExternalIdentity::Application { .. } => PrincipalKind::Application,
    };
    if principal.kind != expected {
        bail!("{} is of kind {}; --subject takes a user, --application an application", principal.name, principal.kind);
    }
    control.link_external_identity(principal.id, &identity).await?;
    if !folder.config.issuers.iter().any(|issuer| issuer.issuer == identity.issuer()) {
        eprintln!("note: {} is not among the [[issuers]] of the settings yet", identity.issuer());
    }
    output::line(&format!("tokens of {} for it stand for {}", identity.issuer(), principal.name))
}

async fn list_links(control: &Control, principal: Option<String>, json: bool) -> anyhow::Result<()> {
    let only = match principal {
        Some(name) => Some(control.find_principal(&name).await?.id),
        None => None,
    };
    let links = control.external_links(only).await?;
    if json {
        return output::json(&links);
    }
    let names: HashMap<PrincipalId, String> = control.principals().await?.into_iter().map(|p| (p.id, p.name)).collect();
    let rows = links
        .into_iter()
        .map(|link| {
            let (issuer, kind, value) = match link.identity {
                ExternalIdentity::Subject { issuer, subject } => (issuer, "subject", subject),
                ExternalIdentity::Application { issuer, application } => (issuer, "application", application),
            };
            [names.get(&link.principal).cloned().unwrap_or_default(), issuer, kind.to_owned(), value]
        })
        .collect();
    output::table(["principal", "issuer", "kind", "value"], rows, "no links yet")
}
