//! A server's state in a temporary folder, with principals of every kind, and requests to its router.

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use chrono::{DateTime, TimeDelta, Utc};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use http::{HeaderMap, Request};
use meterlake_control::{Control, CustomerChange, GrantScope, KeySlot, NewPrincipal, PrincipalKind};
use meterlake_identity::{Audience, Identity, IdentityConfig};
use meterlake_lake::charges::columns;
use meterlake_lake::{Commit, Lake};
use meterlake_model::{
    Amount, CustomerTenantId, EnrolmentNumber, ImportId, Offer, PrincipalId, SharedClock, SteppingClock, TenantId,
};
use meterlake_reports::{Reports, ReportsConfig};
use meterlake_server::{ServerConfig, ServerState, router};
use serde_json::Value;
use tower::ServiceExt;
use uuid::Uuid;

use crate::charge::{self, Charge};

/// Azure plan, with a budget.
pub(crate) const PLAN: &str = "a0a0a0a0-bbbb-cccc-dddd-e1e1e1e1e1e1";
/// MS-AZR-0145P, billed from the 6th in UTC-08:00, with a budget.
pub(crate) const OLD: &str = "65726577-c208-40fd-9735-8c85ac9cac68";
/// Azure plan, without a budget or a charge.
pub(crate) const IDLE: &str = "39a1dfac-4969-4f31-af94-d76588189cfe";
/// No customer.
pub(crate) const NOBODY: &str = "ffffffff-0000-0000-0000-000000000000";

pub(crate) const PARTNER: &str = "11111111-1111-1111-1111-111111111111";

pub(crate) struct World {
    pub(crate) clock: Arc<SteppingClock>,
    pub(crate) lake: Lake,
    pub(crate) control: Control,
    pub(crate) identity: Identity,
    pub(crate) config: ServerConfig,
    pub(crate) router: Router,
    pub(crate) key: String,
    /// A user who may see all customers, a user who may see [`PLAN`] only, a user without grants, an application
    /// that may see all.
    pub(crate) all: String,
    pub(crate) one: String,
    pub(crate) none: String,
    pub(crate) app: String,
    pub(crate) client: (String, String),
    pub(crate) reports: Reports,
    pub(crate) folder: tempfile::TempDir,
    imports: u128,
}

pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

pub(crate) fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

impl World {
    /// A world of the 15th of November 2024 without charges.
    pub(crate) async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock = Arc::new(SteppingClock::at(at("2024-11-15T10:20:30.123456Z")));
        let shared: SharedClock = clock.clone();
        let lake = Lake::open_path(&folder.path().join("lake")).await.unwrap();
        let control = Control::open(&folder.path().join("meterlake.db"), shared.clone()).await.unwrap();
        let identity = Identity::open(control.clone(), shared, IdentityConfig::default()).await.unwrap();
        let reports =
            Reports::new(lake.clone(), &ReportsConfig { memory_limit: 256 << 20, threads: 2, ..Default::default() });
        let config = ServerConfig {
            rate_limit_per_minute: 0,
            wrong_keys_per_minute: 0,
            sign_ins_per_minute: 0,
            ..ServerConfig::new(folder.path().join("exports"))
        };
        let mut world = Self {
            clock,
            lake,
            control,
            identity,
            config,
            router: Router::new(),
            key: String::new(),
            all: String::new(),
            one: String::new(),
            none: String::new(),
            app: String::new(),
            client: Default::default(),
            reports: reports.unwrap(),
            folder,
            imports: 0,
        };
        world.populate().await;
        world.restart();
        world
    }

    async fn populate(&mut self) {
        for number in ["100", "200"] {
            let number: EnrolmentNumber = number.parse().unwrap();
            self.control.set_enrolment(&number, &[number.as_str().parse().unwrap()]).await.unwrap();
            let key = self.identity.create_ea_key(&number, KeySlot::Primary).await.unwrap();
            if number.as_str() == "100" {
                self.key = key.text;
            }
        }
        let change = |offer, currency: &str, budget: Option<&str>| CustomerChange {
            name: Some("Contoso".to_owned()),
            offers: Some([offer].into()),
            currency: Some(currency.parse().unwrap()),
            budget: budget.map(|budget| Amount::parse(budget).ok()),
            ..CustomerChange::default()
        };
        let old = CustomerChange {
            name: Some("600 test".to_owned()),
            culture: Some("en-US".to_owned()),
            billing_day: Some(6),
            billing_utc_offset_minutes: Some(-480),
            ..change(Offer::MsAzr0145p, "USD", Some("300"))
        };
        for (id, change) in [
            (PLAN, change(Offer::AzurePlan, "GBP", Some("97"))),
            (OLD, old),
            (IDLE, change(Offer::AzurePlan, "GBP", None)),
        ] {
            self.control.set_customer(id.parse().unwrap(), &change).await.unwrap();
        }
        let tenant: TenantId = PARTNER.parse().unwrap();
        self.control.set_tenant(tenant, None, &["partner.example.org".to_owned()]).await.unwrap();
        let plan: CustomerTenantId = PLAN.parse().unwrap();
        self.all = self.user("all", &[GrantScope::AllCustomers]).await;
        self.one = self.user("one", &[GrantScope::Customer(plan)]).await;
        self.none = self.user("none", &[]).await;
        let app = self.principal(PrincipalKind::Application, "app", &[GrantScope::AllCustomers]).await;
        let day = TimeDelta::days(1);
        self.app = self.identity.app_token(app, Audience::PartnerCenter, day).await.unwrap().token;
        let secret = self.identity.create_secret(app, TimeDelta::days(30)).await.unwrap();
        let client = self.control.find_principal("app").await.unwrap().client_id.unwrap();
        self.client = (client.to_string(), secret.text);
    }

    async fn principal(&self, kind: PrincipalKind, name: &str, grants: &[GrantScope]) -> PrincipalId {
        let new = NewPrincipal { kind, tenant: PARTNER.parse().unwrap(), name: name.to_owned(), client_id: None };
        let principal = self.control.add_principal(&new).await.unwrap();
        for grant in grants {
            self.control.add_grant(principal.id, grant).await.unwrap();
        }
        principal.id
    }

    async fn user(&self, name: &str, grants: &[GrantScope]) -> String {
        let id = self.principal(PrincipalKind::User, name, grants).await;
        self.identity.user_token(id, Audience::PartnerCenter, TimeDelta::days(1)).await.unwrap().token
    }

    pub(crate) fn state(&self) -> ServerState {
        let clock: SharedClock = self.clock.clone();
        let (reports, identity) = (self.reports.clone(), self.identity.clone());
        ServerState::new(reports, identity, self.control.clone(), clock, self.config.clone())
    }

    /// A new router with the configuration as it stands.
    pub(crate) fn restart(&mut self) {
        self.router = router(self.state());
    }

    /// Commits the charges as one import beside what is there.
    pub(crate) async fn import(&mut self, charges: Vec<Charge>) -> ImportId {
        self.imports += 1;
        let import = ImportId(Uuid::from_u128(0x0193_2f00_0000_7000_8000_0000_0000_0000 + self.imports));
        let id = import.to_string();
        let charges: Vec<Charge> =
            charges.iter().map(|charge| charge::with(charge, &[("import_id", id.as_str())])).collect();
        let batches = vec![Ok(charge::batch(&charges))];
        let stream = RecordBatchStreamAdapter::new(columns::schema(), futures::stream::iter(batches));
        let mut writer = self.lake.writer(import, &self.folder.path().join("staging"));
        let adds = writer.write(Box::pin(stream)).await.unwrap();
        let read_version = self.lake.charges().await.unwrap().version();
        let commit = Commit {
            import,
            adds,
            removes: Vec::new(),
            read_version,
            source_hashes: Vec::new(),
            record: serde_json::json!({}),
        };
        self.lake.commit(commit).await.unwrap();
        import
    }

    pub(crate) async fn send(&self, request: Request<Body>) -> Answer {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = to_bytes(body, usize::MAX).await.unwrap().to_vec();
        Answer { status: parts.status.as_u16(), headers: parts.headers, body }
    }

    /// A request with more headers; absolute links to this server are served, too.
    pub(crate) async fn call(&self, method: &str, target: &str, token: &str, headers: &[(&str, &str)]) -> Answer {
        let target = target.strip_prefix("http://usage.example.org").unwrap_or(target);
        let mut request = Request::builder().method(method).uri(target).header("host", "usage.example.org");
        if !token.is_empty() {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.send(request.body(Body::empty()).unwrap()).await
    }

    pub(crate) async fn get(&self, target: &str, token: &str) -> Answer {
        self.call("GET", target, token, &[]).await
    }

    pub(crate) async fn post(&self, method: &str, target: &str, token: &str, body: &str) -> Answer {
        let mut request = Request::builder().method(method).uri(target).header("host", "usage.example.org");
        if !token.is_empty() {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        self.send(request.body(Body::from(body.to_owned())).unwrap()).await
    }
}

/// Runs a snapshot assertion with ids and tokens that differ from run to run replaced.
pub(crate) fn stable(run: impl FnOnce()) {
    let mut settings = insta::Settings::clone_current();
    settings.add_filter(r#""id":"[0-9a-f-]{36}""#, r#""id":"[id]""#);
    settings.add_filter(r"skiptoken=[A-Za-z0-9_-]+", "skiptoken=[sealed]");
    settings.set_omit_expression(true);
    settings.bind(run);
}
