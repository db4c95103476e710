//! Estimates on the wire.

use chrono::{DateTime, SecondsFormat, Utc};
use meterlake_control::Tenant;
use meterlake_model::{Amount, Day, TenantId};
use meterlake_reports::{ActualCost, EstimateLine, EstimateRequest, EstimateRow, PriceList};
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

/// An estimate.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Estimate<'a> {
    tenant_id: TenantId,
    start_date: Day,
    end_date: Day,
    granularity: &'static str,
    prices: Prices<'a>,
    covered_to: Option<String>,
    total: Option<Row<'a>>,
    data: Vec<Row<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Prices<'a> {
    name: &'a str,
    currency: &'a str,
    source: &'a str,
    as_of: Day,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Row<'a> {
    start: Day,
    end: Day,
    days: u64,
    days_covered: u64,
    application_id: Option<&'a str>,
    meters: Vec<Line<'a>>,
    cost: Exact,
    currency: &'a str,
    actual: Vec<Actual<'a>>,
}

#[derive(Serialize)]
struct Line<'a> {
    meter: &'a str,
    quantity: u64,
    cost: Exact,
    share: bool,
}

#[derive(Serialize)]
struct Actual<'a> {
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
