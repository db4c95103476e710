//! The plan of totals.

use datafusion::functions::expr_fn::lower;
use datafusion::functions_aggregate::expr_fn::{count, max};
use datafusion::logical_expr::{Expr, LogicalPlan, col, lit};
use meterlake_lake::ChargesSnapshot;
use meterlake_lake::charges::columns;

use super::{TotalsBy, TotalsQuery};
use crate::ReportError;
use crate::plan::{Order, charges, checked_sum, files, selected};
use crate::scope::Scope;

/// Output column: the sum of the US dollar figures, which are as imports settled them.
pub(super) const USD: &str = "usd";
/// Output column: how many rows have a US dollar figure.
pub(super) const USD_ROWS: &str = "usd_rows";
/// Output column: how many rows there are.
pub(super) const ROWS: &str = "rows";

/// The key columns of a row of totals; ids as they are grouped, in lower case.
fn keys(by: TotalsBy) -> Vec<Expr> {
    let plain = |column: &'static str| col(column).alias(column);
    let id = |column: &'static str| lower(col(column)).alias(column);
    let mut keys = vec![plain(columns::CUSTOMER_TENANT_ID)];
    if matches!(by, TotalsBy::Subscription | TotalsBy::Resource) {
        keys.push(id(columns::SUBSCRIPTION_ID));
    }
    if by == TotalsBy::Resource {
        keys.push(id(columns::METER_ID));
        keys.extend([columns::METER_CATEGORY, columns::METER_SUBCATEGORY, columns::UNIT_OF_MEASURE].map(plain));
    }
    keys.push(plain(columns::BILLING_CURRENCY));
    keys
}

/// Names that a key may have several of; the one that sorts last is given.
fn names(by: TotalsBy) -> &'static [&'static str] {
    match by {
        TotalsBy::Customer => &[],
        TotalsBy::Subscription => &[columns::SUBSCRIPTION_NAME, columns::OFFER_ID],
        TotalsBy::Resource => &[columns::SUBSCRIPTION_NAME, columns::OFFER_ID, columns::METER_NAME],
    }
}

/// A row a key and currency, ordered by key.
pub(super) fn sums(snapshot: &ChargesSnapshot, query: &TotalsQuery) -> Result<LogicalPlan, ReportError> {
    let scope = Scope::Customers(&query.customers);
    let files = files(snapshot, &scope, Some(query.selection));
    let mut rows = selected(query.selection).and(before_tax());
    if let Some(subscription) = &query.subscription {
        rows = rows.and(lower(col(columns::SUBSCRIPTION_ID)).eq(lit(subscription.to_lowercase())));
    }
    let keys = keys(query.by);
    let key_names: Vec<String> = keys.iter().map(|key| key.schema_name().to_string()).collect();
    let inputs = names(query.by).iter().copied().chain([columns::BILLED_COST, columns::QUANTITY, columns::IMPORT_ID]);
    let inputs = inputs.map(|column| col(column).alias(column)).chain([col(columns::COST_IN_USD).alias(USD)]);
    let mut sums = vec![
        checked_sum(col(columns::BILLED_COST)).alias(columns::BILLED_COST),
        checked_sum(col(columns::QUANTITY)).alias(columns::QUANTITY),
        checked_sum(col(USD)).alias(USD),
        count(col(USD)).alias(USD_ROWS),
        count(lit(1)).alias(ROWS),
        max(col(columns::IMPORT_ID)).alias(columns::IMPORT_ID),
    ];
    sums.extend(names(query.by).iter().map(|name| max(col(*name)).alias(*name)));
    let order = key_names.iter().map(|name| col(name.as_str()).sort(true, false)).collect::<Vec<_>>();
    let plan = charges(snapshot, &files, &scope, Order::Any)?
        .filter(rows)?
        .project(keys.into_iter().chain(inputs))?
        .aggregate(key_names.iter().map(|name| col(name.as_str())), sums)?
        .sort(order)?;
    Ok(plan.build()?)
}

/// The summary is the cost before tax; some sources bring tax as charges of its own.
fn before_tax() -> Expr {
    lower(col(columns::CHARGE_TYPE)).not_eq(lit("tax"))
}
