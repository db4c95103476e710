//! The figures of customers and subscriptions over their current periods.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use meterlake_control::{Customer, Revision};
use meterlake_model::{Amount, CurrencyCode, CustomerTenantId, ImportId, Offer};
use meterlake_reports::{CustomerScope, Selection, TotalsBy, TotalsQuery, TotalsRow};

use super::period::UsagePeriod;
use crate::refusal::Refusal;
use crate::state::ServerState;

/// Customers asked for one by one up to this number; above it, all that the caller may see at once.
const ONE_BY_ONE: usize = 64;

/// The sum of some totals in one currency.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Figures {
    /// Billed cost before tax.
    pub(crate) cost: Amount,
    /// The same in US dollars by the source's own figures; none if any row lacks one.
    pub(crate) usd: Option<Amount>,
    /// The currency of `cost`; none when there are no rows and the customer has none set.
    pub(crate) currency: Option<CurrencyCode>,
    /// When the figures last changed; none without rows.
    pub(crate) changed_at: Option<DateTime<Utc>>,
    /// The rows they are the sum of.
    rows: usize,
}

impl Figures {
    /// The sum of no rows.
    pub(crate) fn none(currency: Option<CurrencyCode>) -> Self {
        Self { cost: Amount::ZERO, usd: Some(Amount::ZERO), currency, changed_at: None, rows: 0 }
    }

    /// The sum of those `rows` that are in `currency`; with none given, in the currency of the first row. Amounts in
    /// other currencies are not converted and not counted.
    pub(crate) async fn sum(
        (state, revision): (&ServerState, Option<Revision>),
        rows: &[&TotalsRow],
        currency: Option<&CurrencyCode>,
    ) -> Result<Self, Refusal> {
        let currency = currency.or(rows.first().map(|row| &row.currency)).cloned();
        let mut figures = Self::none(currency.clone());
        let mut latest: Option<ImportId> = None;
        for row in rows.iter().filter(|row| Some(&row.currency) == currency.as_ref()) {
            figures.cost = add(figures.cost, row.cost)?;
            figures.usd = match (figures.usd, row.usd) {
                (Some(sum), Some(usd)) => Some(add(sum, usd)?),
                _ => None,
            };
            latest = latest.max(row.latest_import);
            figures.rows += 1;
        }
        if let Some(import) = latest {
            figures.changed_at = Some(committed_at(state, revision, import).await?);
        }
        Ok(figures)
    }

    /// Whether there were any charges.
    pub(crate) fn any(&self) -> bool {
        self.rows > 0
    }
}

pub(crate) fn add(sum: Amount, more: Amount) -> Result<Amount, Refusal> {
    sum.checked_add(more).map_err(|_| {
        tracing::error!("a total of totals does not fit");
        Refusal::Internal("A total has more than 38 digits and cannot be given exactly.".to_owned())
    })
}

/// When the import was committed; by its id, when it was begun, if there is no record of it.
async fn committed_at(
    state: &ServerState,
    revision: Option<Revision>,
    import: ImportId,
) -> Result<DateTime<Utc>, Refusal> {
    let recorded = state.control().import_finished_in(revision, import).await?;
    let begun = || {
        let (seconds, nanos) = import.0.get_timestamp()?.to_unix();
        DateTime::from_timestamp(i64::try_from(seconds).ok()?, nanos)
    };
    Ok(recorded.or_else(begun).unwrap_or(DateTime::UNIX_EPOCH))
}

/// Whether a customer is reported as one of an Azure plan: as soon as it has one; also when nothing says what it
/// bought, because MS-AZR-0145P is no longer sold.
pub(crate) fn has_azure_plan(customer: &Customer) -> bool {
    customer.offers.contains(&Offer::AzurePlan) || !customer.offers.contains(&Offer::MsAzr0145p)
}

/// The customer's current period.
pub(crate) fn period(customer: &Customer, now: DateTime<Utc>) -> UsagePeriod {
    if has_azure_plan(customer) {
        UsagePeriod::of_azure_plan(now)
    } else {
        UsagePeriod::of_0145p(now, customer.billing_day, customer.billing_utc_offset_minutes)
    }
}

/// The totals of one customer's charges in a selection.
pub(crate) async fn totals(
    state: &ServerState,
    customer: CustomerTenantId,
    subscription: Option<&str>,
    selection: Selection,
    by: TotalsBy,
) -> Result<Vec<TotalsRow>, Refusal> {
    let query = TotalsQuery {
        customers: CustomerScope::These(vec![customer]),
        subscription: subscription.map(str::to_owned),
        selection,
        by,
        snapshot: None,
    };
    Ok(state.reports().usage_totals(&query).await?)
}

/// A customer with its period and figures.
pub(crate) type CustomerFigures = (Customer, UsagePeriod, Figures);

/// The figures of many customers, in their order; one query for each distinct period.
pub(crate) async fn of_customers(
    (state, revision): (&ServerState, Option<Revision>),
    customers: Vec<Customer>,
    sees_all: bool,
    now: DateTime<Utc>,
) -> Result<Vec<CustomerFigures>, Refusal> {
    let mut by_selection: HashMap<Selection, Vec<CustomerTenantId>> = HashMap::new();
    for customer in &customers {
        by_selection.entry(period(customer, now).selection).or_default().push(customer.tenant_id);
    }
    let snapshot = Some(state.reports().newest_snapshot().await?);
    let mut rows: HashMap<(Selection, CustomerTenantId), Vec<TotalsRow>> = HashMap::new();
    for (selection, ids) in by_selection {
        let customers = if sees_all && ids.len() > ONE_BY_ONE { CustomerScope::All } else { CustomerScope::These(ids) };
        let query = TotalsQuery { customers, subscription: None, selection, by: TotalsBy::Customer, snapshot };
        for row in state.reports().usage_totals(&query).await? {
            rows.entry((selection, row.customer)).or_default().push(row);
        }
    }
    let mut answered = Vec::with_capacity(customers.len());
    for customer in customers {
        let period = period(&customer, now);
        let own: Vec<&TotalsRow> = rows.get(&(period.selection, customer.tenant_id)).into_iter().flatten().collect();
        let figures = Figures::sum((state, revision), &own, customer.currency.as_ref()).await?;
        answered.push((customer, period, figures));
    }
    Ok(answered)
}
