//! The files of finished exports: signed links, read without a token, as from Azure Blob storage.

use std::fs::File;
use std::io::{self, Read, SeekFrom};
use std::ops::Range;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use chrono::{DateTime, SecondsFormat, Utc};
use futures::{Stream, stream};
use http::header::{
    ACCEPT_RANGES, CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, ETAG, HeaderMap, IF_RANGE,
    LAST_MODIFIED,
};
use http::{HeaderValue, Method, StatusCode};
use meterlake_control::ExportJob;
use meterlake_reports::{Buffers, EaOutline};
use serde::{Deserialize, Serialize};
use tokio::io::AsyncSeekExt;
use uuid::Uuid;

use super::conditions::{self, Condition};
use super::outlined;
use super::range::ByteRange;
use super::storage_errors::StorageRefusal;
use crate::headers;
use crate::parameters::Parameters;
use crate::refusal::Refusal;
use crate::routing::Incoming;
use crate::state::ServerState;

/// Account, container and id: the three parts that storage libraries expect on a host that is an address.
pub(crate) const PATH: &str = "/meterlake/exports/{id}";
/// The parameters of a link, named as in a shared access signature.
pub(crate) const PARAMETERS: &[&str] = &["sv", "sr", "sp", "se", "sig"];
/// Bytes of the file that are handed on at a time.
const PIECE: usize = 512 << 10;
const FIXED: [(&str, &str); 3] = [("sv", "2019-12-12"), ("sr", "b"), ("sp", "r")];

/// What a link's signature seals.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Sealed {
    /// The job.
    #[serde(rename = "b")]
    blob: Uuid,
    /// Unix second of expiry.
    #[serde(rename = "e")]
    expires: i64,
}

fn instant(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
}

/// The link to a job's file, good until `expires`.
pub(crate) fn link(state: &ServerState, base_url: &str, id: Uuid, expires: DateTime<Utc>) -> String {
    let payload = serde_json::to_vec(&Sealed { blob: id, expires: expires.timestamp() }).unwrap_or_default();
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    query
        .extend_pairs(FIXED)
        .append_pair("se", &instant(expires))
        .append_pair("sig", &state.export_links().seal(&payload));
    format!("{base_url}{}?{}", PATH.replace("{id}", &id.to_string()), query.finish())
}

/// Serves a link. Any `Authorization` header is left unread.
pub(crate) async fn read(
    State(state): State<ServerState>,
    Path(id): Path<String>,
    parts: Parts,
) -> Result<Response, StorageRefusal> {
    let incoming = Incoming::of(&parts).map_err(|_| StorageRefusal::NotFound)?;
    let id = authorised(&state, &id, &incoming.parameters)?;
    incoming.method_allowed().map_err(|_| StorageRefusal::Method)?;
    let job = state.control().export_job(id).await.map_err(internal)?.ok_or(StorageRefusal::NotFound)?;
    let contents = Contents::of(&state, &job).await?;
    serve(&state, &job, contents, &parts).await
}

/// What a job's link leads to.
enum Contents {
    /// A file of so many bytes.
    Written(tokio::fs::File, u64),
    /// Where the bytes lie, and how many they are.
    Outlined(EaOutline, u64),
}

impl Contents {
    async fn of(state: &ServerState, job: &ExportJob) -> Result<Self, StorageRefusal> {
        let missing = |error: io::Error| match error.kind() {
            io::ErrorKind::NotFound => StorageRefusal::NotFound,
            _ => internal(error),
        };
        let name = job.file.as_deref().ok_or(StorageRefusal::NotFound)?;
        if outlined::is_outline(name) {
            let outline = outlined::open(state, name).await.map_err(missing)?;
            let length = outlined::size(job, &outline);
            return Ok(Self::Outlined(outline, length));
        }
        let file = tokio::fs::File::open(state.config().exports_dir.join(name)).await.map_err(missing)?;
        let length = file.metadata().await.map_err(internal)?.len();
        Ok(Self::Written(file, length))
    }

    fn length(&self) -> u64 {
        match self {
            Self::Written(_, length) | Self::Outlined(_, length) => *length,
        }
    }

    /// These bytes.
    async fn read(self, state: &ServerState, job: &ExportJob, wanted: Range<u64>) -> Result<Body, StorageRefusal> {
        match self {
            Self::Written(mut file, _) => {
                file.seek(SeekFrom::Start(wanted.start)).await.map_err(internal)?;
                Ok(Body::from_stream(contents(file.into_std().await, wanted.end - wanted.start)))
            }
            Self::Outlined(outline, _) => match outlined::contents(state, job, &outline, wanted).await {
                Ok(bytes) => Ok(Body::from_stream(bytes)),
                Err(Refusal::Overloaded { retry_after }) => Err(StorageRefusal::Busy { retry_after }),
                Err(refusal) => Err(internal(refusal)),
            },
        }
    }
}

/// Whether the link is ours, unaltered and in time.
fn authorised(state: &ServerState, id: &str, parameters: &Parameters) -> Result<Uuid, StorageRefusal> {
    let parameters = parameters.well_formed().map_err(|_| StorageRefusal::BadSignature)?;
    let payload =
        parameters.get("sig").and_then(|sig| state.export_links().open(sig)).ok_or(StorageRefusal::BadSignature)?;
    let sealed: Sealed = serde_json::from_slice(&payload).map_err(|_| StorageRefusal::BadSignature)?;
    let expires = DateTime::from_timestamp(sealed.expires, 0).ok_or(StorageRefusal::BadSignature)?;
    let unaltered = id.eq_ignore_ascii_case(&sealed.blob.to_string())
        && parameters.get("se") == Some(&instant(expires))
        && FIXED.iter().all(|(name, value)| parameters.get(name) == Some(value));
    let now = state.clock().now();
    match (unaltered, now < expires) {
        (false, _) => Err(StorageRefusal::BadSignature),
        (true, false) => Err(StorageRefusal::Expired { at: expires, now }),
        (true, true) => Ok(sealed.blob),
    }
}

async fn serve(
    state: &ServerState,
    job: &ExportJob,
    contents: Contents,
    parts: &Parts,
) -> Result<Response, StorageRefusal> {
    let (request, length) = (&parts.headers, contents.length());
    let tag = job.etag.clone().unwrap_or_else(|| format!("\"{}\"", job.id));
    let mut answer = about(job, &tag);
    match conditions::of(request, &tag, modified(job)) {
        Condition::Met => {}
        Condition::NotModified => return Ok((StatusCode::NOT_MODIFIED, answer).into_response()),
        Condition::Failed => return Err(StorageRefusal::ConditionNotMet),
    }
    // A client that holds a part of another state of the file is given the whole of this one.
    let same = |value: &HeaderValue| Some(value) == answer.get(ETAG) || Some(value) == answer.get(LAST_MODIFIED);
    let range = match request.get(IF_RANGE) {
        Some(state) if !same(state) => ByteRange::Whole,
        _ => ByteRange::of(request, length),
    };
    let (status, first, count) = match range {
        ByteRange::Unsatisfiable => return Err(StorageRefusal::InvalidRange { length }),
        ByteRange::Whole => (StatusCode::OK, 0, length),
        ByteRange::Part { first, last } => {
            let range = format!("bytes {first}-{last}/{length}");
            answer.insert(CONTENT_RANGE, HeaderValue::from_str(&range).map_err(internal)?);
            (StatusCode::PARTIAL_CONTENT, first, last - first + 1)
        }
    };
    answer.insert(CONTENT_LENGTH, HeaderValue::from(count));
    // Rows are not made for those who ask only how many bytes they are.
    let body = match parts.method {
        Method::HEAD => Body::empty(),
        _ => contents.read(state, job, first..first + count).await?,
    };
    Ok((status, answer, body).into_response())
}

/// The next `count` bytes of the file. One piece is read while the one before goes out.
fn contents(file: File, count: u64) -> impl Stream<Item = io::Result<Bytes>> + Send {
    let buffers = Buffers::default();
    let read = move |file, left| {
        let buffers = buffers.clone();
        tokio::task::spawn_blocking(move || piece(file, left, &buffers))
    };
    let ahead = Some(read(file, count));
    stream::try_unfold((ahead, read), |(ahead, read)| async move {
        let Some(ahead) = ahead else { return Ok(None) };
        let (bytes, file, left) = ahead.await.map_err(io::Error::other)??;
        let next = (left > 0).then(|| read(file, left));
        Ok((!bytes.is_empty()).then_some((bytes, (next, read))))
    })
}

/// Some of the next `count` bytes, and how many are left then.
fn piece(mut file: File, count: u64, buffers: &Buffers) -> io::Result<(Bytes, File, u64)> {
    let length = usize::try_from(count).unwrap_or(usize::MAX).min(PIECE);
    let mut bytes = buffers.take();
    bytes.resize(length, 0);
    file.read_exact(&mut bytes)?;
    Ok((buffers.bytes(bytes, length), file, count - length as u64))
}

/// When the file was written.
fn modified(job: &ExportJob) -> DateTime<Utc> {
    job.finished_at.unwrap_or(job.requested_on)
}

/// The headers that tell of a file.
fn about(job: &ExportJob, tag: &str) -> HeaderMap {
    let mut about = HeaderMap::new();
    let modified = conditions::http_date(modified(job));
    let disposition = format!("attachment; filename=\"{}.csv\"", job.id);
    for (name, value) in [(ETAG, tag), (LAST_MODIFIED, &modified), (CONTENT_DISPOSITION, &disposition)] {
        if let Ok(value) = HeaderValue::from_str(value) {
            about.insert(name, value);
        }
    }
    about.insert(CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
    about.insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    about.insert("x-ms-blob-type", HeaderValue::from_static("BlockBlob"));
    about.insert("x-ms-version", HeaderValue::from_static("2019-12-12"));
    about.insert(headers::REQUEST_ID, headers::made());
    about
}

fn internal(cause: impl std::fmt::Display) -> StorageRefusal {
    tracing::error!(%cause, "an export file could not be served");
    StorageRefusal::Internal
}
