//! What a caller may see, as data, and the one function that turns it into a predicate.

use datafusion::functions::expr_fn::{contains, ends_with, lower};
use datafusion::logical_expr::{Expr, col, lit};
use meterlake_lake::ScopeValues;
use meterlake_lake::aggregate::Condition;
use meterlake_lake::charges::columns;
use meterlake_model::{BillingAccountId, CostBasis, CustomerTenantId};

use crate::LinkedCharges;

/// The customers whose charges a report may read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CustomerScope {
    /// Every customer.
    All,
    /// Only these; none when empty.
    These(Vec<CustomerTenantId>),
}

/// Whose charges a report reads.
pub(crate) enum Scope<'a> {
    /// The charges of these billing accounts.
    Accounts(&'a [BillingAccountId]),
    /// The charges of these customers; a charge without a customer is nobody's.
    Customers(&'a CustomerScope),
    /// The charges of the B2C service that stand beside an estimate.
    Linked(&'a LinkedCharges),
}

/// The cost bases whose rows hold billed cost; all reports read billed cost.
const BILLED: [&str; 2] = [CostBasis::Actual.as_str(), CostBasis::Both.as_str()];

/// The rows that a report may read: those of its scope, and of them those that hold billed cost. Every plan over
/// charges starts with this predicate, and no other code decides which rows may be seen.
pub(crate) fn predicate(scope: &Scope<'_>) -> Expr {
    let owner = match scope {
        Scope::Accounts(accounts) => one_of(columns::BILLING_ACCOUNT_ID, accounts.iter().map(BillingAccountId::as_str)),
        Scope::Customers(CustomerScope::All) => col(columns::CUSTOMER_TENANT_ID).not_eq(lit("")),
        Scope::Customers(CustomerScope::These(customers)) => {
            one_of(columns::CUSTOMER_TENANT_ID, customers.iter().map(ToString::to_string))
        }
        Scope::Linked(linked) => linked_to(linked),
    };
    owner.and(one_of(columns::COST_BASIS, BILLED))
}

/// The same rows as [`predicate`] of these customers says, as a condition of the sums that are made without a plan.
pub(crate) fn condition(customers: &CustomerScope) -> Condition {
    let owner = match customers {
        CustomerScope::All => {
            let nobodys = Condition::OneOf(columns::CUSTOMER_TENANT_ID, [String::new()].into());
            Condition::Not(Box::new(nobodys))
        }
        CustomerScope::These(customers) => {
            Condition::OneOf(columns::CUSTOMER_TENANT_ID, customers.iter().map(ToString::to_string).collect())
        }
    };
    let billed = Condition::OneOf(columns::COST_BASIS, BILLED.iter().map(|basis| (*basis).to_owned()).collect());
    Condition::All(vec![owner, billed])
}

/// Whether a data file of this scope can hold rows that satisfy [`predicate`]. For accounts, whether it does: they
/// are part of a file's scope.
pub(crate) fn may_hold(scope: &Scope<'_>, file: &ScopeValues) -> bool {
    let value = |column| columns::SCOPE.iter().position(|name| *name == column).map_or("", |at| file[at].as_str());
    let owner = match scope {
        Scope::Accounts(accounts) => {
            let account = value(columns::BILLING_ACCOUNT_ID);
            accounts.iter().any(|allowed| allowed.as_str() == account)
        }
        Scope::Customers(CustomerScope::All) => true,
        Scope::Customers(CustomerScope::These(customers)) => !customers.is_empty(),
        Scope::Linked(linked) => **linked != LinkedCharges::Nothing,
    };
    owner && BILLED.contains(&value(columns::COST_BASIS))
}

/// The charges of the B2C service of a subscription or of directories. The resource of a directory that is linked to a
/// subscription is named by the directory's domain.
fn linked_to(linked: &LinkedCharges) -> Expr {
    let resource = || lower(col(columns::RESOURCE_ID));
    match linked {
        LinkedCharges::Nothing => lit(false),
        LinkedCharges::Subscription(id) => {
            let category = || lower(col(columns::METER_CATEGORY));
            let service = contains(resource(), lit("/providers/microsoft.azureactivedirectory/"))
                .or(contains(category(), lit("active directory b2c")))
                .or(contains(category(), lit("external id")));
            lower(col(columns::SUBSCRIPTION_ID)).eq(lit(id.to_lowercase())).and(service)
        }
        LinkedCharges::Directories(domains) => domains
            .iter()
            .flat_map(|domain| ["b2cdirectories", "ciamdirectories"].map(|kind| (kind, domain.to_lowercase())))
            .map(|(kind, domain)| {
                ends_with(resource(), lit(format!("/providers/microsoft.azureactivedirectory/{kind}/{domain}")))
            })
            .reduce(Expr::or)
            .unwrap_or_else(|| lit(false)),
    }
}

/// `column IN (values)`, false for no values.
fn one_of<S: Into<String>>(column: &str, values: impl IntoIterator<Item = S>) -> Expr {
    let list: Vec<Expr> = values.into_iter().map(|value| lit(value.into())).collect();
    if list.is_empty() { lit(false) } else { col(column).in_list(list, false) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(account: &str, basis: &str) -> ScopeValues {
        let mut values = ScopeValues::default();
        for (column, value) in columns::SCOPE.iter().zip(&mut values) {
            match *column {
                columns::BILLING_ACCOUNT_ID => account.clone_into(value),
                columns::COST_BASIS => basis.clone_into(value),
                _ => {}
            }
        }
        values
    }

    #[test]
    fn files_by_account_and_basis() {
        let accounts = ["100".parse().unwrap(), "200".parse().unwrap()];
        let scope = Scope::Accounts(&accounts);
        assert!(may_hold(&scope, &file("100", "actual")));
        assert!(may_hold(&scope, &file("200", "both")));
        assert!(!may_hold(&scope, &file("200", "amortized")));
        assert!(!may_hold(&scope, &file("1", "actual")));
        assert!(!may_hold(&Scope::Accounts(&[]), &file("100", "actual")));
        assert!(may_hold(&Scope::Customers(&CustomerScope::All), &file("any", "both")));
        assert!(!may_hold(&Scope::Customers(&CustomerScope::All), &file("any", "amortized")));
        assert!(!may_hold(&Scope::Customers(&CustomerScope::These(Vec::new())), &file("any", "actual")));
    }

    #[test]
    fn nobody_sees_nothing() {
        let customers = CustomerScope::These(Vec::new());
        for scope in [Scope::Accounts(&[]), Scope::Customers(&customers)] {
            let text = predicate(&scope).to_string();
            assert!(text.starts_with("Boolean(false) AND "), "{text}");
        }
    }
}
