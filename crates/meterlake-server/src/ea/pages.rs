//! JSON pages.

use axum::response::Response;
use meterlake_reports::{EaJsonRequest, EaPlace, EaRequest, JsonRows, Selection};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::caller::EaCall;
use super::wire::{self, PAGE_ROWS};
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
    after: EaPlace,
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
    let wanted = EaJsonRequest {
        charges: request,
        after,
        limit: PAGE_ROWS,
        rows: JsonRows::new(&wire::json_fields(call.version)),
        layout: call.version.as_str(),
    };
    let page = state.reports().ea_json(wanted, &start(state.config().ea.bom)).await?;
    let next = page
        .next
        .map(|after| Position { snapshot: page.snapshot, at: NextRow { selection, after } })
        .map(|position| walk.link(state.next_links(), now, &call.incoming.base_url, position))
        .transpose()?;
    let mut body = page.body;
    body.push(&end(next.as_deref())?);
    Ok(answer::tagged(answer::json_bytes(body.finish()), &tag))
}

/// What stands before the rows of a page: `{"id","data","nextLink"}`.
fn start(bom: bool) -> Vec<u8> {
    let mut start = answer::start(bom);
    start.extend_from_slice(format!("{{\"id\":\"{}\",\"data\":[", Uuid::new_v4()).as_bytes());
    start
}

/// What follows the rows; `nextLink` is there and null on the last page.
fn end(next: Option<&str>) -> Result<Vec<u8>, Refusal> {
    let mut end = b"],\"nextLink\":".to_vec();
    serde_json::to_writer(&mut end, &next).map_err(|error| Refusal::fault(&error))?;
    end.push(b'}');
    Ok(end)
}

/// The tag of an answer about `request`; `form` is what else decides its bytes.
pub(crate) fn tag(call: &EaCall, request: &EaRequest, snapshot: u64, form: &str) -> String {
    let asked = format!("{request:?}");
    etag::weak(&["ea", call.enrolment.as_str(), &call.incoming.path, &snapshot.to_string(), &asked, form])
}
