//! The two paths of usage analytics.

use axum::extract::State;
use axum::response::Response;
use axum::routing::any;
use http::{HeaderMap, Method};
use meterlake_reports::{AnalyticsPage, AnalyticsRequest, CustomerScope, JsonRows};
use serde::{Deserialize, Serialize};

use super::errors::AnalyticsRefused;
use super::request::{self, PARAMETERS};
use super::{docs, wire};
use crate::next_link::{Position, Walk};
use crate::partner_center::PartnerCall;
use crate::refusal::Refusal;
use crate::routing::Route;
use crate::state::ServerState;
use crate::{answer, etag, next_link};

/// The documented path and the later one.
pub(crate) fn routes() -> Vec<Route> {
    let get = |path, docs| Route { path, methods: &[Method::GET], parameters: PARAMETERS, docs, handler: any(usage) };
    vec![
        get("/partner/v1/analytics/azureusage", docs::usage),
        get("/partner/v1/analytics/usage/azure", docs::usage_at_the_later_path),
    ]
}

/// Where a walk goes on.
#[derive(Debug, Serialize, Deserialize)]
struct NextRow {
    /// Rows before it in the whole answer.
    #[serde(rename = "o")]
    offset: u64,
    /// Rows of the whole answer.
    #[serde(rename = "t")]
    total: u64,
}

async fn usage(
    State(state): State<ServerState>,
    call: PartnerCall,
    headers: HeaderMap,
) -> Result<Response, AnalyticsRefused> {
    let parameters = call.parameters();
    let mut request = request::request(parameters, CustomerScope::These(Vec::new()))?;
    let principal = call.principal();
    let walk = Walk { family: "analytics", principal: &principal, path: &call.incoming.path, parameters };
    let now = state.clock().now();
    if let Some(position) = walk.position::<NextRow>(state.next_links(), now)? {
        request.snapshot = Some(position.snapshot);
        request.skip = position.at.offset;
        request.total = Some(position.at.total);
    }
    request.customers = call.customers()?;
    let snapshot = match request.snapshot {
        Some(snapshot) => snapshot,
        None => state.reports().newest_snapshot().await.map_err(Refusal::from)?,
    };
    request.snapshot = Some(snapshot);
    let tag = tag(&walk, &request, snapshot, &next_link::freshness(now));
    if let Some(unchanged) = answer::unchanged(&headers, &tag) {
        return Ok(unchanged);
    }
    let page = state.reports().analytics(&request).await.map_err(Refusal::from)?;
    let rows: u64 = page.batches.iter().map(|batch| batch.num_rows() as u64).sum();
    let next = page.more.then(|| Position {
        snapshot: page.snapshot,
        at: NextRow { offset: request.skip.saturating_add(rows), total: page.total },
    });
    let next = next.map(|at| walk.link(state.next_links(), now, &call.incoming.base_url, at)).transpose()?;
    let body = envelope(&page, &request, next.as_deref(), state.config().analytics.bom)?;
    Ok(answer::tagged(answer::json_bytes(body), &tag))
}

/// `{"Value":[…],"@nextLink":…,"TotalCount":n}`.
fn envelope(
    page: &AnalyticsPage,
    request: &AnalyticsRequest,
    next: Option<&str>,
    bom: bool,
) -> Result<Vec<u8>, Refusal> {
    let mut body = answer::start(bom);
    body.extend_from_slice(b"{\"Value\":[");
    let mut rows = JsonRows::new(&wire::fields(request.group_by.as_deref()));
    for batch in &page.batches {
        rows.encode(batch, &mut body)?;
    }
    body.extend_from_slice(b"],\"@nextLink\":");
    serde_json::to_writer(&mut body, &next).map_err(|error| Refusal::fault(&error))?;
    body.extend_from_slice(format!(",\"TotalCount\":{}}}", page.total).as_bytes());
    Ok(body)
}

fn tag(walk: &Walk<'_>, request: &AnalyticsRequest, snapshot: u64, freshness: &str) -> String {
    let asked = format!("{request:?}");
    etag::weak(&[walk.family, walk.principal, walk.path, &snapshot.to_string(), &asked, freshness])
}
