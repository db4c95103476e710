//! What each command does, one module a resource.

mod check;
mod customers;
mod datasets;
mod demo;
mod enrolments;
mod estimates;
mod imports;
pub(crate) mod maintain;
mod people;
mod principals;
mod reports;
mod security;
mod serve;
mod tokens;

use std::path::Path;

use crate::cli::{Cli, Command};
use crate::data_folder::DataFolder;
use crate::{config, output};

/// Runs the command.
pub(crate) async fn run(cli: Cli) -> anyhow::Result<()> {
    if matches!(cli.command, Command::Config) {
        return output::line(config::DEFAULTS.trim_end());
    }
    if let Command::Openapi { base_url } = &cli.command {
        let document = meterlake_server::openapi_document(base_url.trim_end_matches('/'));
        return output::line(&serde_json::to_string_pretty(&document)?);
    }
    let usual = if matches!(cli.command, Command::Demo(_)) { "meterlake-demo" } else { "meterlake-data" };
    let dir = cli.data.as_deref().unwrap_or(Path::new(usual));
    let open = if cli.only_looks() { DataFolder::open_existing } else { DataFolder::open };
    let open = || open(dir, cli.config.as_deref());
    let command = match cli.command {
        Command::Report(options) => return reports::run(open, *options).await,
        command => command,
    };
    let folder = open()?;
    match command {
        Command::Import(command) => imports::import(&folder, command).await,
        Command::Imports(command) => imports::list_or_show(&folder, command).await,
        Command::Estimate(options) => estimates::run(&folder, options).await,
        Command::Serve(options) => serve::run(&folder, options).await,
        Command::Demo(options) => demo::run(&folder, options).await,
        Command::Customer(command) => customers::run(&folder, command).await,
        Command::Enrolment(command) => enrolments::run(&folder, command).await,
        Command::Key(command) => enrolments::run_key(&folder, command).await,
        Command::Tenant(command) => principals::run_tenant(&folder, command).await,
        Command::Principal(command) => principals::run(&folder, command).await,
        Command::User(command) => people::run(&folder, command).await,
        Command::Consent(command) => people::run_consent(&folder, command).await,
        Command::Secret(command) => principals::run_secret(&folder, command).await,
        Command::Grant(command) => principals::run_grant(&folder, command).await,
        Command::Token(command) => tokens::run(&folder, command).await,
        Command::SigningKey(command) => security::run_signing_key(&folder, command).await,
        Command::Audit(options) => security::run_audit(&folder, options).await,
        Command::Check(options) => check::run(&folder, options).await,
        Command::Maintain(options) => maintain::run(&folder, options).await,
        Command::Report(_) | Command::Config | Command::Openapi { .. } => Ok(()),
    }
}
