//! `meterlake report NAME …`

use anyhow::{Context as _, bail};
use meterlake_identity::Identity;
use meterlake_model::EnrolmentNumber;

use super::serve::state_with;
use crate::cli::Report;
use crate::data_folder::DataFolder;
use crate::report::{Client, ReportName, ReportOptions, print};

/// Asks a server, or the data folder itself; `open` opens the latter, which a server does not need.
pub(crate) async fn run(open: impl FnOnce() -> anyhow::Result<DataFolder>, command: Report) -> anyhow::Result<()> {
    let name = command.name;
    let options = ReportOptions {
        enrolment: command.enrolment,
        version: command.ea_version,
        tenant: command.tenant,
        customer: command.customer,
        period: command.period,
        from: command.from,
        to: command.to,
        application: command.application,
        filter: command.filter,
        group_by: command.group_by,
        aggregation: command.aggregation,
        order_by: command.order_by,
        top: command.top,
        skip: command.skip,
    };
    let path = options.path(name)?;
    let client = match command.server {
        Some(server) => {
            let (credential, other, what) = match name {
                ReportName::EaUsageDetails => (command.key, command.token, "--key, an API key of the enrolment"),
                _ => (command.token, command.key, "--token, an access token"),
            };
            if other.is_some() {
                bail!("{} takes {what}", name.as_str());
            }
            let credential = credential.with_context(|| format!("{} at a server needs {what}", name.as_str()))?;
            Client::of_server(&server, credential)?
        }
        None => {
            if command.key.is_some() || command.token.is_some() {
                bail!("--token and --key go with --server; the data folder itself is asked without");
            }
            let enrolment: Option<EnrolmentNumber> =
                options.enrolment.as_deref().map(|number| number.parse()).transpose()?;
            here(&open()?, enrolment).await?
        }
    };
    print(&client, name, &path, &options.row_fields(name), options.top, command.format).await
}

/// The routes over the data folder, asked by its operator.
async fn here(folder: &DataFolder, enrolment: Option<EnrolmentNumber>) -> anyhow::Result<Client> {
    let mut credential = String::new();
    let state = state_with(folder, |identity: Identity, config| {
        // The operator's own questions are not rationed.
        config.rate_limit_per_minute = 0;
        let (identity, made) = identity.with_local_operator(enrolment)?;
        credential = made;
        Ok(identity)
    })
    .await?;
    Ok(Client::of_state(state, credential))
}
