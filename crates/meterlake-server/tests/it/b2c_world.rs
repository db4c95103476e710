//! A world with a B2C tenant: events of autumn 2016 and of the last 30 days, users, and applications of every kind.

use chrono::{TimeDelta, Utc};
use meterlake_control::{GrantScope, NewPrincipal, PrincipalKind, TenantKind};
use meterlake_identity::Audience;
use meterlake_lake::Table;
use meterlake_lake::tables::{b2c_daily, b2c_events, user_counts};
use meterlake_model::{BillingPeriod, Day, ImportId, PrincipalId, TenantId};
use uuid::Uuid;

use crate::tables::{Row, Value, commit};
use crate::world::{World, at};

pub(crate) const TENANT: &str = "b2c0b2c0-1111-2222-3333-444444444444";
pub(crate) const DOMAIN: &str = "contosob2c.onmicrosoft.com";
pub(crate) const FOREIGN: &str = "b2c0b2c0-9999-2222-3333-444444444444";
pub(crate) const APPLICATION: &str = "ada78934-a6da-4e69-b816-10de0d79db1d";
pub(crate) const OTHER_APPLICATION: &str = "00000000-aaaa-bbbb-cccc-000000000001";

/// Tenant, instant, application, flow or method, whether it succeeded.
pub(crate) type Event = (&'static str, &'static str, &'static str, &'static str, bool);

pub(crate) const EVENTS: &[Event] = &[
    (TENANT, "2016-09-15T08:00:00Z", APPLICATION, "SmsMfa", false),
    (TENANT, "2016-09-20T00:00:00Z", APPLICATION, "implicit", true),
    (TENANT, "2016-09-20T00:00:01Z", APPLICATION, "implicit", true),
    (TENANT, "2016-09-25T10:00:00Z", OTHER_APPLICATION, "hybrid", true),
    (TENANT, "2016-09-25T10:00:30Z", OTHER_APPLICATION, "hybrid", false),
    (TENANT, "2016-09-25T10:00:40Z", OTHER_APPLICATION, "SmsMfa", true),
    (TENANT, "2016-10-02T23:59:59.999999Z", "", "publicclient-authcode", true),
    (TENANT, "2016-10-03T00:00:00Z", APPLICATION, "implicit", true),
    (TENANT, "2016-10-03T12:00:00Z", APPLICATION, "VoiceMfa", true),
    (TENANT, "2016-10-15T09:00:00Z", APPLICATION, "confclient-authcode", true),
    (TENANT, "2024-11-10T09:30:00.5Z", APPLICATION, "implicit", true),
    (TENANT, "2024-11-10T09:31:00Z", APPLICATION, "publicclient-refreshtoken", true),
    (TENANT, "2024-11-12T11:00:00Z", OTHER_APPLICATION, "implicit", true),
    (TENANT, "2024-11-12T11:00:00Z", OTHER_APPLICATION, "VoiceMfa", false),
    (TENANT, "2024-11-15T10:00:00Z", APPLICATION, "SmsMfa", true),
    (FOREIGN, "2024-11-14T10:00:00Z", "99999999-aaaa-bbbb-cccc-000000000001", "implicit", true),
];

/// Days that imports cover, both inclusive: one of the last 30 is missing.
const COVERED: &[(&str, &str)] =
    &[("2016-09-10", "2016-10-16"), ("2024-11-07", "2024-11-10"), ("2024-11-12", "2024-11-15")];

pub(crate) struct B2cWorld {
    pub(crate) world: World,
    /// Client id and secret of an application that may see [`TENANT`].
    pub(crate) client: (String, String),
    /// Tokens: of that application, of one without grants, of one that may see all tenants, of a user.
    pub(crate) one: String,
    pub(crate) none: String,
    pub(crate) all: String,
    pub(crate) user: String,
}

impl B2cWorld {
    pub(crate) async fn new() -> Self {
        let world = World::new().await;
        let tenant: TenantId = TENANT.parse().unwrap();
        let domains = [DOMAIN.to_owned()];
        world.control.set_tenant(tenant, Some(TenantKind::B2c), &domains).await.unwrap();
        world.control.set_tenant(FOREIGN.parse().unwrap(), Some(TenantKind::B2c), &[]).await.unwrap();
        let one = principal(&world, PrincipalKind::Application, "one-b2c", Some(GrantScope::Tenant(tenant))).await;
        let none = principal(&world, PrincipalKind::Application, "none-b2c", None).await;
        let all = principal(&world, PrincipalKind::Application, "all-b2c", Some(GrantScope::AllTenants)).await;
        let user = principal(&world, PrincipalKind::User, "user-b2c", Some(GrantScope::AllTenants)).await;
        let secret = world.identity.create_secret(one, TimeDelta::days(30)).await.unwrap();
        let client = world.control.find_principal("one-b2c").await.unwrap().client_id.unwrap();
        let day = TimeDelta::days(1);
        let token = async |id| world.identity.app_token(id, Audience::B2c, day).await.unwrap().token;
        let (one, none, all) = (token(one).await, token(none).await, token(all).await);
        let user = world.identity.user_token(user, Audience::B2c, day).await.unwrap().token;
        write(&world, EVENTS, 1).await;
        Self { client: (client.to_string(), secret.text), one, none, all, user, world }
    }

    /// The answer of a report for the application that may see it.
    pub(crate) async fn get(&self, report_and_query: &str) -> crate::world::Answer {
        self.world.get(&format!("/{DOMAIN}/reports/{report_and_query}"), &self.one).await
    }

    /// Replaces all that is there by the first `events` of the events.
    pub(crate) async fn import_first(&self, events: usize) {
        self.import(&EVENTS[..events]).await;
    }

    /// Replaces all that is there by these events, once.
    pub(crate) async fn import(&self, events: &[Event]) {
        write(&self.world, events, 2).await;
    }
}

async fn principal(world: &World, kind: PrincipalKind, name: &str, grant: Option<GrantScope>) -> PrincipalId {
    let new = NewPrincipal { kind, tenant: TENANT.parse().unwrap(), name: name.to_owned(), client_id: None };
    let id = world.control.add_principal(&new).await.unwrap().id;
    if let Some(grant) = grant {
        world.control.add_grant(id, &grant).await.unwrap();
    }
    id
}

async fn write(world: &World, events: &[Event], number: u128) {
    let import = ImportId(Uuid::from_u128(0x0193_2f00_0000_7000_8000_0000_0001_0000 + number));
    let staging = world.folder.path().join("staging");
    let rows: Vec<Row> = events.iter().enumerate().map(event_row).collect();
    let version = commit(&world.lake, &staging, import, Table::B2cEvents, &rows, true, Vec::new()).await;
    let mut rows: Vec<Row> = events.iter().map(daily_row).collect();
    for (first, last) in COVERED {
        let (first, last): (Day, Day) = (first.parse().unwrap(), last.parse().unwrap());
        let days = (0..).map_while(|n| first.plus(n).filter(|day| *day <= last));
        rows.extend(days.map(|day| coverage_row(day, at("2024-11-15T10:05:00Z"))));
    }
    let notes = vec![(Table::B2cEvents, version)];
    commit(&world.lake, &staging, import, Table::B2cDaily, &rows, true, notes).await;
    let users =
        [("2024-11-08", 10, 3), ("2024-11-13", 25, 6)].map(|(day, total, facebook)| user_row(day, total, facebook));
    commit(&world.lake, &staging, import, Table::UserCounts, &users, true, Vec::new()).await;
}

fn kind(key: &str) -> (&'static str, bool) {
    if key.ends_with("Mfa") { ("mfa", true) } else { ("authentication", false) }
}

fn event_row((number, (tenant, time, application, key, success)): (usize, &Event)) -> Row {
    use b2c_events::columns as c;
    let month = BillingPeriod::containing(Day::of(at(time))).number();
    let (kind, mfa) = kind(key);
    vec![
        (c::MONTH, i64::from(month).into()),
        (c::TENANT_ID, (*tenant).into()),
        (c::TIME, at(time).into()),
        (c::ID, format!("event-{number}").as_str().into()),
        (c::KIND, kind.into()),
        (c::APPLICATION_ID, (*application).into()),
        (if mfa { c::MFA_METHOD } else { c::FLOW }, (*key).into()),
        (c::SUCCESS, (*success).into()),
    ]
}

/// A row an event: rows of the same day add up.
fn daily_row((tenant, time, application, key, success): &Event) -> Row {
    use b2c_daily::columns as c;
    let (kind, mfa) = kind(key);
    vec![
        (c::TENANT_ID, (*tenant).into()),
        (c::DAY, Day::of(at(time)).into()),
        (c::APPLICATION_ID, (*application).into()),
        (c::KIND, kind.into()),
        (if mfa { c::MFA_METHOD } else { c::FLOW }, (*key).into()),
        (c::ATTEMPTS, 1.into()),
        (c::SUCCESSES, i64::from(*success).into()),
        (c::FIRST_TIME, at(time).into()),
        (c::LAST_TIME, at(time).into()),
    ]
}

fn coverage_row(day: Day, newest: chrono::DateTime<Utc>) -> Row {
    use b2c_daily::columns as c;
    let end = day.midnight() + TimeDelta::days(1) - TimeDelta::microseconds(1);
    vec![
        (c::TENANT_ID, TENANT.into()),
        (c::DAY, day.into()),
        (c::KIND, b2c_daily::COVERAGE.into()),
        (c::COVERED_TO, end.min(newest).into()),
    ]
}

fn user_row(day: &str, total: i64, facebook: i64) -> Row {
    use user_counts::columns as c;
    let day: Day = day.parse().unwrap();
    vec![
        (c::TENANT_ID, TENANT.into()),
        (c::DAY, day.into()),
        (c::TOTAL, total.into()),
        (c::LOCAL, (total - facebook - 2).into()),
        (c::OTHER, 1.into()),
        (c::ALTERNATE, (facebook + 1).into()),
        (c::ALTERNATE_BY_PROVIDER, Value::Text(format!(r#"{{"facebook_com":{facebook},"amazon_com":1}}"#))),
        (c::TAKEN_AT, (day.midnight() + TimeDelta::hours(2)).into()),
    ]
}
