//! The document and its page as calls.

use std::sync::{Arc, OnceLock};

use axum::Extension;
use axum::extract::{OriginalUri, Path};
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use http::header::LOCATION;
use http::{Method, StatusCode};
use serde_json::Value;

use super::call::{Answer, Call, header, path, query};
use super::document::{self, ANY_TENANT};
use super::page;
use super::schema::{Named, one_of, text};
use crate::answer;
use crate::ea::EaShape;
use crate::refusal::Refused;
use crate::routing::{Incoming, Route, RouteTable};

type PageRefused = Refused<EaShape>;

const GET: &[Method] = &[Method::GET];
const TENANT: &str = "tenant";

/// The document, made when it is first asked for.
pub(crate) struct Document {
    routes: Arc<RouteTable>,
    made: OnceLock<Value>,
}

impl Document {
    /// The document of these routes.
    pub(crate) fn of(routes: &Arc<RouteTable>) -> Self {
        Self { routes: Arc::clone(routes), made: OnceLock::new() }
    }

    fn get(&self) -> &Value {
        self.made.get_or_init(|| document::document(self.routes.documented(), "/"))
    }
}

/// `/openapi.json` and the page under `/api`. They need no token: the document holds no data.
pub(crate) fn routes() -> Vec<Route> {
    vec![
        Route {
            path: "/openapi.json",
            methods: GET,
            parameters: &[TENANT],
            docs: || {
                let tenant = query(
                    TENANT,
                    "The tenant, by id or domain, in the addresses that give tokens.",
                    text().pattern(Some(r"^[A-Za-z0-9._-]{1,253}$")).default(Some(ANY_TENANT.into())),
                );
                let document = super::schema::open_object("The OpenAPI 3.1 document.");
                vec![
                    Call::get("openapi", "This document")
                        .parameter(tenant)
                        .answers(200, Answer::json("The document.", Named::new("OpenApiDocument", document)))
                        .refuses(&[400]),
                ]
            },
            handler: any(document),
        },
        Route {
            path: "/api",
            methods: GET,
            parameters: &[],
            docs: || {
                vec![
                    Call::get("apiPage", "The API page: this document to read and to try out")
                        .answers(200, Answer::new("The page.").bytes("text/html"))
                        .answers(
                            308,
                            Answer::new("The page is at `/api/`.")
                                .header("Location", header("Where it is.", one_of(&["api/"]))),
                        ),
                ]
            },
            handler: any(page_or_redirect),
        },
        Route {
            path: page::PATH,
            methods: GET,
            parameters: &[],
            docs: || {
                let file = page::FILES
                    .iter()
                    .fold(Answer::new("The file.").bytes("text/html"), |answer, (_, media)| answer.bytes(media));
                let names: Vec<&str> = page::FILES.iter().map(|(name, _)| *name).collect();
                vec![
                    Call::get("apiPageFile", "A file of the API page")
                        .parameter(path("file", "The name of the file.", one_of(&names), "swagger-ui.css"))
                        .answers(200, file)
                        .refuses(&[404]),
                ]
            },
            handler: any(file),
        },
    ]
}

async fn document(Extension(document): Extension<Arc<Document>>, parts: Parts) -> Result<Response, PageRefused> {
    let incoming = incoming(&parts)?;
    let tenant = incoming.parameters.parsed(TENANT, "a tenant's id or domain", |text| {
        let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_');
        ((1..=253).contains(&text.len()) && text.bytes().all(allowed)).then(|| text.to_owned())
    })?;
    let mut document = document.get().clone();
    document::set_server(&mut document, &incoming.base_url);
    if let Some(tenant) = tenant {
        document::set_tenant(&mut document, &tenant);
    }
    Ok(answer::json(&document, false)?)
}

/// The request, of an allowed method with well-formed parameters.
fn incoming(parts: &Parts) -> Result<Incoming, PageRefused> {
    let incoming = Incoming::of(parts)?;
    incoming.method_allowed()?;
    incoming.parameters.well_formed()?;
    Ok(incoming)
}

/// The page names its files relative to itself, so its address has to end with a slash.
async fn page_or_redirect(OriginalUri(uri): OriginalUri, parts: Parts) -> Result<Response, PageRefused> {
    incoming(&parts)?;
    if uri.path().ends_with('/') {
        return Ok(page::file("index.html")?);
    }
    Ok((StatusCode::PERMANENT_REDIRECT, [(LOCATION, "api/")]).into_response())
}

async fn file(Path(name): Path<String>, parts: Parts) -> Result<Response, PageRefused> {
    incoming(&parts)?;
    Ok(page::file(&name)?)
}
