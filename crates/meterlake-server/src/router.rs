//! The whole router.

use std::sync::Arc;

use axum::extract::Request;
use axum::middleware::from_fn_with_state;
use axum::{Extension, Router};
use tower::ServiceBuilder;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::trace::TraceLayer;

use crate::openapi::Document;
use crate::refusal::{ErrorShape, PanicShape};
use crate::routing::{Family, Route, RouteTable, admit, no_such_route};
use crate::state::ServerState;
use crate::{analytics, b2c, c3, ea, native, openapi, operations, sign_in, summary, token};

/// The router of all families over `state`.
///
/// A panic of a handler is answered by 500 in the shape of its family.
pub fn router(state: ServerState) -> Router {
    let (families, table) = families();
    let table = Arc::new(table);
    let document = Arc::new(Document::of(&table));
    let families = families.layer(Extension(document)).fallback(|| async { no_such_route() }).with_state(state.clone());
    // Paths are rewritten before they are matched, so the matching router lies inside of the middleware.
    let service = ServiceBuilder::new()
        .layer(TraceLayer::new_for_http().make_span_with(span))
        .layer(from_fn_with_state((state, table), admit))
        .service(families);
    Router::new().fallback_service(service)
}

/// The routes of all families, and their table.
pub(crate) fn families() -> (Router<ServerState>, RouteTable) {
    let mut table = RouteTable::default();
    let families = Router::new()
        .merge(family::<ea::EaShape>(&mut table, Family::Ea, ea::routes()))
        .merge(family::<ea::StorageShape>(&mut table, Family::Blob, ea::blob_routes()))
        .merge(family::<analytics::AnalyticsShape>(&mut table, Family::Analytics, analytics::routes()))
        .merge(family::<summary::SummaryShape>(&mut table, Family::Summary, summary::routes()))
        .merge(family::<b2c::B2cShape>(&mut table, Family::B2c, b2c::routes()))
        .merge(family::<c3::C3Shape>(&mut table, Family::C3, c3::routes()))
        .merge(family::<token::TokenShape>(&mut table, Family::Token, token::routes()))
        .merge(family::<sign_in::SignInShape>(&mut table, Family::SignIn, sign_in::routes()))
        .merge(family::<ea::EaShape>(&mut table, Family::Native, native::routes()))
        .merge(family::<ea::EaShape>(&mut table, Family::Operations, operations::routes()))
        .merge(family::<ea::EaShape>(&mut table, Family::Operations, openapi::routes()));
    (families, table)
}

/// The span of a request in logs: without its query, because the signature in an export's link is a credential.
fn span(request: &Request) -> tracing::Span {
    tracing::debug_span!("request", method = %request.method(), path = request.uri().path())
}

fn family<S: ErrorShape>(table: &mut RouteTable, family: Family, routes: Vec<Route>) -> Router<ServerState> {
    table.add(family, routes).layer(CatchPanicLayer::custom(PanicShape::<S>::default()))
}
