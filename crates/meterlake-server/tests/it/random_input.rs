//! No input, however wild, ends in a fault of ours.

use chrono::TimeDelta;
use meterlake_identity::Audience;

use crate::b2c_world::{APPLICATION, B2cWorld, DOMAIN, TENANT};
use crate::charge::{customer, ea};
use crate::world::{OLD, PLAN};

pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % end
    }

    pub(crate) fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from[self.below(from.len())]
    }

    /// A text made of pieces, then maybe cut, doubled or peppered.
    fn wild(&mut self, pieces: &[&str], most: usize) -> String {
        let mut text: String = (0..=self.below(most)).map(|_| self.pick(pieces)).collect();
        if self.below(4) == 0 {
            let end = (0..=self.below(text.len() + 1)).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
            text.truncate(end);
        }
        if self.below(6) == 0 {
            text.push_str(self.pick(&[
                "%00",
                "%ff",
                "%",
                "%2",
                "%ed%a0%80",
                "%F0%9F%98%80",
                "+",
                "%0d%0a",
                "'",
                "%25",
            ]));
        }
        text
    }
}

const VALUES: &[&str] = &[
    "0",
    "1",
    "-1",
    "99999999999999999999999999999",
    "2024-11-01",
    "2024-11-30",
    "0001-01-01",
    "9999-12-31",
    "10000-01-01",
    "0000-00-00",
    "11/1/2024",
    "20241101",
    "202411",
    "000000",
    "999912",
    "2024-11-01T00:00:00Z",
    "2024-11-01T00:00:00-23:59",
    "9999-12-31T23:59:59-12:00",
    "0001-01-01T00:00:00%2B12:00",
    "",
    "day",
    "week",
    "month",
    "plain",
    "usageDate",
    "quantity",
    "Quantity%20desc",
    ",",
    "meterUnit,customerName",
    "null",
    "'",
    "%20",
    "(",
    ")",
    "usageDate%20ge%20",
    "meterCategory%20eq%20'x'",
    "%20and%20",
    "%20or%20",
    "not%20",
    "contains(meterUnit,'a')",
    "cast('2018-01-01',Edm.DateTimeOffset)",
    "customerTenantId%20ne%20''",
    "1e999",
    "TimeStamp%20ge%20",
    "TimeStamp+lt+",
    "TimeStamp+eq+",
    "ApplicationId+eq+",
    "ada78934-a6da-4e69-b816-10de0d79db1d",
    "11/15/2018+4:16:19+PM+%2B02:00",
    "xml",
    "csv",
    "list",
];

const NAMES: &[&str] = &[
    "top",
    "$top",
    "skip",
    "filter",
    "$filter",
    "%24filter",
    "orderby",
    "groupby",
    "aggregationLevel",
    "startDate",
    "endDate",
    "skiptoken",
    "startTime",
    "endTime",
    "billingPeriod",
    "layout",
    "api-version",
    "x",
    "",
    "%ff",
    "se",
    "sig",
    "authorization_endpoint",
    "$format",
    "$skiptoken",
];

fn paths() -> Vec<String> {
    let mut paths = vec![
        "/partner/v1/analytics/azureusage".to_owned(),
        "/partner/v1/analytics/usage/azure".to_owned(),
        "/v1/usagesummary".to_owned(),
        "/v1/customers/usagerecords".to_owned(),
        "/meterlake/exports/x".to_owned(),
        "/common/discovery/instance".to_owned(),
        "/partner.example.org/oauth2/token".to_owned(),
        "/x/oauth2/v2.0/token".to_owned(),
        "/x/v2.0/.well-known/openid-configuration".to_owned(),
    ];
    for report in [
        "",
        "/tenantUserCount",
        "/b2cAuthenticationCountSummary",
        "/b2cAuthenticationCount",
        "/b2cMfaRequestCountSummary",
        "/b2cMfaRequestCount",
        "/x",
    ] {
        paths.push(format!("/{DOMAIN}/reports{report}"));
        paths.push(format!("/{TENANT}/reports{report}"));
    }
    paths.push(format!("/{TENANT}/$metadata"));
    for customer in [APPLICATION, "x"] {
        paths.push(format!("/api/licenseConsumptionReport/customer/{customer}/tenant/{PLAN}"));
    }
    for version in ["v1", "V2", "v3"] {
        for tail in [
            "usagedetails",
            "billingPeriods/202411/usagedetails",
            "usagedetailsbycustomdate",
            "usagedetails/download",
            "usagedetails/submit",
            "usagedetails/poll/x",
            "billingperiods",
        ] {
            paths.push(format!("/{version}/enrollments/100/{tail}"));
        }
    }
    for customer in [PLAN, OLD, "x"] {
        for tail in [
            "usagesummary",
            "usagebudget",
            "subscriptions/usagerecords",
            "subscriptions/x/usagesummary",
            "subscriptions/x/usagerecords/resources",
        ] {
            paths.push(format!("/v1/customers/{customer}/{tail}"));
        }
    }
    paths
}

#[tokio::test]
async fn never_a_fault() {
    let B2cWorld { mut world, one: b2c, .. } = B2cWorld::new().await;
    let change = meterlake_control::CustomerChange {
        c3_id: APPLICATION.parse().ok(),
        ..meterlake_control::CustomerChange::default()
    };
    world.control.set_customer(PLAN.parse().unwrap(), &change).await.unwrap();
    let app = world.control.find_principal("app").await.unwrap().id;
    let c3 = world.identity.app_token(app, Audience::Meterlake, TimeDelta::days(1)).await.unwrap().token;
    world.config.running_exports = 2;
    world.restart();
    world
        .import(vec![
            ea(1, "2024-11-01"),
            customer(2, PLAN, "2024-11-02", "GBP"),
            customer(3, OLD, "2024-11-08", "USD"),
        ])
        .await;
    let mut random = Random(20_241_115);
    let paths = paths();
    let mut seen = std::collections::BTreeMap::new();
    for _ in 0..2000 {
        let mut path = paths[random.below(paths.len())].clone();
        if random.below(8) == 0 {
            let at = random.below(path.len() + 1);
            path.insert_str(at, random.pick(&["/", "%2f", "%00", "..", "%ff", "%C3%A9", "{", "a"]));
        }
        let mut query = Vec::new();
        for _ in 0..random.below(4) {
            let (name, value) = (random.pick(NAMES), random.wild(VALUES, 6));
            query.push(format!("{name}={value}"));
        }
        let target = format!("{path}?{}", query.join("&"));
        if target.parse::<http::Uri>().is_err() {
            continue;
        }
        let lower = path.to_lowercase();
        let families = [("enrollments", &world.key), ("reports", &b2c), ("$metadata", &b2c), ("/api/", &c3)];
        let token = families.iter().find(|(part, _)| lower.contains(part)).map_or(&world.all, |(_, token)| token);
        let method = ["GET", "GET", "GET", "POST", "PATCH", "HEAD", "BREW"][random.below(7)];
        let body = random.wild(&["{", "}", "\"amount\"", ":", "1", "null", "e9", ",", "grant_type=", "&", "a"], 12);
        let answer = world.post(method, &target, token, &body).await;
        assert!(answer.status < 500, "{method} {target}: {} {}", answer.status, answer.text());
        let json = answer.header("content-type").starts_with("application/json");
        if json && method != "HEAD" {
            answer.json();
        }
        *seen.entry(answer.status).or_insert(0) += 1;
    }
    for status in [200, 400, 404, 405] {
        assert!(seen.contains_key(&status), "{seen:?}");
    }
}
