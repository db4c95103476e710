//! The demo as a newcomer starts it: every family answers, with the generator's own totals to the last digit.

use std::collections::BTreeMap;

use meterlake_model::{Amount, BillingPeriod, Day, Offer, Quantity};
use meterlake_testkit::demo::SEED;
use meterlake_testkit::{DemoSources, generate_demo};
use serde_json::Value;

use crate::ea::{exact, reported};
use crate::program::{Folder, Server};

struct Demo {
    folder: Folder,
    server: Server,
    json: Value,
    sources: DemoSources,
}

fn demo_json(folder: &Folder) -> Value {
    serde_json::from_str(&std::fs::read_to_string(folder.data().join("demo.json")).unwrap()).unwrap()
}

fn start() -> Demo {
    let folder = Folder::new();
    // At midnight the program's day and the generator's could differ: both are read around the start.
    let before = Day::of(chrono::Utc::now());
    let server = Server::start(&folder, "demo");
    assert_eq!(before, Day::of(chrono::Utc::now()), "midnight passed; run the test again");
    let sources = generate_demo(&folder.path("again"), before, SEED).unwrap();
    let json = demo_json(&folder);
    Demo { folder, server, json, sources }
}

impl Demo {
    fn text(&self, pointer: &str) -> &str {
        self.json.pointer(pointer).and_then(Value::as_str).unwrap_or_else(|| panic!("demo.json lacks {pointer}"))
    }

    /// `GET` as the demo's user, which must be answered 200.
    fn get(&self, path: &str) -> String {
        let (status, body) = self.server.get(path, self.text("/partner/user_token"));
        assert_eq!(status, 200, "{path}: {body}");
        body
    }
}

/// The number after `"name":`, as text.
fn number<'a>(body: &'a str, name: &str) -> &'a str {
    let after = body.split(&format!("\"{name}\":")).nth(1).unwrap_or_else(|| panic!("no {name} in {body}"));
    after.split([',', '}']).next().unwrap()
}

#[test]
fn every_family_answers_with_the_generators_totals() {
    let demo = start();
    enterprise(&demo);
    summaries(&demo);
    analytics(&demo);
    b2c(&demo);
    estimates(&demo);
    licences(&demo);
    wrong_credentials(&demo);
    second_start(demo);
}

fn enterprise(demo: &Demo) {
    let (enrollment, key) = (demo.text("/enterprise/enrollment"), demo.text("/enterprise/api_key"));
    assert!(demo.sources.totals.enterprise.len() >= 14, "fewer than 14 months");
    for ((period, _), charged) in &demo.sources.totals.enterprise {
        let (status, csv) =
            demo.server.get(&format!("/v2/enrollments/{enrollment}/usagedetails/download?billingPeriod={period}"), key);
        assert_eq!(status, 200, "{csv}");
        let mut reader = csv::Reader::from_reader(csv.as_bytes());
        let at = reader.headers().unwrap().iter().position(|h| h == "Cost").unwrap();
        let costs: Vec<i128> = reader.records().map(|row| exact(&row.unwrap()[at])).collect();
        assert_eq!(costs.len() as u64, charged.rows, "{period}");
        assert_eq!(costs.iter().sum::<i128>(), exact(&charged.cost.to_string()), "{period}");
    }
    let (current, charged) = demo.sources.totals.enterprise.last_key_value().unwrap();
    assert_eq!(current.0, BillingPeriod::containing(demo.sources.last_day));
    let paged = reported(&demo.server, key, format!("/v3/enrollments/{enrollment}/usagedetails"));
    assert_eq!(paged, (usize::try_from(charged.rows).unwrap(), exact(&charged.cost.to_string())));
}

fn summaries(demo: &Demo) {
    let period = BillingPeriod::containing(demo.sources.last_day);
    for customer in demo.sources.customers.iter().filter(|c| c.offers.contains(&Offer::AzurePlan)) {
        let body = demo.get(&format!("/v1/customers/{}/usagesummary", customer.tenant_id));
        let key = (customer.tenant_id, period, customer.currency.to_owned());
        let charged = demo.sources.totals.customers.get(&key).copied().unwrap_or_default();
        assert_eq!(number(&body, "totalCost"), charged.cost.to_string(), "{}: {body}", customer.name);
        // What is billed in US dollars is its own figure in US dollars; the generator counts stated columns only.
        let usd = if customer.currency == "USD" { Some(charged.cost) } else { charged.usd };
        assert_eq!(number(&body, "usdTotalCost"), usd.map_or("null".to_owned(), |u| u.to_string()), "{body}");
        assert!(body.contains(&format!("\"currencyCode\":\"{}\"", customer.currency)), "{body}");
    }
    let customer = demo.text("/partner/customer_tenant_id");
    let body = demo.get(&format!("/v1/customers/{customer}/usagesummary"));
    let json: Value = serde_json::from_str(&body).unwrap();
    let day = |name: &str| json[name].as_str().unwrap()[..10].parse::<Day>().unwrap();
    let (first, last) = (day("billingStartDate"), day("billingEndDate"));
    let mut expected = Amount::ZERO;
    for ((_, day), charged) in demo.sources.totals.customer_days.iter().filter(|((c, _), _)| c.to_string() == customer)
    {
        if (first..=last).contains(day) {
            expected = expected.checked_add(charged.cost).unwrap();
        }
    }
    assert_eq!(number(&body, "totalCost"), expected.to_string(), "{body}");
    assert!(json["currencyLocale"].is_string(), "{body}");
}

fn analytics(demo: &Demo) {
    let all = demo.get("/partner/v1/analytics/azureusage?top=1");
    assert_eq!(number(&all, "TotalCount"), demo.sources.totals.analytics_rows.to_string());

    let period = BillingPeriod::containing(demo.sources.last_day).previous().unwrap();
    let body = demo.get(&format!(
        "/partner/v1/analytics/usage/azure?groupby=customerTenantId,meterCategory&startDate={}&endDate={}",
        period.first_day(),
        period.last_day()
    ));
    let mut expected: BTreeMap<(String, String), Quantity> = BTreeMap::new();
    for ((customer, _, category), quantity) in
        demo.sources.totals.meter_categories.iter().filter(|((_, p, _), _)| *p == period)
    {
        expected.insert((customer.to_string().to_uppercase(), category.clone()), *quantity);
    }
    let mut seen = BTreeMap::new();
    for row in body.split("{\"customerTenantId\":").skip(1) {
        let text = |at: usize| row.split('"').nth(at).unwrap().to_owned();
        assert_eq!(text(3), "meterCategory");
        seen.insert((text(1), text(5)), Quantity::parse(number(row, "Quantity")).unwrap());
    }
    assert_eq!(seen, expected);
}

/// An access token of the demo's B2C application, by the token request of the document.
fn b2c_token(demo: &Demo, resource: &str) -> String {
    let form = format!(
        "grant_type=client_credentials&resource={resource}&client_id={}&client_secret={}",
        demo.text("/b2c/client_id"),
        demo.text("/b2c/client_secret")
    );
    let url = format!("{}/{}/oauth2/token?api-version=1.0", demo.text("/base_url"), demo.text("/b2c/tenant"));
    tokio::runtime::Runtime::new().unwrap().block_on(async {
        let request = reqwest::Client::new().post(url).header("content-type", "application/x-www-form-urlencoded");
        let body = request.body(form).send().await.unwrap().text().await.unwrap();
        let answer: Value = serde_json::from_str(&body).unwrap();
        answer["access_token"].as_str().unwrap_or_else(|| panic!("{body}")).to_owned()
    })
}

fn b2c(demo: &Demo) {
    let (token, tenant) = (b2c_token(demo, ""), demo.text("/b2c/tenant"));
    let counts = &demo.sources.b2c.counts;
    let first = demo.sources.b2c.first_day;
    let authentications: u64 = counts.authentications.values().map(|a| a.successes).sum();
    let mfa: u64 = counts.mfa.values().map(|a| a.attempts).sum();
    for (report, field, expected) in
        [("b2cAuthenticationCount", "AuthenticationCount", authentications), ("b2cMfaRequestCount", "MfaCount", mfa)]
    {
        let filter = format!("{report}?api-version=beta&%24filter=TimeStamp+ge+{first}");
        let (status, body) = demo.server.get(&format!("/{tenant}/reports/{filter}"), &token);
        assert_eq!((status, number(&body, field)), (200, expected.to_string().as_str()), "{body}");
        // The same on the command line, from the data folder itself.
        let from = first.to_string();
        let rows = demo.folder.json(&["report", report, "--tenant", tenant, "--from", &from, "--format", "json"]);
        assert_eq!(rows[0][field], expected, "{rows}");
    }
    let (_, users) = counts.users.last_key_value().unwrap();
    let rows = demo.folder.json(&["report", "tenantUserCount", "--tenant", tenant, "--format", "json"]);
    assert_eq!(rows.as_array().unwrap().last().unwrap()["TotalUserCount"], users.total);
}

/// Active users, MFA requests and their cost by month, as the generator counted them.
fn estimates(demo: &Demo) {
    let (token, tenant) = (b2c_token(demo, "api://meterlake"), demo.text("/b2c/tenant"));
    let (status, body) = demo.server.get(&format!("/meterlake/v1/b2c/{tenant}/estimate?by=month"), &token);
    assert_eq!(status, 200, "{body}");
    let answer: Value = serde_json::from_str(&body).unwrap();
    let counts = &demo.sources.b2c.counts;
    for row in answer["data"].as_array().unwrap() {
        let period = BillingPeriod::containing(row["start"].as_str().unwrap().parse().unwrap());
        let users = counts.monthly_users.get(&(period, None)).copied().unwrap_or(0);
        let of_month = |day: &Day| BillingPeriod::containing(*day) == period;
        let mfa: u64 = counts.mfa.iter().filter(|((day, ..), _)| of_month(day)).map(|(_, a)| a.attempts).sum();
        assert_eq!(
            (row["meters"][0]["quantity"].as_u64(), row["meters"][1]["quantity"].as_u64()),
            (Some(users), Some(mfa))
        );
        let cents = i128::from(mfa) * 3 * 10i128.pow(22);
        assert_eq!(row["cost"].to_string().parse::<Amount>().unwrap(), Amount::from_unscaled(cents).unwrap(), "{row}");
    }
    // Days, weeks and applications come to the same.
    let prices = demo.folder.file("prices.toml", include_str!("../../../../docs/prices/azure-ad-b2c.toml"));
    for by in ["day", "week", "month"] {
        let csv = demo.folder.succeed(&[
            "estimate",
            "--tenant",
            tenant,
            "--prices",
            prices.to_str().unwrap(),
            "--by",
            by,
            "--per-application",
            "--format",
            "csv",
        ]);
        let mut reader = csv::Reader::from_reader(csv.as_bytes());
        let header = reader.headers().unwrap().clone();
        let column = |name: &str| header.iter().position(|h| h == name).unwrap();
        let (mut of_tenant, mut of_applications) = (0, 0);
        for row in reader.records().map(Result::unwrap) {
            let sum = if &row[column("application")] == "(all)" { &mut of_tenant } else { &mut of_applications };
            *sum += exact(&row[column("cost")]);
        }
        let expected: i128 = answer["data"].as_array().unwrap().iter().map(|row| exact(&row["cost"].to_string())).sum();
        assert_eq!((of_tenant, of_applications), (expected, expected), "{by}");
    }
}

fn licences(demo: &Demo) {
    let (customer, tenant) = (demo.text("/c3/customer_id"), demo.text("/c3/tenant_id"));
    let path = format!("/api/licenseConsumptionReport/customer/{customer}/tenant/{tenant}");
    let (status, body) = demo.server.get(&path, demo.text("/c3/token"));
    assert_eq!(status, 200, "{body}");
    let answer: Value = serde_json::from_str(&body).unwrap();
    let of_customer = demo.sources.licences.iter().find(|l| l.tenant_id.to_string() == tenant).unwrap();
    let rows = answer["Data"].as_array().unwrap();
    assert_eq!(rows.len(), of_customer.expected.len(), "{body}");
    for expected in &of_customer.expected {
        let row = rows.iter().find(|row| row["ProductSkuId"] == expected.sku_id.to_string()).unwrap();
        assert_eq!(row["TotalUnits"], expected.total);
        assert_eq!(row["ActiveUnits"], expected.active);
        assert_eq!(row["ConsumedUnits"], expected.consumed);
        assert_eq!(row["SubcriptionNames"], expected.subscription_names);
    }
}

fn wrong_credentials(demo: &Demo) {
    let application = demo.text("/partner/app_token");
    let (key, customer) = (demo.text("/enterprise/api_key"), demo.text("/partner/customer_tenant_id"));
    for path in ["/partner/v1/analytics/azureusage".to_owned(), format!("/v1/customers/{customer}/usagesummary")] {
        assert_eq!(demo.server.get(&path, application).0, 403, "{path}");
        assert_eq!(demo.server.get(&path, key).0, 401, "{path}");
    }
    assert_eq!(demo.server.get("/v3/enrollments/999/usagedetails", key).0, 401);
}

/// A second start serves at once, with the same credentials and fresh tokens.
fn second_start(demo: Demo) {
    let Demo { folder, server, json, .. } = demo;
    drop(server);
    let imports = folder.json(&["imports", "--json"]).as_array().unwrap().len();
    let server = Server::start(&folder, "demo");
    let again = demo_json(&folder);
    assert_eq!(again["enterprise"], json["enterprise"]);
    let enrollment = json["enterprise"]["enrollment"].as_str().unwrap();
    let key = json["enterprise"]["api_key"].as_str().unwrap();
    assert_eq!(server.get(&format!("/v3/enrollments/{enrollment}/usagedetails"), key).0, 200);
    let token = again["partner"]["user_token"].as_str().unwrap();
    assert_eq!(server.get("/partner/v1/analytics/azureusage?top=1", token).0, 200);
    assert_eq!(folder.json(&["imports", "--json"]).as_array().unwrap().len(), imports, "it imported again");
}
