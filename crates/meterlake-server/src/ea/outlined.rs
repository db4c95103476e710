//! Exports whose file is not written down, but only where its bytes lie.
//!
//! Where the rows of an export come straight from the files of a snapshot, a small file says of which snapshot and how many
//! bytes each part of them is. The bytes are made when they are fetched, the same ones each time: data files never
//! change, and stay longer than an export lives. Another program may write rows in another way, so after a change
//! of the program an export is made again.

use std::io::{self, Write};
use std::ops::Range;
use std::path::Path;

use bytes::Bytes;
use futures::stream::{self, BoxStream};
use futures::{StreamExt, TryStreamExt};
use meterlake_control::{ControlError, ExportJob};
use meterlake_reports::{EaOutline, EaRequest};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::csv_file;
use super::export_job::{layout_of, version_of};
use super::unsynced;
use super::wire::Version;
use crate::refusal::Refusal;
use crate::state::ServerState;

/// How the name of such a file ends.
const ENDING: &str = ".outline";
/// Raised when the bytes that are made of the same rows change.
const BYTES_OF: &str = concat!(env!("CARGO_PKG_VERSION"), "-1");

/// What is stored.
#[derive(Debug, Serialize, Deserialize)]
struct Stored {
    /// What makes the bytes.
    bytes_of: String,
    outline: EaOutline,
}

/// Names of outlines.
pub(super) fn file_name(id: Uuid) -> String {
    format!("{id}{ENDING}")
}

/// The job whose outline has this name.
pub(super) fn job_of(name: &str) -> Option<Uuid> {
    name.strip_suffix(ENDING).and_then(|id| Uuid::try_parse(id).ok())
}

/// Whether the file of a job is such a one.
pub(super) fn is_outline(name: &str) -> bool {
    name.ends_with(ENDING)
}

/// A name for the fields, which those of JSON pages do not have.
const fn fields_of(version: Version) -> &'static str {
    match version {
        Version::V1 => "csv of v1",
        Version::V2 => "csv of v2",
        Version::V3 => "csv of v3",
    }
}

/// The outline of a job; none where its rows must be written down.
pub(super) async fn draw(
    state: &ServerState,
    request: &EaRequest,
    version: Version,
) -> Result<Option<EaOutline>, Refusal> {
    Ok(state.reports().ea_outline(request, csv_file::rows(version), fields_of(version)).await?)
}

/// How many bytes the file of a job has.
pub(super) fn size(job: &ExportJob, outline: &EaOutline) -> u64 {
    let start = csv_file::start(&csv_file::rows(version_of(job)), layout_of(job));
    start.len() as u64 + outline.bytes()
}

/// Stores the outline of a job durably. Blocks.
pub(super) fn store(folder: &Path, id: Uuid, part: &Path, outline: EaOutline) -> io::Result<()> {
    let stored = Stored { bytes_of: BYTES_OF.to_owned(), outline };
    let mut file = std::fs::File::create(part)?;
    file.write_all(&serde_json::to_vec(&stored)?)?;
    unsynced::settle(folder, false, part, &file_name(id), &file)
}

/// Reads an outline; none when it is of another program. Blocks.
fn stored(path: &Path) -> io::Result<Option<EaOutline>> {
    let stored: Stored = serde_json::from_slice(&std::fs::read(path)?)?;
    Ok((stored.bytes_of == BYTES_OF).then_some(stored.outline))
}

/// The outline in this file of the folder of exports.
pub(super) async fn open(state: &ServerState, name: &str) -> io::Result<EaOutline> {
    let path = state.config().exports_dir.join(name);
    let read = tokio::task::spawn_blocking(move || stored(&path)).await.map_err(io::Error::other)??;
    read.ok_or_else(|| io::Error::other("the outline of an export is of another program"))
}

/// These bytes of a job's file, the first of which are made before this returns.
pub(super) async fn contents(
    state: &ServerState,
    job: &ExportJob,
    outline: &EaOutline,
    wanted: Range<u64>,
) -> Result<BoxStream<'static, io::Result<Bytes>>, Refusal> {
    let version = version_of(job);
    let rows = csv_file::rows(version);
    let start = Bytes::from(csv_file::start(&rows, layout_of(job)));
    let before = start.len() as u64;
    let place = |at: u64| usize::try_from(at.min(before)).unwrap_or(start.len());
    let start = start.slice(place(wanted.start)..place(wanted.end));
    let of_rows = wanted.start.saturating_sub(before)..wanted.end.saturating_sub(before);
    let mut bytes = state.reports().ea_outlined(outline, rows, fields_of(version), of_rows).await?;
    let first = bytes.next().await.transpose()?;
    let begun = [Some(start), first].into_iter().flatten().filter(|bytes| !bytes.is_empty()).map(Ok);
    Ok(stream::iter(begun).chain(bytes.map_err(|error| io::Error::other(error.to_string()))).boxed())
}

/// Queues the exports again whose outlines cannot be used, before anything is served.
///
/// # Errors
/// When the control state fails.
pub(crate) async fn recover(state: &ServerState) -> Result<(), ControlError> {
    let Ok(entries) = std::fs::read_dir(&state.config().exports_dir) else { return Ok(()) };
    for entry in entries.filter_map(Result::ok) {
        let name = entry.file_name();
        let Some(id) = name.to_str().and_then(job_of) else { continue };
        match stored(&entry.path()) {
            Ok(Some(_)) => continue,
            Ok(None) => tracing::info!(job = %id, "an export is made again, because the program has changed"),
            Err(error) => tracing::warn!(job = %id, %error, "an export is made again, because it cannot be read"),
        }
        state.control().redo_export_job(id).await?;
        let _ = std::fs::remove_file(entry.path());
    }
    Ok(())
}
