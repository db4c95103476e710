//! The licences of a customer's tenant.

use chrono::{DateTime, Utc};
use datafusion::functions_aggregate::expr_fn::max;
use datafusion::logical_expr::col;
use meterlake_lake::tables::licences::columns;
use meterlake_lake::{Lake, Table};
use meterlake_model::TenantId;

use crate::ReportError;
use crate::engine::QueryEngine;
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

/// The newest snapshot of the tenant's licences that was taken up to `now`, by product name.
pub(crate) async fn licences(
    lake: &Lake,
    engine: &dyn QueryEngine,
    tenant: TenantId,
    now: DateTime<Utc>,
) -> Result<Vec<Licence>, ReportError> {
    let snapshot = lake.snapshot(Table::Licences).await?;
    let newest = tenant::rows(&snapshot, tenant, None)?
        .filter(col(columns::MOMENT).lt_eq(instant(now)))?
        .aggregate(Vec::<datafusion::logical_expr::Expr>::new(), [max(col(columns::MOMENT)).alias(columns::MOMENT)])?;
    let mut moment = None;
    for batch in collect(engine, newest.build()?).await? {
        let moments = Columns(&batch);
        for at in 0..batch.num_rows() {
            moment = moment.max(moments.instant(columns::MOMENT, at)?);
        }
    }
    let Some(moment) = moment else { return Ok(Vec::new()) };
    let rows = tenant::rows(&snapshot, tenant, None)?.filter(col(columns::MOMENT).eq(instant(moment)))?;
    let mut licences = Vec::new();
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
    Ok(licences)
}
