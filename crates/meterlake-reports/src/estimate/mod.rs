//! Estimates of the bill of a B2C tenant from a price file, beside what was billed.
//!
//! Every figure is a sum of figures of days. A day costs what its units add to the calendar month's cost in tiers, so
//! that days, weeks and months agree to the last digit; an application's part of a day is in proportion to its units.

mod actual;
mod bucket;
mod counts;
mod price_days;
mod prices;
mod rows;
mod share;

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use meterlake_lake::Lake;
use meterlake_model::{Amount, BillingPeriod, CurrencyCode, Day, DayRange, TenantId};

pub use actual::LinkedCharges;
pub use bucket::Granularity;
pub use prices::{Meter, MeterPrice, PriceError, PriceList, Tier};

use crate::engine::QueryEngine;
use crate::{MfaCounts, ReportError};

/// Which estimate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EstimateRequest {
    /// The tenant.
    pub tenant: TenantId,
    /// The days, both inclusive.
    pub days: DayRange,
    /// What a row stands for.
    pub granularity: Granularity,
    /// Whether the applications get rows of their own after the tenant's.
    pub per_application: bool,
    /// Which MFA requests count.
    pub mfa_counts: MfaCounts,
    /// Whose charges stand beside it.
    pub linked: LinkedCharges,
    /// The snapshot of the daily counts to read; the newest when none.
    pub snapshot: Option<u64>,
}

/// Units of one meter and what they cost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EstimateLine {
    /// The meter, as [`MeterPrice::label`].
    pub meter: String,
    /// Units. Monthly active users count on the day of the month on which they were first seen.
    pub quantity: u64,
    /// What they cost; for an application, its part of what the tenant's cost.
    pub cost: Amount,
    /// Whether the cost is a share: users who use several applications are users of each, so the quantities of
    /// applications can sum to more than the tenant's.
    pub share: bool,
}

/// A billed cost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ActualCost {
    /// Its currency.
    pub currency: CurrencyCode,
    /// Billed before tax.
    pub cost: Amount,
}

/// The estimate of a day, week or month, for the tenant or one of its applications.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EstimateRow {
    /// The first day of the day, week or month; weeks and months may start before the first day asked for.
    pub start: Day,
    /// Its last day, likewise.
    pub end: Day,
    /// Its days that were asked for.
    pub days: u64,
    /// Those of them that an import covers: nothing is known of the others.
    pub days_covered: u64,
    /// The application, empty for events without one; none for the whole tenant.
    pub application: Option<String>,
    /// A line a meter, in the order of the price file.
    pub lines: Vec<EstimateLine>,
    /// The sum of the lines.
    pub cost: Amount,
    /// What was billed for these days, by currency; empty for applications, and where the lake has no such charges.
    pub actual: Vec<ActualCost>,
}

/// An estimate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Estimate {
    /// The days, both inclusive.
    pub days: DayRange,
    /// The snapshot of the daily counts that it was made from.
    pub snapshot: u64,
    /// The newest covered moment of the days; none when nothing is covered.
    pub covered_to: Option<DateTime<Utc>>,
    /// A row a day, week or month of which at least one day is covered, followed by its applications where asked for.
    pub rows: Vec<EstimateRow>,
    /// The tenant's rows together; none when there are none.
    pub total: Option<EstimateRow>,
}

/// Figures of one day and application, as they add up.
type Figures = BTreeMap<(Day, Option<String>), Vec<EstimateLine>>;

pub(crate) async fn estimate(
    lake: &Lake,
    engine: &dyn QueryEngine,
    request: &EstimateRequest,
    prices: &PriceList,
) -> Result<Estimate, ReportError> {
    // Tiers and free units are counted from the first of the month.
    let counted =
        DayRange { first: BillingPeriod::containing(request.days.first).first_day(), last: request.days.last };
    let users = prices.meters.iter().any(|price| price.meter == Meter::Mau);
    let (snapshot, counts) =
        counts::read(lake, engine, request.tenant, counted, request.mfa_counts, users, request.snapshot).await?;
    let billed = actual::read(lake, engine, &request.linked, request.days).await?;
    let figures = price_days::price(counted, &counts, prices)?;
    let (rows, total) = rows::gather(request, prices, &counts, &figures, &billed)?;
    Ok(Estimate { days: request.days, snapshot, covered_to: counts.covered_to, rows, total })
}

fn too_large() -> ReportError {
    ReportError::Overflow("the estimated cost".to_owned())
}
