//! JSON pages.

use axum::response::Response;
use meterlake_reports::{EaPage, EaPosition, EaRequest, JsonRows, Selection};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::caller::EaCall;
use super::wire::{self, PAGE_ROWS, Version};
use crate::next_link::{Position, Walk};
use crate::refusal::Refusal;
use crate::state::ServerState;
use crate::{answer, etag, next_link};

/// Where a walk goes on. The selection is kept, because the current period may have changed since the walk began.
#[derive(Debug, Serialize, Deserialize)]
struct NextRow {
    #[serde(rename = "w")]
    selection: Selection,
    #[serde(rename = "p")]
    after: EaPosition,
}

/// A page of the charges that `selection` names, or the page that the request's next link names.
pub(crate) async fn page(state: &ServerState, call: &EaCall, selection: Selection) -> Result<Response, Refusal> {
    let walk =
        Walk { family: "ea", principal: &call.principal, path: &call.incoming.path, parameters: call.parameters() };
    let now = state.clock().now();
    let position = walk.position::<NextRow>(state.next_links(), now)?;
    let (selection, snapshot, after) = match position {
        Some(Position { snapshot, at }) => (at.selection, snapshot, Some(at.after)),
        None => (selection, state.reports().newest_snapshot().await?, None),
    };
    let request = call.charges(state, selection, Some(snapshot)).await?;
    let tag = tag(call, &request, snapshot, &format!("{} {after:?} {}", call.principal, next_link::freshness(now)));
    if let Some(unchanged) = answer::unchanged(&call.headers, &tag) {
        return Ok(unchanged);
    }
    let page = state.reports().ea_page(&request, after.as_ref(), PAGE_ROWS).await?;
    let next = page
        .next
        .clone()
        .map(|after| Position { snapshot: page.snapshot, at: NextRow { selection, after } })
        .map(|position| walk.link(state.next_links(), now, &call.incoming.base_url, position))
        .transpose()?;
    let body = envelope(call.version, &page, next.as_deref(), state.config().ea.bom)?;
    Ok(answer::tagged(answer::json_bytes(body), &tag))
}

/// `{"id","data","nextLink"}`; `nextLink` is there and null on the last page.
fn envelope(version: Version, page: &EaPage, next: Option<&str>, bom: bool) -> Result<Vec<u8>, Refusal> {
    let mut body = answer::start(bom);
    body.extend_from_slice(format!("{{\"id\":\"{}\",\"data\":[", Uuid::new_v4()).as_bytes());
    let mut rows = JsonRows::new(&wire::json_fields(version));
    for batch in &page.batches {
        rows.encode(batch, &mut body)?;
    }
    body.extend_from_slice(b"],\"nextLink\":");
    serde_json::to_writer(&mut body, &next).map_err(|error| Refusal::fault(&error))?;
    body.push(b'}');
    Ok(body)
}

/// The tag of an answer about `request`; `form` is what else decides its bytes.
pub(crate) fn tag(call: &EaCall, request: &EaRequest, snapshot: u64, form: &str) -> String {
    let asked = format!("{request:?}");
    etag::weak(&["ea", call.enrolment.as_str(), &call.incoming.path, &snapshot.to_string(), &asked, form])
}
