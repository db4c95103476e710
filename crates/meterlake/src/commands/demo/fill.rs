//! What the demo's data folder is filled with: the generator's files by the ordinary imports, and who may ask.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context as _;
use meterlake_control::{Control, CustomerChange, GrantScope, NewPrincipal, Principal, PrincipalKind, TenantKind};
use meterlake_identity::Identity;
use meterlake_import::{
    B2cRequest, DatasetOutcome, ImportError, ImportRequest, LicencesRequest, Options, UsersRequest, import_b2c,
    import_charges, import_licences, import_users,
};
use meterlake_lake::Lake;
use meterlake_model::{Day, DayRange, TenantId};
use meterlake_testkit::demo::SEED;
use meterlake_testkit::{DemoSources, generate_demo};

use super::MadeSignIn;
use crate::commands::datasets::domains;
use crate::data_folder::DataFolder;
use crate::journal::Journal;
use crate::progress::Bar;

/// A user of the partner's tenant.
pub(super) const USER: &str = "demo-user";
/// An application of the partner's tenant.
pub(super) const APPLICATION: &str = "demo-application";
/// An application of the partner's tenant that people sign in to: a program on their own machine.
pub(super) const DESKTOP: &str = "demo-desktop";
/// An application of the B2C tenant.
pub(super) const B2C_APPLICATION: &str = "demo-b2c-application";

pub(super) async fn generate(folder: &DataFolder) -> anyhow::Result<DemoSources> {
    let dir = folder.dir.join("sources");
    let today: Day = folder.clock.today();
    eprintln!("writing source files to {} …", dir.display());
    tokio::task::spawn_blocking(move || generate_demo(&dir, today, SEED)).await?
}

/// Imports every run of the sources, in the order in which an organisation would have received them.
pub(super) async fn import(folder: &DataFolder, control: &Control, sources: &DemoSources) -> anyhow::Result<()> {
    let lake = folder.lake().await?;
    let journal = Journal::new(control.clone());
    let bar = Arc::new(Bar::new(false));
    let runs: Vec<Vec<PathBuf>> = sources
        .enterprise
        .iter()
        .map(|folder| vec![folder.clone()])
        .chain([sources.partner.clone(), sources.utilization.clone()])
        .collect();
    eprintln!("importing {} runs …", runs.len());
    for paths in runs {
        let first = paths.first().map(|p| p.display().to_string()).unwrap_or_default();
        let request = ImportRequest { paths, options: Options::default(), ..ImportRequest::default() };
        import_charges(&lake, &journal, Arc::clone(&folder.clock), &folder.dir, request, Arc::clone(&bar) as _)
            .await
            .with_context(|| format!("the demo's own files from {first} could not be imported"))?;
    }
    datasets(folder, control, sources, (&lake, &journal, &bar)).await?;
    bar.clear();
    Ok(())
}

/// Imports the B2C tenant's events and users, and the customers' licences.
async fn datasets(
    folder: &DataFolder,
    control: &Control,
    sources: &DemoSources,
    (lake, journal, bar): (&Lake, &Journal, &Arc<Bar>),
) -> anyhow::Result<()> {
    let b2c = &sources.b2c;
    let tenant = TenantId(b2c.tenant_id);
    control.set_tenant(tenant, Some(TenantKind::B2c), std::slice::from_ref(&b2c.domain)).await?;
    let domains = domains(control).await?;
    let clock = || Arc::clone(&folder.clock);
    let request = B2cRequest {
        paths: b2c.events.clone(),
        tenant: Some(tenant),
        domains: domains.clone(),
        external_id: BTreeSet::new(),
        applications: Some(b2c.applications_file.clone()),
        days: Some(DayRange::new(b2c.first_day, b2c.last_day)?),
        salt: folder.user_salt(control).await?,
        allow_rejects: None,
    };
    committed("sign-ins", import_b2c(lake, journal, clock(), &folder.dir, request, Arc::clone(bar) as _).await)?;
    for (day, file) in &b2c.users {
        let (paths, day) = (vec![file.clone()], Some(*day));
        let request = UsersRequest { paths, tenant: Some(tenant), domains: domains.clone(), day, allow_rejects: None };
        committed("users", import_users(lake, journal, clock(), &folder.dir, request, Arc::clone(bar) as _).await)?;
    }
    for customer in &sources.licences {
        let request = LicencesRequest {
            paths: customer.files.clone(),
            tenant: Some(TenantId(customer.tenant_id.0)),
            partner: Some(TenantId(sources.partner_id)),
            moment: None,
            allow_rejects: None,
        };
        let outcome = import_licences(lake, journal, clock(), &folder.dir, request, Arc::clone(bar) as _).await;
        committed("licences", outcome)?;
    }
    Ok(())
}

fn committed(what: &str, outcome: Result<DatasetOutcome, ImportError>) -> anyhow::Result<()> {
    outcome.with_context(|| format!("the demo's own files of {what} could not be imported"))?;
    Ok(())
}

pub(super) async fn enter_customers(control: &Control, sources: &DemoSources) -> anyhow::Result<()> {
    for customer in &sources.customers {
        let change = CustomerChange {
            name: Some(customer.name.clone()),
            domain: Some(customer.domain.clone()),
            offers: Some(customer.offers.iter().copied().collect()),
            currency: Some(customer.currency.parse()?),
            culture: Some(customer.culture.to_owned()),
            billing_day: Some(u32::from(customer.billing_day)),
            billing_utc_offset_minutes: Some(customer.billing_utc_offset),
            budget: customer.budget.map(Some),
            c3_id: Some(customer.c3_id),
        };
        control.set_customer(customer.tenant_id, &change).await?;
    }
    Ok(())
}

/// The partner's tenant with a user and an application that may read every customer, and an application that may read
/// the B2C tenant.
pub(super) async fn enter_principals(control: &Control, sources: &DemoSources) -> anyhow::Result<()> {
    let partner = TenantId(sources.partner_id);
    control.set_tenant(partner, None, &["demo-partner.onmicrosoft.com".to_owned()]).await?;
    let b2c = TenantId(sources.b2c.tenant_id);
    for (name, kind, tenant, scope) in [
        (USER, PrincipalKind::User, partner, GrantScope::AllCustomers),
        (APPLICATION, PrincipalKind::Application, partner, GrantScope::AllCustomers),
        (B2C_APPLICATION, PrincipalKind::Application, b2c, GrantScope::Tenant(b2c)),
    ] {
        let principal = principal(control, name, kind, tenant).await?;
        control.add_grant(principal.id, &scope).await?;
    }
    Ok(())
}

/// What people sign in to and with. Folders of older demos get it, too.
pub(super) async fn enter_sign_in(control: &Control, identity: &Identity) -> anyhow::Result<MadeSignIn> {
    let user = control.find_principal(USER).await?;
    let desktop = principal(control, DESKTOP, PrincipalKind::Application, user.tenant).await?;
    control.set_application_public(desktop.id, true).await?;
    identity.add_redirect_uri(desktop.id, "http://localhost").await?;
    let password = identity.random_password()?;
    identity.set_password(user.id, &password).await?;
    Ok(MadeSignIn {
        tenant: user.tenant.to_string(),
        client_id: desktop.client_id.map(|id| id.to_string()).unwrap_or_default(),
        user: user.name,
        password,
    })
}

async fn principal(control: &Control, name: &str, kind: PrincipalKind, tenant: TenantId) -> anyhow::Result<Principal> {
    if let Ok(principal) = control.find_principal(name).await {
        return Ok(principal);
    }
    Ok(control.add_principal(&NewPrincipal { kind, tenant, name: name.to_owned(), client_id: None }).await?)
}
