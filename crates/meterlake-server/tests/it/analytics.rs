//! Partner Center usage analytics.

use serde_json::{Value, json};

use crate::charge::{customer, ea, with};
use crate::world::{OLD, PLAN, World, stable};

const PATH: &str = "/partner/v1/analytics/azureusage";

async fn world() -> World {
    let mut world = World::new().await;
    let mut charges = vec![
        ea(1, "2024-11-02"),
        customer(1, PLAN, "2024-11-04", "GBP"),
        // The same combination twice: summed.
        with(&customer(2, PLAN, "2024-11-04", "GBP"), &[("quantity", "0.00000000000000000001")]),
        with(&customer(3, PLAN, "2024-11-05", "GBP"), &[("meter_category", "Storage"), ("reservation_id", "")]),
        with(&customer(4, PLAN, "2024-11-05", "GBP"), &[("charge_type", "Purchase")]),
        with(&customer(5, PLAN, "2024-10-28", "GBP"), &[("meter_category", "O'Neill")]),
    ];
    charges.push(with(&customer(6, OLD, "2024-11-10", "USD"), &[("customer_name", "600 test")]));
    world.import(charges).await;
    world
}

fn rows(json: &Value) -> &Vec<Value> {
    json["Value"].as_array().unwrap()
}

#[tokio::test]
async fn rows_as_documented() {
    let world = world().await;
    let answer =
        world.get(&format!("{PATH}?filter=meterCategory eq 'Data Management'").replace(' ', "+"), &world.one).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    stable(|| insta::assert_snapshot!("analytics_rows", answer.text()));
    let later = world
        .get("//Partner/V1/Analytics/Usage/Azure?%24filter=metercategory%20EQ%20'Data%20Management'", &world.one)
        .await;
    assert_eq!(later.text(), answer.text());
}

#[tokio::test]
async fn scoped_to_the_grants() {
    let world = world().await;
    let all = world.get(PATH, &world.all).await.json();
    assert_eq!((rows(&all).len(), &all["TotalCount"], &all["@nextLink"]), (4, &json!(4), &Value::Null));
    let one = world.get(PATH, &world.one).await.json();
    assert_eq!(rows(&one).len(), 3);
    let foreign = format!("{PATH}?filter=customerTenantId%20eq%20'{OLD}'%20or%20meterUnit%20ne%20''");
    for row in rows(&world.get(&foreign, &world.one).await.json()) {
        assert_eq!(row["customerTenantId"], PLAN.to_uppercase());
    }
    for (token, code) in [(&world.none, 2032), (&world.app, 900_150)] {
        let answer = world.get(PATH, token).await;
        assert_eq!((answer.status, &answer.json()["code"]), (403, &json!(code)));
    }
}

#[tokio::test]
async fn filters_groups_orders_days() {
    let world = world().await;
    for (query, expected) in [
        ("filter=meterCategory eq 'O''Neill'", 1),
        ("filter=not (meterCategory eq 'Storage') and usageDate ge cast('2024-11-01',Edm.DateTimeOffset)", 2),
        ("filter=contains(meterCategory,'tor')", 1),
        ("filter=reservationId eq ''", 1),
        ("startDate=2024-11-04&endDate=2024-11-05T10:00:00%2B02:00", 2),
        ("startDate=2024-11-05", 2),
        ("endDate=2024-11-01", 1),
        ("top=2", 2),
        ("skip=3", 1),
        ("skip=30", 0),
        ("top=99999", 4),
    ] {
        let answer = world.get(&format!("{PATH}?{}", query.replace(' ', "%20")), &world.all).await;
        assert_eq!(answer.status, 200, "{query}: {}", answer.text());
        assert_eq!(rows(&answer.json()).len(), expected, "{query}");
    }
    let grouped =
        format!("{PATH}?groupby=usageDate,customerName&aggregationLevel=week&orderby=Quantity%20desc,usageDate");
    let grouped = world.get(&grouped, &world.all).await;
    stable(|| insta::assert_snapshot!("analytics_grouped", grouped.text()));
    let month = world.get(&format!("{PATH}?groupby=usageDate&aggregationLevel=Month"), &world.all).await.json();
    assert_eq!(rows(&month)[0], json!({"usageDate": "2024-10-01T00:00:00", "Quantity": 20}));
}

#[tokio::test]
async fn a_walk() {
    let mut world = world().await;
    let first = world.get(&format!("{PATH}?top=2&skip=1&orderby=usageDate+desc"), &world.all).await.json();
    assert_eq!((rows(&first).len(), &first["TotalCount"]), (2, &json!(4)));
    let next = first["@nextLink"].as_str().unwrap().to_owned();
    assert!(next.starts_with("http://usage.example.org/partner/v1/analytics/azureusage?"), "{next}");
    world.import(vec![customer(50, PLAN, "2024-11-12", "GBP")]).await;
    let second = world.get(&next, &world.all).await.json();
    assert_eq!((rows(&second).len(), &second["TotalCount"], &second["@nextLink"]), (1, &json!(4), &Value::Null));
    assert_eq!(rows(&second)[0]["usageDate"], "2024-10-28T00:00:00");
    // Another principal, another request, another day.
    for (link, token) in [
        (next.clone(), &world.one),
        (next.replace("top=2", "top=3"), &world.all),
        (next.replace("azureusage", "usage/azure"), &world.all),
    ] {
        let answer = world.get(&link, token).await;
        assert_eq!((answer.status, &answer.json()["code"]), (400, &json!(800_002)), "{link}");
    }
    let extra = format!("{next}&skiptoken=x");
    assert_eq!(world.get(&extra, &world.all).await.status, 400);
}

#[tokio::test]
async fn headers() {
    let world = world().await;
    let given = [("ms-requestid", "e128c8e2-4c33-4940-a3e2-2e59b0abdc67"), ("ms-correlationid", "abc")];
    let answer = world.call("GET", PATH, &world.all, &given).await;
    assert_eq!((answer.header("ms-requestid"), answer.header("ms-correlationid")), (given[0].1, given[1].1));
    let refused = world.get(PATH, "").await;
    assert_eq!(refused.header("ms-requestid").len(), 36);
    let tag = answer.header("etag").to_owned();
    assert_eq!(world.call("GET", PATH, &world.all, &[("if-none-match", &tag)]).await.status, 304);
    assert_eq!(world.call("GET", PATH, &world.one, &[("if-none-match", &tag)]).await.status, 200);
}
