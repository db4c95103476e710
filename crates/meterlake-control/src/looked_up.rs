//! What nearly every request looks up, kept for as long as the control state does not change.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use meterlake_model::{CustomerTenantId, ImportId};
use uuid::Uuid;

use crate::{Control, ControlError, Customer, Kept, Revision, Tenant};

/// Bytes of each kind.
const MOST: usize = 8 << 20;

/// The kept answers of the functions below.
#[derive(Debug)]
pub(crate) struct LookedUp {
    customers: Kept<CustomerTenantId, Option<Arc<Customer>>>,
    by_c3_id: Kept<Uuid, Option<Arc<Customer>>>,
    tenants: Kept<String, Option<Arc<Tenant>>>,
    imports: Kept<ImportId, Option<DateTime<Utc>>>,
}

impl Default for LookedUp {
    fn default() -> Self {
        Self {
            customers: Kept::new(MOST),
            by_c3_id: Kept::new(MOST),
            tenants: Kept::new(MOST),
            imports: Kept::new(MOST),
        }
    }
}

impl Control {
    /// [`Control::customer`] for a request that asked for the revision; without one it is read.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn customer_in(
        &self,
        revision: Option<Revision>,
        id: CustomerTenantId,
    ) -> Result<Option<Arc<Customer>>, ControlError> {
        let Some(revision) = revision else { return Ok(self.customer(id).await?.map(Arc::new)) };
        let kept = &self.looked_up.customers;
        if let Some(customer) = kept.get(revision, &id) {
            return Ok(customer);
        }
        let customer = self.customer(id).await?.map(Arc::new);
        kept.keep(self, revision, id, customer.clone(), weight(customer.as_deref())).await?;
        Ok(customer)
    }

    /// [`Control::customer_by_c3_id`] for a request that asked for the revision; without one it is read.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn customer_by_c3_id_in(
        &self,
        revision: Option<Revision>,
        c3_id: Uuid,
    ) -> Result<Option<Arc<Customer>>, ControlError> {
        let Some(revision) = revision else { return Ok(self.customer_by_c3_id(c3_id).await?.map(Arc::new)) };
        let kept = &self.looked_up.by_c3_id;
        if let Some(customer) = kept.get(revision, &c3_id) {
            return Ok(customer);
        }
        let customer = self.customer_by_c3_id(c3_id).await?.map(Arc::new);
        kept.keep(self, revision, c3_id, customer.clone(), weight(customer.as_deref())).await?;
        Ok(customer)
    }

    /// [`Control::find_tenant`] for a request that asked for the revision; without one it is read.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn find_tenant_in(
        &self,
        revision: Option<Revision>,
        id_or_domain: &str,
    ) -> Result<Option<Arc<Tenant>>, ControlError> {
        let Some(revision) = revision else { return Ok(self.find_tenant(id_or_domain).await?.map(Arc::new)) };
        let kept = &self.looked_up.tenants;
        let name = id_or_domain.to_owned();
        if let Some(tenant) = kept.get(revision, &name) {
            return Ok(tenant);
        }
        let tenant = self.find_tenant(id_or_domain).await?.map(Arc::new);
        let domains: usize = tenant.iter().flat_map(|tenant| &tenant.domains).map(|domain| domain.len() + 32).sum();
        let bytes = name.len() + domains + size_of::<Tenant>();
        kept.keep(self, revision, name, tenant.clone(), bytes).await?;
        Ok(tenant)
    }

    /// When the import ended by its record, for a request that asked for the revision; without one it is read. None
    /// when there is no record of it, or it has not ended.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn import_finished_in(
        &self,
        revision: Option<Revision>,
        id: ImportId,
    ) -> Result<Option<DateTime<Utc>>, ControlError> {
        let read = async || Ok(self.import(id).await?.and_then(|import| import.finished_at));
        let Some(revision) = revision else { return read().await };
        let kept = &self.looked_up.imports;
        if let Some(finished) = kept.get(revision, &id) {
            return Ok(finished);
        }
        let finished = read().await?;
        kept.keep(self, revision, id, finished, 0).await?;
        Ok(finished)
    }
}

/// About the bytes of a customer in memory.
fn weight(customer: Option<&Customer>) -> usize {
    customer.map_or(0, |customer| {
        let texts = [Some(&customer.name), customer.domain.as_ref(), customer.culture.as_ref()];
        size_of::<Customer>() + 64 * customer.offers.len() + texts.into_iter().flatten().map(String::len).sum::<usize>()
    })
}
