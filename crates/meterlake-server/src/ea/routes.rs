//! The calls under `/v1`, `/v2` and `/v3`, and the files of exports.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use http::Method;
use meterlake_model::BillingPeriod;
use meterlake_reports::Selection;
use uuid::Uuid;

use super::caller::EaCall;
use super::errors::EaRefused;
use super::selection::{self, Months};
use super::wire::{BillingPeriodLinks, Layout};
use super::{blob, csv_file, docs, export_job, pages};
use crate::refusal::{Malformed, Refusal, Unknown};
use crate::routing::Route;
use crate::state::ServerState;
use crate::{answer, etag};

const GET: &[Method] = &[Method::GET];
const FILE: &[&str] = &["billingPeriod", "startTime", "endTime", "layout"];

/// The calls.
pub(crate) fn routes() -> Vec<Route> {
    vec![
        Route {
            path: "/{version:v1|v2|v3}/enrollments/{enrollment}/usagedetails",
            methods: GET,
            parameters: &["skiptoken"],
            docs: docs::current_period,
            handler: any(current_period),
        },
        Route {
            path: "/{version:v1|v2|v3}/enrollments/{enrollment}/billingPeriods/{period}/usagedetails",
            methods: GET,
            parameters: &["skiptoken"],
            docs: docs::billing_period,
            handler: any(billing_period),
        },
        Route {
            path: "/{version:v1|v2|v3}/enrollments/{enrollment}/usagedetailsbycustomdate",
            methods: GET,
            parameters: &["startTime", "endTime", "skiptoken"],
            docs: docs::custom_date,
            handler: any(custom_date),
        },
        Route {
            path: "/{version:v1|v2|v3}/enrollments/{enrollment}/usagedetails/download",
            methods: GET,
            parameters: FILE,
            docs: docs::download,
            handler: any(download),
        },
        Route {
            path: "/{version:v1|v2|v3}/enrollments/{enrollment}/usagedetails/submit",
            methods: &[Method::POST],
            parameters: FILE,
            docs: docs::submit,
            handler: any(submit),
        },
        Route {
            path: "/{version:v1|v2|v3}/enrollments/{enrollment}/usagedetails/poll/{id}",
            methods: GET,
            parameters: &[],
            docs: docs::poll,
            handler: any(poll),
        },
        Route {
            path: "/{version:v1|v2|v3}/enrollments/{enrollment}/billingperiods",
            methods: GET,
            parameters: &[],
            docs: docs::billing_periods,
            handler: any(billing_periods),
        },
    ]
}

/// The signed links of finished exports.
pub(crate) fn blob_routes() -> Vec<Route> {
    vec![Route {
        path: blob::PATH,
        methods: GET,
        parameters: blob::PARAMETERS,
        docs: docs::export_file,
        handler: any(blob::read),
    }]
}

async fn current_period(State(state): State<ServerState>, call: EaCall) -> Result<Response, EaRefused> {
    let period = BillingPeriod::containing(state.clock().today());
    Ok(pages::page(&state, &call, Selection::Period(period)).await?)
}

async fn billing_period(
    State(state): State<ServerState>,
    call: EaCall,
    Path((_, _, period)): Path<(String, String, String)>,
) -> Result<Response, EaRefused> {
    let period = selection::period_of_path(&period)?;
    Ok(pages::page(&state, &call, Selection::Period(period)).await?)
}

async fn custom_date(State(state): State<ServerState>, call: EaCall) -> Result<Response, EaRefused> {
    let days = selection::days(call.parameters(), Months::LONGEST)?;
    Ok(pages::page(&state, &call, Selection::Days(days)).await?)
}

async fn download(State(state): State<ServerState>, call: EaCall) -> Result<Response, EaRefused> {
    let selection = selection::period_or_days(call.parameters(), Months::DOWNLOAD)?;
    let layout = layout(&call)?;
    Ok(csv_file::download(&state, &call, selection, layout).await?)
}

async fn submit(State(state): State<ServerState>, call: EaCall) -> Result<Response, EaRefused> {
    let selection = selection::period_or_days(call.parameters(), Months::LONGEST)?;
    let layout = layout(&call)?;
    let record = export_job::submit(&state, &call, selection, layout).await?;
    Ok((StatusCode::ACCEPTED, answer::json(&record, state.config().ea.bom)?).into_response())
}

async fn poll(
    State(state): State<ServerState>,
    call: EaCall,
    Path((_, _, id)): Path<(String, String, String)>,
) -> Result<Response, EaRefused> {
    let malformed = || Malformed::path("id", &id, "the id of a report request (GUID)");
    let uuid = (id.len() == 36).then(|| Uuid::try_parse(&id).ok()).flatten().ok_or_else(malformed)?;
    let record = export_job::poll(&state, &call, uuid).await?.ok_or(Refusal::Unknown(Unknown::Export(id)))?;
    // The snapshot of a request is its own; what changes is how far it has come.
    let status = record.status.to_string();
    let tag = etag::weak(&["ea", call.enrolment.as_str(), &call.incoming.path, &status, &record.report_url]);
    if let Some(unchanged) = answer::unchanged(&call.headers, &tag) {
        return Ok(unchanged);
    }
    Ok(answer::tagged(answer::json(&record, state.config().ea.bom)?, &tag))
}

async fn billing_periods(State(state): State<ServerState>, call: EaCall) -> Result<Response, EaRefused> {
    let snapshot = state.reports().newest_snapshot().await.map_err(Refusal::from)?;
    let accounts = call.accounts(&state).await?;
    let accounts_text = format!("{accounts:?}");
    let tag = etag::weak(&["ea", call.enrolment.as_str(), &call.incoming.path, &snapshot.to_string(), &accounts_text]);
    if let Some(unchanged) = answer::unchanged(&call.headers, &tag) {
        return Ok(unchanged);
    }
    let periods = state.reports().ea_periods(&accounts, Some(snapshot)).await.map_err(Refusal::from)?;
    let links: Vec<_> = periods
        .into_iter()
        .map(|period| BillingPeriodLinks::new(call.version, call.enrolment.as_str(), period))
        .collect();
    Ok(answer::tagged(answer::json(&links, state.config().ea.bom)?, &tag))
}

fn layout(call: &EaCall) -> Result<Layout, Refusal> {
    let asked = call.parameters().parsed("layout", "plain or legacy", |text| text.parse().ok())?;
    Ok(asked.unwrap_or(Layout::of(call.version)))
}
