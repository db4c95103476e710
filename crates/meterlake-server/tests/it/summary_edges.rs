//! The usage summary at its edges: which charges count, which fields are there, and what refusals say.

use meterlake_control::{CustomerChange, ImportState, StoredImport};
use meterlake_model::{Amount, CustomerTenantId, Offer};
use meterlake_reports::{Reports, ReportsConfig};
use serde_json::{Value, json};

use crate::charge::{Charge, customer, with};
use crate::world::{Answer, IDLE, OLD, PLAN, World, at};

const AZURE_PLAN: [&str; 12] = [
    "budget",
    "resourceId",
    "id",
    "resourceName",
    "name",
    "billingStartDate",
    "billingEndDate",
    "totalCost",
    "currencyCode",
    "usdTotalCost",
    "lastModifiedDate",
    "attributes",
];
const OF_0145P: [&str; 12] = [
    "budget",
    "resourceId",
    "id",
    "resourceName",
    "name",
    "billingStartDate",
    "billingEndDate",
    "totalCost",
    "currencyLocale",
    "lastModifiedDate",
    "links",
    "attributes",
];

fn path(tenant: &str) -> String {
    format!("/v1/customers/{tenant}/usagesummary")
}

async fn summary(world: &World, tenant: &str) -> Value {
    let answer = world.get(&path(tenant), &world.all).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()
}

fn keys(object: &Value) -> Vec<&str> {
    object.as_object().unwrap().keys().map(String::as_str).collect()
}

async fn change(world: &World, tenant: &str, change: CustomerChange) {
    world.control.set_customer(tenant.parse().unwrap(), &change).await.unwrap();
}

fn costs(tenant: &str, day: &str, currency: &str, cost: &str, more: &[(&'static str, &str)]) -> Charge {
    with(&with(&customer(1, tenant, day, currency), &[("billed_cost", cost)]), more)
}

#[tokio::test]
async fn a_customer_that_gets_an_azure_plan_changes_its_shape() {
    let mut world = World::new().await;
    world.import(vec![costs(OLD, "2024-11-07", "USD", "7", &[])]).await;
    world.import(vec![costs(OLD, "2024-11-02", "USD", "2.5", &[("offer_id", "MS-AZR-0017G")])]).await;
    let before = summary(&world, OLD).await;
    assert_eq!(keys(&before), OF_0145P);
    assert_eq!((before["totalCost"].to_string(), before["currencyLocale"].as_str()), ("7".into(), Some("en-US")));
    let offers = Some([Offer::MsAzr0145p, Offer::AzurePlan].into());
    change(&world, OLD, CustomerChange { offers, ..CustomerChange::default() }).await;
    // Totals over both, by the month, and the document's second sample.
    let after = summary(&world, OLD).await;
    assert_eq!(keys(&after), AZURE_PLAN);
    assert_eq!((after["totalCost"].to_string(), after["usdTotalCost"].to_string()), ("9.5".into(), "3.8".into()));
    assert_eq!(after["billingStartDate"], "2024-11-01T00:00:00+00:00");
    assert_eq!(after["billingEndDate"], "2024-12-01T00:00:00+00:00");
}

#[tokio::test]
async fn budgets_of_both_shapes() {
    let world = World::new().await;
    let attributes = json!({"objectType": "SpendingBudget"});
    let of = async |tenant| summary(&world, tenant).await["budget"].clone();
    assert_eq!(of(PLAN).await, json!({"amount": 97, "attributes": attributes}));
    assert_eq!(of(OLD).await, json!({"amount": 300, "ammount": 300, "attributes": attributes}));
    assert_eq!(of(IDLE).await, json!({"attributes": attributes}));
    change(&world, OLD, CustomerChange { budget: Some(None), ..CustomerChange::default() }).await;
    assert_eq!(of(OLD).await, json!({"attributes": attributes}));
    change(&world, OLD, CustomerChange { budget: Some(Some(Amount::ZERO)), ..CustomerChange::default() }).await;
    assert_eq!(of(OLD).await, json!({"amount": 0, "ammount": 0, "attributes": attributes}));
}

#[tokio::test]
async fn days_decide_for_0145p_and_periods_for_a_plan() {
    let mut world = World::new().await;
    // The period of OLD runs from the 6th of November to the 5th of December, whatever period the charges are billed in.
    let charge = |tenant, day, cost, period| costs(tenant, day, "USD", cost, &[("billing_period", period)]);
    world
        .import(vec![
            charge(OLD, "2024-11-05", "1000", "202411"),
            charge(OLD, "2024-11-06", "1", "202410"),
            charge(OLD, "2024-12-05", "0.25", "202412"),
            charge(OLD, "2024-12-06", "100", "202411"),
        ])
        .await;
    let old = summary(&world, OLD).await;
    assert_eq!(old["totalCost"].to_string(), "1.25");
    assert_eq!(
        (&old["billingStartDate"], &old["billingEndDate"]),
        (&json!("2024-11-06T00:00:00-08:00"), &json!("2024-12-05T00:00:00-08:00"))
    );
    let charge = |day, cost, period| costs(PLAN, day, "GBP", cost, &[("billing_period", period)]);
    world
        .import(vec![
            charge("2024-10-31", "3", "202411"),
            charge("2024-11-30", "0.5", "202411"),
            charge("2024-11-01", "1000", "202410"),
        ])
        .await;
    assert_eq!(summary(&world, PLAN).await["totalCost"].to_string(), "3.5");
}

#[tokio::test]
async fn totals_are_billed_cost_before_tax_in_the_customers_currency() {
    let mut world = World::new().await;
    world
        .import(vec![
            costs(PLAN, "2024-11-04", "GBP", "28.82860766744404945074", &[("cost_in_usd", "35.23000000000000362337")]),
            costs(PLAN, "2024-11-04", "EUR", "500", &[]),
            costs(PLAN, "2024-11-04", "GBP", "5", &[("charge_type", "Tax")]),
            costs(PLAN, "2024-11-04", "GBP", "-0.5", &[("charge_type", "Refund"), ("cost_in_usd", "-0.6")]),
            costs(PLAN, "2024-11-04", "GBP", "77", &[("cost_basis", "amortized")]),
        ])
        .await;
    let answer = world.get(&path(PLAN), &world.one).await;
    assert!(
        answer.text().contains(
            r#""totalCost":28.32860766744404945074,"currencyCode":"GBP","usdTotalCost":34.63000000000000362337,"#
        ),
        "{}",
        answer.text()
    );
    let mut without = costs(PLAN, "2024-11-05", "GBP", "1", &[]);
    without.retain(|(name, _)| *name != "cost_in_usd");
    world.import(vec![without]).await;
    let answer = world.get(&path(PLAN), &world.one).await;
    assert!(answer.text().contains(r#""usdTotalCost":null,"lastModifiedDate""#), "{}", answer.text());
}

#[tokio::test]
async fn last_modified_is_when_the_newest_import_was_committed() {
    let mut world = World::new().await;
    world.import(vec![costs(PLAN, "2024-11-04", "GBP", "1", &[])]).await;
    let newer = world.import(vec![costs(PLAN, "2024-11-05", "GBP", "1", &[])]).await;
    let record = json!({});
    let stored = StoredImport {
        id: newer,
        state: ImportState::Committed,
        kind: None,
        started_at: at("2024-11-15T09:00:00Z"),
        finished_at: Some(at("2024-11-15T09:42:54.513055Z")),
        version: Some(2),
        error: None,
        hashes: &[],
        superseded: &[],
        customers: &[],
        billing_accounts: &[],
        record: &record,
    };
    world.control.store_import(&stored).await.unwrap();
    assert_eq!(summary(&world, PLAN).await["lastModifiedDate"], "2024-11-15T09:42:54.513055+00:00");
}

#[tokio::test]
async fn ids_of_the_request_come_back_on_every_status() {
    let world = World::new().await;
    let sent = [
        ("ms-requestid", "e128c8e2-4c33-4940-a3e2-2e59b0abdc67"),
        ("ms-correlationid", "aaaa0000-bb11-2222-33cc-444444dddddd"),
        ("ms-contract-version", "v1"),
        ("x-locale", "de-DE"),
    ];
    for (target, token, status) in [
        (path(PLAN), world.all.as_str(), 200),
        (path("x"), &world.all, 400),
        (path(PLAN), "", 401),
        (path(OLD), &world.one, 403),
        ("/v1/customers/x/nothing".to_owned(), &world.all, 404),
    ] {
        let answer = world.call("GET", &target, token, &sent).await;
        assert_eq!(answer.status, status, "{target}");
        for (name, value) in &sent[..2] {
            assert_eq!(answer.header(name), *value, "{target}");
        }
        assert_eq!(answer.header("content-type"), "application/json; charset=utf-8");
        let made = world.get(&target, token).await;
        for (name, _) in &sent[..2] {
            assert_eq!(made.header(name).len(), 36, "{target}");
        }
    }
}

fn fault(answer: &Answer) -> (u16, u64) {
    let json = answer.json();
    assert_eq!(keys(&json), ["code", "description", "data", "source"]);
    assert!(json["data"].is_array() && !json["description"].as_str().unwrap().is_empty());
    (answer.status, json["code"].as_u64().unwrap())
}

#[tokio::test]
async fn every_route_refuses_alike() {
    let world = World::new().await;
    for target in ["/v1/usagesummary", "/v1/customers/usagerecords"] {
        assert_eq!(fault(&world.get(target, "").await), (401, 800_001));
        assert_eq!(fault(&world.call("POST", target, &world.all, &[]).await), (405, 405));
        assert_eq!(fault(&world.get(target, &world.app).await), (403, 900_150));
        assert_eq!(fault(&world.get(target, &world.none).await), (403, 2032));
    }
    let subscription = "subscriptions/0abc0000-0000-0000-0000-000000000001";
    for tail in [
        "usagesummary",
        "usagebudget",
        "subscriptions/usagerecords",
        &format!("{subscription}/usagesummary"),
        &format!("{subscription}/usagerecords/resources"),
    ] {
        let target = |tenant: &str| format!("/v1/customers/{tenant}/{tail}");
        let unauthenticated = world.call("DELETE", &target("x"), "", &[]).await;
        assert_eq!(fault(&unauthenticated), (401, 800_001), "{tail}");
        assert!(unauthenticated.header("www-authenticate").starts_with("Bearer"));
        let method = world.call("DELETE", &target("x"), &world.app, &[]).await;
        assert_eq!(fault(&method), (405, 405), "{tail}");
        assert!(method.header("allow").starts_with("GET"));
        let malformed = world.get(&target("65726577-C208"), &world.app).await;
        assert_eq!(fault(&malformed), (400, 900_118), "{tail}");
        assert_eq!(malformed.json()["data"], json!(["customer-tenant-id", "65726577-C208"]));
        assert_eq!(fault(&world.get(&target(PLAN), &world.app).await), (403, 900_150), "{tail}");
        assert_eq!(fault(&world.get(&target(OLD), &world.one).await), (403, 20_002), "{tail}");
        assert_eq!(fault(&world.get(&target(crate::world::NOBODY), &world.all).await), (404, 60_003), "{tail}");
    }
    for tail in ["usagesummary", "usagerecords/resources"] {
        let target = format!("/v1/customers/{PLAN}/subscriptions/nothing/{tail}");
        assert_eq!(fault(&world.get(&target, &world.all).await), (404, 20_003), "{tail}");
    }
}

#[tokio::test]
async fn a_budget_as_the_documented_client_sets_it() {
    let world = World::new().await;
    let target = format!("/v1/customers/{OLD}/usagebudget");
    let patch = async |body: &'static str| {
        let request = http::Request::patch(&target)
            .header("host", "usage.example.org")
            .header("authorization", format!("Bearer {}", world.all))
            .header("content-type", "application/json")
            .header("if-match", "\"anything\"")
            .body(axum::body::Body::from(body))
            .unwrap();
        world.send(request).await
    };
    let body = r#"{"Amount":100,"UsageSpendingBudget":7,"Links":null,"Attributes":{"ObjectType":"SpendingBudget"}}"#;
    let answer = patch(body).await;
    let expected = json!({
        "amount": 100, "usageSpendingBudget": 100,
        "links": {"self": {"uri": format!("/customers/{OLD}/usagebudget"), "method": "GET", "headers": []}},
        "attributes": {"objectType": "SpendingBudget"},
    });
    assert_eq!((answer.status, answer.json()), (200, expected.clone()));
    assert_eq!(world.get(&target, &world.all).await.json(), expected);
    assert_eq!(summary(&world, OLD).await["budget"]["amount"], 100);
    let malformed = patch(r#"{"Amount":"100"}"#).await;
    assert_eq!(fault(&malformed), (400, 3000));
    assert_eq!(malformed.json()["data"], json!(["amount", "\"100\""]));
    let customer: CustomerTenantId = OLD.parse().unwrap();
    assert_eq!(world.control.customer(customer).await.unwrap().unwrap().budget, Amount::parse("100").ok());
}

#[tokio::test]
async fn faults_and_the_byte_order_mark() {
    let mut world = World::new().await;
    world.import(vec![costs(PLAN, "2024-11-04", "GBP", "1", &[])]).await;
    world.config.summary.bom = true;
    world.restart();
    for target in [path(PLAN), format!("/v1/customers/{PLAN}/usagebudget"), "/v1/customers/usagerecords".to_owned()] {
        // As the PowerShell module reads it: without the first character.
        let text = world.get(&target, &world.all).await.text().to_owned();
        assert!(text.starts_with("\u{feff}{"), "{text}");
    }
    world.config.summary.bom = false;
    // A process of its own: this one has read the files already.
    world.reports = Reports::new(world.lake.clone(), &ReportsConfig::default()).unwrap();
    world.restart();
    for file in world.lake.charges().await.unwrap().files() {
        std::fs::remove_file(world.folder.path().join("lake/charges").join(&file.path)).unwrap();
    }
    let answer = world.get(&path(PLAN), &world.all).await;
    assert_eq!(fault(&answer), (500, 500));
    assert!(!answer.text().contains("parquet"), "{}", answer.text());
}
