//! Reports: a typed request becomes a plan, the plan a stream of batches, the batches bytes.
//!
//! Knows nothing of HTTP, tokens or principals: what a caller may see comes in as data
//! ([`CustomerScope`], the billing accounts of an [`EaRequest`]) and becomes a predicate in one place, `scope`.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

mod analytics;
mod api_fields;
mod b2c;
mod ea;
mod encode;
mod engine;
mod error;
mod estimate;
mod licences;
mod memory;
mod plan;
mod reports;
mod scope;
mod selection;
mod tenant;
mod totals;

pub use analytics::{
    AggregationLevel, AnalyticsField, AnalyticsKey, AnalyticsPage, AnalyticsRequest, Direction, QUANTITY_COLUMN,
};
pub use api_fields::{analytics_columns, ea_columns, summary_columns};
pub use b2c::{
    B2cDailyRequest, B2cDay, B2cFilter, B2cFilterError, B2cKind, B2cPeriod, B2cWindow, MfaCounts, UserCountDay,
};
pub use ea::{EaBody, EaJsonPage, EaJsonRequest, EaOutline, EaPage, EaPiece, EaPlace, EaPosition, EaRequest, EaRow};
pub use encode::{Buffers, CsvRows, DayFormat, EncodeError, FieldKind, JsonRows, WireField};
pub use engine::{Admitted, EmbeddedEngine, Means, QueryEngine, Work};
pub use error::ReportError;
pub use estimate::{
    ActualCost, Estimate, EstimateLine, EstimateRequest, EstimateRow, Granularity, LinkedCharges, Meter, MeterPrice,
    PriceError, PriceList, Tier,
};
pub use licences::Licence;
pub use memory::KeptAnswer;
pub use reports::{Reports, ReportsConfig};
pub use scope::CustomerScope;
pub use selection::Selection;
pub use totals::{TotalsBy, TotalsQuery, TotalsRow};
