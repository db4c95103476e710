//! The reports, their catalogue and the description of the service.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use chrono::{DateTime, TimeDelta, TimeZone, Utc};
use http::header::{CONTENT_TYPE, LAST_MODIFIED, LINK, VARY};
use http::{HeaderValue, Method};
use meterlake_model::{Day, TenantId};
use meterlake_reports::{B2cDailyRequest, B2cKind, B2cWindow, KeptAnswer, MfaCounts};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::caller::B2cCall;
use super::errors::B2cRefused;
use super::format::Format;
use super::report::{self, Report};
use super::request::{self, CATALOGUE, METADATA, REPORT};
use super::wire::{Cell, Next, Rows};
use super::{docs, metadata};
use crate::next_link::{self, Position, SKIP_TOKEN, Walk};
use crate::refusal::{Refusal, Unknown};
use crate::routing::Route;
use crate::state::ServerState;
use crate::{answer, etag};

/// The calls; `{tenant}` is a tenant's id or domain.
pub(crate) fn routes() -> Vec<Route> {
    let get = |path, parameters, docs, handler| Route { path, methods: &[Method::GET], parameters, docs, handler };
    vec![
        get("/{tenant}/reports", CATALOGUE, docs::catalogue, any(catalogue)),
        get("/{tenant}/reports/{report}", REPORT, docs::reports, any(report)),
        get("/{tenant}/$metadata", METADATA, docs::metadata, any(describe)),
    ]
}

/// Instants in the lake are no finer.
const TICK: TimeDelta = TimeDelta::microseconds(1);

/// Where a walk goes on, and what its first page resolved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct NextRow {
    /// Microsecond at which the window starts.
    #[serde(rename = "f")]
    from: i64,
    /// Microsecond before which it ends.
    #[serde(rename = "u")]
    until: i64,
    /// The day that was today.
    #[serde(rename = "d")]
    today: Day,
    /// Rows before the page.
    #[serde(rename = "o")]
    offset: usize,
}

impl NextRow {
    fn first(window: B2cWindow, today: Day) -> Self {
        let (from, until) = (window.from.timestamp_micros(), window.until.timestamp_micros());
        Self { from, until, today, offset: 0 }
    }

    fn window(&self) -> B2cWindow {
        let instant = |micros| Utc.timestamp_micros(micros).single().unwrap_or(DateTime::UNIX_EPOCH);
        B2cWindow { from: instant(self.from), until: instant(self.until) }
    }
}

/// What a report is asked for, with everything resolved.
#[derive(Debug)]
struct Asked {
    report: Report,
    tenant: TenantId,
    application: Option<Uuid>,
    top: Option<usize>,
    mfa_counts: MfaCounts,
    snapshot: u64,
    at: NextRow,
}

async fn report(
    State(state): State<ServerState>,
    call: B2cCall,
    Path((tenant, name)): Path<(String, String)>,
) -> Result<Response, B2cRefused> {
    let parameters = call.parameters();
    let found = Report::find(&name);
    let format = Format::of(parameters, &call.headers)?;
    let top = request::top(parameters)?;
    let filter = request::filter(parameters, found)?;
    let principal = call.principal();
    let walk = Walk { family: "b2c", principal: &principal, path: &call.incoming.path, parameters };
    let now = state.clock().now();
    let position = walk.position::<NextRow>(state.next_links(), now)?;
    let tenant = call.tenant(&state, &tenant).await?.id;
    let report = found.ok_or(Refusal::Unknown(Unknown::Report(name)))?;
    let first = position.is_none();
    let (snapshot, at) = match position {
        Some(position) => (position.snapshot, position.at),
        None => {
            let newest = state.reports().newest_version(report.table()).await.map_err(Refusal::from)?;
            (newest, NextRow::first(filter.window(now), Day::of(now)))
        }
    };
    let mfa_counts = state.config().b2c.mfa_counts;
    let asked = Asked { report, tenant, application: filter.application, top, mfa_counts, snapshot, at };
    // A window that ends now moves with the clock and holds the same rows until its day is over.
    let rows_of = if first {
        format!("{:?} {} {top:?} {mfa_counts:?} {snapshot}", parameters.get("filter"), Day::of(now))
    } else {
        format!("{asked:?}")
    };
    let form = format!("{format:?} {}", next_link::freshness(now));
    let tag = etag::weak(&["b2c", &principal, &walk.path.to_lowercase(), &call.tenant_url(), &rows_of, &form]);
    if let Some(unchanged) = answer::unchanged(&call.headers, &tag) {
        return Ok(unchanged);
    }
    let kept = match first && top.is_none() {
        true => kept(&state, &call, &asked, format, now, &rows_of).await?,
        false => None,
    };
    let (mut response, modified) = match kept {
        Some(kept) => (answered(kept.body.clone(), format, None), kept.modified),
        None => {
            let (mut rows, modified) = rows(&state, &asked).await?;
            let next = cut(&mut rows, &asked)
                .map(|at| walk.token(state.next_links(), now, Position { snapshot, at }))
                .transpose()?
                .map(|token| Next {
                    relative: format!("{SKIP_TOKEN}={token}"),
                    absolute: walk.link_to(&token, &call.incoming.base_url),
                });
            let rows = Rows { fields: report.fields(), rows };
            let body = encoded(&state, &call, &rows, format, report.name(), next.as_ref())?;
            (answered(body, format, next.as_ref()), modified)
        }
    };
    // A day may be covered to its end while it still runs, and nothing was modified later than now.
    if let Some(modified) = modified.map(|at| at.min(now).format("%a, %d %b %Y %H:%M:%S GMT").to_string())
        && let Ok(value) = HeaderValue::from_str(&modified)
    {
        response.headers_mut().insert(LAST_MODIFIED, value);
    }
    Ok(answer::tagged(response, &tag))
}

/// The answer of all rows, kept for those who ask the same again; none when it cannot be. `rows_of` names the rows.
///
/// The end of a window that has none by its filter moves with the clock: such an answer holds until the next event.
async fn kept(
    state: &ServerState,
    call: &B2cCall,
    asked: &Asked,
    format: Format,
    now: DateTime<Utc>,
    rows_of: &str,
) -> Result<Option<Arc<KeptAnswer>>, Refusal> {
    let window = asked.at.window();
    let ends_now = window.until.timestamp_micros() == (now + TICK).timestamp_micros();
    if ends_now && window.until <= window.from {
        return Ok(None);
    }
    let (report, tenant) = (asked.report, asked.tenant.to_string());
    let form = format!("{format:?} {} {ends_now}", state.config().b2c.bom);
    let key = etag::digest(&["b2c", report.name(), &tenant, &call.tenant_url(), rows_of, &form]);
    let make = || async {
        let (rows, modified) = rows(state, asked).await?;
        let rows = Rows { fields: report.fields(), rows };
        let body = encoded(state, call, &rows, format, report.name(), None)?.into();
        let same_until = match report {
            Report::Daily(_) | Report::Period(_) if ends_now => {
                state.reports().b2c_next_event(asked.tenant, window.until, Some(asked.snapshot)).await?
            }
            _ => None,
        };
        let kept = KeptAnswer { body, modified, until: window.until, same_until };
        Ok(Some(kept).filter(|kept| kept.same_until != Some(kept.until)))
    };
    state.reports().kept_answer(key, |kept| !ends_now || kept.holds(window.until), make).await
}

/// All rows of the report, and the newest moment that it covers.
async fn rows(state: &ServerState, asked: &Asked) -> Result<(Vec<Vec<Cell>>, Option<DateTime<Utc>>), Refusal> {
    let reports = state.reports();
    let (tenant, window, snapshot) = (asked.tenant, asked.at.window(), Some(asked.snapshot));
    let request = |kind: B2cKind| B2cDailyRequest {
        tenant,
        window,
        application: asked.application,
        kind,
        mfa_counts: asked.mfa_counts,
        snapshot,
    };
    let rows = match asked.report {
        Report::Users => {
            let days = reports.user_counts(tenant, window, asked.at.today, snapshot).await?;
            days.into_iter().map(report::users).collect()
        }
        Report::Daily(kind) => reports.b2c_daily(&request(kind)).await?.into_iter().map(report::day).collect(),
        Report::Period(kind) => reports.b2c_period(&request(kind)).await?.into_iter().map(report::period).collect(),
    };
    let modified = match asked.report {
        Report::Users => reports.users_last_counted(tenant, snapshot).await?,
        Report::Daily(_) | Report::Period(_) => reports.b2c_last_covered(tenant, snapshot).await?,
    };
    Ok((rows, modified))
}

/// Keeps the rows of the page, and gives where the next one starts.
fn cut(rows: &mut Vec<Vec<Cell>>, asked: &Asked) -> Option<NextRow> {
    let start = asked.at.offset.min(rows.len());
    rows.drain(..start);
    let top = asked.top.filter(|top| *top < rows.len())?;
    rows.truncate(top);
    Some(NextRow { offset: start + top, ..asked.at })
}

async fn catalogue(
    State(state): State<ServerState>,
    call: B2cCall,
    Path(tenant): Path<String>,
) -> Result<Response, B2cRefused> {
    let format = Format::of(call.parameters(), &call.headers)?;
    call.tenant(&state, &tenant).await?;
    let row = |report: Report| vec![Cell::Text(report.name().to_owned()), Cell::Text("False".to_owned())];
    let rows = Rows { fields: &["Name", "LicenseRequired"], rows: Report::ALL.into_iter().map(row).collect() };
    Ok(answered(encoded(&state, &call, &rows, format, "reports", None)?, format, None))
}

async fn describe(
    State(state): State<ServerState>,
    call: B2cCall,
    Path(tenant): Path<String>,
) -> Result<Response, B2cRefused> {
    call.tenant(&state, &tenant).await?;
    Ok(([(CONTENT_TYPE, Format::Xml.content_type())], metadata::document()).into_response())
}

/// The body of rows in the format; `set` is what the service's description calls them.
fn encoded(
    state: &ServerState,
    call: &B2cCall,
    rows: &Rows,
    format: Format,
    set: &str,
    next: Option<&Next>,
) -> Result<Vec<u8>, Refusal> {
    let context = format!("{}/$metadata#{set}", call.tenant_url());
    let text = rows.encode(format, &context, next).map_err(|error| Refusal::fault(&error))?;
    let mut body = answer::start(state.config().b2c.bom && format == Format::Json);
    body.extend_from_slice(text.as_bytes());
    Ok(body)
}

/// The answer of a body in the format.
fn answered(body: impl Into<Body>, format: Format, next: Option<&Next>) -> Response {
    let mut response = ([(CONTENT_TYPE, format.content_type())], body.into()).into_response();
    response.headers_mut().insert(VARY, HeaderValue::from_static("Accept"));
    if let Some(next) = next
        && let Ok(value) = HeaderValue::from_str(&format!("<{}>; rel=\"next\"", next.absolute))
    {
        response.headers_mut().insert(LINK, value);
    }
    response
}
