//! The API page: Swagger UI from the files that its crate carries. It loads nothing from elsewhere, and its policy
//! forbids it to.

use std::sync::Arc;

use axum::response::{IntoResponse, Response};
use http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS};
use utoipa_swagger_ui::{Config, SwaggerFile};

use crate::refusal::{Refusal, Unknown};

/// The files of the page and their types. The crate carries more, which the page does not load.
pub(super) const FILES: &[(&str, &str)] = &[
    ("index.html", "text/html"),
    ("index.css", "text/css"),
    ("swagger-ui.css", "text/css"),
    ("swagger-ui-bundle.js", "text/javascript"),
    ("swagger-ui-standalone-preset.js", "text/javascript"),
    ("swagger-initializer.js", "text/javascript"),
    ("favicon-16x16.png", "image/png"),
    ("favicon-32x32.png", "image/png"),
    ("oauth2-redirect.html", "text/html"),
    ("oauth2-redirect.js", "text/javascript"),
];

/// The path of the files, with the names of [`FILES`].
pub(super) const PATH: &str = "/api/{file:index.html|index.css|swagger-ui.css|swagger-ui-bundle.js|\
                               swagger-ui-standalone-preset.js|swagger-initializer.js|favicon-16x16.png|\
                               favicon-32x32.png|oauth2-redirect.html|oauth2-redirect.js}";

/// Scripts, styles and calls of this server only. Swagger UI sets styles on elements and draws icons from `data:`.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
                      connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// A file of the page.
pub(super) fn file(name: &str) -> Result<Response, Refusal> {
    let unknown = Refusal::Unknown(Unknown::Route);
    let (name, media) = FILES.iter().find(|(file, _)| *file == name).ok_or_else(|| unknown.clone())?;
    let config = Config::from("../openapi.json")
        .validator_url("none")
        .try_it_out_enabled(true)
        .doc_expansion("none")
        .default_models_expand_depth(-1)
        .deep_linking(true)
        .filter(true)
        .display_request_duration(true);
    let file = utoipa_swagger_ui::serve(name, Arc::new(config)).map_err(|error| Refusal::fault(&error))?;
    let SwaggerFile { bytes, .. } = file.ok_or(unknown)?;
    let media = if media.starts_with("text/") { format!("{media}; charset=utf-8") } else { (*media).to_owned() };
    let headers = [
        (CONTENT_TYPE, media.as_str()),
        (CONTENT_SECURITY_POLICY, POLICY),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (REFERRER_POLICY, "no-referrer"),
        // Files change with the version of the program only, but have no names of their own for each.
        (CACHE_CONTROL, "no-cache"),
    ];
    Ok((headers, bytes.into_owned()).into_response())
}
