//! What a caller may read, as the server asks it.

use std::collections::BTreeSet;

use meterlake_control::GrantScope;
use meterlake_model::{CustomerTenantId, TenantId};

/// The customers a caller may read.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum CustomerScope {
    /// All, also those yet to come: the family-wide grant.
    All,
    /// These.
    Set(BTreeSet<CustomerTenantId>),
}

/// The tenants a caller may read reports of.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum TenantScope {
    /// All, also those yet to come: the family-wide grant.
    All,
    /// These.
    Set(BTreeSet<TenantId>),
}

/// All grants of a caller.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Grants(BTreeSet<GrantScope>);

impl FromIterator<GrantScope> for Grants {
    fn from_iter<I: IntoIterator<Item = GrantScope>>(scopes: I) -> Self {
        Self(scopes.into_iter().collect())
    }
}

impl Grants {
    /// The customers that it may read.
    #[must_use]
    pub fn customers(&self) -> CustomerScope {
        if self.all_customers() {
            return CustomerScope::All;
        }
        CustomerScope::Set(
            self.0.iter().filter_map(|s| if let GrantScope::Customer(id) = s { Some(*id) } else { None }).collect(),
        )
    }

    /// Whether it may read that customer, known or not.
    #[must_use]
    pub fn allows_customer(&self, id: CustomerTenantId) -> bool {
        self.all_customers() || self.0.contains(&GrantScope::Customer(id))
    }

    /// Whether it may read every customer, so that it may learn which ones exist.
    #[must_use]
    pub fn all_customers(&self) -> bool {
        self.0.contains(&GrantScope::AllCustomers)
    }

    /// The tenants whose reports it may read.
    #[must_use]
    pub fn tenants(&self) -> TenantScope {
        if self.all_tenants() {
            return TenantScope::All;
        }
        TenantScope::Set(
            self.0.iter().filter_map(|s| if let GrantScope::Tenant(id) = s { Some(*id) } else { None }).collect(),
        )
    }

    /// Whether it may read that tenant's reports.
    #[must_use]
    pub fn allows_tenant(&self, id: TenantId) -> bool {
        self.all_tenants() || self.0.contains(&GrantScope::Tenant(id))
    }

    /// Whether it may read every tenant's reports.
    #[must_use]
    pub fn all_tenants(&self) -> bool {
        self.0.contains(&GrantScope::AllTenants)
    }

    /// Number of grants.
    #[must_use]
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// Each grant.
    pub fn iter(&self) -> impl Iterator<Item = &GrantScope> {
        self.0.iter()
    }
}
