//! The OpenAPI document: every route says beside its handler what it takes and answers, the document is put together
//! from the table that serves, and a page shows it.

mod call;
mod document;
mod exact;
mod family;
mod page;
mod routes;
mod schema;
mod security;

#[cfg(test)]
mod tests;

pub(crate) use call::{
    Answer, Call, Docs, api_version, etag, header, header_at_times, if_none_match, path, query, request_header,
    skip_token, tenant, vary_accept,
};
pub(crate) use family::{RefusalBody, message};
pub(crate) use routes::{Document, routes};
pub(crate) use schema::{
    Named, count, day, exact, form, guid, instant, link, link_or_null, list, midnight_z, nothing, null, object, one_of,
    open_object, property, row, text, wire_field,
};

/// The OpenAPI 3.1 document of every route, of a server at `base_url` (scheme and authority, such as
/// `https://usage.example.org`).
#[must_use]
pub fn openapi_document(base_url: &str) -> serde_json::Value {
    document::document(crate::router::table().documented(), base_url)
}
