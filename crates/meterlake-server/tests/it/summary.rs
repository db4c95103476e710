//! Partner Center usage summary and its relatives.

use serde_json::{Value, json};

use crate::charge::{customer, with};
use crate::world::{IDLE, NOBODY, OLD, PLAN, World};

const SUBSCRIPTION: &str = "0abc0000-0000-0000-0000-000000000001";

async fn world() -> World {
    let mut world = World::new().await;
    let base = |line, day| customer(line, PLAN, day, "GBP");
    world
        .import(vec![
            with(&base(1, "2024-11-04"), &[("billed_cost", "28.82860766744404945074"), ("cost_in_usd", "35.23")]),
            with(&base(2, "2024-11-05"), &[("billed_cost", "0.000000000000000000000001"), ("cost_in_usd", "0")]),
            // Billed in this month, used in the last one.
            with(
                &base(3, "2024-10-31"),
                &[("billing_period", "202411"), ("meter_id", "other"), ("meter_name", "Read")],
            ),
            with(&base(4, "2024-10-30"), &[("subscription_id", "past"), ("subscription_name", "Past")]),
        ])
        .await;
    let old = |line, day, cost| with(&customer(line, OLD, day, "USD"), &[("billed_cost", cost)]);
    world.import(vec![old(1, "2024-11-05", "1000"), old(2, "2024-11-06", "200"), old(3, "2024-11-14", "0.5")]).await;
    world
}

#[tokio::test]
async fn both_shapes() {
    let world = world().await;
    let plan = world.get(&format!("/v1/customers/{PLAN}/usagesummary"), &world.one).await;
    assert_eq!(plan.status, 200, "{}", plan.text());
    insta::assert_snapshot!("summary_azure_plan", plan.text());
    let old = world.get(&format!("//V1/Customers/{}/UsageSummary", OLD.to_uppercase()), &world.all).await;
    insta::assert_snapshot!("summary_0145p", old.text());
    let idle = world.get(&format!("/v1/customers/{IDLE}/usagesummary"), &world.all).await;
    insta::assert_snapshot!("summary_without_charges", idle.text());
}

#[tokio::test]
async fn a_row_without_dollars() {
    let mut world = world().await;
    let mut charge = customer(9, PLAN, "2024-11-09", "GBP");
    charge.retain(|(name, _)| *name != "cost_in_usd");
    world.import(vec![charge]).await;
    let summary = world.get(&format!("/v1/customers/{PLAN}/usagesummary"), &world.all).await.json();
    assert_eq!(summary["usdTotalCost"], Value::Null);
}

#[tokio::test]
async fn relatives() {
    let world = world().await;
    for (name, path) in [
        ("partner", "/v1/usagesummary".to_owned()),
        ("customers", "/v1/customers/usagerecords".to_owned()),
        ("subscriptions", format!("/v1/customers/{PLAN}/subscriptions/usagerecords")),
        ("subscription", format!("/v1/customers/{PLAN}/subscriptions/{SUBSCRIPTION}/usagesummary")),
        ("resources", format!("/v1/customers/{OLD}/subscriptions/{SUBSCRIPTION}/usagerecords/resources")),
    ] {
        let answer = world.get(&path, &world.all).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        insta::assert_snapshot!(format!("summary_{name}"), answer.text());
    }
    let one = world.get("/v1/customers/usagerecords", &world.one).await.json();
    assert_eq!((&one["totalCount"], &one["items"][0]["id"]), (&json!(1), &json!(PLAN)));
}

#[tokio::test]
async fn budgets() {
    let world = world().await;
    let path = format!("/v1/customers/{PLAN}/usagebudget");
    assert_eq!(world.get(&path, &world.one).await.json()["amount"], 97);
    let body = r#"{"Amount":28.82860766744404945074,"Attributes":{"ObjectType":"SpendingBudget"}}"#;
    let patched = world.post("PATCH", &path, &world.one, body).await;
    assert_eq!(patched.status, 200, "{}", patched.text());
    insta::assert_snapshot!("summary_budget", patched.text());
    assert_eq!(world.get(&path, &world.one).await.text(), patched.text());
    let taken = world.post("PATCH", &path, &world.one, r#"{"amount":null}"#).await.json();
    assert_eq!(taken.get("amount"), None);
    for body in ["", "{}", r#"{"amount":"1"}"#, r#"{"amount":-1}"#, &format!("{{\"amount\":{}}}", "1".repeat(100_000))]
    {
        let answer = world.post("PATCH", &path, &world.one, body).await;
        assert_eq!((answer.status, &answer.json()["code"]), (400, &json!(3000)));
    }
    let foreign = world.post("PATCH", &format!("/v1/customers/{OLD}/usagebudget"), &world.one, body).await;
    assert_eq!(foreign.status, 403);
    let other = world.call("DELETE", &path, &world.one, &[]).await;
    assert_eq!((other.status, other.header("allow")), (405, "GET, PATCH, HEAD"));
}

#[tokio::test]
async fn existence_is_for_those_who_see_all() {
    let world = world().await;
    for tail in ["usagesummary", "usagebudget", "subscriptions/usagerecords", "subscriptions/x/usagesummary"] {
        for (id, token, status, code) in [
            ("x", &world.all, 400, 900_118),
            ("x", &world.none, 400, 900_118),
            (NOBODY, &world.all, 404, 60_003),
            (NOBODY, &world.one, 403, 20_002),
            (OLD, &world.one, 403, 20_002),
            (PLAN, &world.none, 403, 20_002),
            (PLAN, &world.app, 403, 900_150),
        ] {
            let answer = world.get(&format!("/v1/customers/{id}/{tail}"), token).await;
            assert_eq!((answer.status, &answer.json()["code"]), (status, &json!(code)), "{id} {tail}");
        }
    }
    let subscription = |id: &str| format!("/v1/customers/{PLAN}/subscriptions/{id}/usagesummary");
    let unknown = world.get(&subscription("nothing"), &world.all).await;
    assert_eq!((unknown.status, &unknown.json()["code"]), (404, &json!(20_003)));
    assert_eq!(world.get(&subscription("nothing"), &world.one).await.status, 403);
    let past = world.get(&subscription("past"), &world.one).await;
    assert_eq!((past.status, &past.json()["totalCost"], &past.json()["name"]), (200, &json!(0), &json!("Past")));
    assert_eq!(world.get("/v1/usagesummary", &world.none).await.status, 403);
}
