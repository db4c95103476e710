//! Partner Center Azure usage analytics.

mod docs;
mod errors;
mod request;
mod routes;
mod wire;

pub(crate) use errors::AnalyticsShape;
pub(crate) use routes::routes;
pub(crate) use wire::fields;
