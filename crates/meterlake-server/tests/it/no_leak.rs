//! For random principals and random requests: no answer, error or header holds an id, a name or an amount that only a
//! foreign scope has; and what is foreign is answered as what does not exist, by the same work.

mod asks;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use asks::Ask;
use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::TimeDelta;
use datafusion::execution::SendableRecordBatchStream;
use datafusion::logical_expr::LogicalPlan;
use datafusion::physical_plan::ExecutionPlan;
use meterlake_control::{CustomerChange, GrantScope, KeySlot, NewPrincipal, PrincipalKind, TenantKind};
use meterlake_identity::Audience;
use meterlake_lake::Table;
use meterlake_lake::tables::{b2c_daily, licences};
use meterlake_model::{Amount, Day, EnrolmentNumber, ImportId, Offer};
use meterlake_reports::{EmbeddedEngine, PriceList, QueryEngine, ReportError, Reports, ReportsConfig};
use uuid::Uuid;

use crate::charge::{self, Charge};
use crate::random_input::Random;
use crate::tables::{Row, commit};
use crate::world::{Answer, PARTNER, World, at};

/// Counts the queries of the lake.
struct Counting {
    inner: EmbeddedEngine,
    queries: Arc<AtomicUsize>,
}

#[async_trait]
impl QueryEngine for Counting {
    async fn run(&self, plans: Vec<LogicalPlan>) -> Result<SendableRecordBatchStream, ReportError> {
        self.queries.fetch_add(plans.len(), Ordering::SeqCst);
        self.inner.run(plans).await
    }

    async fn physical_plan(&self, plan: LogicalPlan) -> Result<Arc<dyn ExecutionPlan>, ReportError> {
        self.inner.physical_plan(plan).await
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Kind {
    Customer,
    Tenant,
    Enrolment,
}

/// Something that a principal may or may not see, with everything that only it has.
struct Scope {
    kind: Kind,
    id: String,
    /// Of a customer its C3 id, of a tenant its domain, of an enrolment its key.
    second: String,
    subscriptions: [String; 2],
    name: String,
    /// Texts that stand in answers about it and nowhere else, lower case.
    markers: Vec<String>,
}

fn guid(random: &mut Random) -> String {
    let part = |random: &mut Random| random.below(1 << 31) as u128;
    let bits = (part(random) << 93) ^ (part(random) << 62) ^ (part(random) << 31) ^ part(random);
    Uuid::from_u128(bits).to_string()
}

/// Eleven digits before the point: no amount here has them by chance.
fn digits(random: &mut Random) -> String {
    (0..11).map(|at| char::from(b'1' + u8::try_from(random.below(if at == 0 { 8 } else { 9 })).unwrap())).collect()
}

impl Scope {
    fn new(kind: Kind, random: &mut Random) -> Self {
        let name = format!("Marker{}", guid(random).replace('-', ""));
        let (id, second) = match kind {
            Kind::Customer => (guid(random), guid(random)),
            Kind::Tenant => (guid(random), format!("{}.example.org", name.to_lowercase())),
            Kind::Enrolment => (format!("7{}", digits(random)), String::new()),
        };
        let subscriptions = [guid(random), guid(random)];
        let mut markers = vec![id.clone(), second.clone(), name.to_lowercase()];
        markers.extend(subscriptions.clone());
        markers.retain(|marker| !marker.is_empty());
        Self { kind, id, second, subscriptions, name, markers }
    }

    /// A number that only this scope has.
    fn number(&mut self, random: &mut Random) -> String {
        let number = digits(random);
        self.markers.push(number.clone());
        number
    }

    /// A charge of each subscription on two days.
    fn charges(&mut self, random: &mut Random) -> Vec<Charge> {
        let mut charges = Vec::new();
        for (line, day) in ["2024-11-02", "2024-11-09"].into_iter().enumerate() {
            for subscription in self.subscriptions.clone() {
                let base = match self.kind {
                    Kind::Enrolment => charge::ea(line, day),
                    _ => charge::customer(line, &self.id, day, "GBP"),
                };
                let account = if self.kind == Kind::Enrolment { self.id.clone() } else { "partner-1".to_owned() };
                let (cost, quantity) = (self.number(random), self.number(random));
                let meter = guid(random);
                self.markers.push(meter.clone());
                let name = self.name.clone();
                charges.push(charge::with(
                    &base,
                    &[
                        ("billing_account_id", account.as_str()),
                        ("customer_name", if self.kind == Kind::Enrolment { "" } else { &name }),
                        ("subscription_id", &subscription),
                        ("subscription_name", &format!("{name} subscription")),
                        ("resource_group", &format!("{name}-rg")),
                        ("meter_id", &meter),
                        ("meter_name", &format!("{name} meter")),
                        ("billed_cost", &format!("{cost}.125")),
                        ("quantity", &format!("{quantity}.5")),
                    ],
                ));
            }
        }
        charges
    }
}

struct Leaky {
    world: World,
    scopes: Vec<Scope>,
    queries: Arc<AtomicUsize>,
    /// Links to further pages and to exports that the principals were given.
    links: Vec<String>,
    /// Export jobs with the scope whose they are.
    jobs: Vec<(usize, String)>,
}

impl Leaky {
    async fn new(random: &mut Random) -> Self {
        let mut world = World::new().await;
        let config = ReportsConfig { memory_limit: 256 << 20, threads: 2, ..Default::default() };
        let queries = Arc::new(AtomicUsize::new(0));
        let inner = EmbeddedEngine::new(&config).unwrap();
        let engine = Arc::new(Counting { inner, queries: Arc::clone(&queries) });
        world.reports = Reports::with_engine(world.lake.clone(), engine);
        let prices = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/prices/azure-ad-b2c.toml");
        world.config.prices = Some(PriceList::from_toml(&std::fs::read_to_string(prices).unwrap()).unwrap());
        world.restart();
        let kinds = [Kind::Customer, Kind::Tenant, Kind::Enrolment];
        let mut scopes: Vec<Scope> =
            kinds.into_iter().flat_map(|kind| [kind; 4]).map(|kind| Scope::new(kind, random)).collect();
        let (mut charges, mut days, mut skus): (Vec<Charge>, Vec<Row>, Vec<Row>) = Default::default();
        for scope in &mut scopes {
            match scope.kind {
                Kind::Customer => {
                    let budget = scope.number(random);
                    let change = CustomerChange {
                        name: Some(scope.name.clone()),
                        domain: Some(format!("{}.example.net", scope.name.to_lowercase())),
                        offers: Some([if random.below(2) == 0 { Offer::AzurePlan } else { Offer::MsAzr0145p }].into()),
                        currency: Some("GBP".parse().unwrap()),
                        budget: Some(Amount::parse(&budget).ok()),
                        c3_id: scope.second.parse().ok(),
                        ..CustomerChange::default()
                    };
                    world.control.set_customer(scope.id.parse().unwrap(), &change).await.unwrap();
                    charges.extend(scope.charges(random));
                    skus.push(sku(scope, random));
                }
                Kind::Enrolment => {
                    let number: EnrolmentNumber = scope.id.parse().unwrap();
                    world.control.set_enrolment(&number, &[scope.id.parse().unwrap()]).await.unwrap();
                    scope.second = world.identity.create_ea_key(&number, KeySlot::Primary).await.unwrap().text;
                    charges.extend(scope.charges(random));
                }
                Kind::Tenant => {
                    let (id, domain) = (scope.id.parse().unwrap(), scope.second.clone());
                    world.control.set_tenant(id, Some(TenantKind::B2c), &[domain]).await.unwrap();
                    days.extend(events(scope, random));
                }
            }
        }
        world.import(charges).await;
        let staging = world.folder.path().join("staging");
        let import = ImportId(Uuid::from_u128(0x0193_2f00_0000_7000_8000_0000_0003_0000));
        let version = commit(&world.lake, &staging, import, Table::B2cEvents, &[], false, Vec::new()).await;
        let notes = vec![(Table::B2cEvents, version)];
        commit(&world.lake, &staging, import, Table::B2cDaily, &days, false, notes).await;
        commit(&world.lake, &staging, import, Table::Licences, &skus, false, Vec::new()).await;
        let mut leaky = Self { world, scopes, queries, links: Vec::new(), jobs: Vec::new() };
        for at in 0..leaky.scopes.len() {
            leaky.submit(at).await;
        }
        leaky
    }

    /// An export of an enrolment, and a walk, whose links others will try.
    async fn submit(&mut self, at: usize) {
        let scope = &self.scopes[at];
        if scope.kind != Kind::Enrolment {
            return;
        }
        let path = format!("/v2/enrollments/{}/usagedetails/submit?billingPeriod=202411", scope.id);
        let answer = self.world.post("POST", &path, &scope.second, "").await;
        assert_eq!(answer.status, 202, "{}", answer.text());
        self.jobs.push((at, answer.json()["id"].as_str().unwrap().to_owned()));
    }

    fn of_kind(&self, kind: Kind) -> Vec<usize> {
        (0..self.scopes.len()).filter(|at| self.scopes[*at].kind == kind).collect()
    }
}

fn sku(scope: &mut Scope, random: &mut Random) -> Row {
    use licences::columns as c;
    let (sku, units) = (guid(random), scope.number(random));
    scope.markers.push(sku.clone());
    let units: i64 = units.parse().unwrap();
    let mut row: Row = vec![
        (c::TENANT_ID, scope.id.as_str().into()),
        (c::MOMENT, at("2024-11-14T00:00:00Z").into()),
        (c::SKU_ID, sku.as_str().into()),
        (c::PRODUCT_NAME, format!("{} product", scope.name).as_str().into()),
        (c::SUBSCRIPTION_NAMES, format!("{} licence", scope.name).as_str().into()),
    ];
    row.extend([c::ACTIVE_UNITS, c::TOTAL_UNITS, c::CONSUMED_UNITS].map(|column| (column, units.into())));
    row
}

fn events(scope: &mut Scope, random: &mut Random) -> Vec<Row> {
    use b2c_daily::columns as c;
    let application = guid(random);
    scope.markers.push(application.clone());
    let mut rows = Vec::new();
    for day in ["2024-11-10", "2024-11-12"] {
        let day: Day = day.parse().unwrap();
        for (kind, column, key) in [("authentication", c::FLOW, "implicit"), ("mfa", c::MFA_METHOD, "SmsMfa")] {
            let attempts: i64 = scope.number(random).parse().unwrap();
            rows.push(vec![
                (c::TENANT_ID, scope.id.as_str().into()),
                (c::DAY, day.into()),
                (c::APPLICATION_ID, application.as_str().into()),
                (c::KIND, kind.into()),
                (column, key.into()),
                (c::ATTEMPTS, attempts.into()),
                (c::SUCCESSES, attempts.into()),
                (c::FIRST_TIME, day.midnight().into()),
                (c::LAST_TIME, day.midnight().into()),
            ]);
        }
        rows.push(vec![
            (c::TENANT_ID, scope.id.as_str().into()),
            (c::DAY, day.into()),
            (c::KIND, b2c_daily::COVERAGE.into()),
            (c::COVERED_TO, (day.midnight() + TimeDelta::hours(23)).into()),
        ]);
    }
    rows
}

/// Who calls, and the scopes it sees.
struct Caller {
    partner: String,
    b2c: String,
    own: String,
    key: String,
    sees: BTreeSet<usize>,
    all_customers: bool,
    all_tenants: bool,
}

impl Caller {
    async fn random(leaky: &Leaky, number: usize, random: &mut Random) -> Self {
        let (all_customers, all_tenants) = (random.below(8) == 0, random.below(8) == 0);
        let mut sees = BTreeSet::new();
        let mut grants = Vec::new();
        for (at, scope) in leaky.scopes.iter().enumerate() {
            let (granted, grant) = match scope.kind {
                Kind::Customer => (random.below(3) == 0, GrantScope::Customer(scope.id.parse().unwrap())),
                Kind::Tenant => (random.below(3) == 0, GrantScope::Tenant(scope.id.parse().unwrap())),
                Kind::Enrolment => continue,
            };
            if granted {
                grants.push(grant);
            }
            if granted || (scope.kind == Kind::Customer && all_customers) || (scope.kind == Kind::Tenant && all_tenants)
            {
                sees.insert(at);
            }
        }
        grants.extend(all_customers.then_some(GrantScope::AllCustomers));
        grants.extend(all_tenants.then_some(GrantScope::AllTenants));
        let add = async |kind: PrincipalKind| {
            let name = format!("{kind} {number}");
            let new = NewPrincipal { kind, tenant: PARTNER.parse().unwrap(), name, client_id: None };
            let id = leaky.world.control.add_principal(&new).await.unwrap().id;
            for grant in &grants {
                leaky.world.control.add_grant(id, grant).await.unwrap();
            }
            id
        };
        let (user, app) = (add(PrincipalKind::User).await, add(PrincipalKind::Application).await);
        let (identity, day) = (&leaky.world.identity, TimeDelta::days(1));
        let enrolments = leaky.of_kind(Kind::Enrolment);
        let enrolment = enrolments[random.below(enrolments.len())];
        sees.insert(enrolment);
        let own = match random.below(2) {
            0 => identity.app_token(app, Audience::Meterlake, day).await,
            _ => identity.user_token(user, Audience::Meterlake, day).await,
        };
        Self {
            partner: identity.user_token(user, Audience::PartnerCenter, day).await.unwrap().token,
            b2c: identity.app_token(app, Audience::B2c, day).await.unwrap().token,
            own: own.unwrap().token,
            key: leaky.scopes[enrolment].second.clone(),
            sees,
            all_customers,
            all_tenants,
        }
    }
}

/// The sealed positions in an answer.
fn seals(body: &str) -> impl Iterator<Item = &str> {
    body.split("skiptoken=").skip(1).map(|rest| rest.split(['"', '&', '<', '\'']).next().unwrap())
}

/// Everything of an answer that a client sees, also what it can read in sealed positions; lower case.
fn whole(answer: &Answer) -> String {
    let headers: String = answer.headers.iter().map(|(n, v)| format!("{n}: {}\n", v.to_str().unwrap())).collect();
    let body = String::from_utf8_lossy(&answer.body);
    let opened: Vec<u8> = seals(&body).filter_map(|seal| URL_SAFE_NO_PAD.decode(seal).ok()).flatten().collect();
    format!("{}\n{headers}\n{body}\n{}", answer.status, String::from_utf8_lossy(&opened)).to_lowercase()
}

/// An answer without the names of its request and the ids of the answer itself.
fn comparable(answer: &Answer, names: &[&str]) -> String {
    const IDS: [&str; 5] = ["x-ms-request-id", "ms-requestid", "ms-correlationid", "request-id", "etag"];
    let headers = answer.headers.iter().filter(|(name, _)| !IDS.contains(&name.as_str()));
    let headers: String = headers.map(|(n, v)| format!("{n}: {}\n", v.to_str().unwrap())).collect();
    let mut body = String::from_utf8_lossy(&answer.body).into_owned();
    if let Some(at) = body.find("\"RequestCorrelationID\":\"") {
        body.replace_range(at + 24..at + 60, "");
    }
    for seal in seals(&body.clone()) {
        body = body.replace(seal, "[sealed]");
    }
    for name in names {
        body = body.replace(name, "[name]");
    }
    // The length of the names differs.
    let headers: String = headers.lines().filter(|line| !line.starts_with("content-length")).collect();
    format!("{}\n{headers}\n{body}", answer.status)
}

#[tokio::test]
async fn nothing_of_a_foreign_scope_is_told() {
    let mut random = Random(20_241_121);
    let mut leaky = Leaky::new(&mut random).await;
    let mut seen = std::collections::BTreeMap::new();
    let (mut twins, mut own) = (0, 0);
    for number in 0..16 {
        let caller = Caller::random(&leaky, number, &mut random).await;
        for _ in 0..60 {
            let ask = Ask::random(&leaky, &caller, &mut random);
            let (answer, queries) = ask.send(&leaky, &ask.target).await;
            let told = format!("{} {}", ask.method, ask.target);
            assert!(answer.status < 500, "{told}: {}", answer.text());
            *seen.entry(answer.status).or_insert(0) += 1;
            let (text, asked) = (whole(&answer), ask.target.to_lowercase());
            for (at, scope) in leaky.scopes.iter().enumerate() {
                let shown = scope.markers.iter().filter(|marker| text.contains(*marker) && !asked.contains(*marker));
                let shown: Vec<_> = shown.collect();
                if caller.sees.contains(&at) {
                    own += shown.len();
                } else {
                    assert!(shown.is_empty(), "{told} tells {shown:?} of {:?} {}:\n{text}", scope.kind, scope.id);
                }
            }
            let links = answer.text().split('"').filter(|part| part.contains("skiptoken=")).map(str::to_owned);
            leaky.links.extend(links.collect::<Vec<_>>());

            // Who sees all of a family learns what exists in it, and that is not foreign to it.
            let Some(twin) = ask.of_nothing(&caller) else { continue };
            assert_ne!(twin, ask.target);
            let names = ask.named.iter().flat_map(|(text, _, nobodys)| [text.as_str(), nobodys.as_str()]);
            let names: Vec<&str> = names.collect();
            let (nothing, work) = ask.send(&leaky, &twin).await;
            assert_eq!(comparable(&answer, &names), comparable(&nothing, &names), "{told}\n{twin}");
            assert_eq!(queries, work, "{told} takes other work than {twin}");
            twins += 1;
        }
        // Links that others were given.
        for link in &leaky.links {
            for token in [&caller.partner, &caller.key] {
                let answer = leaky.world.get(link, token).await;
                let (text, asked) = (whole(&answer), link.to_lowercase());
                for (at, scope) in leaky.scopes.iter().enumerate().filter(|(at, _)| !caller.sees.contains(at)) {
                    let shown: Vec<_> =
                        scope.markers.iter().filter(|m| text.contains(*m) && !asked.contains(*m)).collect();
                    assert!(shown.is_empty(), "{link} tells {shown:?} of {at}");
                }
            }
        }
        assert!(caller.all_customers || caller.all_tenants || caller.sees.len() < leaky.scopes.len());
    }
    // The test sees what it is to see: answers of all kinds, own texts in them, and twins.
    for status in [200, 400, 401, 403, 404] {
        assert!(seen.contains_key(&status), "{seen:?}");
    }
    assert!(own > 500 && twins > 200, "own {own}, twins {twins}, {seen:?}");
}
