//! `meterlake import charges …` and `meterlake imports …`

use std::sync::Arc;

use anyhow::Context as _;
use chrono::{DateTime, Utc};
use meterlake_import::{
    AllowRejects, ImportRequest, ImportState, Options, ScopeOption, dataset_record_text, import_charges, record_text,
    recovery_text, summary_json, summary_text,
};
use meterlake_model::ImportId;

use super::datasets;
use crate::cli::{Import, ImportCharges, Imports, ImportsCommand};
use crate::data_folder::DataFolder;
use crate::journal::{Journal, Record};
use crate::output;
use crate::progress::Bar;

pub(crate) async fn import(folder: &DataFolder, command: Import) -> anyhow::Result<()> {
    let arguments = match command {
        Import::Charges(arguments) => arguments,
        Import::B2cEvents(arguments) => return datasets::b2c_events(folder, arguments).await,
        Import::Users(arguments) => return datasets::users(folder, arguments).await,
        Import::Licences(arguments) => return datasets::licences(folder, arguments).await,
    };
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
        allow_rejects: arguments.allow_rejects.map(allowed),
    })
}

/// How many rejects an import may have; without a number, any.
pub(super) fn allowed(limit: u64) -> AllowRejects {
    match limit {
        u64::MAX => AllowRejects::All,
        limit => AllowRejects::AtMost(limit),
    }
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
    if json {
        return output::json(&record);
    }
    let text = match &record {
        Record::Charges(record) => record_text(record),
        Record::Dataset(record) => dataset_record_text(record),
    };
    output::line(text.trim_end())
}

async fn list(journal: &Journal, json: bool) -> anyhow::Result<()> {
    let records = journal.all().await?;
    if json {
        return output::json(&records);
    }
    let rows = records.into_iter().map(|record| match record {
        Record::Charges(r) => {
            let files = files(r.files.first().map(|f| f.name.as_str()), r.files.len());
            row(r.id, r.started_at, r.state, r.kind.as_str(), r.basis.as_str(), r.counts.taken, files)
        }
        Record::Dataset(r) => {
            let files = files(r.files.first().map(|f| f.name.as_str()), r.files.len());
            row(r.id, r.started_at, r.state, r.dataset.as_str(), "", r.counts.taken, files)
        }
    });
    let header = ["id", "started (UTC)", "state", "kind", "basis", "rows", "files"];
    output::table(header, rows.collect(), "no imports yet")
}

/// A row of the list.
fn row(
    id: ImportId,
    started_at: DateTime<Utc>,
    state: ImportState,
    kind: &str,
    basis: &str,
    taken: u64,
    files: String,
) -> [String; 7] {
    let started = started_at.format("%Y-%m-%d %H:%M:%S").to_string();
    [id.to_string(), started, state.to_string(), kind.to_owned(), basis.to_owned(), taken.to_string(), files]
}

fn files(first: Option<&str>, count: usize) -> String {
    let first = first.unwrap_or_default();
    if count > 1 { format!("{first} and {} more", count - 1) } else { first.to_owned() }
}
