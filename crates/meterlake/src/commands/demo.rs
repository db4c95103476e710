//! `meterlake demo`: source files from the generator, imported as any user's, and served.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context as _, bail};
use meterlake_control::{Control, CustomerChange, GrantScope, KeySlot, NewPrincipal, Principal, PrincipalKind};
use meterlake_identity::{Audience, Identity};
use meterlake_import::{ImportRequest, Options, import_charges};
use meterlake_model::{Day, EnrolmentNumber, Offer, TenantId};
use meterlake_testkit::demo::SEED;
use meterlake_testkit::{DemoSources, generate_demo};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::principals::open_identity;
use super::serve::{base, listen, state, stopped};
use crate::cli::Serve;
use crate::data_folder::DataFolder;
use crate::journal::Journal;
use crate::output;
use crate::progress::Bar;

/// Life of the demo's tokens.
const TOKEN_LIFE: chrono::TimeDelta = chrono::TimeDelta::days(1);

/// What later starts need of the first one; the rest of `demo.json` is made anew.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Made {
    enrollment: String,
    api_key: String,
    customer_tenant_id: String,
    azure_plan_customer_tenant_id: String,
}

pub(crate) async fn run(folder: &DataFolder, options: Serve) -> anyhow::Result<()> {
    let start = Instant::now();
    let listener = listen(folder, options.listen.as_deref()).await?;
    let file = folder.dir.join("demo.json");
    let control = folder.control().await?;
    let identity = open_identity(folder, &control).await?;
    let made = match made_before(&file)? {
        Some(made) => made,
        None => {
            refuse_a_real_folder(folder, &control).await?;
            make(folder, &control, &identity).await?
        }
    };
    let base = base(&listener)?;
    let demo = demo_json(&base, &made, &identity, &control).await?;
    write_private(&file, &demo)?;
    let state = state(folder).await?;
    print_calls(folder, &base, &made, &demo, &file, start)?;
    meterlake_server::serve(listener, state, stopped()).await?;
    Ok(())
}

/// What an earlier start wrote to `demo.json`, or none at the first one.
fn made_before(file: &Path) -> anyhow::Result<Option<Made>> {
    let text = match std::fs::read_to_string(file) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error).with_context(|| format!("cannot read {}", file.display())),
    };
    let read = || -> Option<Made> {
        let json: Value = serde_json::from_str(&text).ok()?;
        let text = |pointer| Some(json.pointer(pointer)?.as_str()?.to_owned());
        Some(Made {
            enrollment: text("/enterprise/enrollment")?,
            api_key: text("/enterprise/api_key")?,
            customer_tenant_id: text("/partner/customer_tenant_id")?,
            azure_plan_customer_tenant_id: text("/partner/azure_plan_customer_tenant_id")?,
        })
    };
    let made = read().with_context(|| {
        format!("{} is not what the demo wrote; remove it to set the demo up again", file.display())
    })?;
    Ok(Some(made))
}

/// The demo keeps out of a folder that holds imports of other files than its own.
async fn refuse_a_real_folder(folder: &DataFolder, control: &Control) -> anyhow::Result<()> {
    let own = folder.dir.join("sources");
    let records = Journal::new(control.clone()).all().await?;
    if let Some(foreign) = records.iter().flat_map(|r| &r.files).find(|f| !Path::new(&f.path).starts_with(&own)) {
        bail!(
            "{} holds imports that are not the demo's ({}); give the demo a folder of its own with --data",
            folder.dir.display(),
            foreign.path
        );
    }
    Ok(())
}

/// Generates, imports and enters everything.
async fn make(folder: &DataFolder, control: &Control, identity: &Identity) -> anyhow::Result<Made> {
    let sources = generate(folder).await?;
    import(folder, control, &sources).await?;
    enter_customers(control, &sources).await?;
    enter_principals(control, &sources).await?;
    let enrolment: EnrolmentNumber = sources.enrolment.parse()?;
    control.set_enrolment(&enrolment, &[sources.billing_account.parse()?]).await?;
    let api_key = identity.create_ea_key(&enrolment, KeySlot::Primary).await?.text;
    let only = |offer: Offer| {
        let customer = sources.customers.iter().find(|c| c.offers == [offer]);
        customer.map(|c| c.tenant_id.to_string()).with_context(|| format!("the demo has no {offer} customer"))
    };
    Ok(Made {
        enrollment: enrolment.to_string(),
        api_key,
        customer_tenant_id: only(Offer::MsAzr0145p)?,
        azure_plan_customer_tenant_id: only(Offer::AzurePlan)?,
    })
}

async fn generate(folder: &DataFolder) -> anyhow::Result<DemoSources> {
    let dir = folder.dir.join("sources");
    let today: Day = folder.clock.today();
    eprintln!("writing source files to {} …", dir.display());
    tokio::task::spawn_blocking(move || generate_demo(&dir, today, SEED)).await?
}

/// Imports every run of the sources, in the order in which an organisation would have received them.
async fn import(folder: &DataFolder, control: &Control, sources: &DemoSources) -> anyhow::Result<()> {
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
    bar.clear();
    Ok(())
}

async fn enter_customers(control: &Control, sources: &DemoSources) -> anyhow::Result<()> {
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
            c3_id: None,
        };
        control.set_customer(customer.tenant_id, &change).await?;
    }
    Ok(())
}

/// The partner's tenant with a user and an application that may read every customer.
async fn enter_principals(control: &Control, sources: &DemoSources) -> anyhow::Result<()> {
    let tenant = TenantId(sources.partner_id);
    control.set_tenant(tenant, None, &["demo-partner.onmicrosoft.com".to_owned()]).await?;
    for (name, kind) in [(USER, PrincipalKind::User), (APPLICATION, PrincipalKind::Application)] {
        let principal = match control.find_principal(name).await {
            Ok(principal) => principal,
            Err(_) => {
                let new = NewPrincipal { kind, tenant, name: name.to_owned(), client_id: None };
                control.add_principal(&new).await?
            }
        };
        control.add_grant(principal.id, &GrantScope::AllCustomers).await?;
    }
    Ok(())
}

const USER: &str = "demo-user";
const APPLICATION: &str = "demo-application";

async fn demo_json(base: &str, made: &Made, identity: &Identity, control: &Control) -> anyhow::Result<Value> {
    let user = token(identity, &control.find_principal(USER).await?).await?;
    let application = token(identity, &control.find_principal(APPLICATION).await?).await?;
    Ok(json!({
        "base_url": base,
        "enterprise": { "enrollment": made.enrollment, "api_key": made.api_key },
        "partner": {
            "customer_tenant_id": made.customer_tenant_id,
            "azure_plan_customer_tenant_id": made.azure_plan_customer_tenant_id,
            "user_token": user,
            "app_token": application,
        },
    }))
}

async fn token(identity: &Identity, principal: &Principal) -> anyhow::Result<String> {
    let issued = match principal.kind {
        PrincipalKind::User => identity.user_token(principal.id, Audience::PartnerCenter, TOKEN_LIFE).await?,
        PrincipalKind::Application => identity.app_token(principal.id, Audience::PartnerCenter, TOKEN_LIFE).await?,
    };
    Ok(issued.token)
}

/// Writes the credentials so that only their owner can read them, whole or not at all.
fn write_private(file: &Path, demo: &Value) -> anyhow::Result<()> {
    use std::io::Write as _;
    use std::os::unix::fs::OpenOptionsExt as _;
    let fresh = file.with_extension("json.new");
    let write = || -> std::io::Result<()> {
        let mut out = std::fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&fresh)?;
        writeln!(out, "{demo:#}")?;
        out.sync_all()?;
        std::fs::rename(&fresh, file)
    };
    write().with_context(|| format!("cannot write {}", file.display()))
}

fn print_calls(
    folder: &DataFolder,
    base: &str,
    made: &Made,
    demo: &Value,
    file: &Path,
    start: Instant,
) -> anyhow::Result<()> {
    let token = demo.pointer("/partner/user_token").and_then(Value::as_str).unwrap_or_default();
    let month = folder.clock.today().to_string();
    let calls = [
        (
            "EA usage details, the current billing period",
            made.api_key.as_str(),
            format!("/v3/enrollments/{}/usagedetails", made.enrollment),
        ),
        (
            "Partner Center usage analytics, this year by customer and meter category",
            token,
            format!(
                "/partner/v1/analytics/azureusage?groupby=customerName,meterCategory&orderby=Quantity%20desc&startDate={}-01-01",
                month.get(..4).unwrap_or_default()
            ),
        ),
        (
            "Partner Center usage summary of a customer with an Azure plan",
            token,
            format!("/v1/customers/{}/usagesummary", made.azure_plan_customer_tenant_id),
        ),
    ];
    output::line(&format!(
        "ready after {:.1} s; credentials are in {}",
        start.elapsed().as_secs_f64(),
        file.display()
    ))?;
    for (what, credential, path) in calls {
        output::line(&format!("\n# {what}\ncurl -H 'Authorization: Bearer {credential}' '{base}{path}'"))?;
    }
    output::line(&format!("\nlistening on {base}"))
}
