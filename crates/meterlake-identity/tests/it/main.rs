//! Tokens, keys and grants over real control state.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod accepted;
mod attempts;
mod discovery;
mod external;
mod keys;
mod refused;
mod remembered;
mod requests;
mod revocation;
mod revoke_endpoint;
mod rotation;

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::TimeDelta;
use meterlake_control::{Control, NewPrincipal, Principal, PrincipalKind};
use meterlake_identity::{Identity, IdentityConfig, TokenForm};
use meterlake_model::{SharedClock, SteppingClock, TenantId};
use serde_json::Value;
use uuid::Uuid;

pub(crate) const BASE: &str = "https://login.example";
pub(crate) const B2C: &str = "https://graph.windows.net";
pub(crate) const PARTNER: &str = "https://api.partnercenter.microsoft.com";

/// A tenant with an application, its secret, and a user.
pub(crate) struct Fixture {
    pub(crate) identity: Identity,
    pub(crate) control: Control,
    pub(crate) clock: Arc<SteppingClock>,
    pub(crate) tenant: TenantId,
    pub(crate) app: Principal,
    pub(crate) secret: String,
    pub(crate) user: Principal,
    folder: tempfile::TempDir,
}

impl Fixture {
    pub(crate) async fn new() -> Self {
        Self::with(IdentityConfig::default()).await
    }

    pub(crate) async fn with(config: IdentityConfig) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock = Arc::new(SteppingClock::at("2024-11-15T12:00:00.5Z".parse().unwrap()));
        let shared: SharedClock = clock.clone();
        let control = Control::open(&folder.path().join("meterlake.db"), shared.clone()).await.unwrap();
        let tenant = TenantId(Uuid::from_u128(0xabc));
        control.set_tenant(tenant, None, &["contoso.onmicrosoft.com".to_owned()]).await.unwrap();
        let new = |kind, name: &str| NewPrincipal { kind, tenant, name: name.to_owned(), client_id: None };
        let app = control.add_principal(&new(PrincipalKind::Application, "reporter")).await.unwrap();
        let user = control.add_principal(&new(PrincipalKind::User, "ada@contoso.com")).await.unwrap();
        let identity = Identity::open(control.clone(), shared, config).await.unwrap();
        let secret = identity.create_secret(app.id, TimeDelta::days(30)).await.unwrap().text;
        Self { identity, control, clock, tenant, app, secret, user, folder }
    }

    /// The same data folder as another process opens it.
    pub(crate) async fn again(&self, config: IdentityConfig) -> Identity {
        let shared: SharedClock = self.clock.clone();
        let control = Control::open(&self.folder.path().join("meterlake.db"), shared.clone()).await.unwrap();
        Identity::open(control, shared, config).await.unwrap()
    }

    /// The control state as another process opens it.
    pub(crate) async fn control_again(&self) -> Control {
        let shared: SharedClock = self.clock.clone();
        Control::open(&self.folder.path().join("meterlake.db"), shared).await.unwrap()
    }

    pub(crate) fn client_id(&self) -> String {
        self.app.client_id.unwrap().to_string()
    }

    /// A good request with these further fields, which replace its own.
    pub(crate) fn form(&self, fields: &[(&str, &str)]) -> TokenForm {
        let client_id = self.client_id();
        let own = [("grant_type", "client_credentials"), ("client_id", &client_id), ("client_secret", &self.secret)];
        let kept = own.into_iter().filter(|(name, _)| fields.iter().all(|(other, _)| other != name));
        TokenForm::from_fields(kept.chain(fields.iter().copied())).unwrap()
    }

    /// An application's token for a resource, as the first version of the token endpoint gives it.
    pub(crate) async fn app_token(&self, resource: &str) -> String {
        let form = self.form(&[("resource", resource)]);
        let answer = self.identity.token_v1(BASE, "contoso.onmicrosoft.com", form, None).await.unwrap();
        answer.body["access_token"].as_str().unwrap().to_owned()
    }
}

/// Header and claims of a token, unchecked.
pub(crate) fn parts(token: &str) -> (Value, Value) {
    let read = |part: &str| serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap();
    let mut split = token.split('.');
    (read(split.next().unwrap()), read(split.next().unwrap()))
}
