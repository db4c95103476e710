//! `meterlake demo`: source files from the generator, imported as any user's, and served.

mod calls;
mod certificates;
mod fill;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context as _, bail};
use meterlake_control::{Control, KeySlot, Principal, PrincipalKind};
use meterlake_identity::{Audience, Identity};
use meterlake_model::{Clock as _, EnrolmentNumber, Offer, SystemClock};
use meterlake_reports::PriceList;
use meterlake_server::ServerTls;
use meterlake_testkit::DemoSources;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::principals::open_identity;
use super::serve::{base, configured_tls, listen, reload_on_hangup, state_with, stopped};
use crate::cli::Demo;
use crate::data_folder::DataFolder;
use crate::journal::Journal;
use certificates::certificates;
use fill::{APPLICATION, B2C_APPLICATION, USER, enter_customers, enter_principals, enter_sign_in, generate, import};

/// Life of the demo's tokens.
const TOKEN_LIFE: chrono::TimeDelta = chrono::TimeDelta::days(1);
/// Life of the secret of the demo's B2C application.
const SECRET_LIFE: chrono::TimeDelta = chrono::TimeDelta::days(365);
/// Prices of the demo's estimates where the settings name none.
const PRICES: &str = include_str!("../../../../../docs/prices/azure-ad-b2c.toml");

/// What later starts need of the first one; the rest of `demo.json` is made anew.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Made {
    enrollment: String,
    api_key: String,
    customer_tenant_id: String,
    azure_plan_customer_tenant_id: String,
    b2c: MadeB2c,
    c3: MadeC3,
    /// Absent in what demos of earlier versions wrote.
    sign_in: Option<MadeSignIn>,
}

/// A user with a password, and an application without a secret to sign in to.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct MadeSignIn {
    tenant: String,
    client_id: String,
    user: String,
    password: String,
}

/// The B2C tenant, by its domain, an application that may read its reports, and one that users signed in to.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct MadeB2c {
    tenant: String,
    client_id: String,
    client_secret: String,
    application_id: String,
}

/// A customer with licences.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct MadeC3 {
    customer_id: String,
    tenant_id: String,
}

pub(crate) async fn run(folder: &DataFolder, options: Demo) -> anyhow::Result<()> {
    let start = Instant::now();
    let listener = listen(folder, options.listen.as_deref()).await?;
    let file = folder.dir.join("demo.json");
    let control = folder.control().await?;
    let identity = open_identity(folder, &control).await?;
    let mut made = match made_before(&file)? {
        Some(made) => made,
        None => {
            refuse_a_real_folder(folder, &control).await?;
            make(folder, &control, &identity).await?
        }
    };
    if made.sign_in.is_none() {
        made.sign_in = Some(enter_sign_in(&control, &identity).await?);
    }
    let (tls, authority) = tls(folder, &listener, options.tls).await?;
    let base = base(&listener, tls.is_some())?;
    let mut demo = demo_json(&base, &made, &identity, &control).await?;
    if let Some(authority) = &authority {
        demo["ca_file"] = json!(authority);
    }
    write_private(&file, &format!("{demo:#}\n"))?;
    let prices = PriceList::from_toml(PRICES).context("the demo's price file")?;
    let state = state_with(folder, |identity, config| {
        config.prices.get_or_insert(prices);
        Ok(identity)
    })
    .await?;
    let place = calls::Place { base: &base, authority: authority.as_deref() };
    calls::print(folder.clock.today(), &place, &made, &demo, (&file, start))?;
    meterlake_server::serve(listener, state, tls, stopped()).await?;
    Ok(())
}

/// The certificate to serve with: the demo's own with the authority that signed it, or what the settings name.
async fn tls(
    folder: &DataFolder,
    listener: &TcpListener,
    own: bool,
) -> anyhow::Result<(Option<ServerTls>, Option<PathBuf>)> {
    if !own {
        let tls = configured_tls(folder, None, None).await?;
        if let Some(tls) = &tls {
            reload_on_hangup(tls.clone())?;
        }
        return Ok((tls, None));
    }
    // By the machine's clock: clients judge certificates by their own, whatever day is rehearsed here.
    let made = certificates(&folder.dir.join("demo-tls"), listener.local_addr()?.ip(), SystemClock.now())?;
    let tls = ServerTls::load(made.files, Arc::new(SystemClock)).await?;
    Ok((Some(tls), Some(made.authority)))
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
            b2c: MadeB2c {
                tenant: text("/b2c/tenant")?,
                client_id: text("/b2c/client_id")?,
                client_secret: text("/b2c/client_secret")?,
                application_id: text("/b2c/application_id")?,
            },
            c3: MadeC3 { customer_id: text("/c3/customer_id")?, tenant_id: text("/c3/tenant_id")? },
            sign_in: json.get("sign_in").and_then(|made| serde_json::from_value(made.clone()).ok()),
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
    let files = Journal::new(control.clone()).all_files().await?;
    if let Some(foreign) = files.iter().find(|path| !Path::new(path).starts_with(&own)) {
        bail!(
            "{} holds imports that are not the demo's ({foreign}); give the demo a folder of its own with --data",
            folder.dir.display(),
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
        b2c: make_b2c(control, identity, &sources).await?,
        c3: make_c3(&sources)?,
        sign_in: None,
    })
}

async fn make_b2c(control: &Control, identity: &Identity, sources: &DemoSources) -> anyhow::Result<MadeB2c> {
    let application = control.find_principal(B2C_APPLICATION).await?;
    Ok(MadeB2c {
        tenant: sources.b2c.domain.clone(),
        client_id: application.client_id.map(|id| id.to_string()).unwrap_or_default(),
        client_secret: identity.create_secret(application.id, SECRET_LIFE).await?.text,
        application_id: sources.b2c.applications.first().map(|a| a.id.to_string()).unwrap_or_default(),
    })
}

fn make_c3(sources: &DemoSources) -> anyhow::Result<MadeC3> {
    let tenant = sources.licences.first().context("the demo has no licences")?.tenant_id;
    let customer = sources.customers.iter().find(|c| c.tenant_id == tenant);
    let customer = customer.with_context(|| format!("the demo has no customer {tenant}"))?;
    Ok(MadeC3 { customer_id: customer.c3_id.to_string(), tenant_id: tenant.to_string() })
}

async fn demo_json(base: &str, made: &Made, identity: &Identity, control: &Control) -> anyhow::Result<Value> {
    let user = token(identity, &control.find_principal(USER).await?).await?;
    let application = control.find_principal(APPLICATION).await?;
    let c3 = identity.app_token(application.id, Audience::Meterlake, TOKEN_LIFE).await?.token;
    let application = token(identity, &application).await?;
    Ok(json!({
        "base_url": base,
        "enterprise": { "enrollment": made.enrollment, "api_key": made.api_key },
        "partner": {
            "customer_tenant_id": made.customer_tenant_id,
            "azure_plan_customer_tenant_id": made.azure_plan_customer_tenant_id,
            "user_token": user,
            "app_token": application,
        },
        "sign_in": made.sign_in,
        "b2c": made.b2c,
        "c3": { "customer_id": made.c3.customer_id, "tenant_id": made.c3.tenant_id, "token": c3 },
    }))
}

async fn token(identity: &Identity, principal: &Principal) -> anyhow::Result<String> {
    let issued = match principal.kind {
        PrincipalKind::User => identity.user_token(principal.id, Audience::PartnerCenter, TOKEN_LIFE).await?,
        PrincipalKind::Application => identity.app_token(principal.id, Audience::PartnerCenter, TOKEN_LIFE).await?,
    };
    Ok(issued.token)
}

/// Writes a file so that only its owner can read it, whole or not at all.
fn write_private(file: &Path, text: &str) -> anyhow::Result<()> {
    use std::io::Write as _;
    use std::os::unix::fs::OpenOptionsExt as _;
    let mut fresh = file.as_os_str().to_owned();
    fresh.push(".new");
    let write = || -> std::io::Result<()> {
        let mut out = std::fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&fresh)?;
        out.write_all(text.as_bytes())?;
        out.sync_all()?;
        std::fs::rename(&fresh, file)
    };
    write().with_context(|| format!("cannot write {}", file.display()))
}
