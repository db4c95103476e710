//! `meterlake import b2c-events|users|licences`

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use anyhow::Context as _;
use meterlake_control::{Control, TenantKind};
use meterlake_import::{
    B2cRequest, DatasetOutcome, ImportError, LicencesRequest, UsersRequest, dataset_summary_json, dataset_summary_text,
    import_b2c, import_licences, import_users,
};
use meterlake_model::TenantId;

use super::imports::allowed;
use crate::cli::{DatasetOptions, ImportB2cEvents, ImportLicences, ImportUsers};
use crate::data_folder::DataFolder;
use crate::journal::Journal;
use crate::output;
use crate::progress::Bar;

pub(super) async fn b2c_events(folder: &DataFolder, arguments: ImportB2cEvents) -> anyhow::Result<()> {
    let control = folder.control().await?;
    let request = B2cRequest {
        paths: arguments.files,
        tenant: tenant(&control, arguments.tenant.as_deref()).await?,
        domains: domains(&control).await?,
        external_id: external_id(&control).await?,
        applications: arguments.applications,
        days: arguments.days,
        salt: folder.user_salt(&control).await?,
        allow_rejects: arguments.common.allow_rejects.map(allowed),
    };
    let (lake, journal, bar) =
        (folder.lake().await?, Journal::new(control), Arc::new(Bar::new(arguments.common.quiet)));
    let clock = Arc::clone(&folder.clock);
    let outcome = import_b2c(&lake, &journal, clock, &folder.dir, request, Arc::clone(&bar) as _).await;
    end(outcome, &bar, &arguments.common)
}

pub(super) async fn users(folder: &DataFolder, arguments: ImportUsers) -> anyhow::Result<()> {
    let control = folder.control().await?;
    let request = UsersRequest {
        paths: arguments.files,
        tenant: tenant(&control, arguments.tenant.as_deref()).await?,
        domains: domains(&control).await?,
        day: arguments.day,
        allow_rejects: arguments.common.allow_rejects.map(allowed),
    };
    let (lake, journal, bar) =
        (folder.lake().await?, Journal::new(control), Arc::new(Bar::new(arguments.common.quiet)));
    let clock = Arc::clone(&folder.clock);
    let outcome = import_users(&lake, &journal, clock, &folder.dir, request, Arc::clone(&bar) as _).await;
    end(outcome, &bar, &arguments.common)
}

pub(super) async fn licences(folder: &DataFolder, arguments: ImportLicences) -> anyhow::Result<()> {
    let control = folder.control().await?;
    let request = LicencesRequest {
        paths: arguments.files,
        tenant: tenant(&control, arguments.tenant.as_deref()).await?,
        partner: arguments.partner,
        moment: arguments.moment,
        allow_rejects: arguments.common.allow_rejects.map(allowed),
    };
    let (lake, journal, bar) =
        (folder.lake().await?, Journal::new(control), Arc::new(Bar::new(arguments.common.quiet)));
    let clock = Arc::clone(&folder.clock);
    let outcome = import_licences(&lake, &journal, clock, &folder.dir, request, Arc::clone(&bar) as _).await;
    end(outcome, &bar, &arguments.common)
}

fn end(outcome: Result<DatasetOutcome, ImportError>, bar: &Bar, options: &DatasetOptions) -> anyhow::Result<()> {
    bar.clear();
    let outcome = outcome?;
    if options.json {
        output::json(&dataset_summary_json(&outcome))
    } else {
        output::line(dataset_summary_text(&outcome).trim_end())
    }
}

/// A tenant by its id, which need not be known yet, or by a domain that is.
async fn tenant(control: &Control, id_or_domain: Option<&str>) -> anyhow::Result<Option<TenantId>> {
    let Some(text) = id_or_domain else { return Ok(None) };
    if let Ok(id) = text.parse() {
        return Ok(Some(id));
    }
    let tenant = control.find_tenant(text).await?;
    let tenant = tenant.with_context(|| {
        format!("there is no tenant {text:?}; give its id, or add it with `meterlake tenant set ID --domain {text}`")
    })?;
    Ok(Some(tenant.id))
}

/// The known tenants by their domain names: records name their tenant by its domain.
pub(super) async fn domains(control: &Control) -> anyhow::Result<BTreeMap<String, TenantId>> {
    let tenants = control.tenants().await?;
    Ok(tenants.into_iter().flat_map(|t| t.domains.into_iter().map(move |d| (d.to_lowercase(), t.id))).collect())
}

/// The known tenants that are External ID tenants.
async fn external_id(control: &Control) -> anyhow::Result<BTreeSet<TenantId>> {
    let tenants = control.tenants().await?;
    Ok(tenants.into_iter().filter(|tenant| tenant.kind == TenantKind::ExternalId).map(|tenant| tenant.id).collect())
}
