//! The whole router.

use std::sync::Arc;

use axum::extract::Request;
use axum::middleware::from_fn_with_state;
use axum::response::Response;
use axum::{Extension, Router};
use meterlake_identity::Moment;
use meterlake_model::{SharedClock, SystemClock};
use tower::ServiceBuilder;
use tower_http::CompressionLevel;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;
use tower_http::compression::predicate::SizeAbove;
use tower_http::trace::TraceLayer;

use crate::openapi::Document;
use crate::refusal::{ErrorShape as _, PanicShape, Refusal};
use crate::routing::{Family, Route, RouteTable, admit, no_such_route};
use crate::state::ServerState;
use crate::{analytics, b2c, c3, ea, native, openapi, operations, sign_in, summary, token};

/// Smaller answers are sent as they are.
const LEAST_COMPRESSED: u16 = 4096;

/// The router of all families over `state`.
///
/// A panic of a handler is answered by 500 in the shape of its family.
pub fn router(state: ServerState) -> Router {
    let (families, table) = families(state.clock());
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

/// The routes of all families, and their table; `clock` dates what a panic of a token call is answered with.
fn families(clock: &SharedClock) -> (Router<ServerState>, RouteTable) {
    let mut table = RouteTable::default();
    let clock = Arc::clone(clock);
    let token_shape = move |refusal: &Refusal| token::render(refusal, &Moment::new(clock.now()));
    let families = Router::new()
        .merge(family(&mut table, Family::Ea, ea::routes(), ea::EaShape::render))
        .merge(family(&mut table, Family::Blob, ea::blob_routes(), ea::StorageShape::render))
        .merge(family(&mut table, Family::Analytics, analytics::routes(), analytics::AnalyticsShape::render))
        .merge(family(&mut table, Family::Summary, summary::routes(), summary::SummaryShape::render))
        .merge(family(&mut table, Family::B2c, b2c::routes(), b2c::B2cShape::render))
        .merge(family(&mut table, Family::C3, c3::routes(), c3::C3Shape::render))
        .merge(family(&mut table, Family::Token, token::routes(), token_shape))
        .merge(family(&mut table, Family::SignIn, sign_in::routes(), sign_in::SignInShape::render))
        .merge(family(&mut table, Family::Native, native::routes(), ea::EaShape::render))
        .merge(family(&mut table, Family::Operations, operations::routes(), ea::EaShape::render))
        .merge(family(&mut table, Family::Operations, openapi::routes(), ea::EaShape::render));
    (families, table)
}

/// Compresses answers of some size for those who ask for it. The least level: what it saves on the way is most of what
/// there is to be saved, and the rows come fast.
fn compression() -> CompressionLayer<SizeAbove> {
    CompressionLayer::new().quality(CompressionLevel::Fastest).compress_when(SizeAbove::new(LEAST_COMPRESSED))
}

/// The table of all routes by itself, to document it.
pub(crate) fn table() -> RouteTable {
    let clock: SharedClock = Arc::new(SystemClock);
    families(&clock).1
}

/// The span of a request in logs: without its query, because the signature in an export's link is a credential.
fn span(request: &Request) -> tracing::Span {
    tracing::debug_span!("request", method = %request.method(), path = request.uri().path())
}

/// The routes of a family; `render` writes its refusals.
fn family<R>(table: &mut RouteTable, family: Family, routes: Vec<Route>, render: R) -> Router<ServerState>
where
    R: Fn(&Refusal) -> Response + Clone + Send + Sync + 'static,
{
    let routes = table.add(family, routes).layer(CatchPanicLayer::custom(PanicShape(render)));
    // Links to files are read in ranges, which are of the file as it lies there.
    if family == Family::Blob { routes } else { routes.layer(compression()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_path_is_that_of_two_calls() {
        assert_eq!(table().overlaps(), Vec::<String>::new());
    }
}
