//! C3 licence consumption report.

use chrono::TimeDelta;
use meterlake_control::{CustomerChange, GrantScope, NewPrincipal, PrincipalKind};
use meterlake_identity::Audience;
use meterlake_lake::Table;
use meterlake_lake::tables::licences::columns as c;
use meterlake_model::ImportId;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::tables::{Row, commit};
use crate::world::{Answer, IDLE, OLD, PARTNER, PLAN, World, at};

const C3_ID: &str = "9582d9f2-1234-4945-ab56-daded948c1c4";
const C3_IDLE: &str = "9582d9f2-1234-4945-ab56-daded948c1c5";
const NO_GUID: &str = "9582D9F2-1234945-AB56-DADED948C1C4";
const NOBODY: &str = "FFFFFFFF-0000-4000-8000-000000000000";

struct C3 {
    world: World,
    /// Tokens that may see [`PLAN`], nothing, all customers; and a user's that may see [`PLAN`].
    one: String,
    none: String,
    all: String,
    user: String,
}

async fn c3() -> C3 {
    let world = World::new().await;
    for (tenant, c3_id) in [(PLAN, C3_ID), (IDLE, C3_IDLE)] {
        let change = CustomerChange { c3_id: c3_id.parse().ok(), ..CustomerChange::default() };
        world.control.set_customer(tenant.parse().unwrap(), &change).await.unwrap();
    }
    let token = async |kind, name: &str, grant: Option<GrantScope>| -> String {
        let new = NewPrincipal { kind, tenant: PARTNER.parse().unwrap(), name: name.to_owned(), client_id: None };
        let id = world.control.add_principal(&new).await.unwrap().id;
        if let Some(grant) = grant {
            world.control.add_grant(id, &grant).await.unwrap();
        }
        match kind {
            PrincipalKind::User => world.identity.user_token(id, Audience::Meterlake, TimeDelta::days(1)).await,
            PrincipalKind::Application => world.identity.app_token(id, Audience::Meterlake, TimeDelta::days(1)).await,
        }
        .unwrap()
        .token
    };
    let plan = || Some(GrantScope::Customer(PLAN.parse().unwrap()));
    let one = token(PrincipalKind::Application, "c3-one", plan()).await;
    let none = token(PrincipalKind::Application, "c3-none", None).await;
    let all = token(PrincipalKind::Application, "c3-all", Some(GrantScope::AllCustomers)).await;
    let user = token(PrincipalKind::User, "c3-user", plan()).await;
    let rows = [
        row("Visio Plan 2 for GCC", "4ae99959-6b0f-43b0-b1ce-68146001bdba", [Some(2), Some(2), Some(2)]),
        row("Office 365 G1 GCC", "3f4babde-90ec-47c6-995d-d223749065d1", [Some(65), Some(65), Some(60)]),
        row("Unknown", "00000000-90ec-47c6-995d-d223749065d1", [None, Some(1), Some(3)]),
    ];
    let import = ImportId(Uuid::from_u128(0x0193_2f00_0000_7000_8000_0000_0002_0000));
    let staging = world.folder.path().join("staging");
    commit(&world.lake, &staging, import, Table::Licences, &rows, false, Vec::new()).await;
    C3 { world, one, none, all, user }
}

fn row(product: &str, sku: &str, [active, total, consumed]: [Option<i64>; 3]) -> Row {
    let names = if product == "Unknown" { String::new() } else { format!(" {product}(Monthly)") };
    let mut row: Row = vec![
        (c::TENANT_ID, PLAN.into()),
        (c::MOMENT, at("2024-11-14T00:00:00Z").into()),
        (c::SKU_ID, sku.into()),
        (c::PRODUCT_NAME, product.into()),
        (c::SUBSCRIPTION_NAMES, names.as_str().into()),
    ];
    for (column, units) in [(c::ACTIVE_UNITS, active), (c::TOTAL_UNITS, total), (c::CONSUMED_UNITS, consumed)] {
        row.extend(units.map(|units| (column, units.into())));
    }
    row
}

fn path(customer: &str, tenant: &str) -> String {
    format!("/api/licenseConsumptionReport/customer/{customer}/tenant/{tenant}")
}

/// The body without its fresh id, which is checked.
fn body(answer: &Answer) -> Value {
    let mut json = answer.json();
    let id = json["RequestCorrelationID"].take();
    assert_eq!(id.as_str().unwrap().parse::<Uuid>().unwrap().get_version_num(), 4);
    json
}

fn customer_entry(value: &str) -> Value {
    json!({
        "Atribute": "CustomerId", "AtributeKey": "CUSTOMER_C3ID", "Message": "INVALID_C3_CUSTOMER_ID",
        "DefaultMessage": "Invalid c3 Customer ID", "Value": value,
    })
}

fn tenant_entry(value: &str) -> Value {
    json!({
        "Atribute": "TenantId", "AtributeKey": "TENANT_ID", "Message": "INVALID_TENANT_ID",
        "DefaultMessage": "Invalid tenant ID", "Value": value,
    })
}

#[tokio::test]
async fn the_documents_sample() {
    let c3 = c3().await;
    let answer = c3.world.get(&path(C3_ID, PLAN), &c3.one).await;
    assert_eq!((answer.status, answer.header("content-type")), (200, "application/json; charset=utf-8"));
    let id = answer.json()["RequestCorrelationID"].as_str().unwrap().to_owned();
    let stable = serde_json::to_string_pretty(&answer.json()).unwrap().replace(&id, "[id]");
    insta::assert_snapshot!("c3_licences", stable);
    let again = c3.world.get(&path(&C3_ID.to_uppercase(), &PLAN.to_uppercase()), &c3.user).await;
    assert_eq!(body(&again), body(&answer));
    assert_ne!(again.json()["RequestCorrelationID"], answer.json()["RequestCorrelationID"]);
    let idle = c3.world.get(&path(C3_IDLE, IDLE), &c3.all).await;
    assert_eq!((idle.status, &idle.json()["Data"], &idle.json()["Status"]), (200, &json!([]), &json!("Success")));
    let spelt = format!("//API/licenseconsumptionreport/Customer/{C3_ID}/Tenant/{PLAN}?x=1");
    let spelt = c3.world.get(&spelt, &c3.one).await;
    assert_eq!((spelt.status, spelt.header("meterlake-ignored-parameters")), (200, "x"));
}

#[tokio::test]
async fn both_bad_inputs_at_once() {
    let c3 = c3().await;
    let bad_tenant = "0f96f6b1-fe7f-4322-567-152d0f2ff171";
    let both = c3.world.get(&path(NO_GUID, bad_tenant), &c3.none).await;
    let id = both.json()["RequestCorrelationID"].as_str().unwrap().to_owned();
    insta::assert_snapshot!("c3_bad_input", serde_json::to_string_pretty(&both.json()).unwrap().replace(&id, "[id]"));
    for (customer, tenant, entries) in [
        (NO_GUID, bad_tenant, vec![customer_entry(NO_GUID), tenant_entry(bad_tenant)]),
        // One is malformed: the other is only checked for form.
        (NO_GUID, NOBODY, vec![customer_entry(NO_GUID)]),
        (NOBODY, "x", vec![tenant_entry("x")]),
        (NOBODY, NOBODY, vec![customer_entry(NOBODY), tenant_entry(NOBODY)]),
        (NOBODY, PLAN, vec![customer_entry(NOBODY)]),
        (C3_ID, NOBODY, vec![tenant_entry(NOBODY)]),
        // A tenant, but of another customer.
        (C3_ID, OLD, vec![tenant_entry(OLD)]),
        ("%3Cx%3E%20%22", "%ff", vec![customer_entry("<x> \""), tenant_entry("\u{fffd}")]),
    ] {
        let answer = c3.world.get(&path(customer, tenant), &c3.all).await;
        assert_eq!(answer.status, 400, "{customer} {tenant}");
        let expected = json!({
            "OperationType": null, "Status": "Error", "RequestCorrelationID": null,
            "ErrorMessage": "ERROR_DESC_BAD_INPUT", "ErrorDetail": "ERROR_DESC_BAD_INPUT", "Data": entries,
        });
        assert_eq!(body(&answer), expected);
    }
}

#[tokio::test]
async fn refusals_in_order() {
    let mut c3 = c3().await;
    let error = |name: &str| {
        json!({
            "OperationType": null, "Status": "Error", "RequestCorrelationID": null,
            "ErrorMessage": name, "ErrorDetail": name, "Data": [],
        })
    };
    let bad = path("x", "y");
    for token in ["", "x", &c3.world.all] {
        let answer = c3.world.call("POST", &bad, token, &[]).await;
        assert_eq!((answer.status, body(&answer)), (401, error("ERROR_DESC_UNAUTHORIZED")));
        assert!(answer.header("www-authenticate").starts_with("Bearer"));
    }
    let answer = c3.world.call("POST", &bad, &c3.none, &[]).await;
    assert_eq!((answer.status, body(&answer)), (405, error("ERROR_DESC_METHOD_NOT_ALLOWED")));
    assert_eq!(answer.header("allow"), "GET, HEAD");
    assert_eq!(c3.world.get(&bad, &c3.none).await.status, 400);
    // Without the grant on the customer, known and unknown look alike.
    for (token, customer, tenant) in [
        (&c3.none, C3_ID, PLAN),
        (&c3.none, NOBODY, NOBODY),
        (&c3.one, C3_IDLE, IDLE),
        (&c3.one, NOBODY, PLAN),
        (&c3.one, C3_IDLE, PLAN),
    ] {
        let answer = c3.world.get(&path(customer, tenant), token).await;
        assert_eq!((answer.status, body(&answer)), (403, error("ERROR_DESC_FORBIDDEN")));
    }
    assert_eq!(c3.world.get(&path(C3_ID, IDLE), &c3.one).await.status, 400);
    for path in ["/api/licenseConsumptionReport", "/api/LicenseConsumptionReport/customer/x"] {
        let answer = c3.world.get(path, &c3.one).await;
        assert_eq!((answer.status, body(&answer)), (404, error("ERROR_DESC_NOT_FOUND")));
    }
    c3.world.config.rate_limit_per_minute = 1;
    c3.world.restart();
    c3.world.get(&bad, &c3.one).await;
    let answer = c3.world.get(&bad, &c3.one).await;
    assert_eq!((answer.status, body(&answer)), (429, error("ERROR_DESC_TOO_MANY_REQUESTS")));
    assert_eq!(answer.header("retry-after"), "60");
}

#[tokio::test]
async fn a_fault_comes_in_the_same_envelope() {
    let c3 = c3().await;
    for file in c3.world.lake.snapshot(Table::Licences).await.unwrap().files() {
        std::fs::remove_file(c3.world.folder.path().join("lake/licences").join(&*file.path)).unwrap();
    }
    let answer = c3.world.get(&path(C3_ID, PLAN), &c3.one).await;
    assert_eq!((answer.status, answer.header("content-type")), (500, "application/json; charset=utf-8"));
    let name = "ERROR_DESC_INTERNAL_SERVER_ERROR";
    let expected = json!({
        "OperationType": null, "Status": "Error", "RequestCorrelationID": null,
        "ErrorMessage": name, "ErrorDetail": name, "Data": [],
    });
    assert_eq!(body(&answer), expected);
}

#[tokio::test]
async fn head_and_the_byte_order_mark() {
    let mut c3 = c3().await;
    let whole = c3.world.get(&path(C3_ID, PLAN), &c3.one).await;
    let head = c3.world.call("HEAD", &path(C3_ID, PLAN), &c3.one, &[]).await;
    assert_eq!((head.status, head.body.len()), (200, 0));
    assert_eq!(head.header("content-length"), whole.body.len().to_string());
    assert!(whole.text().starts_with(r#"{"OperationType":null,"Status":"Success","RequestCorrelationID":""#));
    c3.world.config.c3.bom = true;
    c3.world.restart();
    assert!(c3.world.get(&path(C3_ID, PLAN), &c3.one).await.text().starts_with('\u{feff}'));
}
