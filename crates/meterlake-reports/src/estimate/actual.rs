//! What the service was really billed, where the charges of the linked subscription are in the lake.

use std::collections::BTreeMap;

use datafusion::functions::expr_fn::lower;
use datafusion::logical_expr::{col, lit};
use meterlake_lake::Lake;
use meterlake_lake::charges::columns;
use meterlake_model::{Amount, CurrencyCode, Day, DayRange};

use crate::engine::QueryEngine;
use crate::plan::{Order, charges, checked_sum, collect, files, selected, snapshot};
use crate::scope::Scope;
use crate::tenant::{Columns, wrong};
use crate::{ReportError, Selection};

/// Whose charges stand beside an estimate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LinkedCharges {
    /// None.
    Nothing,
    /// The charges of the B2C service in this subscription, compared without case.
    Subscription(String),
    /// The charges of the directories with these domain names, in whatever subscription: the resource that a tenant
    /// is linked by carries its domain as its name.
    Directories(Vec<String>),
}

/// Billed cost before tax, by day and currency.
pub(super) type Billed = BTreeMap<(Day, CurrencyCode), Amount>;

pub(super) async fn read(
    lake: &Lake,
    engine: &dyn QueryEngine,
    linked: &LinkedCharges,
    range: DayRange,
) -> Result<Billed, ReportError> {
    let mut billed = Billed::new();
    if *linked == LinkedCharges::Nothing {
        return Ok(billed);
    }
    let snapshot = snapshot(lake, None).await?;
    let scope = Scope::Linked(linked);
    let days = Selection::Days(range);
    let keys = [columns::USAGE_DATE, columns::BILLING_CURRENCY];
    let plan = charges(&snapshot, &files(&snapshot, &scope, Some(days)), &scope, Order::Any)?
        .filter(selected(days).and(lower(col(columns::CHARGE_TYPE)).not_eq(lit("tax"))))?
        .aggregate(keys.map(col), [checked_sum(col(columns::BILLED_COST)).alias(columns::BILLED_COST)])?
        .build()?;
    for batch in collect(engine, plan).await? {
        let rows = Columns(&batch);
        for at in 0..batch.num_rows() {
            let currency = rows.text(columns::BILLING_CURRENCY, at)?;
            let currency = currency.parse().map_err(|error| wrong(columns::BILLING_CURRENCY, &error))?;
            let cost = rows.amount(columns::BILLED_COST, at)?;
            billed.insert((rows.day(columns::USAGE_DATE, at)?, currency), cost);
        }
    }
    Ok(billed)
}
