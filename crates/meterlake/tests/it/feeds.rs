//! Which source feeds which family: one small file of every kind of charges in one lake, and what each family tells of it.

use std::collections::BTreeMap;

use meterlake_model::{BillingPeriod, Clock, Day, SystemClock};
use serde_json::{Value, json};

use crate::program::{Folder, Server};

const PARTNER: &str = "11111111-0000-4000-8000-000000000001";
/// A customer for each source that names customers.
const RATED: &str = "aaaaaaaa-0000-4000-8000-000000000001";
const EXPORTED: &str = "aaaaaaaa-0000-4000-8000-000000000002";
const UTILIZED: &str = "aaaaaaaa-0000-4000-8000-000000000003";
const FOCUSED: &str = "aaaaaaaa-0000-4000-8000-000000000004";

fn sources(folder: &Folder, today: Day) {
    let month = BillingPeriod::containing(today);
    let (first, last) = (month.first_day(), month.last_day());
    let import = |name: &str, text: String, options: &[&str]| {
        let summary = folder.import(&folder.file(name, text), options);
        assert_eq!((&summary["taken"], &summary["rejected"]), (&json!(1), &json!(0)), "{name}: {summary}");
    };
    let actual = ["--basis", "actual"];
    import(
        "ea.csv",
        format!(
            "BillingAccountId,AccountOwnerId,SubscriptionId,Date,MeterId,Quantity,CostInBillingCurrency,\
             BillingCurrencyCode,ChargeType\r\n100,o@x.example,s-ea,{today},m,1,1.01,EUR,Usage\r\n"
        ),
        &actual,
    );
    import(
        "details.csv",
        format!(
            "Usage Data Extract\r\n\r\nAccountOwnerEmail,ConsumedQuantity,Cost,Date,InstanceId,SubscriptionGuid\r\n\
             o@x.example,1,1.02,{today},/i,s-details\r\n"
        ),
        &["--billing-account", "200", "--currency", "EUR"],
    );
    import(
        "mca.csv",
        format!(
            "invoiceId,billingAccountId,billingPeriodStartDate,date,SubscriptionId,quantity,costInBillingCurrency,\
             billingCurrency,costInUsd,pricingCurrency,chargeType\r\n\
             I1,acc:prof_2019-05-31,{first},{today},s-mca,1,1.03,EUR,1.2,USD,Usage\r\n"
        ),
        &actual,
    );
    import(
        "partner.csv",
        format!(
            "invoiceId,billingAccountId,billingPeriodStartDate,date,SubscriptionId,quantity,costInBillingCurrency,\
             billingCurrency,costInUsd,pricingCurrency,chargeType,customerTenantId,customerName,partnerName\r\n\
             I1,mpa:1,{first},{today},s-partner,2,1.04,EUR,1.2,USD,Usage,{EXPORTED},Exported,P\r\n"
        ),
        &actual,
    );
    import(
        "rated.csv",
        format!(
            "PartnerId,CustomerId,CustomerName,InvoiceNumber,EntitlementId,UsageDate,ChargeStartDate,MeterCategory,\
             Quantity,BillingPreTaxTotal,BillingCurrency\r\np,{RATED},Rated,,s-rated,{today},{first},c,3,1.05,EUR\r\n"
        ),
        &["--invoice-state", "unbilled"],
    );
    let utilization = json!({
        "totalCount": 1, "partnerId": "p", "customerId": UTILIZED, "customerName": "Utilized", "currency": "EUR",
        "items": [{
            "usageStartTime": format!("{today}T00:00:00+00:00"), "resource": {"id": "m", "category": "c"},
            "quantity": 4, "unit": "1 Hour", "unitPrice": 0.265,
            "instanceData": {"resourceUri": "/subscriptions/s-utilized"},
        }],
    });
    import("utilization.json", utilization.to_string(), &[]);
    import(
        "focus.csv",
        format!(
            "BilledCost,EffectiveCost,BillingAccountId,BillingCurrency,BillingPeriodStart,BillingPeriodEnd,\
             ChargePeriodStart,ChargeCategory,SubAccountId,ConsumedQuantity,ProviderName,x_CustomerId,x_CustomerName\r\n\
             1.07,9,/providers/x/billingAccounts/300,EUR,{first}T00:00:00Z,{last}T00:00:00Z,{today}T00:00:00Z,Usage,\
             s-focus,5,AWS,{FOCUSED},Focused\r\n"
        ),
        &[],
    );
}

/// Cost by subscription that the EA family answers for an enrolment.
fn enterprise(folder: &Folder, server: &Server, enrolment: &str) -> BTreeMap<String, String> {
    let key = folder.succeed(&["key", "create", enrolment, "--slot", "secondary"]);
    let (status, body) = server.get(&format!("/v2/enrollments/{enrolment}/usagedetails"), key.trim());
    assert_eq!(status, 200, "{body}");
    let body: Value = serde_json::from_str(&body).unwrap();
    let rows = body["data"].as_array().unwrap().iter();
    rows.map(|row| (row["subscriptionGuid"].as_str().unwrap().to_owned(), row["cost"].to_string())).collect()
}

fn map(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(name, cost)| ((*name).to_owned(), (*cost).to_owned())).collect()
}

#[test]
fn every_source_feeds_its_families() {
    let folder = Folder::new();
    let today = SystemClock.today();
    sources(&folder, today);
    folder.succeed(&["tenant", "set", PARTNER]);
    folder.succeed(&["principal", "add", "user", "reader", "--tenant", PARTNER]);
    folder.succeed(&["grant", "add", "reader", "customers"]);
    let token = folder.succeed(&["token", "user", "reader"]);
    let accounts =
        ["--billing-account", "acc:prof_2019-05-31", "--billing-account", "300", "--billing-account", "mpa:1"];
    folder.succeed(&[&["enrolment", "set", "700"][..], &accounts].concat());
    for enrolment in ["100", "200"] {
        folder.succeed(&["enrolment", "set", enrolment]);
    }
    let server = Server::start(&folder, "serve");

    // EA: exports, usage details, and whatever account is mapped to an enrolment. Billed cost, not effective cost.
    assert_eq!(enterprise(&folder, &server, "100"), map(&[("s-ea", "1.01")]));
    assert_eq!(enterprise(&folder, &server, "200"), map(&[("s-details", "1.02")]));
    let mapped = map(&[("s-mca", "1.03"), ("s-partner", "1.04"), ("s-focus", "1.07")]);
    assert_eq!(enterprise(&folder, &server, "700"), mapped);

    // Analytics: every source with customer columns, and no other.
    let (status, body) = server
        .get("/partner/v1/analytics/azureusage?groupby=customerTenantId,customerName,subscriptionId", token.trim());
    assert_eq!(status, 200, "{body}");
    let body: Value = serde_json::from_str(&body).unwrap();
    let found: BTreeMap<String, String> = body["Value"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| (row["customerTenantId"].as_str().unwrap().to_lowercase(), row["Quantity"].to_string()))
        .collect();
    assert_eq!(found, map(&[(EXPORTED, "2"), (RATED, "3"), (UTILIZED, "4"), (FOCUSED, "5")]), "{body}");

    // Summary: the same customers; utilization records make a customer one of MS-AZR-0145P.
    for (customer, name, cost) in [
        (RATED, "Rated", "1.05"),
        (EXPORTED, "Exported", "1.04"),
        (UTILIZED, "Utilized", "1.06"),
        (FOCUSED, "Focused", "1.07"),
    ] {
        let (status, body) = server.get(&format!("/v1/customers/{customer}/usagesummary"), token.trim());
        assert_eq!(status, 200, "{body}");
        let body: Value = serde_json::from_str(&body).unwrap();
        assert_eq!((body["resourceName"].as_str(), body["totalCost"].to_string()), (Some(name), cost.to_owned()));
        let keys: Vec<&String> = body.as_object().unwrap().keys().collect();
        let of_0145p = keys.iter().any(|key| *key == "currencyLocale");
        assert_eq!(
            (of_0145p, keys.iter().any(|key| *key == "currencyCode")),
            (customer == UTILIZED, customer != UTILIZED)
        );
    }
}

/// What a file leaves out is asked for by name, and nothing is imported until it is given.
#[test]
fn what_a_file_leaves_out_is_asked_for() {
    let folder = Folder::new();
    let file = folder.file(
        "bare.csv",
        "SubscriptionId,Date,CostInBillingCurrency,Quantity\r\ns,2024-11-30,1,1\r\ns,2024-12-01,2,1\r\n",
    );
    let refused = |options: &[&str]| {
        let mut arguments = vec!["import", "charges", file.to_str().unwrap()];
        arguments.extend(options);
        folder.refuse(&arguments)
    };
    let error = refused(&["--basis", "actual", "--currency", "EUR"]);
    assert!(error.contains("--billing-account") && error.contains("bare.csv"), "{error}");
    let error = refused(&["--basis", "actual", "--billing-account", "100"]);
    assert!(error.contains("--currency"), "{error}");
    let error = refused(&["--billing-account", "100", "--currency", "EUR"]);
    assert!(error.contains("--basis actual or --basis amortized"), "{error}");
    let all = ["--basis", "actual", "--billing-account", "100", "--currency", "EUR"];
    // Without --period each charge belongs to the month of its day.
    assert_eq!(folder.import(&file, &all)["taken"], 2);
    let key = folder.succeed(&["key", "create", "100"]);
    let server = Server::start(&folder, "serve");
    let costs = |period: &str| {
        let (_, body) = server.get(&format!("/v2/enrollments/100/billingPeriods/{period}/usagedetails"), key.trim());
        let body: Value = serde_json::from_str(&body).unwrap();
        body["data"].as_array().unwrap().iter().map(|row| row["cost"].to_string()).collect::<Vec<_>>()
    };
    assert_eq!((costs("202411"), costs("202412")), (vec!["1".to_owned()], vec!["2".to_owned()]));
    // --allow-rejects without a number takes any number of them.
    let bad =
        "SubscriptionId,Date,CostInBillingCurrency,Quantity\r\ns,2023-11-30,a lot,1\r\ns,2023-11-30,1,1\r\ns,x,1,1\r\n";
    let bad = folder.file("bad.csv", bad);
    let summary = folder.import(&bad, &[&all[..], &["--allow-rejects"]].concat());
    assert_eq!((&summary["taken"], &summary["rejected"]), (&json!(1), &json!(2)), "{summary}");
}
