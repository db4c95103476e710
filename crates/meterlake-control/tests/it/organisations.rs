//! Customers, enrolments, tenants.

use meterlake_control::{ControlError, CustomerChange, TenantKind};
use meterlake_model::{Amount, CustomerTenantId, Offer, TenantId};
use uuid::Uuid;

use crate::Fixture;

#[tokio::test]
async fn a_customer_keeps_what_is_not_given() {
    let it = Fixture::new().await;
    let id = CustomerTenantId(Uuid::new_v4());
    let first = CustomerChange {
        name: Some("Contoso".to_owned()),
        offers: Some([Offer::AzurePlan, Offer::MsAzr0145p].into()),
        currency: Some("EUR".parse().unwrap()),
        budget: Some(Some(Amount::parse("1000.50").unwrap())),
        billing_utc_offset_minutes: Some(-480),
        ..CustomerChange::default()
    };
    it.control.set_customer(id, &first).await.unwrap();
    let second =
        CustomerChange { billing_day: Some(23), domain: Some("contoso.com".to_owned()), ..CustomerChange::default() };
    let customer = it.control.set_customer(id, &second).await.unwrap();
    assert_eq!(customer.name, "Contoso");
    assert_eq!(customer.offers.len(), 2);
    assert_eq!(customer.budget.unwrap().to_string(), "1000.5");
    assert_eq!((customer.billing_day, customer.billing_utc_offset_minutes), (23, -480));
    assert_eq!(Some(customer), it.control.customer(id).await.unwrap());

    it.control.set_budget(id, None).await.unwrap();
    assert_eq!(it.control.customer(id).await.unwrap().unwrap().budget, None);
    it.control.set_budget(id, Some(Amount::parse("7").unwrap())).await.unwrap();
    let gone = CustomerChange { budget: Some(None), ..CustomerChange::default() };
    assert_eq!(it.control.set_customer(id, &gone).await.unwrap().budget, None);

    assert!(it.control.remove_customer(id).await.unwrap());
    assert!(!it.control.remove_customer(id).await.unwrap());
    assert!(matches!(it.control.set_budget(id, None).await, Err(ControlError::NotFound { .. })));
    let actions = it.actions().await;
    assert_eq!(
        actions,
        ["customer.set", "customer.set", "customer.budget", "customer.budget", "customer.set", "customer.remove"]
    );
}

#[tokio::test]
async fn values_out_of_range_are_refused() {
    let it = Fixture::new().await;
    let id = CustomerTenantId(Uuid::new_v4());
    for bad in [
        CustomerChange { billing_day: Some(29), ..CustomerChange::default() },
        CustomerChange { billing_day: Some(0), ..CustomerChange::default() },
        CustomerChange { billing_utc_offset_minutes: Some(841), ..CustomerChange::default() },
    ] {
        assert!(it.control.set_customer(id, &bad).await.unwrap_err().is_request());
    }
    assert_eq!(it.control.customer(id).await.unwrap(), None);
    let c3 = Uuid::new_v4();
    let change = CustomerChange { c3_id: Some(c3), ..CustomerChange::default() };
    it.control.set_customer(id, &change).await.unwrap();
    it.control.set_customer(id, &change).await.unwrap();
    let other = it.control.set_customer(CustomerTenantId(Uuid::new_v4()), &change).await;
    assert!(matches!(other, Err(ControlError::Conflict { .. })));
    assert_eq!(it.control.customers().await.unwrap().len(), 1);
}

#[tokio::test]
async fn enrolments_answer_for_the_accounts_given_last() {
    let it = Fixture::new().await;
    let number = "100".parse().unwrap();
    let accounts = ["100".parse().unwrap(), "legacy 100".parse().unwrap()];
    it.control.set_enrolment(&number, &accounts).await.unwrap();
    let enrolment = it.control.set_enrolment(&number, &accounts[1..]).await.unwrap();
    assert_eq!(enrolment.billing_accounts, accounts[1..]);
    it.control.set_enrolment(&"200".parse().unwrap(), &[]).await.unwrap();
    let all = it.control.enrolments().await.unwrap();
    assert_eq!(
        all.iter().map(|e| (e.number.as_str(), e.billing_accounts.len())).collect::<Vec<_>>(),
        [("100", 1), ("200", 0)]
    );
    assert_eq!(it.control.enrolment(&number).await.unwrap(), Some(enrolment));
    assert!(it.control.remove_enrolment(&number).await.unwrap());
    assert_eq!(it.control.enrolment(&number).await.unwrap(), None);
}

#[tokio::test]
async fn tenants_are_found_by_id_and_domain_in_any_case() {
    let it = Fixture::new().await;
    let id = TenantId(Uuid::new_v4());
    let domains = ["Contoso.OnMicrosoft.com".to_owned(), "contoso.com".to_owned()];
    let tenant = it.control.set_tenant(id, Some(TenantKind::B2c), &domains).await.unwrap();
    assert_eq!(tenant.domains, ["contoso.onmicrosoft.com", "contoso.com"]);
    for name in [id.to_string(), id.to_string().to_uppercase(), "CONTOSO.com".to_owned()] {
        assert_eq!(it.control.find_tenant(&name).await.unwrap().as_ref(), Some(&tenant), "{name}");
    }
    assert_eq!(it.control.find_tenant("fabrikam.com").await.unwrap(), None);
    assert_eq!(it.control.set_tenant(id, None, &domains[1..]).await.unwrap().kind, TenantKind::B2c);
    assert_eq!(it.control.find_tenant("contoso.onmicrosoft.com").await.unwrap(), None);
    for bad in ["contoso", "", "a b.com", ".com", "common/x.y"] {
        assert!(it.control.set_tenant(id, None, &[bad.to_owned()]).await.is_err(), "{bad}");
    }
}

#[tokio::test]
async fn a_refused_change_leaves_nothing_behind() {
    let it = Fixture::new().await;
    let (first, second) = (TenantId(Uuid::new_v4()), TenantId(Uuid::new_v4()));
    it.control.set_tenant(first, None, &["contoso.com".to_owned()]).await.unwrap();
    let names = ["fabrikam.com".to_owned(), "contoso.com".to_owned()];
    let refused = it.control.set_tenant(second, None, &names).await;
    assert!(matches!(refused, Err(ControlError::Conflict { .. })));
    assert_eq!(it.control.tenants().await.unwrap().len(), 1);
    assert_eq!(it.control.find_tenant("fabrikam.com").await.unwrap(), None);
    assert_eq!(it.actions().await, ["tenant.set"]);
}
