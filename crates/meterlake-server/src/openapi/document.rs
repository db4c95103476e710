//! The document, assembled from the routes that serve.

use serde_json::{Value, json};
use utoipa::openapi::path::{Parameter, PathsBuilder};
use utoipa::openapi::{Components, InfoBuilder, LicenseBuilder, OpenApiBuilder, Ref, RefOr, Response};

use super::call::Call;
use super::exact::make_exact;
use super::security::Scheme;
use crate::routing::{Documented, Family};

/// The tenant in addresses when none is asked for: of whoever signs in.
pub(super) const ANY_TENANT: &str = "organizations";

const ABOUT: &str = "\
Meterlake answers the calls of five usage-reporting APIs, under their own paths, from an organisation's own files. \
Programs written for the real services change only the base address.

**Spelling.** Fixed parts of paths and names of parameters are taken in any case; `filter`, `$filter` and `%24filter` \
are one parameter. Unknown parameters are ignored and named in `Meterlake-Ignored-Parameters`.

**Refusals** come in this order: 401 no valid credential, 429 too many requests, 405 wrong method, 400 malformed, \
403 no access, then existence (404). Their bodies have the shape of the family.

**Numbers** are exact decimals in JSON: read amounts and quantities as decimals, not as binary floats.

**HEAD** is answered at every path that takes GET: the same answer, without the body.

Every JSON answer is `application/json; charset=utf-8`, without a byte order mark unless the operator switched it on.";

/// The document of the routes, of a server at `base_url`.
pub(super) fn document<'a>(routes: impl Iterator<Item = Documented<'a>>, base_url: &str) -> Value {
    let mut paths = PathsBuilder::new().build();
    let mut components = Components::new();
    for route in routes {
        for call in (route.docs)() {
            let path = route.template.documented(&call.written_out);
            let call = with_family(call, route.family, &mut components);
            components.schemas.extend(call.schemas);
            paths.add_path_operation(path, vec![call.method], call.operation);
        }
    }
    for scheme in Scheme::ALL {
        components.add_security_scheme(scheme.name(), scheme.scheme(ANY_TENANT));
    }
    let info = InfoBuilder::new()
        .title("Meterlake")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(ABOUT))
        .license(Some(LicenseBuilder::new().name("Apache-2.0").identifier(Some("Apache-2.0")).build()))
        .build();
    let document = OpenApiBuilder::new()
        .info(info)
        .paths(paths)
        .components(Some(components))
        .tags(Some(Family::ALL.map(Family::tag)))
        .build();
    // Nothing in the document is of a kind that JSON has not.
    let mut document = serde_json::to_value(document).unwrap_or_default();
    make_exact(&mut document);
    for kind in ["schemas", "responses", "parameters", "headers"] {
        sort(&mut document["components"][kind]);
    }
    set_server(&mut document, base_url);
    document
}

/// Names the server in the document.
pub(super) fn set_server(document: &mut Value, base_url: &str) {
    document["servers"] = json!([{ "url": base_url }]);
}

/// Names the tenant in the addresses that give tokens.
pub(super) fn set_tenant(document: &mut Value, tenant: &str) {
    for scheme in Scheme::ALL {
        if let Ok(value) = serde_json::to_value(scheme.scheme(tenant)) {
            document["components"]["securitySchemes"][scheme.name()] = value;
        }
    }
}

/// The call with what all calls of its family have alike, which stands in the document once.
fn with_family(mut call: Call, family: Family, components: &mut Components) -> Call {
    let operation = &mut call.operation;
    operation.tags = Some(vec![family.tag_name().to_owned()]);
    operation.security = Some(family.security().iter().map(|scheme| scheme.requirement()).collect());
    for parameter in family.request_headers() {
        let parameter = Parameter::from(parameter);
        let reference = Ref::new(format!("#/components/parameters/{}", parameter.name));
        operation.parameters.get_or_insert_default().push(RefOr::Ref(reference));
        components.parameters.insert(parameter.name.clone(), parameter.into());
    }
    for response in operation.responses.responses.values_mut() {
        if let RefOr::T(response) = response {
            add_headers(response, family, components);
        }
    }
    for status in family.common_refusals().iter().chain(&call.refused) {
        let name = format!("{family:?}{status}");
        let mut refusal = family.refusal(*status);
        add_headers(&mut refusal.response, family, components);
        components.schemas.extend(refusal.schemas);
        components.responses.insert(name.clone(), refusal.response.into());
        operation.responses.responses.insert(status.to_string(), RefOr::Ref(Ref::from_response_name(name)));
    }
    call
}

fn add_headers(response: &mut Response, family: Family, components: &mut Components) {
    for (name, header) in family.answer_headers() {
        let reference = Ref::new(format!("#/components/headers/{name}"));
        response.headers.entry(name.to_owned()).or_insert(RefOr::Ref(reference));
        components.headers.insert(name.to_owned(), header.into());
    }
}

fn sort(value: &mut Value) {
    if let Value::Object(map) = value {
        map.sort_keys();
    }
}
