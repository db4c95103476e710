//! The licences of a customer's tenant.

use std::mem::size_of;

use chrono::{DateTime, Utc};
use datafusion::logical_expr::col;
use meterlake_lake::tables::licences::columns;
use meterlake_lake::{Table, TableSnapshot};
use meterlake_model::TenantId;

use crate::ReportError;
use crate::engine::QueryEngine;
use crate::memory::{Made, Sources, Weigh, list_bytes, names};
use crate::plan::collect;
use crate::tenant::{self, Columns, instant};

/// The licences of one SKU.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Licence {
    /// Product name.
    pub product_name: String,
    /// SKU, a GUID.
    pub sku_id: String,
    /// Part number of the SKU.
    pub sku_part_number: String,
    /// Units bought through this partner; none when no source tells.
    pub active_units: Option<i64>,
    /// Units in the tenant over all partners; none when no source tells.
    pub total_units: Option<i64>,
    /// Units assigned; none when no source tells.
    pub consumed_units: Option<i64>,
    /// The SKU's subscriptions, each a blank, its name and its cycle in brackets, joined by commas.
    pub subscription_names: String,
}

impl Licence {
    /// Units not assigned: those in the tenant less those assigned, never below 0.
    #[must_use]
    pub fn available_units(&self) -> i64 {
        self.total_units.unwrap_or(0).saturating_sub(self.consumed_units.unwrap_or(0)).max(0)
    }
}

/// The licences of a tenant at the newest moment that a clock had reached.
pub(crate) struct NewestLicences {
    /// The moment; none when all lie ahead.
    moment: Option<DateTime<Utc>>,
    /// The next one.
    next: Option<DateTime<Utc>>,
    licences: Vec<Licence>,
}

impl NewestLicences {
    /// Whether no later moment has come by `now`, and the clock was not set back before this one.
    fn holds(&self, now: DateTime<Utc>) -> bool {
        self.moment.is_none_or(|moment| moment <= now) && self.next.is_none_or(|next| now < next)
    }
}

impl Weigh for NewestLicences {
    fn bytes(&self) -> usize {
        let texts =
            |l: &Licence| l.product_name.len() + l.sku_id.len() + l.sku_part_number.len() + l.subscription_names.len();
        size_of::<Self>() + list_bytes(&self.licences) + self.licences.iter().map(texts).sum::<usize>()
    }
}

/// The newest snapshot of the tenant's licences that was taken up to `now`, by product name.
pub(crate) async fn licences(
    sources: Sources<'_>,
    tenant: TenantId,
    now: DateTime<Utc>,
) -> Result<Vec<Licence>, ReportError> {
    let snapshot = sources.lake.snapshot(Table::Licences).await?;
    let files = || names(&sources.memory.tenants.of(&snapshot, tenant));
    let make = || async { read(sources.engine, &snapshot, tenant, now).await.map(Made::Value) };
    let kept = sources.memory.licences.get(tenant, snapshot.version(), files, |kept| kept.holds(now), make).await?;
    match kept {
        Some(kept) => Ok(kept.licences.clone()),
        None => Ok(read(sources.engine, &snapshot, tenant, now).await?.licences),
    }
}

async fn read(
    engine: &dyn QueryEngine,
    snapshot: &TableSnapshot,
    tenant: TenantId,
    now: DateTime<Utc>,
) -> Result<NewestLicences, ReportError> {
    let moments = tenant::rows(snapshot, tenant, None)?.project([col(columns::MOMENT)])?.distinct()?;
    let (mut moment, mut next) = (None, None);
    for batch in collect(engine, moments.build()?).await? {
        let moments = Columns(&batch);
        for at in 0..batch.num_rows() {
            let Some(one) = moments.instant(columns::MOMENT, at)? else { continue };
            if one <= now {
                moment = moment.max(Some(one));
            } else {
                next = Some(next.map_or(one, |next: DateTime<Utc>| next.min(one)));
            }
        }
    }
    let mut licences = Vec::new();
    let Some(at_moment) = moment else { return Ok(NewestLicences { moment, next, licences }) };
    let rows = tenant::rows(snapshot, tenant, None)?.filter(col(columns::MOMENT).eq(instant(at_moment)))?;
    for batch in collect(engine, rows.build()?).await? {
        let values = Columns(&batch);
        for at in 0..batch.num_rows() {
            // The one row of a tenant without licences names none.
            if values.text(columns::SKU_ID, at)?.is_empty() {
                continue;
            }
            licences.push(Licence {
                product_name: values.text(columns::PRODUCT_NAME, at)?,
                sku_id: values.text(columns::SKU_ID, at)?,
                sku_part_number: values.text(columns::SKU_PART_NUMBER, at)?,
                active_units: values.integer(columns::ACTIVE_UNITS, at)?,
                total_units: values.integer(columns::TOTAL_UNITS, at)?,
                consumed_units: values.integer(columns::CONSUMED_UNITS, at)?,
                subscription_names: values.text(columns::SUBSCRIPTION_NAMES, at)?,
            });
        }
    }
    licences.sort_by(|a, b| (&a.product_name, &a.sku_id).cmp(&(&b.product_name, &b.sku_id)));
    Ok(NewestLicences { moment, next, licences })
}
