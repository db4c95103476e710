//! EA: periods, days and their bounds, rows with nothing in them, files of every version, keys that do not hold.

use chrono::TimeDelta;
use meterlake_control::KeySlot;
use serde_json::{Value, json};

use crate::charge::{ea, with};
use crate::world::{Answer, World, at};

const VERSIONS: [&str; 3] = ["v1", "v2", "v3"];

fn resources(answer: &Answer) -> Vec<String> {
    assert_eq!(answer.status, 200, "{}", answer.text());
    let json = answer.json();
    json["data"].as_array().unwrap().iter().map(|row| row["instanceId"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn the_current_period_is_the_clocks_month_in_utc() {
    let mut world = World::new().await;
    let charge = |line, day, period, id| with(&ea(line, day), &[("billing_period", period), ("resource_id", id)]);
    world
        .import(vec![
            charge(1, "2024-11-30", "202411", "november"),
            // Used in one month and billed in another, both ways.
            charge(2, "2024-11-30", "202412", "late"),
            charge(3, "2024-12-01", "202411", "early"),
            charge(4, "2024-12-01", "202412", "december"),
        ])
        .await;
    for version in VERSIONS {
        let of =
            async |tail: &str| resources(&world.get(&format!("/{version}/enrollments/100/{tail}"), &world.key).await);
        let set = |time: &str| world.clock.advance(at(time) - meterlake_model::Clock::now(world.clock.as_ref()));
        set("2024-11-30T23:59:59.999Z");
        assert_eq!(of("usagedetails").await, ["november", "early"]);
        set("2024-12-01T00:00:00Z");
        assert_eq!(of("usagedetails").await, ["late", "december"]);
        set("2025-01-01T00:00:00Z");
        assert_eq!(of("usagedetails").await, [""; 0]);
        assert_eq!(of("billingPeriods/202411/usagedetails").await, ["november", "early"]);
        assert_eq!(of("billingPeriods/202412/usagedetails").await, ["late", "december"]);
        assert_eq!(of("usagedetailsbycustomdate?startTime=2024-11-30&endTime=2024-11-30").await, ["late", "november"]);
        assert_eq!(of("usagedetailsbycustomdate?startTime=2024-12-01&endTime=2024-12-01").await, ["december", "early"]);
        assert_eq!(of("usagedetailsbycustomdate?startTime=2024-11-30&endTime=2024-12-01").await.len(), 4);
        // What selects nothing on this call is ignored and named.
        let ignored = format!("/{version}/enrollments/100/usagedetails?startTime=2024-11-30&billingPeriod=202411");
        let ignored = world.get(&ignored, &world.key).await;
        assert_eq!(ignored.header("meterlake-ignored-parameters"), "startTime, billingPeriod");
        let set = |time: &str| world.clock.advance(at(time) - meterlake_model::Clock::now(world.clock.as_ref()));
        set("2024-11-15T00:00:00Z");
    }
}

type Case = (&'static str, &'static str, Option<(&'static str, &'static str, &'static str)>);

const ONE_MONTH: &str = "at most one month from startTime";
const MONTHS: &str = "at most 36 months from startTime";
const DAY: &str = "a day written yyyy-MM-dd, M/d/yyyy or yyyyMMdd";

#[tokio::test]
async fn days_in_every_form_and_within_their_bounds() {
    let mut world = World::new().await;
    world.config.running_exports = 1_000;
    world.restart();
    let (days, download, submit) = ("usagedetailsbycustomdate", "usagedetails/download", "usagedetails/submit");
    // The query; the calls it is sent to; the parameter that is refused, its value and what is expected.
    let cases: &[Case] = &[
        ("startTime=2017-01-01&endTime=2017-01-10", "dfs", None),
        ("startTime=8%2F1%2F2018&endTime=8/9/2018", "dfs", None),
        ("startTime=08/01/2018&endTime=08/09/2018", "dfs", None),
        ("startTime=20170515&endTime=20170515", "dfs", None),
        ("STARTTIME=2017-01-01&endtime=20170110", "dfs", None),
        ("startTime=2017-01-01&endTime=2017-01-31", "f", None),
        ("startTime=2017-01-01&endTime=2017-02-01", "f", Some(("endTime", "2017-02-01", ONE_MONTH))),
        ("startTime=2017-01-31&endTime=2017-02-27", "f", None),
        ("startTime=2017-01-31&endTime=2017-02-28", "f", Some(("endTime", "2017-02-28", ONE_MONTH))),
        ("startTime=2017-01-01&endTime=2019-12-31", "ds", None),
        ("startTime=2017-01-01&endTime=2020-01-01", "ds", Some(("endTime", "2020-01-01", MONTHS))),
        ("startTime=2017-01-15&endTime=2020-01-14", "ds", None),
        ("startTime=2017-01-15&endTime=2020-01-15", "ds", Some(("endTime", "2020-01-15", MONTHS))),
        (
            "startTime=2017-01-02&endTime=2017-01-01",
            "dfs",
            Some(("endTime", "2017-01-01", "a day not before startTime")),
        ),
        ("startTime=2017-01-02", "dfs", Some(("endTime", "", DAY))),
        ("endTime=2017-01-02", "dfs", Some(("startTime", "", DAY))),
        ("startTime=2017-02-29&endTime=2017-03-01", "dfs", Some(("startTime", "2017-02-29", DAY))),
        ("startTime=13/1/2017&endTime=2017-03-01", "dfs", Some(("startTime", "13/1/2017", DAY))),
        ("startTime=1/1/17&endTime=2017-03-01", "dfs", Some(("startTime", "1/1/17", DAY))),
        ("startTime=2017-01-01&endTime=2017-01-02T00:00:00Z", "dfs", Some(("endTime", "2017-01-02T00:00:00Z", DAY))),
        ("startTime=2017-1-1&endTime=2017-01-02", "dfs", Some(("startTime", "2017-1-1", DAY))),
        ("", "d", Some(("startTime", "", DAY))),
        ("", "fs", Some(("billingPeriod", "", "a billing period written yyyyMM, or startTime and endTime"))),
        ("billingPeriod=201704", "fs", None),
        ("BILLINGPERIOD=201704", "fs", None),
        ("billingPeriod=2017-04", "fs", Some(("billingPeriod", "2017-04", "a billing period written yyyyMM"))),
        ("billingPeriod=201700", "fs", Some(("billingPeriod", "201700", "a billing period written yyyyMM"))),
        (
            "billingPeriod=201704&startTime=2017-04-01&endTime=2017-04-02",
            "fs",
            Some(("billingPeriod", "201704", "either billingPeriod or startTime and endTime, not both")),
        ),
        (
            "billingPeriod=201704&endTime=2017-04-02",
            "fs",
            Some(("billingPeriod", "201704", "either billingPeriod or startTime and endTime, not both")),
        ),
        ("billingPeriod=201704&layout=PLAIN", "fs", None),
        ("billingPeriod=201704&layout=csv", "fs", Some(("layout", "csv", "plain or legacy"))),
    ];
    for (query, calls, refused) in cases {
        for (version, call) in VERSIONS.iter().flat_map(|version| calls.chars().map(move |call| (version, call))) {
            let (method, tail, status) = match call {
                'd' => ("GET", days, 200),
                'f' => ("GET", download, 200),
                _ => ("POST", submit, 202),
            };
            let target = format!("/{version}/enrollments/100/{tail}?{query}");
            let answer = world.call(method, &target, &world.key, &[]).await;
            let Some((name, value, expected)) = refused else {
                assert_eq!(answer.status, status, "{target}: {}", answer.text());
                continue;
            };
            assert_eq!(answer.status, 400, "{target}");
            let json = answer.json();
            assert_eq!(json["error"]["code"], "BadRequest");
            let message = json["error"]["message"].as_str().unwrap();
            let start = format!("The parameter '{name}' has the value '{value}'; expected {expected}");
            assert!(message.starts_with(&start), "{target}: {message}");
        }
    }
}

#[tokio::test]
async fn a_row_of_which_the_source_says_little() {
    let mut world = World::new().await;
    let mut little = ea(1, "2024-10-31");
    little.retain(|(name, _)| {
        ["billing_period", "source_kind", "billing_account_id", "cost_basis", "source_line", "usage_date"]
            .contains(name)
    });
    world.import(vec![little]).await;
    let row = |cost: &str, date: &str, more: &str| {
        format!(
            "[{{\"accountId\":0,\"productId\":0,\"resourceLocationId\":0,\"consumedServiceId\":0,\"departmentId\":0,\
             \"accountOwnerEmail\":\"\",\"accountName\":\"\",\"serviceAdministratorId\":\"\",\"subscriptionId\":0,\
             \"subscriptionGuid\":\"\",\"subscriptionName\":\"\",\"date\":\"{date}\",\"product\":\"\",\"meterId\":\"\",\
             \"meterCategory\":\"\",\"meterSubCategory\":\"\",\"meterRegion\":\"\",\"meterName\":\"\",\
             \"consumedQuantity\":0,\"resourceRate\":0,\"{cost}\":0,\"resourceLocation\":\"\",\"consumedService\":\"\",\
             \"instanceId\":\"\",\"serviceInfo1\":\"\",\"serviceInfo2\":\"\",\"additionalInfo\":\"\",\"tags\":\"\",\
             \"storeServiceIdentifier\":\"\",\"departmentName\":\"\",\"costCenter\":\"\",\"unitOfMeasure\":\"\",\
             \"resourceGroup\":\"\"{more}}}],\"nextLink\":null}}"
        )
    };
    let of_v3 = ",\"serviceName\":\"\",\"serviceTier\":\"\",\"location\":\"\",\"chargesBilledSeparately\":false,\
                 \"partNumber\":\"\",\"resourceGuid\":\"\",\"offerId\":\"\"";
    for (version, expected) in [
        ("v1", row("extendedCost", "2024-10-31T00:00:00Z", "")),
        ("v2", row("cost", "2024-10-31T00:00:00Z", "")),
        ("v3", row("cost", "2024-10-31T00:00:00", of_v3)),
    ] {
        let target = format!("/{version}/enrollments/100/billingPeriods/202410/usagedetails");
        let answer = world.get(&target, &world.key).await;
        let (id, data) = answer.text().split_once(",\"data\":").unwrap();
        assert_eq!(data, expected);
        let id = id.strip_prefix("{\"id\":\"").and_then(|id| id.strip_suffix('"')).unwrap();
        assert_eq!(id.parse::<uuid::Uuid>().unwrap().get_version_num(), 4);
        let download = format!("/{version}/enrollments/100/usagedetails/download?billingPeriod=202410");
        let csv = world.get(&download, &world.key).await;
        let line = csv.text().lines().last().unwrap();
        let more = if version == "v3" { ",,,,false,,," } else { "" };
        assert_eq!(line, format!("0,,,,0,,0,0,,2024-10-31,0,,,,,,,,,0,,,0,0,,,,,,0,,,{more}"));
    }
}

/// The header of each version, literally.
fn header(version: &str) -> String {
    let cost = if version == "v1" { "ExtendedCost" } else { "Cost" };
    let more = if version == "v3" {
        ",PartNumber,ResourceGuid,OfferId,ChargesBilledSeparately,Location,ServiceName,ServiceTier"
    } else {
        ""
    };
    format!(
        "AccountId,AccountName,AccountOwnerEmail,AdditionalInfo,ConsumedQuantity,ConsumedService,ConsumedServiceId,\
         {cost},CostCenter,Date,DepartmentId,DepartmentName,InstanceId,MeterCategory,MeterId,MeterName,MeterRegion,\
         MeterSubCategory,Product,ProductId,ResourceGroup,ResourceLocation,ResourceLocationId,ResourceRate,\
         ServiceAdministratorId,ServiceInfo1,ServiceInfo2,StoreServiceIdentifier,SubscriptionGuid,SubscriptionId,\
         SubscriptionName,Tags,UnitOfMeasure{more}\r\n"
    )
}

#[tokio::test]
async fn files_of_every_version() {
    let mut world = World::new().await;
    world
        .import(vec![with(&ea(1, "2024-10-31"), &[("subscription_name", "a\r\nb,\"c\""), ("product_name", " ; ")])])
        .await;
    let preamble = "\u{feff}Usage Data Extract\r\n\r\n";
    for version in VERSIONS {
        let download = format!("/{version}/enrollments/100/usagedetails/download?");
        // Without rows there is the header, in the layout of the version.
        let usual = if version == "v3" { preamble } else { "" };
        for (layout, start) in [("", usual), ("&layout=legacy", preamble), ("&layout=plain", "")] {
            for period in ["billingPeriod=202001", "startTime=2020-01-01&endTime=2020-01-31"] {
                let nothing = world.get(&format!("{download}{period}{layout}"), &world.key).await;
                assert_eq!(nothing.text(), format!("{start}{}", header(version)), "{version} {layout}");
                assert_eq!(nothing.header("content-type"), "application/octet-stream");
            }
            let direct = world.get(&format!("{download}billingPeriod=202410{layout}"), &world.key).await;
            let name = "attachment; filename=\"usagedetails_100_202410.csv\"";
            assert_eq!(direct.header("content-disposition"), name);
            assert!(direct.text().starts_with(&format!("{start}{}7,", header(version))), "{}", direct.text());
            assert!(direct.text().contains(",\"a\r\nb,\"\"c\"\"\",") && direct.text().contains(", ; ,"));
            assert!(direct.text().ends_with("\r\n"));
            // The asynchronous file is the same, byte for byte.
            let submit = format!("/{version}/enrollments/100/usagedetails/submit?billingPeriod=202410{layout}");
            let mut record = world.call("POST", &submit, &world.key, &[]).await.json();
            while record["status"].as_u64() < Some(3) {
                tokio::task::yield_now().await;
                record = world.get(record["reportUrl"].as_str().unwrap(), &world.key).await.json();
            }
            assert_eq!(record["status"], 3);
            let file = world.get(record["blobPath"].as_str().unwrap(), "").await;
            assert_eq!(file.body, direct.body, "{version} {layout}");
            assert_eq!(file.header("content-type"), "application/octet-stream");
        }
        let dated = world.get(&format!("{download}startTime=2024-10-01&endTime=2024-10-31"), &world.key).await;
        let name = "attachment; filename=\"usagedetails_100_2024-10-01_2024-10-31.csv\"";
        assert_eq!(dated.header("content-disposition"), name);
    }
}

#[tokio::test]
async fn usage_only_leaves_out_purchases_and_the_marketplace() {
    let mut world = World::new().await;
    let charge = |line, id, columns: &[(&'static str, &str)]| {
        with(&with(&ea(line, "2024-11-01"), &[("resource_id", id)]), columns)
    };
    world
        .import(vec![
            charge(1, "usage", &[("publisher_type", "Azure")]),
            charge(2, "lower", &[("charge_type", "usage")]),
            charge(3, "purchase", &[("charge_type", "Purchase")]),
            charge(4, "refund", &[("charge_type", "Refund")]),
            charge(5, "market", &[("publisher_type", "Marketplace")]),
            charge(6, "market-purchase", &[("publisher_type", "marketplace"), ("charge_type", "Purchase")]),
        ])
        .await;
    for (only, expected) in [
        (false, &["usage", "lower", "purchase", "refund", "market", "market-purchase"][..]),
        (true, &["usage", "lower"]),
    ] {
        world.config.ea.usage_only = only;
        world.restart();
        for version in VERSIONS {
            let base = format!("/{version}/enrollments/100");
            let mut found = resources(&world.get(&format!("{base}/usagedetails"), &world.key).await);
            found.sort_by_key(|id| expected.iter().position(|expected| expected == id));
            assert_eq!(found, expected);
            let download = format!("{base}/usagedetails/download?billingPeriod=202411&layout=plain");
            assert_eq!(world.get(&download, &world.key).await.text().lines().count(), expected.len() + 1);
        }
    }
}

#[tokio::test]
async fn keys_that_do_not_hold_are_refused_alike() {
    let world = World::new().await;
    let target = "/v3/enrollments/100/usagedetails";
    let wrong = world.get(target, "wrong").await;
    assert_eq!(wrong.status, 401);
    let message = "The token or key is not valid here.";
    assert_eq!(wrong.json(), json!({"error": {"code": "Unauthorized", "message": message}}));
    let alike = async |key: &str, target: &str| {
        let answer = world.get(target, key).await;
        assert_eq!((answer.status, answer.text()), (401, wrong.text()), "{target}");
        assert_eq!(answer.header("www-authenticate"), wrong.header("www-authenticate"));
    };
    // No key at all is told what to send, with the same status and code.
    let missing = world.get(target, "").await;
    assert_eq!((missing.status, &missing.json()["error"]["code"]), (401, &json!("Unauthorized")));
    let number = "100".parse().unwrap();
    let second = world.identity.create_ea_key(&number, KeySlot::Secondary).await.unwrap().text;
    assert_eq!(world.get(target, &second).await.status, 200);
    // Of another enrolment, known or not; altered; of another kind.
    alike(&second, "/v3/enrollments/200/usagedetails").await;
    alike(&second, "/v3/enrollments/999/usagedetails").await;
    alike(&format!("{second}x"), target).await;
    alike(&world.all, target).await;
    // Revoked by command, and by its successor in the slot; the other key goes on.
    let third = world.identity.create_ea_key(&number, KeySlot::Secondary).await.unwrap().text;
    alike(&second, target).await;
    world.control.revoke_key(&number, KeySlot::Primary).await.unwrap();
    alike(&world.key, target).await;
    // Six months of life.
    world.clock.advance(at("2025-05-15T10:20:30Z") - at("2024-11-15T10:20:30Z") - TimeDelta::seconds(1));
    assert_eq!(world.get(target, &third).await.status, 200);
    world.clock.advance(TimeDelta::seconds(2));
    alike(&third, target).await;
}

#[tokio::test]
async fn billing_periods_of_every_version() {
    let mut world = World::new().await;
    let empty = world.get("/v3/enrollments/100/billingperiods", &world.key).await;
    assert_eq!((empty.status, empty.text()), (200, "[]"));
    world
        .import(vec![
            ea(1, "2024-02-29"),
            ea(2, "2023-12-31"),
            with(&ea(3, "2024-01-31"), &[("billing_period", "202403")]),
            with(&ea(4, "2024-05-01"), &[("billing_account_id", "200")]),
            with(&ea(5, "2024-06-01"), &[("cost_basis", "amortized")]),
        ])
        .await;
    for version in VERSIONS {
        let answer = world.get(&format!("/{version}/enrollments/100/billingPeriods"), &world.key).await;
        let expected: Vec<String> =
            [("202403", "2024-03-", 31), ("202402", "2024-02-", 29), ("202312", "2023-12-", 31)]
                .map(|(period, month, last)| {
                    format!(
                        "{{\"billingPeriodId\":\"{period}\",\"billingStart\":\"{month}01T00:00:00Z\",\"billingEnd\":\
                     \"{month}{last}T11:59:59Z\",\"balanceSummary\":\"\",\"usageDetails\":\"/{version}/enrollments/100/\
                     billingperiods/{period}/usagedetails\",\"marketplaceCharges\":\"\",\"priceSheet\":\"\"}}"
                    )
                })
                .into();
        assert_eq!(answer.text(), format!("[{}]", expected.join(",")));
        for period in answer.json().as_array().unwrap() {
            let rows = world.get(period["usageDetails"].as_str().unwrap(), &world.key).await;
            assert_eq!(rows.json()["data"].as_array().map(Vec::len), Some(1));
            assert_eq!(rows.json()["nextLink"], Value::Null);
        }
    }
}

#[tokio::test]
async fn tags_follow_data_scope_and_period() {
    let mut world = World::new().await;
    world.import(vec![ea(1, "2024-11-01"), with(&ea(2, "2024-11-01"), &[("billing_account_id", "200")])]).await;
    let current = "/v2/enrollments/100/usagedetails";
    let tag = async |world: &World, target: &str| world.get(target, &world.key).await.header("etag").to_owned();
    let first = tag(&world, current).await;
    assert!(first.starts_with("W/\"") && first.ends_with('"'), "{first}");
    let other = "/v2/enrollments/100/billingPeriods/202411/usagedetails";
    for different in [other, "/v3/enrollments/100/usagedetails", "/v2/enrollments/100/billingperiods"] {
        assert_ne!(tag(&world, different).await, first, "{different}");
    }
    for same in [current, "//V2/Enrollments/100/UsageDetails/", "/v2/enrollments/100/usagedetails?unknown=1"] {
        assert_eq!(tag(&world, same).await, first, "{same}");
    }
    // Compared weakly, in a list, or any.
    let strong = first.trim_start_matches("W/").to_owned();
    for sent in [&first, &strong, &format!("\"x\", {first}"), "*"] {
        let answer = world.call("GET", current, &world.key, &[("if-none-match", sent)]).await;
        assert_eq!((answer.status, answer.header("etag"), answer.body.len()), (304, first.as_str(), 0), "{sent}");
    }
    // It stays while the links of the answer have most of their life; another period is another answer.
    let start = meterlake_model::Clock::now(world.clock.as_ref());
    world.clock.set(start + TimeDelta::hours(1));
    assert_eq!(tag(&world, current).await, first);
    world.clock.set(at("2024-12-01T00:00:00Z"));
    assert_ne!(tag(&world, current).await, first);
    world.clock.set(start);
    assert_eq!(tag(&world, current).await, first);
    // What the key may see is in it, and so are the data.
    let number = "100".parse().unwrap();
    let accounts = ["100", "200"].map(|account| account.parse().unwrap());
    world.control.set_enrolment(&number, &accounts).await.unwrap();
    let wider = tag(&world, current).await;
    assert_ne!(wider, first);
    assert_eq!(world.call("GET", current, &world.key, &[("if-none-match", &first)]).await.status, 200);
    world.control.set_enrolment(&number, &accounts[..1]).await.unwrap();
    assert_eq!(tag(&world, current).await, first);
    world.import(vec![ea(3, "2024-11-02")]).await;
    assert!(![&first, &wider].contains(&&tag(&world, current).await));
}
