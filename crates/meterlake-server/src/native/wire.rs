//! Estimates on the wire.

use chrono::{DateTime, SecondsFormat, Utc};
use meterlake_control::Tenant;
use meterlake_model::{Amount, Day, TenantId};
use meterlake_reports::{ActualCost, EstimateLine, EstimateRequest, EstimateRow, PriceList};
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;
use utoipa::ToSchema;
use utoipa::openapi::ObjectBuilder;

use crate::openapi::{day, exact, guid, one_of};

/// An estimate.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Estimate<'a> {
    /// The tenant.
    #[schema(schema_with = guid)]
    tenant_id: TenantId,
    /// First day.
    #[schema(schema_with = day)]
    start_date: Day,
    /// Last day.
    #[schema(schema_with = day)]
    end_date: Day,
    /// What a row covers: `day`, `week` or `month`.
    #[schema(schema_with = granularity)]
    granularity: &'static str,
    /// The price file.
    prices: Prices<'a>,
    /// Up to when imports cover the usage; null if none does.
    #[schema(required, format = DateTime)]
    covered_to: Option<String>,
    /// The sum over the rows; null where there is none.
    #[schema(required)]
    total: Option<Row<'a>>,
    /// The rows.
    data: Vec<Row<'a>>,
}

fn granularity() -> ObjectBuilder {
    one_of(&["day", "week", "month"])
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = EstimatePrices)]
struct Prices<'a> {
    name: &'a str,
    currency: &'a str,
    source: &'a str,
    #[schema(schema_with = day)]
    as_of: Day,
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = EstimateRow)]
struct Row<'a> {
    /// First day.
    #[schema(schema_with = day)]
    start: Day,
    /// Last day.
    #[schema(schema_with = day)]
    end: Day,
    /// Days from the first to the last.
    days: u64,
    /// Those of them that an import covers.
    days_covered: u64,
    /// The application; null where rows are not split.
    #[schema(required)]
    application_id: Option<&'a str>,
    /// What was used of each meter and what it costs.
    meters: Vec<Line<'a>>,
    /// The sum of the meters.
    #[schema(schema_with = exact)]
    cost: Exact,
    /// The price file's currency.
    currency: &'a str,
    /// What the linked subscription was charged, where the lake has it.
    actual: Vec<Actual<'a>>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = EstimateMeter)]
struct Line<'a> {
    /// `authentication`, `mfa` or `mau`.
    meter: &'a str,
    /// How many.
    quantity: u64,
    /// Their cost.
    #[schema(schema_with = exact)]
    cost: Exact,
    /// Whether it is an application's share of something that the tenant is billed as a whole.
    share: bool,
}

#[derive(Serialize, ToSchema)]
#[schema(as = EstimateActual)]
struct Actual<'a> {
    #[schema(schema_with = exact)]
    cost: Exact,
    currency: &'a str,
}

/// An amount as a JSON number with all its digits.
struct Exact(Amount);

impl Serialize for Exact {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        RawValue::from_string(self.0.to_string()).map_err(serde::ser::Error::custom)?.serialize(serializer)
    }
}

impl<'a> Estimate<'a> {
    pub(super) fn new(
        tenant: &Tenant,
        request: &EstimateRequest,
        prices: &'a PriceList,
        estimate: &'a meterlake_reports::Estimate,
    ) -> Self {
        let currency = prices.currency.as_str();
        let row = |row: &'a EstimateRow| Row::new(row, currency);
        Self {
            tenant_id: tenant.id,
            start_date: estimate.days.first,
            end_date: estimate.days.last,
            granularity: request.granularity.as_str(),
            prices: Prices { name: &prices.name, currency, source: &prices.source, as_of: prices.as_of },
            covered_to: estimate.covered_to.map(|at: DateTime<Utc>| at.to_rfc3339_opts(SecondsFormat::AutoSi, true)),
            total: estimate.total.as_ref().map(row),
            data: estimate.rows.iter().map(row).collect(),
        }
    }
}

impl<'a> Row<'a> {
    fn new(row: &'a EstimateRow, currency: &'a str) -> Self {
        let line = |line: &'a EstimateLine| Line {
            meter: &line.meter,
            quantity: line.quantity,
            cost: Exact(line.cost),
            share: line.share,
        };
        let actual = |actual: &'a ActualCost| Actual { cost: Exact(actual.cost), currency: actual.currency.as_str() };
        Self {
            start: row.start,
            end: row.end,
            days: row.days,
            days_covered: row.days_covered,
            application_id: row.application.as_deref(),
            meters: row.lines.iter().map(line).collect(),
            cost: Exact(row.cost),
            currency,
            actual: row.actual.iter().map(actual).collect(),
        }
    }
}
