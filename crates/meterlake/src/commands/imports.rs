//! `meterlake import charges …` and `meterlake imports …`

use std::sync::Arc;

use anyhow::Context as _;
use meterlake_import::{
    AllowRejects, ImportRequest, Options, ScopeOption, import_charges, record_text, recovery_text, summary_json,
    summary_text,
};
use meterlake_model::ImportId;

use crate::cli::{Import, ImportCharges, Imports, ImportsCommand};
use crate::data_folder::DataFolder;
use crate::journal::Journal;
use crate::output;
use crate::progress::Bar;

pub(crate) async fn import(folder: &DataFolder, command: Import) -> anyhow::Result<()> {
    let Import::Charges(arguments) = command;
    let (json, quiet) = (arguments.json, arguments.quiet);
    let request = request(arguments)?;
    let lake = folder.lake().await?;
    let journal = Journal::new(folder.control().await?);
    let bar = Arc::new(Bar::new(quiet));
    let clock = Arc::clone(&folder.clock);
    let outcome = import_charges(&lake, &journal, clock, &folder.dir, request, Arc::clone(&bar) as _).await;
    bar.clear();
    let outcome = outcome?;
    if json { output::json(&summary_json(&outcome)) } else { output::line(summary_text(&outcome).trim_end()) }
}

fn request(arguments: ImportCharges) -> anyhow::Result<ImportRequest> {
    Ok(ImportRequest {
        paths: arguments.files,
        options: Options {
            basis: arguments.basis,
            billing_account: arguments.billing_account,
            period: arguments.period,
            currency: arguments.currency,
            customer: arguments.customer,
            subscription: arguments.subscription,
            invoice_state: arguments.invoice_state,
            date_format: arguments.date_format,
            number_format: arguments.number_format,
        },
        scope: ScopeOption::parse(&arguments.scope)?,
        replace: arguments.replace,
        force: arguments.force,
        allow_rejects: arguments.allow_rejects.map(|limit| match limit {
            u64::MAX => AllowRejects::All,
            limit => AllowRejects::AtMost(limit),
        }),
    })
}

pub(crate) async fn list_or_show(folder: &DataFolder, command: Imports) -> anyhow::Result<()> {
    let journal = Journal::new(folder.control().await?);
    let settled = folder.recover(&folder.lake().await?, &journal).await?;
    let settled = recovery_text(&settled);
    if !settled.is_empty() {
        eprintln!("{}", settled.trim_end());
    }
    match command.command {
        Some(ImportsCommand::Show { id, json }) => show(&journal, id, json).await,
        None => list(&journal, command.json).await,
    }
}

async fn show(journal: &Journal, id: ImportId, json: bool) -> anyhow::Result<()> {
    let record = journal.record(id).await?.with_context(|| format!("there is no import {id}"))?;
    if json { output::json(&record) } else { output::line(record_text(&record).trim_end()) }
}

async fn list(journal: &Journal, json: bool) -> anyhow::Result<()> {
    let records = journal.all().await?;
    if json {
        return output::json(&records);
    }
    let rows = records
        .into_iter()
        .map(|r| {
            let first = r.files.first().map(|f| f.name.clone()).unwrap_or_default();
            let more = r.files.len().saturating_sub(1);
            [
                r.id.to_string(),
                r.started_at.format("%Y-%m-%d %H:%M:%S").to_string(),
                r.state.to_string(),
                r.kind.to_string(),
                r.basis.to_string(),
                r.counts.taken.to_string(),
                if more > 0 { format!("{first} and {more} more") } else { first },
            ]
        })
        .collect();
    output::table(["id", "started (UTC)", "state", "kind", "basis", "rows", "files"], rows, "no imports yet")
}
