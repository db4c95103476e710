//! The totals of all customers in one selection, in memory: a request looks its customer up.

use std::collections::HashMap;
use std::mem::size_of;
use std::ops::Range;
use std::sync::Arc;

use meterlake_lake::aggregate::{AggregateError, aggregate, may_match};
use meterlake_lake::charges::columns;
use meterlake_lake::{ChargesFile, ChargesSnapshot, LakeError};
use meterlake_model::{Amount, CurrencyCode, CustomerTenantId, Fixed, ImportId, Quantity};
use tokio::sync::oneshot;

use super::sums::{self, Total};
use super::{TotalsBy, TotalsQuery, TotalsRow};
use crate::engine::{Means, QueryEngine};
use crate::memory::{Made, Sources, Weigh, list_bytes, text_bytes};
use crate::plan::files;
use crate::scope::Scope;
use crate::{CustomerScope, ReportError};

/// Bytes that the groups may take while they are summed; with more of them, the lake is read for each request.
const MOST_BYTES: usize = 64 << 20;

/// The totals of all customers in one selection.
pub(crate) struct Index {
    /// By customer, and in the order of the totals.
    rows: Vec<Row>,
    texts: Vec<Arc<str>>,
    /// The rows of each customer, by customer.
    customers: Vec<(CustomerTenantId, Range<usize>)>,
}

/// A [`TotalsRow`] whose texts are places in a list.
struct Row {
    subscription_id: u32,
    subscription_name: u32,
    offer_id: u32,
    meter_id: u32,
    meter_name: u32,
    category: u32,
    subcategory: u32,
    unit: u32,
    currency: CurrencyCode,
    cost: Amount,
    usd: Option<Amount>,
    quantity: Quantity,
    latest_import: Option<ImportId>,
}

impl Weigh for Index {
    fn bytes(&self) -> usize {
        let texts = text_bytes(self.texts.iter().map(AsRef::as_ref));
        size_of::<Self>() + list_bytes(&self.rows) + list_bytes(&self.customers) + texts
    }
}

/// The index that serves the query; none when the lake is to be read.
pub(super) async fn index(
    sources: Sources<'_>,
    snapshot: &ChargesSnapshot,
    query: &TotalsQuery,
) -> Result<Option<Arc<Index>>, ReportError> {
    if query.subscription.is_some() && query.by == TotalsBy::Customer {
        return Ok(None);
    }
    let held = || files(snapshot, &Scope::Customers(&CustomerScope::All), Some(query.selection));
    let named = || held().iter().map(|file| Arc::from(file.path.as_str())).collect();
    let make = || async { Ok(make(sources.engine, snapshot, held(), query).await?.map_or(Made::Not, Made::Value)) };
    sources.memory.totals.get((query.selection, query.by), snapshot.version(), named, |_| true, make).await
}

async fn make(
    engine: &dyn QueryEngine,
    snapshot: &ChargesSnapshot,
    files: Vec<ChargesFile>,
    query: &TotalsQuery,
) -> Result<Option<Index>, ReportError> {
    let (snapshot, by, selection) = (snapshot.clone(), query.by, query.selection);
    let (done, result) = oneshot::channel();
    let work = move |means: Means| async move {
        let aggregation = Arc::new(sums::aggregation(by, selection));
        let files: Vec<_> = files.into_iter().filter(|file| may_match(file, &aggregation.condition)).collect();
        let sums = async {
            let row_groups = snapshot.row_groups(&files, None).await?;
            aggregate(row_groups, aggregation, means.threads, &means.memory, MOST_BYTES).await
        };
        let made = match sums.await {
            Ok(sums) => Index::of(sums::totals(by, &sums)),
            Err(reason @ (AggregateError::TooLarge(_) | AggregateError::Unsupported(_))) => {
                tracing::debug!(%reason, "totals are left to the engine");
                Ok(None)
            }
            Err(AggregateError::Lake(error)) => Err(LakeError::into(error)),
        };
        drop(done.send(made));
    };
    if !engine.work(Box::new(move |means| Box::pin(work(means)))).await? {
        return Ok(None);
    }
    result.await.map_err(|_| ReportError::Engine("the query died".to_owned()))?
}

impl Index {
    /// The index of these totals, which are in the order of their keys. None where one of them does not fit, which is an
    /// error only to who asks for it, or a customer is spelt in another way than ids are, so that a look-up by id would
    /// find what a comparison of texts does not.
    fn of(totals: Vec<Total>) -> Result<Option<Self>, ReportError> {
        let mut places: HashMap<Arc<str>, u32> = HashMap::new();
        let mut texts: Vec<Arc<str>> = Vec::new();
        let mut place = |text: &Arc<str>| {
            *places.entry(Arc::clone(text)).or_insert_with(|| {
                texts.push(Arc::clone(text));
                // Fewer than there are groups, whose number is one of 32 bits.
                u32::try_from(texts.len() - 1).unwrap_or(u32::MAX)
            })
        };
        let mut rows = Vec::with_capacity(totals.len());
        let mut customers: Vec<(CustomerTenantId, Range<usize>)> = Vec::new();
        for total in &totals {
            let sums = (total.cost.value(), total.usd.value(), total.quantity.value());
            let (Some(cost), Some(usd), Some(quantity)) = sums else { return Ok(None) };
            let [customer, subscription_id, meter_id, category, subcategory, unit, currency] = &total.key;
            let [subscription_name, offer_id, meter_name, import] = &total.last;
            let Some(id) = customer.parse().ok().filter(|id: &CustomerTenantId| id.to_string() == **customer) else {
                return Ok(None);
            };
            let at = rows.len();
            match customers.last_mut() {
                Some((last, range)) if *last == id => range.end = at + 1,
                _ => customers.push((id, at..at + 1)),
            }
            rows.push(Row {
                subscription_id: place(subscription_id),
                subscription_name: place(subscription_name),
                offer_id: place(offer_id),
                meter_id: place(meter_id),
                meter_name: place(meter_name),
                category: place(category),
                subcategory: place(subcategory),
                unit: place(unit),
                currency: parsed(columns::BILLING_CURRENCY, currency)?,
                cost: fixed(cost)?,
                usd: if total.usd_rows == total.rows { Some(fixed(usd)?) } else { None },
                quantity: fixed(quantity)?,
                latest_import: match &**import {
                    "" => None,
                    import => Some(parsed(columns::IMPORT_ID, import)?),
                },
            });
        }
        texts.shrink_to_fit();
        customers.shrink_to_fit();
        Ok(Some(Self { rows, texts, customers }))
    }

    /// The rows that the query asks for, in the order of their keys.
    pub(super) fn rows(&self, query: &TotalsQuery) -> Vec<TotalsRow> {
        let subscription = query.subscription.as_ref().map(|id| id.to_lowercase());
        let wanted = |row: &&Row| subscription.as_ref().is_none_or(|id| *id == self.text(row.subscription_id));
        let mut found = Vec::new();
        let mut take = |(customer, range): &(CustomerTenantId, Range<usize>)| {
            let rows = self.rows.get(range.clone()).unwrap_or_default();
            found.extend(rows.iter().filter(wanted).map(|row| self.row(*customer, row)));
        };
        match &query.customers {
            CustomerScope::All => self.customers.iter().for_each(take),
            CustomerScope::These(ids) => {
                let mut ids = ids.clone();
                ids.sort_unstable();
                ids.dedup();
                for id in ids {
                    if let Ok(at) = self.customers.binary_search_by_key(&id, |(customer, _)| *customer) {
                        take(&self.customers[at]);
                    }
                }
            }
        }
        found
    }

    fn text(&self, place: u32) -> &str {
        self.texts.get(place as usize).map_or("", AsRef::as_ref)
    }

    fn row(&self, customer: CustomerTenantId, row: &Row) -> TotalsRow {
        let text = |place| self.text(place).to_owned();
        TotalsRow {
            customer,
            subscription_id: text(row.subscription_id),
            subscription_name: text(row.subscription_name),
            offer_id: text(row.offer_id),
            meter_id: text(row.meter_id),
            meter_name: text(row.meter_name),
            category: text(row.category),
            subcategory: text(row.subcategory),
            unit: text(row.unit),
            currency: row.currency.clone(),
            cost: row.cost,
            usd: row.usd,
            quantity: row.quantity,
            latest_import: row.latest_import,
        }
    }
}

fn fixed<const SCALE: u32>(unscaled: i128) -> Result<Fixed<SCALE>, ReportError> {
    Fixed::from_unscaled(unscaled).map_err(|error| ReportError::Overflow(error.to_string()))
}

fn parsed<T: std::str::FromStr<Err: std::fmt::Display>>(column: &str, text: &str) -> Result<T, ReportError> {
    text.parse().map_err(|error| ReportError::Engine(format!("totals, {column}: {error}")))
}
