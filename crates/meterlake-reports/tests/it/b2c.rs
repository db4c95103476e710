//! The B2C reports against the plainest count over a list of events.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};
use meterlake_lake::Table;
use meterlake_lake::tables::{b2c_daily, b2c_events, user_counts};
use meterlake_model::{BillingPeriod, Day, TenantId};
use meterlake_reports::{B2cDailyRequest, B2cDay, B2cKind, B2cPeriod, B2cWindow, MfaCounts, ReportError, UserCountDay};
use uuid::Uuid;

use crate::charge::Random;
use crate::tables::{Row, Value, commit};
use crate::world::{World, import_id};

const TENANTS: [&str; 2] = ["0a0a0a0a-0000-4000-8000-000000000001", "0b0b0b0b-0000-4000-8000-000000000002"];
const APPLICATIONS: [&str; 3] = ["ada78934-a6da-4e69-b816-10de0d79db1d", "11111111-2222-3333-4444-555555555555", ""];
const FLOWS: [&str; 4] = ["implicit", "hybrid", "publicclient-authcode", ""];
const METHODS: [&str; 2] = ["SmsMfa", "VoiceMfa"];

fn first_day() -> Day {
    "2016-09-05".parse().unwrap()
}

#[derive(Clone, Debug)]
struct Event {
    tenant: &'static str,
    time: DateTime<Utc>,
    application: &'static str,
    mfa: bool,
    key: &'static str,
    success: bool,
}

impl Event {
    fn random(random: &mut Random) -> Self {
        let day = first_day().plus(i64::try_from(random.below(45)).unwrap()).unwrap();
        let micros = match random.below(5) {
            0 => 0,
            1 => 86_399_999_999,
            _ => i64::try_from(random.below(86_400)).unwrap() * 1_000_000,
        };
        let mfa = random.below(3) == 0;
        Self {
            tenant: TENANTS[random.below(2)],
            time: day.midnight() + TimeDelta::microseconds(micros),
            application: APPLICATIONS[random.below(3)],
            mfa,
            key: if mfa { METHODS[random.below(2)] } else { FLOWS[random.below(4)] },
            success: random.below(4) > 0,
        }
    }

    fn day(&self) -> Day {
        Day::of(self.time)
    }

    fn row(&self, number: usize) -> Row {
        use b2c_events::columns as c;
        let month = BillingPeriod::containing(self.day()).number();
        vec![
            (c::MONTH, i64::from(month).into()),
            (c::TENANT_ID, self.tenant.into()),
            (c::TIME, self.time.into()),
            (c::ID, format!("event-{number}").as_str().into()),
            (c::KIND, if self.mfa { "mfa" } else { "authentication" }.into()),
            (c::APPLICATION_ID, self.application.into()),
            (if self.mfa { c::MFA_METHOD } else { c::FLOW }, self.key.into()),
            (c::SUCCESS, self.success.into()),
        ]
    }
}

/// What is imported of both tenants.
struct Held {
    events: Vec<Event>,
    covered: BTreeSet<(&'static str, Day)>,
}

impl Held {
    fn random(random: &mut Random, events: usize) -> Self {
        let days = 0..50;
        let mut covered = BTreeSet::new();
        for tenant in TENANTS {
            covered
                .extend(days.clone().filter(|_| random.below(6) > 0).map(|n| (tenant, first_day().plus(n).unwrap())));
        }
        let events = (0..events).map(|_| Event::random(random)).filter(|e| covered.contains(&(e.tenant, e.day())));
        let events = events.collect();
        Self { events, covered }
    }

    /// The rows of `b2c_daily`, as the import derives them.
    fn daily(&self) -> Vec<Row> {
        use b2c_daily::columns as c;
        let mut groups: BTreeMap<_, Vec<&Event>> = BTreeMap::new();
        for event in &self.events {
            groups.entry((event.tenant, event.day(), event.application, event.mfa, event.key)).or_default().push(event);
        }
        let mut rows: Vec<Row> = Vec::new();
        for ((tenant, day, application, mfa, key), events) in groups {
            let count = |all: bool| i64::try_from(events.iter().filter(|e| all || e.success).count()).unwrap();
            rows.push(vec![
                (c::TENANT_ID, tenant.into()),
                (c::DAY, day.into()),
                (c::APPLICATION_ID, application.into()),
                (c::KIND, if mfa { "mfa" } else { "authentication" }.into()),
                (if mfa { c::MFA_METHOD } else { c::FLOW }, key.into()),
                (c::ATTEMPTS, count(true).into()),
                (c::SUCCESSES, count(false).into()),
                (c::FIRST_TIME, events.iter().map(|e| e.time).min().unwrap().into()),
                (c::LAST_TIME, events.iter().map(|e| e.time).max().unwrap().into()),
            ]);
        }
        for (tenant, day) in &self.covered {
            let end = day.midnight() + TimeDelta::hours(24) - TimeDelta::microseconds(1);
            rows.push(vec![
                (c::TENANT_ID, (*tenant).into()),
                (c::DAY, (*day).into()),
                (c::KIND, b2c_daily::COVERAGE.into()),
                (c::COVERED_TO, end.into()),
            ]);
        }
        rows
    }

    async fn write(&self, world: &World, number: u32) -> u64 {
        let staging = world.folder.path().join("staging");
        let events: Vec<Row> = self.events.iter().enumerate().map(|(number, event)| event.row(number)).collect();
        let version =
            commit(&world.lake, &staging, import_id(number), Table::B2cEvents, &events, true, Vec::new()).await;
        let notes = vec![(Table::B2cEvents, version)];
        commit(&world.lake, &staging, import_id(number), Table::B2cDaily, &self.daily(), true, notes).await
    }

    fn counted(&self, request: &B2cDailyRequest, event: &Event) -> bool {
        let kind = event.mfa == (request.kind == B2cKind::Mfa);
        let all = request.kind == B2cKind::Mfa && request.mfa_counts == MfaCounts::Attempts;
        let window = request.window.from <= event.time && event.time < request.window.until;
        self.of(request, event) && kind && window && (all || event.success)
    }

    fn of(&self, request: &B2cDailyRequest, event: &Event) -> bool {
        event.tenant == request.tenant.to_string()
            && request.application.is_none_or(|id| id.to_string() == event.application)
    }

    fn days(&self, request: &B2cDailyRequest) -> Vec<B2cDay> {
        let tenant = request.tenant.to_string();
        let mut days = Vec::new();
        for (_, day) in self.covered.iter().filter(|(covered, _)| *covered == tenant) {
            let (start, end) = (day.midnight(), day.midnight() + TimeDelta::days(1));
            let inside =
                request.window.from < request.window.until && start < request.window.until && request.window.from < end;
            if !inside {
                continue;
            }
            let events: Vec<_> = self.events.iter().filter(|e| e.day() == *day && self.counted(request, e)).collect();
            let mut breakdown = BTreeMap::new();
            if request.kind == B2cKind::Mfa {
                breakdown.extend(METHODS.map(|method| (method.to_owned(), 0)));
            }
            for event in &events {
                let key = if event.key.is_empty() { "other" } else { event.key };
                *breakdown.entry(key.to_owned()).or_default() += 1;
            }
            days.push(B2cDay { day: *day, count: events.len() as u64, breakdown });
        }
        if request.application.is_some() && days.iter().all(|day| day.count == 0) { Vec::new() } else { days }
    }

    fn period(&self, request: &B2cDailyRequest) -> Option<B2cPeriod> {
        let events: Vec<_> = self.events.iter().filter(|e| self.counted(request, e)).collect();
        if request.application.is_some() && events.is_empty() {
            return None;
        }
        let active = || self.events.iter().filter(|e| self.of(request, e)).map(|e| e.time);
        let mut breakdown = BTreeMap::new();
        if request.kind == B2cKind::Mfa {
            breakdown.extend(METHODS.map(|method| (method.to_owned(), 0)));
        }
        for event in &events {
            let key = if event.key.is_empty() { "other" } else { event.key };
            *breakdown.entry(key.to_owned()).or_default() += 1;
        }
        Some(B2cPeriod { start: active().min(), end: active().max(), count: events.len() as u64, breakdown })
    }
}

fn random_request(random: &mut Random) -> B2cDailyRequest {
    let mut instant = || {
        let day = first_day().plus(i64::try_from(random.below(60)).unwrap() - 5).unwrap().midnight();
        match random.below(4) {
            0 => day + TimeDelta::seconds(i64::try_from(random.below(86_400)).unwrap()),
            1 => day + TimeDelta::microseconds(1),
            _ => day,
        }
    };
    let window = B2cWindow { from: instant(), until: instant() };
    let application = match random.below(3) {
        0 => Some(APPLICATIONS[random.below(2)].parse().unwrap()),
        1 if random.below(4) == 0 => Some(Uuid::from_u128(7)),
        _ => None,
    };
    B2cDailyRequest {
        tenant: TENANTS[random.below(2)].parse().unwrap(),
        window,
        application,
        kind: if random.below(2) == 0 { B2cKind::Authentication } else { B2cKind::Mfa },
        mfa_counts: if random.below(2) == 0 { MfaCounts::Attempts } else { MfaCounts::Completed },
        snapshot: None,
    }
}

#[tokio::test]
async fn random_windows_equal_a_plain_count() {
    let world = World::new().await;
    let mut random = Random(31);
    let held = Held::random(&mut random, 1500);
    held.write(&world, 1).await;
    let (mut filled, mut empty) = (0, 0);
    for _ in 0..150 {
        let request = random_request(&mut random);
        let days = world.reports.b2c_daily(&request).await.unwrap();
        assert_eq!(days, held.days(&request), "{request:?}");
        assert_eq!(days, world.reading.b2c_daily(&request).await.unwrap(), "{request:?}");
        for day in &days {
            assert_eq!(day.count, day.breakdown.values().sum::<u64>());
        }
        let period = world.reports.b2c_period(&request).await.unwrap();
        assert_eq!(period, held.period(&request), "{request:?}");
        assert_eq!(period, world.reading.b2c_period(&request).await.unwrap(), "{request:?}");
        let covered = world.reports.b2c_last_covered(request.tenant, None).await.unwrap();
        assert_eq!(covered, world.reading.b2c_last_covered(request.tenant, None).await.unwrap());
        assert_eq!(period.map_or(0, |p| p.count), days.iter().map(|day| day.count).sum::<u64>());
        if days.iter().any(|day| day.count > 0) { filled += 1 } else { empty += 1 }
    }
    assert!(filled > 50 && empty > 10, "{filled}, {empty}");
}

#[tokio::test]
async fn an_import_becomes_visible_as_a_whole_and_pins_hold() {
    let world = World::new().await;
    let mut random = Random(32);
    let (old, new) = (Held::random(&mut random, 300), Held::random(&mut random, 300));
    let version = old.write(&world, 1).await;
    // Cuts both of its days, so that events are read.
    let window = B2cWindow {
        from: first_day().midnight() + TimeDelta::hours(7),
        until: first_day().plus(44).unwrap().midnight() + TimeDelta::hours(19),
    };
    let mut request = B2cDailyRequest {
        tenant: TENANTS[0].parse().unwrap(),
        window,
        application: None,
        kind: B2cKind::Authentication,
        mfa_counts: MfaCounts::default(),
        snapshot: None,
    };
    // Events whose daily counts are still to come are not there yet.
    let staging = world.folder.path().join("staging");
    let events: Vec<Row> = new.events.iter().enumerate().map(|(number, event)| event.row(number)).collect();
    let events = commit(&world.lake, &staging, import_id(2), Table::B2cEvents, &events, true, Vec::new()).await;
    assert_eq!(world.reports.b2c_daily(&request).await.unwrap(), old.days(&request));
    let notes = vec![(Table::B2cEvents, events)];
    commit(&world.lake, &staging, import_id(2), Table::B2cDaily, &new.daily(), true, notes).await;
    assert_eq!(world.reports.b2c_daily(&request).await.unwrap(), new.days(&request));
    request.snapshot = Some(version);
    assert_eq!(world.reports.b2c_daily(&request).await.unwrap(), old.days(&request));
    assert_eq!(world.reports.b2c_period(&request).await.unwrap(), old.period(&request));
    request.snapshot = Some(99);
    let gone = world.reports.b2c_daily(&request).await;
    assert!(matches!(gone, Err(ReportError::SnapshotGone(99))), "{gone:?}");
}

#[tokio::test]
async fn nothing_imported_is_nothing_known() {
    let world = World::new().await;
    let tenant: TenantId = TENANTS[0].parse().unwrap();
    let window = B2cWindow::last_30_days("2016-10-30T12:00:00Z".parse().unwrap());
    let request = B2cDailyRequest {
        tenant,
        window,
        application: None,
        kind: B2cKind::Mfa,
        mfa_counts: MfaCounts::default(),
        snapshot: None,
    };
    assert_eq!(world.reports.b2c_daily(&request).await.unwrap(), []);
    let period = world.reports.b2c_period(&request).await.unwrap().unwrap();
    assert_eq!((period.start, period.end, period.count, period.breakdown.len()), (None, None, 0, 2));
    assert_eq!(world.reports.b2c_last_covered(tenant, None).await.unwrap(), None);
    assert_eq!(world.reports.users_last_counted(tenant, None).await.unwrap(), None);
    let today = Day::of("2016-10-30T12:00:00Z".parse().unwrap());
    assert_eq!(world.reports.user_counts(tenant, window, today, None).await.unwrap(), []);
}

#[tokio::test]
async fn users_are_carried_forward() {
    use user_counts::columns as c;
    let world = World::new().await;
    let row = |tenant: &str, day: &str, total: i64| -> Row {
        let day: Day = day.parse().unwrap();
        vec![
            (c::TENANT_ID, tenant.into()),
            (c::DAY, day.into()),
            (c::TOTAL, total.into()),
            (c::LOCAL, (total - 3).into()),
            (c::OTHER, 1.into()),
            (c::ALTERNATE, 2.into()),
            (c::ALTERNATE_BY_PROVIDER, Value::Text(r#"{"facebook_com":2}"#.to_owned())),
            (c::TAKEN_AT, (day.midnight() + TimeDelta::hours(3)).into()),
        ]
    };
    let rows = [
        row(TENANTS[0], "2016-10-03", 10),
        row(TENANTS[0], "2016-10-06", 20),
        row(TENANTS[0], "2016-10-20", 30),
        row(TENANTS[1], "2016-10-01", 99),
    ];
    let staging = world.folder.path().join("staging");
    commit(&world.lake, &staging, import_id(1), Table::UserCounts, &rows, false, Vec::new()).await;
    let tenant: TenantId = TENANTS[0].parse().unwrap();
    let totals = async |from: &str, until: &str, today: &str| -> Vec<(String, u64)> {
        let window = B2cWindow { from: from.parse().unwrap(), until: until.parse().unwrap() };
        let days = world.reports.user_counts(tenant, window, today.parse().unwrap(), None).await.unwrap();
        let read = world.reading.user_counts(tenant, window, today.parse().unwrap(), None).await.unwrap();
        assert_eq!(days, read);
        days.into_iter().map(|day| (day.day.to_string()[5..].to_owned(), day.total)).collect()
    };
    let of = |expected: &[(&str, u64)]| expected.iter().map(|(day, n)| ((*day).to_owned(), *n)).collect::<Vec<_>>();
    let midnight = "2016-10-01T00:00:00Z";
    assert_eq!(
        totals(midnight, "2016-10-08T00:00:00Z", "2016-10-30").await,
        of(&[("10-03", 10), ("10-04", 10), ("10-05", 10), ("10-06", 20), ("10-07", 20)])
    );
    // A row belongs to its midnight, and no day is known that has not begun.
    assert_eq!(
        totals("2016-10-05T00:00:00.000001Z", "2016-10-07T00:00:00.000001Z", "2016-10-30").await,
        of(&[("10-06", 20), ("10-07", 20)])
    );
    assert_eq!(totals("2016-10-19T00:00:00Z", "2017-10-19T00:00:00Z", "2016-10-21").await.len(), 3);
    assert_eq!(totals("2016-09-01T00:00:00Z", "2016-10-03T00:00:00Z", "2016-10-30").await, []);
    assert_eq!(totals("2016-12-01T00:00:00Z", "2016-11-03T00:00:00Z", "2016-10-30").await, []);
    let day = world.reports.user_counts(
        tenant,
        B2cWindow::of_days("2016-10-04".parse().unwrap(), "2016-10-04".parse().unwrap()),
        "2016-10-30".parse().unwrap(),
        None,
    );
    assert_eq!(
        day.await.unwrap(),
        [UserCountDay {
            day: "2016-10-04".parse().unwrap(),
            total: 10,
            other: 1,
            local: 7,
            alternate: 2,
            alternate_by_provider: [("facebook_com".to_owned(), 2)].into(),
        }]
    );
    let last = world.reports.users_last_counted(tenant, None).await.unwrap();
    assert_eq!(last, "2016-10-20T03:00:00Z".parse().ok());
    assert_eq!(world.reading.users_last_counted(tenant, None).await.unwrap(), last);
}
