//! CSV: the synchronous download, and the bytes of both kinds of file.

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures::{Stream, StreamExt, TryStreamExt, stream};
use http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use meterlake_reports::{CsvRows, EaRequest, Selection};

use super::caller::EaCall;
use super::pages;
use super::wire::{self, Layout, Version};
use crate::answer;
use crate::refusal::Refusal;
use crate::state::ServerState;

/// A piece of a CSV file: some rows, or the header.
pub(crate) struct Piece {
    /// The bytes.
    pub(crate) bytes: Bytes,
    /// The rows in them.
    pub(crate) rows: usize,
}

/// The file of `request` in pieces: the header, then rows, the first of which are made before this returns: what keeps
/// the report from being made at all shows here.
pub(crate) async fn pieces(
    state: &ServerState,
    request: &EaRequest,
    version: Version,
    layout: Layout,
) -> Result<impl Stream<Item = Result<Piece, Refusal>> + Send + 'static, Refusal> {
    let rows = rows(version);
    let start = start(&rows, layout);
    let (_, pieces) = state.reports().ea_csv(request, rows).await?;
    let mut pieces = pieces.fuse();
    let first = pieces.next().await.transpose()?;
    let start = Piece { bytes: start.into(), rows: 0 };
    let first = first.map(|piece| Piece { bytes: piece.bytes, rows: piece.rows });
    let rest = pieces.map(|piece| piece.map(|piece| Piece { bytes: piece.bytes, rows: piece.rows }));
    let first = stream::iter([Some(start), first].into_iter().flatten().map(Ok));
    Ok(first.chain(rest.map_err(Refusal::from)))
}

/// What writes rows.
pub(super) fn rows(version: Version) -> CsvRows {
    CsvRows::new(&wire::csv_fields(version))
}

/// What stands before the rows.
pub(super) fn start(rows: &CsvRows, layout: Layout) -> Vec<u8> {
    let mut start = Vec::new();
    layout.start(&mut start);
    rows.header(&mut start);
    start
}

/// The synchronous download.
pub(crate) async fn download(
    state: &ServerState,
    call: &EaCall,
    selection: Selection,
    layout: Layout,
) -> Result<Response, Refusal> {
    let snapshot = state.reports().newest_snapshot().await?;
    let request = call.charges(state, selection, Some(snapshot)).await?;
    let tag = pages::tag(call, &request, snapshot, layout.as_str());
    if let Some(unchanged) = answer::unchanged(&call.headers, &tag) {
        return Ok(unchanged);
    }
    let pieces = pieces(state, &request, call.version, layout).await?;
    // An error in the middle breaks the connection off, so that no one takes half a file for a whole one.
    let body = Body::from_stream(pieces.map(|piece| match piece {
        Ok(piece) => Ok(piece.bytes),
        Err(refusal) => Err(std::io::Error::other(refusal.to_string())),
    }));
    let disposition = format!("attachment; filename=\"{}\"", file_name(call.enrolment.as_str(), selection));
    let headers = [(CONTENT_TYPE, "application/octet-stream"), (CONTENT_DISPOSITION, disposition.as_str())];
    Ok(answer::tagged((headers, body).into_response(), &tag))
}

/// The name under which a browser keeps the file.
pub(crate) fn file_name(enrolment: &str, selection: Selection) -> String {
    match selection {
        Selection::Period(period) => format!("usagedetails_{enrolment}_{period}.csv"),
        Selection::Days(days) => format!("usagedetails_{enrolment}_{}_{}.csv", days.first, days.last),
    }
}
