//! Who signs in to what, how and when.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result};
use chrono::{DateTime, Datelike, TimeDelta, Utc, Weekday};
use meterlake_model::{BillingPeriod, Day};
use uuid::Uuid;

use super::super::draw::Draw;
use super::{Attempts, DemoApplication, DemoB2cCounts};

/// Users at the start, and new ones a week.
const USERS: usize = 340;
const NEW_A_WEEK: usize = 9;
/// Today's records end here: the files were fetched early in the morning.
const TODAY_SECONDS: i64 = 1_800;

/// How an application gets its tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SignIn {
    Implicit,
    Hybrid,
    Code,
    Saml,
}

/// An application with what its sign-ins look like.
pub(super) struct App {
    pub(super) application: DemoApplication,
    pub(super) sign_in: SignIn,
    pub(super) policy: &'static str,
    /// Sign-ins on a working day.
    daily: i64,
    /// Refreshed tokens for each sign-in, in tenths.
    refreshes: i64,
    /// One sign-in in so many asks for a second factor; 0 for none.
    mfa_every: u32,
}

/// A customer of the organisation.
pub(super) struct User {
    pub(super) id: Uuid,
    pub(super) created: Day,
    /// Where the account is; none for one of the tenant's own.
    pub(super) provider: Option<&'static str>,
    /// Whether it has nothing but a principal name, as staff have.
    pub(super) staff: bool,
}

/// The tenant with its applications and users, in order of creation.
pub(super) struct Tenant {
    pub(super) id: Uuid,
    pub(super) workspace: Uuid,
    pub(super) domain: &'static str,
    pub(super) applications: Vec<App>,
    pub(super) users: Vec<User>,
    /// The last day, of which only the first minutes are known.
    last: Day,
}

/// Name, confidential, sign-in, policy, sign-ins a day, refreshes in tenths, MFA.
type Spec = (&'static str, bool, SignIn, &'static str, i64, i64, u32);

const APPLICATIONS: &[Spec] = &[
    ("Parcel Portal", false, SignIn::Implicit, "B2C_1_signup_signin", 24, 0, 9),
    ("Track & Trace for phones", false, SignIn::Code, "B2C_1A_signup_signin_mobile", 16, 9, 12),
    ("Business Console", true, SignIn::Hybrid, "B2C_1A_signin_business", 11, 3, 2),
    ("Returns Desk", true, SignIn::Code, "B2C_1_signup_signin", 7, 5, 6),
    ("Driver Kiosk", false, SignIn::Code, "B2C_1A_signin_kiosk", 4, 20, 0),
    ("Partner Learning", true, SignIn::Saml, "B2C_1A_saml_learning", 2, 0, 0),
];

/// Providers of accounts elsewhere, the likeliest first.
const PROVIDERS: &[&str] = &["google.com", "facebook.com", "live.com", "amazon.com"];

impl Tenant {
    pub(super) fn draw(draw: &mut Draw, first: Day, last: Day) -> Self {
        let (id, workspace) = (draw.guid(), draw.guid());
        let app = |draw: &mut Draw, &(name, confidential, sign_in, policy, daily, refreshes, mfa_every): &Spec| App {
            application: DemoApplication { id: draw.guid(), name, confidential },
            sign_in,
            policy,
            daily,
            refreshes,
            mfa_every,
        };
        let applications = APPLICATIONS.iter().map(|spec| app(draw, spec)).collect();
        let mut users = Vec::new();
        let mut day = first;
        while day <= last {
            let week = (day.date() - first.date()).num_days() % 7 == 0;
            let new = if day == first {
                USERS
            } else if week {
                NEW_A_WEEK
            } else {
                0
            };
            users.extend((0..new).map(|_| User::draw(draw, day)));
            let Some(next) = day.plus(1) else { break };
            day = next;
        }
        Self { id, workspace, domain: "customers.haldenvoss.example", applications, users, last }
    }
}

impl User {
    fn draw(draw: &mut Draw, created: Day) -> Self {
        let staff = draw.one_in(25);
        let provider = (!staff && draw.one_in(3)).then(|| PROVIDERS[draw.skewed(PROVIDERS.len())]);
        Self { id: draw.guid(), created, provider, staff }
    }
}

/// One audit record; its texts are made when it is written.
pub(super) struct Record {
    pub(super) id: String,
    pub(super) at: DateTime<Utc>,
    pub(super) what: &'static str,
    pub(super) success: bool,
    pub(super) correlation: Uuid,
    pub(super) application: usize,
    pub(super) user: usize,
}

const ID_TOKEN: &str = "Issue an id_token to the application";
const CODE: &str = "Issue an authorization code to the application";
const EXCHANGE: &str = "Exchange token";
const SAML: &str = "Issue a SAML assertion to the application";
const SMS: &str = "Send SMS to verify phone number";
const CALL: &str = "Make phone call to verify phone number";
/// Steps that no report counts.
const CREDENTIALS: &str = "Validate local account credentials";
const VERIFIED: &str = "Verify phone number";
const FEDERATED: &str = "Federate with an identity provider";

/// Draws the records of all days, in order of time, and counts them.
pub(super) fn draw(
    tenant: &Tenant,
    first: Day,
    last: Day,
    draw: &mut Draw,
    counts: &mut DemoB2cCounts,
) -> Result<Vec<Record>> {
    let mut log = Log { tenant, records: Vec::new(), counts, months: BTreeMap::new() };
    let mut day = first;
    while day <= last {
        let seconds = if day == last { TODAY_SECONDS } else { 86_400 };
        let alive = tenant.users.iter().take_while(|u| u.created <= day).count();
        let weekend = matches!(day.date().weekday(), Weekday::Sat | Weekday::Sun);
        for (at, app) in tenant.applications.iter().enumerate() {
            let full = app.daily * if weekend { 6 } else { 10 } * seconds;
            // Rounded up, so that each application was used today too.
            let sign_ins = (full + 863_999) / 864_000;
            for _ in 0..draw.between(sign_ins - sign_ins / 5, sign_ins + sign_ins / 5) {
                let start = day.midnight() + TimeDelta::milliseconds(draw.between(0, (seconds - 120) * 1_000));
                log.sign_in(draw, at, start, alive);
            }
        }
        day = day.plus(1).context("no day after")?;
    }
    let Log { mut records, months, .. } = log;
    for (key, users) in months {
        counts.monthly_users.insert(key, users.len() as u64);
    }
    records.sort_by(|a, b| (a.at, &a.id).cmp(&(b.at, &b.id)));
    counts.records = records.len() as u64;
    Ok(records)
}

/// The records so far, and the users of each month and application.
struct Log<'a> {
    tenant: &'a Tenant,
    records: Vec<Record>,
    counts: &'a mut DemoB2cCounts,
    months: BTreeMap<(BillingPeriod, Option<Uuid>), BTreeSet<usize>>,
}

impl Log<'_> {
    /// One customer signs in, perhaps with a second factor, and may have tokens refreshed later.
    fn sign_in(&mut self, draw: &mut Draw, application: usize, start: DateTime<Utc>, alive: usize) {
        let tenant = self.tenant;
        let app = &tenant.applications[application];
        // Some customers come often, most seldom.
        let user = if draw.one_in(2) { draw.below(alive.min(60)) } else { draw.below(alive) };
        let correlation = draw.guid();
        let mut at = start;
        let mut step = |draw: &mut Draw| {
            at += TimeDelta::milliseconds(draw.between(40, 9_000));
            at
        };
        let mut add = |log: &mut Self, draw: &mut Draw, what, success| {
            let at = step(draw);
            log.record(draw, (what, success), at, correlation, (application, user));
            at
        };
        let fails = draw.one_in(40) && app.sign_in != SignIn::Hybrid;
        let local = tenant.users[user].provider.is_none();
        add(self, draw, if local { CREDENTIALS } else { FEDERATED }, true);
        if app.mfa_every > 0 && draw.one_in(app.mfa_every) {
            let (what, method) = if draw.one_in(5) { (CALL, "VoiceMfa") } else { (SMS, "SmsMfa") };
            // A message that does not arrive is sent again.
            let lost = draw.one_in(15);
            let tries: &[bool] = if lost { &[false, true] } else { &[true] };
            for success in tries {
                let at = add(self, draw, what, *success);
                self.mfa(at, application, method, *success);
            }
            add(self, draw, VERIFIED, true);
        }
        let confidential = app.application.confidential;
        let (what, flow) = match app.sign_in {
            SignIn::Implicit => (ID_TOKEN, "implicit"),
            SignIn::Hybrid => (ID_TOKEN, "hybrid"),
            SignIn::Code if confidential => (CODE, "confclient-authcode"),
            SignIn::Code => (CODE, "publicclient-authcode"),
            SignIn::Saml => (SAML, "other"),
        };
        let done = add(self, draw, what, !fails);
        self.authentication(done, application, user, flow, !fails);
        if app.sign_in == SignIn::Hybrid {
            add(self, draw, CODE, true);
        }
        let refreshes = app.refreshes / 10 + i64::from(draw.between(0, 9) < app.refreshes % 10);
        let flow = if confidential { "confclient-refreshtoken" } else { "publicclient-refreshtoken" };
        let end = Day::of(start).midnight() + TimeDelta::days(1);
        let ends_early = Day::of(start) == tenant.last;
        for refresh in 1..=refreshes {
            let at =
                done + TimeDelta::seconds(if ends_early { 7 * refresh } else { draw.between(900, 3_600) * refresh });
            if !fails && at < end {
                let correlation = draw.guid();
                self.record(draw, (EXCHANGE, true), at, correlation, (application, user));
                self.authentication(at, application, user, flow, true);
            }
        }
    }

    fn record(
        &mut self,
        draw: &mut Draw,
        (what, success): (&'static str, bool),
        at: DateTime<Utc>,
        correlation: Uuid,
        (application, user): (usize, usize),
    ) {
        let id = format!("B2C_{}_{:06X}", draw.guid().simple(), draw.between(0, 0xFF_FFFF));
        self.records.push(Record { id, at, what, success, correlation, application, user });
    }

    fn authentication(
        &mut self,
        at: DateTime<Utc>,
        application: usize,
        user: usize,
        flow: &'static str,
        success: bool,
    ) {
        let id = self.tenant.applications[application].application.id;
        let day = Day::of(at);
        count(self.counts.authentications.entry((day, id, flow)).or_default(), success);
        if success {
            for whom in [None, Some(id)] {
                self.months.entry((BillingPeriod::containing(day), whom)).or_default().insert(user);
                widen(&mut self.counts.authenticated, whom, at);
            }
        }
    }

    fn mfa(&mut self, at: DateTime<Utc>, application: usize, method: &'static str, success: bool) {
        let id = self.tenant.applications[application].application.id;
        count(self.counts.mfa.entry((Day::of(at), id, method)).or_default(), success);
        for whom in [None, Some(id)] {
            widen(&mut self.counts.verified, whom, at);
        }
    }
}

fn count(counted: &mut Attempts, success: bool) {
    counted.attempts += 1;
    counted.successes += u64::from(success);
}

type Spans = BTreeMap<Option<Uuid>, (DateTime<Utc>, DateTime<Utc>)>;

fn widen(spans: &mut Spans, whom: Option<Uuid>, at: DateTime<Utc>) {
    let span = spans.entry(whom).or_insert((at, at));
    *span = (span.0.min(at), span.1.max(at));
}
