//! The way in: every request is matched to a route in any spelling of its path, its parameters are read, and the
//! headers that all answers carry are put on the way out.

use std::convert::Infallible;
use std::net::IpAddr;
use std::sync::Arc;

use axum::body::{Body, HttpBody};
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use axum::routing::MethodRouter;
use http::header::{CONTENT_LENGTH, HeaderMap};
use http::request::Parts;
use http::uri::PathAndQuery;
use http::{HeaderValue, Method, StatusCode, Uri};

use crate::ea::EaShape;
use crate::openapi::Docs;
use crate::parameters::Parameters;
use crate::partner_center::PartnerCenterShape;
use crate::path::{self, PathTemplate};
use crate::peer;
use crate::refusal::{ErrorShape, Refusal, Unknown};
use crate::state::ServerState;
use crate::{ServerConfig, answer, c3, headers};

/// The families of calls, each under a prefix of its own inside the router, which no outside path reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Family {
    /// EA usage details.
    Ea,
    /// The files of EA exports.
    Blob,
    /// Partner Center usage analytics.
    Analytics,
    /// Partner Center customer usage summary.
    Summary,
    /// Azure AD B2C usage reports.
    B2c,
    /// C3 licence consumption.
    C3,
    /// Tokens and discovery.
    Token,
    /// The pages where people sign in.
    SignIn,
    /// Calls of our own.
    Native,
    /// Operations.
    Operations,
}

impl Family {
    /// The prefix inside the router.
    pub(crate) const fn prefix(self) -> &'static str {
        match self {
            Self::Ea => "/ea",
            Self::Blob => "/blob",
            Self::Analytics => "/analytics",
            Self::Summary => "/summary",
            Self::B2c => "/b2c",
            Self::C3 => "/c3",
            Self::Token => "/token",
            Self::SignIn => "/sign-in",
            Self::Native => "/native",
            Self::Operations => "/operations",
        }
    }

    /// Whether the family's JSON comes after a byte order mark.
    const fn bom(self, config: &ServerConfig) -> bool {
        match self {
            Self::Ea => config.ea.bom,
            Self::Analytics => config.analytics.bom,
            Self::Summary => config.summary.bom,
            Self::B2c => config.b2c.bom,
            Self::C3 => config.c3.bom,
            Self::Blob | Self::Token | Self::SignIn | Self::Native | Self::Operations => false,
        }
    }
}

/// A route: a path template, the methods it takes and the parameters it knows, as documented.
pub(crate) struct Route {
    /// For example `/{version:v1|v2|v3}/enrollments/{enrollment}/usagedetails`.
    pub(crate) path: &'static str,
    /// The methods; GET includes HEAD.
    pub(crate) methods: &'static [Method],
    /// The known parameters.
    pub(crate) parameters: &'static [&'static str],
    /// What the OpenAPI document says of it; a test holds it against the other fields.
    pub(crate) docs: Docs,
    /// The handler of all methods; it refuses others by [`Incoming::method_allowed`] after authentication.
    pub(crate) handler: MethodRouter<ServerState>,
}

struct Entry {
    family: Family,
    template: PathTemplate,
    methods: &'static [Method],
    parameters: &'static [&'static str],
    docs: Docs,
}

/// What there is to document of a route.
pub(crate) struct Documented<'a> {
    /// Its family.
    pub(crate) family: Family,
    /// Its path.
    pub(crate) template: &'a PathTemplate,
    /// The methods that it takes.
    #[cfg(test)]
    pub(crate) methods: &'static [Method],
    /// The parameters that it knows.
    #[cfg(test)]
    pub(crate) parameters: &'static [&'static str],
    /// What is said of it.
    pub(crate) docs: Docs,
}

/// Every route of the server, to match paths against and to document.
#[derive(Default)]
pub(crate) struct RouteTable(Vec<Entry>);

impl RouteTable {
    /// Adds a family's routes, and gives the router of them under the family's prefix.
    pub(crate) fn add(&mut self, family: Family, routes: Vec<Route>) -> axum::Router<ServerState> {
        routes.into_iter().fold(axum::Router::new(), |router, route| {
            let template = PathTemplate::new(route.path);
            let path = format!("{}{}", family.prefix(), template.for_axum());
            let Route { methods, parameters, docs, .. } = route;
            self.0.push(Entry { family, template, methods, parameters, docs });
            router.route(&path, route.handler)
        })
    }

    /// The routes to document, in the order of the families and of their routes.
    pub(crate) fn documented(&self) -> impl Iterator<Item = Documented<'_>> {
        self.0.iter().map(|entry| Documented {
            family: entry.family,
            template: &entry.template,
            #[cfg(test)]
            methods: entry.methods,
            #[cfg(test)]
            parameters: entry.parameters,
            docs: entry.docs,
        })
    }

    fn find(&self, path: &str) -> Option<(&Entry, String)> {
        let parts = path::parts(path);
        self.0.iter().find_map(|entry| Some((entry, entry.template.canonical(&parts)?)))
    }

    /// Paths that more than one route has.
    #[cfg(test)]
    pub(crate) fn overlaps(&self) -> Vec<String> {
        let pairs =
            self.0.iter().enumerate().flat_map(|(at, one)| self.0[at + 1..].iter().map(move |other| (one, other)));
        pairs.filter_map(|(one, other)| one.template.shared(&other.template)).collect()
    }
}

/// What the way in found out about a request.
#[derive(Debug, Clone)]
pub(crate) struct Incoming {
    /// The path in the one spelling that links use.
    pub(crate) path: String,
    /// The parameters that the route knows.
    pub(crate) parameters: Arc<Parameters>,
    /// What absolute links start with.
    pub(crate) base_url: String,
    /// The address that the request comes from; none when no listener told it.
    pub(crate) peer: Option<IpAddr>,
    method: Method,
    methods: &'static [Method],
}

impl Incoming {
    /// What [`admit`] found out about the request.
    pub(crate) fn of(parts: &Parts) -> Result<Self, Refusal> {
        // Absent only if a route were reached other than through `admit`.
        parts.extensions.get::<Self>().cloned().ok_or(Refusal::Unknown(Unknown::Route))
    }

    /// The address that the request comes from, as text.
    pub(crate) fn origin(&self) -> String {
        self.peer.map_or_else(|| "unknown".to_owned(), |peer| peer.to_string())
    }

    /// Whether the caller reaches this server by TLS, as far as links tell: of its own, or of a proxy before it.
    pub(crate) fn is_https(&self) -> bool {
        self.base_url.starts_with("https://")
    }

    /// Refuses a method that the route does not take.
    pub(crate) fn method_allowed(&self) -> Result<(), Refusal> {
        let served =
            self.methods.contains(&self.method) || (self.method == Method::HEAD && self.methods.contains(&Method::GET));
        if served {
            return Ok(());
        }
        let head = self.methods.contains(&Method::GET).then_some("HEAD");
        let allow = self.methods.iter().map(Method::as_str).chain(head).collect::<Vec<_>>().join(", ");
        Err(Refusal::MethodNotAllowed { method: self.method.clone(), allow })
    }
}

/// The middleware around the router.
pub(crate) async fn admit(
    State((state, table)): State<(ServerState, Arc<RouteTable>)>,
    mut request: Request,
    next: Next,
) -> Response {
    let Some((entry, canonical)) = table.find(request.uri().path()) else {
        let head = request.method() == Method::HEAD;
        return finished(nothing_at(request.uri().path(), request.headers(), state.config()).await, head);
    };
    let family = entry.family;
    let parameters = Parameters::read(request.uri().query().unwrap_or_default(), entry.parameters);
    let ignored = parameters.ignored();
    let (scheme, own) = state.own_base();
    let incoming = Incoming {
        base_url: headers::base_url(state.config(), request.headers(), request.uri(), (scheme, &own)),
        peer: peer::peer(state.config(), &request),
        parameters: Arc::new(parameters),
        method: request.method().clone(),
        methods: entry.methods,
        path: canonical,
    };
    let head = incoming.method == Method::HEAD;
    let added = answer_headers(family, request.headers(), &ignored);
    match internal_uri(family, &incoming.path) {
        Some(uri) => *request.uri_mut() = uri,
        None => return finished(nothing_at(&incoming.path, request.headers(), state.config()).await, head),
    }
    request.extensions_mut().insert(incoming);
    let mut response = next.run(request).await;
    if family.bom(state.config()) {
        response = answer::marked_refusal(response).await;
    }
    for (name, value) in &added {
        // An answer whose body names its id has the header already.
        response.headers_mut().entry(name).or_insert_with(|| value.clone());
    }
    finished(response, head)
}

fn internal_uri(family: Family, path: &str) -> Option<Uri> {
    PathAndQuery::try_from(format!("{}{path}", family.prefix())).ok().map(Uri::from)
}

/// The headers that an answer of the family carries whatever its status.
fn answer_headers(family: Family, request: &HeaderMap, ignored: &str) -> HeaderMap {
    let mut added = HeaderMap::new();
    if !ignored.is_empty()
        && let Ok(value) = HeaderValue::from_str(ignored)
    {
        added.insert(headers::IGNORED_PARAMETERS, value);
    }
    match family {
        Family::Analytics | Family::Summary => {
            for name in [headers::MS_REQUEST_ID, headers::MS_CORRELATION_ID] {
                let value = headers::echoed_or_made(request, &name);
                added.insert(name, value);
            }
        }
        Family::B2c => {
            added.insert(headers::B2C_REQUEST_ID, headers::made());
        }
        _ => {
            added.insert(headers::REQUEST_ID, headers::made());
        }
    }
    added
}

/// An answer to HEAD is GET's without the body; its length stays where it is known.
fn finished(mut response: Response, head: bool) -> Response {
    if head {
        // The router has taken a body away already and left its length, where there was one.
        if let Some(length) = response.body().size_hint().exact().filter(|length| *length > 0)
            && !response.headers().contains_key(CONTENT_LENGTH)
        {
            response.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from(length));
        }
        if response.status() == StatusCode::NOT_MODIFIED {
            response.headers_mut().remove(CONTENT_LENGTH);
        }
        // Of no told length: that of nothing is not GET's.
        *response.body_mut() = Body::from_stream(futures::stream::empty::<Result<bytes::Bytes, Infallible>>());
    }
    response
}

/// The answer at a path that no route has, in no family's shape in particular.
pub(crate) fn no_such_route() -> Response {
    EaShape::render(&Refusal::Unknown(Unknown::Route))
}

/// The answer at a path that no route has: near C3's paths, and where Partner Center's lie, in the shape of the family,
/// because its clients read no other; else in no family's in particular.
async fn nothing_at(path: &str, request: &HeaderMap, config: &ServerConfig) -> Response {
    let parts = path::parts(path);
    let refusal = Refusal::Unknown(Unknown::Route);
    let starts = |with: &[&str]| {
        parts.len() >= with.len() && with.iter().zip(&parts).all(|(fixed, part)| fixed.eq_ignore_ascii_case(part))
    };
    let (family, mut response) = if c3::is_near(&parts) {
        (Family::C3, c3::C3Shape::render(&refusal))
    } else if starts(&["partner"]) {
        (Family::Analytics, PartnerCenterShape::render(&refusal))
    } else if starts(&["v1", "customers"]) {
        (Family::Summary, PartnerCenterShape::render(&refusal))
    } else {
        (Family::Operations, no_such_route())
    };
    if family != Family::C3 {
        response.headers_mut().extend(answer_headers(family, request, ""));
    }
    if family.bom(config) { answer::marked_refusal(response).await } else { response }
}
