//! Azure AD B2C usage reports.

mod caller;
mod docs;
mod errors;
mod format;
mod metadata;
mod report;
mod request;
mod routes;
mod wire;

pub(crate) use docs::refusal_body;
pub(crate) use errors::B2cShape;
pub(crate) use routes::routes;

/// The fields of the rows of the report of this name, in any case.
pub(crate) fn row_fields(report: &str) -> Option<&'static [&'static str]> {
    report::Report::find(report).map(report::Report::fields)
}
