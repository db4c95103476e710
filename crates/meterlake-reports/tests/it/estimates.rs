//! Bill estimates of a small tenant, every figure worked out by hand.

use chrono::{DateTime, TimeDelta, Utc};
use meterlake_lake::Table;
use meterlake_lake::tables::{b2c_daily, b2c_events};
use meterlake_model::{Amount, BillingPeriod, Day, DayRange};
use meterlake_reports::{Estimate, EstimateRequest, EstimateRow, LinkedCharges, MfaCounts, PriceList};

use crate::charge::{Charge, day};
use crate::tables::{Row, commit};
use crate::world::{World, import_id};

const TENANT: &str = "0a0a0a0a-0000-4000-8000-000000000001";
const OTHER: &str = "0b0b0b0b-0000-4000-8000-000000000002";
const A: &str = "aaaaaaaa-a6da-4e69-b816-10de0d79db1d";
const B: &str = "bbbbbbbb-a6da-4e69-b816-10de0d79db1d";
const SUBSCRIPTION: &str = "ec649980-d623-49f5-b7c1-80cc772b83a8";

/// Tenant, moment, application, flow or method, whether it succeeded, user.
type Event = (&'static str, &'static str, &'static str, &'static str, bool, &'static str);

const EVENTS: &[Event] = &[
    (TENANT, "2016-10-31T10:00:00Z", A, "implicit", true, "one"),
    // One user of two applications: one active user of the tenant.
    (TENANT, "2016-11-01T00:00:00Z", A, "implicit", true, "one"),
    (TENANT, "2016-11-01T10:00:00Z", B, "implicit", true, "one"),
    (TENANT, "2016-11-01T11:00:00Z", A, "implicit", false, "three"),
    (TENANT, "2016-11-03T10:00:00Z", B, "hybrid", true, "two"),
    (TENANT, "2016-11-07T10:00:00Z", A, "implicit", true, "two"),
    (TENANT, "2016-11-07T10:00:01Z", A, "SmsMfa", false, "two"),
    (TENANT, "2016-11-08T10:00:00Z", A, "VoiceMfa", true, "two"),
    (OTHER, "2016-11-03T10:00:00Z", A, "implicit", true, "nine"),
];

const PRICES: &str = r#"
name = "By hand"
currency = "USD"
source = "nowhere"
as_of = "2016-11-01"
[[meter]]
meter = "authentication"
free = 1
tier = [{ up_to = 3, price = "0.1" }, { price = "0.01" }]
[[meter]]
meter = "mau"
tier = [{ price = "0.5" }]
[[meter]]
meter = "mfa"
tier = [{ price = "0.03" }]
"#;

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn event_row((number, (tenant, time, application, key, success, user)): (usize, &Event)) -> Row {
    use b2c_events::columns as c;
    let mfa = key.ends_with("Mfa");
    vec![
        (c::MONTH, i64::from(BillingPeriod::containing(Day::of(at(time))).number()).into()),
        (c::TENANT_ID, (*tenant).into()),
        (c::TIME, at(time).into()),
        (c::ID, format!("event-{number}").as_str().into()),
        (c::KIND, if mfa { "mfa" } else { "authentication" }.into()),
        (c::APPLICATION_ID, (*application).into()),
        (if mfa { c::MFA_METHOD } else { c::FLOW }, (*key).into()),
        (c::SUCCESS, (*success).into()),
        (c::USER_HASH, (*user).into()),
    ]
}

fn daily_row((tenant, time, application, key, success, _): &Event) -> Row {
    use b2c_daily::columns as c;
    let mfa = key.ends_with("Mfa");
    vec![
        (c::TENANT_ID, (*tenant).into()),
        (c::DAY, Day::of(at(time)).into()),
        (c::APPLICATION_ID, (*application).into()),
        (c::KIND, if mfa { "mfa" } else { "authentication" }.into()),
        (if mfa { c::MFA_METHOD } else { c::FLOW }, (*key).into()),
        (c::ATTEMPTS, 1.into()),
        (c::SUCCESSES, i64::from(*success).into()),
        (c::FIRST_TIME, at(time).into()),
        (c::LAST_TIME, at(time).into()),
    ]
}

fn coverage_row(day: &str) -> Row {
    use b2c_daily::columns as c;
    let day: Day = day.parse().unwrap();
    vec![
        (c::TENANT_ID, TENANT.into()),
        (c::DAY, day.into()),
        (c::KIND, b2c_daily::COVERAGE.into()),
        (c::COVERED_TO, (day.midnight() + TimeDelta::hours(24) - TimeDelta::microseconds(1)).into()),
    ]
}

fn billed(on: &str, resource: &str, charge_type: &str, cost: &str) -> Charge {
    Charge {
        period: BillingPeriod::containing(on.parse().unwrap()).number(),
        account: "100".to_owned(),
        basis: "actual".to_owned(),
        currency: "USD".to_owned(),
        import: import_id(9).to_string(),
        day: day(on),
        subscription: SUBSCRIPTION.to_owned(),
        resource: resource.to_owned(),
        category: "Azure Active Directory B2C".to_owned(),
        charge_type: charge_type.to_owned(),
        billed: Some(Amount::parse(cost).unwrap().unscaled()),
        ..Charge::default()
    }
}

async fn tenant() -> World {
    let mut world = World::new().await;
    let staging = world.folder.path().join("staging");
    let rows: Vec<Row> = EVENTS.iter().enumerate().map(event_row).collect();
    let version = commit(&world.lake, &staging, import_id(1), Table::B2cEvents, &rows, true, Vec::new()).await;
    let mut rows: Vec<Row> = EVENTS.iter().map(daily_row).collect();
    // The 5th is missing.
    let covered = ["10-31", "11-01", "11-02", "11-03", "11-04", "11-06", "11-07", "11-08"];
    rows.extend(covered.map(|day| coverage_row(&format!("2016-{day}"))));
    let notes = vec![(Table::B2cEvents, version)];
    commit(&world.lake, &staging, import_id(1), Table::B2cDaily, &rows, true, notes).await;
    let directory = "/subscriptions/s/resourceGroups/r/providers/Microsoft.AzureActiveDirectory/b2cDirectories";
    let charges = vec![
        billed("2016-11-01", &format!("{directory}/Contoso.onmicrosoft.com"), "Usage", "0.33"),
        billed("2016-11-07", &format!("{directory}/contoso.onmicrosoft.com"), "Usage", "0.05"),
        billed("2016-11-07", &format!("{directory}/contoso.onmicrosoft.com"), "Tax", "7"),
        billed("2016-11-07", &format!("{directory}/fabrikam.onmicrosoft.com"), "Usage", "0.4"),
    ];
    world.import(import_id(9), charges, |_| false).await;
    world
}

async fn estimate(world: &World, by: &str, change: impl FnOnce(&mut EstimateRequest)) -> Estimate {
    let mut request = EstimateRequest {
        tenant: TENANT.parse().unwrap(),
        days: DayRange::new("2016-10-31".parse().unwrap(), "2016-11-08".parse().unwrap()).unwrap(),
        granularity: by.parse().unwrap(),
        per_application: false,
        mfa_counts: MfaCounts::Attempts,
        linked: LinkedCharges::Nothing,
        snapshot: None,
    };
    change(&mut request);
    world.reports.estimate(&request, &PriceList::from_toml(PRICES).unwrap()).await.unwrap()
}

/// `first..last covered/asked application: units at cost of authentication, mau and mfa = cost | billed`
fn shown(row: &EstimateRow) -> String {
    let lines: Vec<String> = row
        .lines
        .iter()
        .map(|line| format!("{} {}{} at {}", line.quantity, line.meter, if line.share { "*" } else { "" }, line.cost))
        .collect();
    let billed: Vec<String> =
        row.actual.iter().map(|actual| format!(" | {} {}", actual.cost, actual.currency)).collect();
    let short = |day: Day| day.to_string()[5..].to_owned();
    format!(
        "{}..{} {}/{} {}: {} = {}{}",
        short(row.start),
        short(row.end),
        row.days_covered,
        row.days,
        row.application.as_deref().map_or("all", |id| &id[..1]),
        lines.join(", "),
        row.cost,
        billed.concat()
    )
}

fn all(estimate: &Estimate) -> Vec<String> {
    estimate.rows.iter().map(shown).collect()
}

#[tokio::test]
async fn by_month_week_and_day() {
    let world = tenant().await;
    assert_eq!(
        all(&estimate(&world, "month", |_| ()).await),
        [
            "10-01..10-31 1/1 all: 1 authentication at 0, 1 mau at 0.5, 0 mfa at 0 = 0.5",
            // One unit is free, two cost 0.1, the fourth 0.01; two users; two attempts.
            "11-01..11-30 7/8 all: 4 authentication at 0.21, 2 mau at 1, 2 mfa at 0.06 = 1.27",
        ]
    );
    let weeks = estimate(&world, "week", |_| ()).await;
    assert_eq!(
        all(&weeks),
        [
            "10-31..11-06 6/7 all: 4 authentication at 0.2, 3 mau at 1.5, 0 mfa at 0 = 1.7",
            "11-07..11-13 2/2 all: 1 authentication at 0.01, 0 mau at 0, 2 mfa at 0.06 = 0.07",
        ]
    );
    let days = estimate(&world, "day", |_| ()).await;
    let quiet = |day: &str| format!("{day}..{day} 1/1 all: 0 authentication at 0, 0 mau at 0, 0 mfa at 0 = 0");
    assert_eq!(
        all(&days),
        [
            "10-31..10-31 1/1 all: 1 authentication at 0, 1 mau at 0.5, 0 mfa at 0 = 0.5".to_owned(),
            "11-01..11-01 1/1 all: 2 authentication at 0.1, 1 mau at 0.5, 0 mfa at 0 = 0.6".to_owned(),
            quiet("11-02"),
            "11-03..11-03 1/1 all: 1 authentication at 0.1, 1 mau at 0.5, 0 mfa at 0 = 0.6".to_owned(),
            quiet("11-04"),
            quiet("11-06"),
            "11-07..11-07 1/1 all: 1 authentication at 0.01, 0 mau at 0, 1 mfa at 0.03 = 0.04".to_owned(),
            "11-08..11-08 1/1 all: 0 authentication at 0, 0 mau at 0, 1 mfa at 0.03 = 0.03".to_owned(),
        ]
    );
    for estimate in [&weeks, &days] {
        assert_eq!(estimate.total.as_ref().unwrap().cost.to_string(), "1.77");
        assert_eq!(estimate.covered_to, Some(at("2016-11-08T23:59:59.999999Z")));
    }
    let completed = estimate(&world, "month", |request| request.mfa_counts = MfaCounts::Completed).await;
    assert!(all(&completed)[1].contains("1 mfa at 0.03 = 1.24"), "{:?}", all(&completed));
}

#[tokio::test]
async fn per_application_it_is_a_share() {
    let world = tenant().await;
    let months = estimate(&world, "month", |request| request.per_application = true).await;
    assert_eq!(
        all(&months),
        [
            "10-01..10-31 1/1 all: 1 authentication at 0, 1 mau at 0.5, 0 mfa at 0 = 0.5",
            "10-01..10-31 1/1 a: 1 authentication at 0, 1 mau* at 0.5, 0 mfa at 0 = 0.5",
            "11-01..11-30 7/8 all: 4 authentication at 0.21, 2 mau at 1, 2 mfa at 0.06 = 1.27",
            "11-01..11-30 7/8 a: 2 authentication at 0.06, 2 mau* at 0.25, 2 mfa at 0.06 = 0.37",
            "11-01..11-30 7/8 b: 2 authentication at 0.15, 2 mau* at 0.75, 0 mfa at 0 = 0.9",
        ]
    );
}

#[tokio::test]
async fn beside_it_stands_what_was_billed() {
    let world = tenant().await;
    let domains = LinkedCharges::Directories(vec!["contoso.onmicrosoft.com".to_owned()]);
    let months = estimate(&world, "month", |request| request.linked = domains.clone()).await;
    assert!(all(&months)[0].ends_with("= 0.5"), "{:?}", all(&months));
    assert!(all(&months)[1].ends_with("= 1.27 | 0.38 USD"), "{:?}", all(&months));
    let days = estimate(&world, "day", |request| {
        request.linked = domains;
        request.per_application = true;
    });
    let days = all(&days.await);
    let with: Vec<&str> = days.iter().filter(|row| row.contains('|')).map(String::as_str).collect();
    assert_eq!(
        with,
        [
            "11-01..11-01 1/1 all: 2 authentication at 0.1, 1 mau at 0.5, 0 mfa at 0 = 0.6 | 0.33 USD",
            "11-07..11-07 1/1 all: 1 authentication at 0.01, 0 mau at 0, 1 mfa at 0.03 = 0.04 | 0.05 USD",
        ]
    );
    // The whole service of a subscription, whichever directories it is for.
    let subscription = LinkedCharges::Subscription(SUBSCRIPTION.to_uppercase());
    let weeks = estimate(&world, "week", |request| request.linked = subscription).await;
    assert!(all(&weeks)[1].ends_with(" | 0.45 USD"), "{:?}", all(&weeks));
    assert_eq!(weeks.total.unwrap().actual[0].cost.to_string(), "0.78");
}
