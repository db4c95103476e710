//! Every call of every family, with who may make it and what can be wrong with it.

use chrono::TimeDelta;
use meterlake_control::{CustomerChange, ExportJob, ExportStatus, GrantScope, NewPrincipal, PrincipalKind};
use meterlake_identity::Audience;
use meterlake_model::Clock as _;
use meterlake_reports::{PriceList, Selection};
use serde_json::Value;
use uuid::Uuid;

use crate::b2c_world::{B2cWorld, DOMAIN, FOREIGN};
use crate::charge::{customer, ea, with};
use crate::world::{Answer, IDLE, NOBODY, OLD, PARTNER, PLAN, World};

const C3_ID: &str = "9582d9f2-1234-4945-ab56-daded948c1c4";
const C3_IDLE: &str = "9582d9f2-1234-4945-ab56-daded948c1c5";
const SUBSCRIPTION: &str = "0abc0000-0000-0000-0000-000000000001";
const PRICES: &str = include_str!("../../../../docs/prices/azure-ad-b2c.toml");

/// How errors look, and which kind of token a call takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Ea,
    Partner,
    B2c,
    C3,
    /// A call of our own: errors as EA's, tokens as C3's.
    Native,
}

/// A call.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) kind: Kind,
    pub(crate) method: &'static str,
    /// Answered to `may`.
    pub(crate) target: String,
    /// The header of 405.
    pub(crate) allow: &'static str,
    pub(crate) may: String,
    /// Valid tokens of the family that lack what the call needs.
    pub(crate) may_not: Vec<String>,
    /// A token that may see everything.
    pub(crate) all: String,
    /// The call with a malformed part, and the part's name.
    pub(crate) malformed: Option<(String, &'static str)>,
    /// The call for something that exists and that `may` may not see.
    pub(crate) foreign: Option<String>,
    /// The call for something that does not exist, and what `all` is answered.
    pub(crate) unknown: Option<(String, u16)>,
    /// The parameters that the call knows.
    pub(crate) parameters: &'static [&'static str],
}

impl Call {
    /// The target with one more piece of query.
    pub(crate) fn with(&self, query: &str) -> String {
        let sign = if self.target.contains('?') { '&' } else { '?' };
        format!("{}{sign}{query}", self.target)
    }

    /// Checks that an error has the shape of the family, and gives its message; C3 has none.
    #[track_caller]
    pub(crate) fn message(&self, answer: &Answer) -> String {
        assert_eq!(answer.header("content-type"), "application/json; charset=utf-8", "{}", self.target);
        let json = answer.json();
        let keys = |value: &Value| {
            let mut keys: Vec<&str> = value.as_object().unwrap().keys().map(String::as_str).collect();
            keys.sort_unstable();
            keys.join(" ")
        };
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        match self.kind {
            Kind::Ea | Kind::Native => {
                assert_eq!((keys(&json), keys(&json["error"])), ("error".to_owned(), "code message".to_owned()));
                text(&json["error"]["code"]);
                text(&json["error"]["message"])
            }
            Kind::Partner => {
                assert_eq!(keys(&json), "code data description source");
                assert!(json["code"].is_u64() && json["source"].is_string());
                assert!(json["data"].as_array().unwrap().iter().all(Value::is_string));
                text(&json["description"])
            }
            Kind::B2c => {
                assert_eq!(
                    (keys(&json), keys(&json["odata.error"])),
                    ("odata.error".to_owned(), "code message".to_owned())
                );
                assert_eq!(json["odata.error"]["message"]["lang"], "en");
                text(&json["odata.error"]["message"]["value"])
            }
            Kind::C3 => {
                assert_eq!((&json["Status"], &json["OperationType"]), (&Value::from("Error"), &Value::Null));
                assert!(json["Data"].is_array() && json["ErrorMessage"] == json["ErrorDetail"]);
                String::new()
            }
        }
    }
}

/// All calls over one world.
pub(crate) struct Every {
    pub(crate) world: World,
    pub(crate) calls: Vec<Call>,
}

impl Every {
    pub(crate) async fn new() -> Self {
        let b2c = B2cWorld::new().await;
        let (one, none, all) = (b2c.one.clone(), b2c.none.clone(), b2c.all.clone());
        let may_not = vec![none, b2c.user.clone()];
        let mut world = b2c.world;
        world.import(vec![ea(1, "2024-10-31"), ea(2, "2024-11-01"), customer(3, PLAN, "2024-11-02", "GBP")]).await;
        world.import(vec![with(&customer(4, OLD, "2024-11-08", "USD"), &[("customer_name", "600 test")])]).await;
        world.config.running_exports = 1_000;
        // Many tests try wrong keys, and all from one address.
        world.config.wrong_keys_per_minute = 0;
        world.config.prices = Some(PriceList::from_toml(PRICES).unwrap());
        world.restart();
        let mut calls = Vec::new();
        calls.extend(ea_calls(&world).await);
        calls.extend(partner_calls(&world));
        calls.extend(b2c_calls(&one, &may_not, &all));
        calls.extend(meterlake_calls(&world).await);
        Self { world, calls }
    }
}

async fn ea_calls(world: &World) -> Vec<Call> {
    let job = ExportJob {
        id: Uuid::from_u128(7),
        owner: "someone".to_owned(),
        enrolment: "100".parse().unwrap(),
        api_version: 2,
        layout: "plain".to_owned(),
        selection: serde_json::to_value(Selection::Period("202410".parse().unwrap())).unwrap(),
        snapshot: world.lake.charges().await.unwrap().version(),
        requested_on: world.clock.now(),
        status: ExportStatus::Queued,
        finished_at: None,
        file: None,
        size: None,
        etag: None,
        error: None,
    };
    world.control.add_export_job(&job, 10).await.unwrap();
    let poll = format!("usagedetails/poll/{}", job.id);
    let file: &[&str] = &["billingPeriod", "startTime", "endTime", "layout"];
    let mut calls = Vec::new();
    for version in ["v1", "v2", "v3"] {
        let base = format!("/{version}/enrollments/100/");
        let mut add = |method, target: &str, malformed: Option<(&str, &'static str)>, parameters| {
            calls.push(Call {
                kind: Kind::Ea,
                method,
                target: format!("{base}{target}"),
                allow: if method == "GET" { "GET, HEAD" } else { "POST" },
                may: world.key.clone(),
                may_not: Vec::new(),
                all: world.key.clone(),
                malformed: malformed.map(|(target, name)| (format!("{base}{target}"), name)),
                foreign: None,
                unknown: None,
                parameters,
            });
        };
        add("GET", "usagedetails", Some(("usagedetails?skiptoken=x", "skiptoken")), &["skiptoken"]);
        add(
            "GET",
            "billingPeriods/202410/usagedetails",
            Some(("billingPeriods/2024-10/usagedetails", "billingPeriod")),
            &["skiptoken"],
        );
        add(
            "GET",
            "usagedetailsbycustomdate?startTime=2024-10-01&endTime=2024-10-31",
            Some(("usagedetailsbycustomdate?startTime=x&endTime=2024-10-31", "startTime")),
            &["startTime", "endTime", "skiptoken"],
        );
        add(
            "GET",
            "usagedetails/download?billingPeriod=202410",
            Some(("usagedetails/download?billingPeriod=x", "billingPeriod")),
            file,
        );
        add(
            "POST",
            "usagedetails/submit?billingPeriod=202410",
            Some(("usagedetails/submit?billingPeriod=x", "billingPeriod")),
            file,
        );
        add("GET", &poll, Some(("usagedetails/poll/x", "id")), &[]);
        add("GET", "billingperiods", None, &[]);
        if let Some(call) = calls.iter_mut().rev().find(|call| call.target.ends_with(&poll)) {
            call.unknown = Some((format!("{base}usagedetails/poll/{NOBODY}"), 404));
        }
    }
    calls
}

fn partner_calls(world: &World) -> Vec<Call> {
    let call = |target: &str, parameters: &'static [&'static str]| Call {
        kind: Kind::Partner,
        method: "GET",
        target: target.to_owned(),
        allow: "GET, HEAD",
        may: world.one.clone(),
        may_not: vec![world.none.clone(), world.app.clone()],
        all: world.all.clone(),
        malformed: None,
        foreign: None,
        unknown: None,
        parameters,
    };
    let analytics: &[&str] =
        &["top", "skip", "filter", "aggregationLevel", "orderby", "groupby", "startDate", "endDate", "skiptoken"];
    let mut calls = Vec::new();
    for path in ["/partner/v1/analytics/azureusage", "/partner/v1/analytics/usage/azure"] {
        calls.push(Call { malformed: Some((format!("{path}?top=x"), "top")), ..call(path, analytics) });
    }
    calls.extend(["/v1/usagesummary", "/v1/customers/usagerecords"].map(|path| call(path, &[])));
    let subscription = format!("subscriptions/{SUBSCRIPTION}");
    for tail in [
        "usagesummary",
        "usagebudget",
        "subscriptions/usagerecords",
        &format!("{subscription}/usagesummary"),
        &format!("{subscription}/usagerecords/resources"),
    ] {
        let path = |id: &str| format!("/v1/customers/{id}/{tail}");
        calls.push(Call {
            allow: if tail == "usagebudget" { "GET, PATCH, HEAD" } else { "GET, HEAD" },
            malformed: Some((path("x"), "customer-tenant-id")),
            foreign: Some(path(OLD)),
            unknown: Some((path(NOBODY), 404)),
            ..call(&path(PLAN), &[])
        });
    }
    calls
}

fn b2c_calls(one: &str, may_not: &[String], all: &str) -> Vec<Call> {
    let report: &[&str] = &["api-version", "filter", "top", "format", "skiptoken"];
    [
        ("reports/tenantUserCount", report),
        ("reports/b2cAuthenticationCountSummary", report),
        ("reports/b2cAuthenticationCount", report),
        ("reports/b2cMfaRequestCountSummary", report),
        ("reports/b2cMfaRequestCount", report),
        ("reports", &["api-version", "format"]),
        ("$metadata", &["api-version"]),
    ]
    .map(|(tail, parameters)| Call {
        kind: Kind::B2c,
        method: "GET",
        target: format!("/{DOMAIN}/{tail}"),
        allow: "GET, HEAD",
        may: one.to_owned(),
        may_not: may_not.to_vec(),
        all: all.to_owned(),
        malformed: Some((format!("/no-domain/{tail}"), "tenant")),
        foreign: Some(format!("/{FOREIGN}/{tail}")),
        unknown: Some((format!("/nobody.example.org/{tail}"), 404)),
        parameters,
    })
    .into()
}

async fn meterlake_calls(world: &World) -> Vec<Call> {
    for (tenant, c3_id) in [(PLAN, C3_ID), (IDLE, C3_IDLE)] {
        let change = CustomerChange { c3_id: c3_id.parse().ok(), ..CustomerChange::default() };
        world.control.set_customer(tenant.parse().unwrap(), &change).await.unwrap();
    }
    let token = async |name: &str, grants: &[GrantScope]| {
        let kind = PrincipalKind::Application;
        let new = NewPrincipal { kind, tenant: PARTNER.parse().unwrap(), name: name.to_owned(), client_id: None };
        let id = world.control.add_principal(&new).await.unwrap().id;
        for grant in grants {
            world.control.add_grant(id, grant).await.unwrap();
        }
        world.identity.app_token(id, Audience::Meterlake, TimeDelta::days(1)).await.unwrap().token
    };
    let tenant = world.control.find_tenant(DOMAIN).await.unwrap().unwrap().id;
    let may = token("own-one", &[GrantScope::Customer(PLAN.parse().unwrap()), GrantScope::Tenant(tenant)]).await;
    let none = token("own-none", &[]).await;
    let all = token("own-all", &[GrantScope::AllCustomers, GrantScope::AllTenants]).await;
    let licences =
        |customer: &str, tenant: &str| format!("/api/licenseConsumptionReport/customer/{customer}/tenant/{tenant}");
    let estimate = |tenant: &str| format!("/meterlake/v1/b2c/{tenant}/estimate");
    let c3 = Call {
        kind: Kind::C3,
        method: "GET",
        target: licences(C3_ID, PLAN),
        allow: "GET, HEAD",
        may,
        may_not: vec![none],
        all,
        malformed: Some((licences("x", PLAN), "")),
        foreign: Some(licences(C3_IDLE, IDLE)),
        unknown: Some((licences(NOBODY, NOBODY), 400)),
        parameters: &[],
    };
    let native = Call {
        kind: Kind::Native,
        target: estimate(DOMAIN),
        malformed: Some((format!("{}?by=year", estimate(DOMAIN)), "by")),
        foreign: Some(estimate(FOREIGN)),
        unknown: Some((estimate("nobody.example.org"), 404)),
        parameters: &["by", "startDate", "endDate", "perApplication"],
        ..c3.clone()
    };
    vec![c3, native]
}
