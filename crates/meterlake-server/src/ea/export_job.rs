//! Asynchronous exports: submitted, written in the background, polled, and taken up again after a restart.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use futures::StreamExt;
use meterlake_control::{ControlError, ExportJob, ExportOutcome, ExportStatus};
use meterlake_reports::{EaOutline, EaRequest, Selection};
use sha2::{Digest, Sha256};
use tokio::sync::mpsc;
use uuid::Uuid;

use super::caller::EaCall;
use super::selection::first_and_last;
use super::wire::{Layout, ReportRecord, Version, record_day};
use super::{blob, csv_file, leftovers, outlined, unsynced};
use crate::refusal::Refusal;
use crate::state::ServerState;

/// How long after `requestedOn` a file must be ready and can be fetched.
pub(crate) const LIFE: TimeDelta = TimeDelta::hours(1);
/// How long after `requestedOn` a job can be polled.
const REMEMBERED: TimeDelta = TimeDelta::days(7);
/// How often files whose time is over are looked for.
const HOUSEKEEPING: Duration = Duration::from_secs(60);
/// What a client may try again after when it has too many exports running.
const RETRY_AFTER: u64 = 10;
/// When a completed file is written out: those who wait for it fetch it at once, and need disk and processors then.
const SYNCED_AFTER: Duration = Duration::from_secs(2);
/// Pieces that may wait for the disk.
const PIECES_AHEAD: usize = 4;

/// Takes a job in and starts it.
pub(crate) async fn submit(
    state: &ServerState,
    call: &EaCall,
    selection: Selection,
    layout: Layout,
) -> Result<ReportRecord, Refusal> {
    let job = ExportJob {
        id: Uuid::new_v4(),
        owner: call.principal.clone(),
        enrolment: call.enrolment.clone(),
        api_version: number_of(call.version),
        layout: layout.as_str().to_owned(),
        selection: serde_json::to_value(selection).map_err(|error| Refusal::fault(&error))?,
        snapshot: state.reports().newest_snapshot().await?,
        requested_on: state.clock().now(),
        status: ExportStatus::Queued,
        finished_at: None,
        file: None,
        size: None,
        etag: None,
        error: None,
    };
    let limit = u32::try_from(state.config().running_exports).unwrap_or(u32::MAX);
    if !state.control().add_export_job(&job, limit).await? {
        return Err(Refusal::TooMany { what: "Running exports", retry_after: RETRY_AFTER });
    }
    let record = record(state, call, &job)?;
    start(state.clone(), job);
    Ok(record)
}

/// The record of a job of the caller's enrolment.
pub(crate) async fn poll(state: &ServerState, call: &EaCall, id: Uuid) -> Result<Option<ReportRecord>, Refusal> {
    let Some(mut job) = state.control().export_job(id).await?.filter(|job| job.enrolment == call.enrolment) else {
        return Ok(None);
    };
    if job.status.is_unfinished() && state.clock().now() >= job.requested_on + LIFE {
        state.control().finish_export_job(id, &ExportOutcome::TimedOut).await?;
        job.status = ExportStatus::TimedOut;
    }
    record(state, call, &job).map(Some)
}

fn record(state: &ServerState, call: &EaCall, job: &ExportJob) -> Result<ReportRecord, Refusal> {
    let days = first_and_last(selection_of(job)?);
    let base = &call.incoming.base_url;
    let enrolment = job.enrolment.as_str();
    Ok(ReportRecord {
        id: job.id.to_string(),
        enrollment_number: enrolment.to_owned(),
        requested_on: seven_digits(job.requested_on),
        status: job.status.code(),
        blob_path: match job.status {
            ExportStatus::Completed => blob::link(state, base, job.id, job.requested_on + LIFE),
            _ => String::new(),
        },
        report_url: format!("{base}/{}/enrollments/{enrolment}/usagedetails/poll/{}", call.version, job.id),
        start_date: record_day(days.first),
        end_date: record_day(days.last),
    })
}

/// UTC with seven fraction digits and `Z`.
fn seven_digits(at: DateTime<Utc>) -> String {
    let micros = at.to_rfc3339_opts(SecondsFormat::Micros, true);
    format!("{}0Z", micros.trim_end_matches('Z'))
}

fn number_of(version: Version) -> u8 {
    match version {
        Version::V1 => 1,
        Version::V2 => 2,
        Version::V3 => 3,
    }
}

pub(super) fn version_of(job: &ExportJob) -> Version {
    match job.api_version {
        1 => Version::V1,
        2 => Version::V2,
        _ => Version::V3,
    }
}

pub(super) fn layout_of(job: &ExportJob) -> Layout {
    job.layout.parse().unwrap_or(Layout::of(version_of(job)))
}

fn selection_of(job: &ExportJob) -> Result<Selection, Refusal> {
    serde_json::from_value(job.selection.clone()).map_err(|error| Refusal::fault(&error))
}

/// Writes the job's file in the background.
fn start(state: ServerState, job: ExportJob) {
    tokio::spawn(async move {
        let slots = state.export_slots();
        let Ok(_slot) = slots.acquire().await else { return };
        match run(&state, &job).await {
            Ok(status) => tracing::info!(job = %job.id, status, "export ended"),
            Err(error) => tracing::error!(job = %job.id, %error, "the end of an export could not be recorded"),
        }
    });
}

async fn run(state: &ServerState, job: &ExportJob) -> Result<&'static str, ControlError> {
    if !state.control().start_export_job(job.id).await? {
        return Ok("ended before");
    }
    let (status, outcome) = match write(state, job).await {
        Ok(Written::File { file, size, etag }) => ("completed", ExportOutcome::Completed { file, size, etag }),
        Ok(Written::Nothing) => ("no data", ExportOutcome::NoData),
        Ok(Written::Late) => ("timed out", ExportOutcome::TimedOut),
        Err(refusal) => ("failed", ExportOutcome::Failed { error: refusal.to_string() }),
    };
    state.control().finish_export_job(job.id, &outcome).await?;
    if let ExportOutcome::Completed { file, .. } = outcome
        && !outlined::is_outline(&file)
    {
        let (folder, id) = (state.config().exports_dir.clone(), job.id);
        tokio::spawn(async move {
            tokio::time::sleep(SYNCED_AFTER).await;
            drop(tokio::task::spawn_blocking(move || unsynced::sync(&folder, id, &file)));
        });
    }
    Ok(status)
}

/// What came of writing a file.
enum Written {
    File { file: String, size: u64, etag: String },
    Nothing,
    Late,
}

async fn write(state: &ServerState, job: &ExportJob) -> Result<Written, Refusal> {
    let folder = &state.config().exports_dir;
    tokio::fs::create_dir_all(folder).await.map_err(|error| Refusal::fault(&error))?;
    // Its own name, so that a writer of an earlier process that is still at work cannot disturb it.
    let part = folder.join(format!("{}.{}.part", job.id, Uuid::new_v4()));
    let written = write_to(state, job, &part).await;
    if !matches!(written, Ok(Written::File { .. })) {
        let _ = tokio::fs::remove_file(&part).await;
    }
    written
}

async fn write_to(state: &ServerState, job: &ExportJob, part: &Path) -> Result<Written, Refusal> {
    let request = request(state, job).await?;
    let outline = when_there_is_room(state, job, || outlined::draw(state, &request, version_of(job))).await?;
    match outline {
        Some(outline) => store_outline(state, job, part, outline).await,
        None => write_down(state, job, &request, part).await,
    }
}

/// Asks again for as long as the server is overloaded and the job has time.
async fn when_there_is_room<T, F: Future<Output = Result<T, Refusal>>>(
    state: &ServerState,
    job: &ExportJob,
    work: impl Fn() -> F,
) -> Result<T, Refusal> {
    loop {
        match work().await {
            Err(Refusal::Overloaded { retry_after }) if state.clock().now() < job.requested_on + LIFE => {
                tokio::time::sleep(Duration::from_secs(retry_after)).await;
            }
            done => return done,
        }
    }
}

async fn store_outline(
    state: &ServerState,
    job: &ExportJob,
    part: &Path,
    outline: EaOutline,
) -> Result<Written, Refusal> {
    if outline.rows() == 0 {
        return Ok(Written::Nothing);
    }
    if state.clock().now() >= job.requested_on + LIFE {
        return Ok(Written::Late);
    }
    let size = outlined::size(job, &outline);
    let (folder, part, id) = (state.config().exports_dir.clone(), part.to_path_buf(), job.id);
    let stored = tokio::task::spawn_blocking(move || outlined::store(&folder, id, &part, outline));
    stored.await.map_err(|error| Refusal::fault(&error))?.map_err(|error| Refusal::fault(&error))?;
    Ok(Written::File { file: outlined::file_name(job.id), size, etag: etag(job, size) })
}

/// A file is made once and never changes, so its job tells it from all others; what is downloaded is not hashed.
fn etag(job: &ExportJob, size: u64) -> String {
    let hash = Sha256::digest(format!("{} {size}", job.id));
    format!("\"0x{}\"", hex::encode_upper(&hash[..8]))
}

async fn write_down(
    state: &ServerState,
    job: &ExportJob,
    request: &EaRequest,
    part: &Path,
) -> Result<Written, Refusal> {
    let fault = |error: std::io::Error| Refusal::fault(&error);
    let late = job.requested_on + LIFE;
    let make = || csv_file::pieces(state, request, version_of(job), layout_of(job));
    let pieces = when_there_is_room(state, job, make).await?;
    let mut pieces = std::pin::pin!(pieces);
    let (bytes, written) = mpsc::channel(PIECES_AHEAD);
    let (folder, name, id) = (state.config().exports_dir.clone(), file_name(job.id), job.id);
    let disk = tokio::task::spawn_blocking({
        let (part, name) = (part.to_path_buf(), name.clone());
        move || keep(written, &folder, id, &part, &name)
    });
    let (mut rows, mut size) = (0, 0u64);
    while let Some(piece) = pieces.next().await.transpose()? {
        if state.clock().now() >= late {
            return Ok(Written::Late);
        }
        rows += piece.rows;
        size += piece.bytes.len() as u64;
        if bytes.send(Some(piece.bytes)).await.is_err() {
            break;
        }
    }
    if rows == 0 {
        return Ok(Written::Nothing);
    }
    // Without this last word the file counts as cut off.
    let _ = bytes.send(None).await;
    drop(bytes);
    disk.await.map_err(|error| Refusal::fault(&error))?.map_err(fault)?;
    Ok(Written::File { file: name, size, etag: etag(job, size) })
}

/// Writes what comes to `part`, and gives it its name when it is whole. Blocks.
fn keep(bytes: mpsc::Receiver<Option<Bytes>>, folder: &Path, id: Uuid, part: &Path, name: &str) -> io::Result<()> {
    let kept = keep_marked(bytes, folder, id, part, name);
    if !matches!(kept, Ok(true)) {
        unsynced::unmark(folder, id);
    }
    kept.map(drop)
}

/// Whether the file is whole.
fn keep_marked(
    mut bytes: mpsc::Receiver<Option<Bytes>>,
    folder: &Path,
    id: Uuid,
    part: &Path,
    name: &str,
) -> io::Result<bool> {
    let marked = unsynced::mark(folder, id)?;
    let mut file = File::create(part)?;
    while let Some(piece) = bytes.blocking_recv() {
        match piece {
            Some(piece) => file.write_all(&piece)?,
            None => return unsynced::settle(folder, marked, part, name, &file).map(|()| true),
        }
    }
    // The writer has given up; a file that it has removed may have come back.
    drop(file);
    std::fs::remove_file(part)?;
    Ok(false)
}

async fn request(state: &ServerState, job: &ExportJob) -> Result<EaRequest, Refusal> {
    let enrolment = state.control().enrolment(&job.enrolment).await?;
    Ok(EaRequest {
        accounts: enrolment.map(|enrolment| enrolment.billing_accounts).unwrap_or_default(),
        selection: selection_of(job)?,
        usage_only: state.config().ea.usage_only,
        snapshot: Some(job.snapshot),
    })
}

fn file_name(id: Uuid) -> String {
    format!("{id}.csv")
}

/// Looks after what an earlier process left, before anything is served.
///
/// # Errors
/// When the control state fails.
pub(crate) async fn recover(state: &ServerState) -> Result<(), ControlError> {
    unsynced::recover(state).await?;
    outlined::recover(state).await
}

/// Takes unfinished jobs up again, then removes files when their time is over, for as long as the server runs.
pub(crate) async fn keep_exports(state: ServerState) {
    match state.control().unfinished_export_jobs().await {
        Ok(jobs) => jobs.into_iter().for_each(|job| start(state.clone(), job)),
        Err(error) => tracing::error!(%error, "unfinished exports could not be read"),
    }
    loop {
        if let Err(error) = remove_expired(&state).await {
            tracing::error!(%error, "expired exports could not be removed");
        }
        if let Err(error) = leftovers::remove(&state).await {
            tracing::error!(%error, "files that no export has could not be removed");
        }
        tokio::time::sleep(HOUSEKEEPING).await;
    }
}

async fn remove_expired(state: &ServerState) -> Result<(), ControlError> {
    let now = state.clock().now();
    for job in state.control().export_jobs_before(now - LIFE).await? {
        if job.status.is_unfinished() {
            state.control().finish_export_job(job.id, &ExportOutcome::TimedOut).await?;
        }
        if let Some(file) = &job.file {
            match tokio::fs::remove_file(state.config().exports_dir.join(file)).await {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    tracing::warn!(%error, file, "an expired export could not be removed");
                    continue;
                }
                _ => state.control().forget_export_file(job.id).await?,
            }
        }
        if job.requested_on < now - REMEMBERED {
            state.control().remove_export_job(job.id).await?;
        }
    }
    Ok(())
}
