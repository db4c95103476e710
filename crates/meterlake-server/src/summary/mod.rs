//! Partner Center customer usage summary, budgets and usage records.

mod budget;
mod currency;
mod docs;
mod errors;
mod figures;
mod number;
mod partner_total;
mod period;
mod routes;
mod wire;

pub(crate) use errors::SummaryShape;
pub(crate) use routes::routes;
