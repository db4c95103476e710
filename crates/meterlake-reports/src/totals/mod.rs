//! Totals of cost and quantity for the usage summary and the usage records.

mod index;
mod plan;
mod rows;
mod sums;

use meterlake_model::{Amount, CurrencyCode, CustomerTenantId, ImportId, Quantity};

use crate::memory::Sources;
use crate::plan::{collect, snapshot};
use crate::{CustomerScope, ReportError, Selection};

/// What a total is made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TotalsBy {
    /// A row a customer (and currency).
    Customer,
    /// A row a subscription of a customer (and currency).
    Subscription,
    /// A row a meter of a subscription (and currency): the "resources" of the usage records.
    Resource,
}

/// Which totals.
#[derive(Clone, Debug)]
pub struct TotalsQuery {
    /// Whose charges.
    pub customers: CustomerScope,
    /// Only this subscription, compared without case.
    pub subscription: Option<String>,
    /// By billing period or by day.
    pub selection: Selection,
    /// What a row is.
    pub by: TotalsBy,
    /// The snapshot to read; the newest when none.
    pub snapshot: Option<u64>,
}

/// Sums over the pre-tax billed charges of one key and currency. Key columns that [`TotalsBy`] does not ask for are
/// empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TotalsRow {
    /// The customer.
    pub customer: CustomerTenantId,
    /// The subscription, in lower case.
    pub subscription_id: String,
    /// The name of the subscription; of several the one that sorts last.
    pub subscription_name: String,
    /// The offer of the subscription, treated like its name.
    pub offer_id: String,
    /// The meter, in lower case.
    pub meter_id: String,
    /// The name of the meter.
    pub meter_name: String,
    /// The category of the meter.
    pub category: String,
    /// The subcategory of the meter.
    pub subcategory: String,
    /// The unit of the quantity.
    pub unit: String,
    /// The currency of `cost`.
    pub currency: CurrencyCode,
    /// Billed cost before tax.
    pub cost: Amount,
    /// The same in US dollars by the source's own figures; none when any row has no such figure.
    pub usd: Option<Amount>,
    /// The quantity; only of meaning by resource, elsewhere it sums different units.
    pub quantity: Quantity,
    /// The newest import that brought one of the rows.
    pub latest_import: Option<ImportId>,
}

pub(crate) use index::Index;

pub(crate) async fn totals(sources: Sources<'_>, query: &TotalsQuery) -> Result<Vec<TotalsRow>, ReportError> {
    let snapshot = snapshot(sources.lake, query.snapshot).await?;
    if let Some(index) = index::index(sources, &snapshot, query).await? {
        return Ok(index.rows(query));
    }
    let mut rows = Vec::new();
    for batch in collect(sources.engine, plan::sums(&snapshot, query)?).await? {
        rows::read(&batch, &mut rows)?;
    }
    Ok(rows)
}
