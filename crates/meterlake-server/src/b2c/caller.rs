//! Who calls the B2C family, and for which tenant.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use http::HeaderMap;
use http::request::Parts;
use meterlake_control::Tenant;
use meterlake_identity::{Audience, Caller};
use meterlake_model::TenantId;

use super::errors::B2cRefused;
use crate::bearer;
use crate::parameters::Parameters;
use crate::refusal::{Lacking, Malformed, Refusal, Unknown};
use crate::routing::Incoming;
use crate::state::ServerState;

/// A request with a valid token, an allowed method and well-formed parameters.
#[derive(Debug)]
pub(super) struct B2cCall {
    caller: Caller,
    /// The request.
    pub(super) incoming: Incoming,
    /// Its headers.
    pub(super) headers: HeaderMap,
}

impl FromRequestParts<ServerState> for B2cCall {
    type Rejection = B2cRefused;

    async fn from_request_parts(parts: &mut Parts, state: &ServerState) -> Result<Self, B2cRefused> {
        let incoming = Incoming::of(parts)?;
        let token = bearer::token(&parts.headers)?;
        let caller = state.identity().authenticate(token, Audience::B2c).await;
        let caller = caller.map_err(|error| B2cRefused::from_auth(&error))?;
        state.rate_limit().admit(&caller.principal.to_string())?;
        incoming.method_allowed()?;
        incoming.parameters.well_formed()?;
        Ok(Self { caller, incoming, headers: parts.headers.clone() })
    }
}

impl B2cCall {
    /// The parameters.
    pub(super) fn parameters(&self) -> &Parameters {
        &self.incoming.parameters
    }

    /// The principal, for links and tags.
    pub(super) fn principal(&self) -> String {
        self.caller.principal.to_string()
    }

    /// The tenant as the links of an answer name it: as the request did.
    pub(super) fn tenant_url(&self) -> String {
        let tenant = self.incoming.path.split('/').nth(1).unwrap_or_default();
        format!("{}/{tenant}", self.incoming.base_url)
    }

    /// The tenant of that id or domain, if the caller may see its reports. That it does not exist is told only to who
    /// may see all tenants.
    pub(super) async fn tenant(&self, state: &ServerState, id_or_domain: &str) -> Result<Arc<Tenant>, Refusal> {
        if !is_tenant(id_or_domain) {
            let expected = "a tenant id (GUID) or a domain name such as contoso.onmicrosoft.com";
            return Err(Malformed::path("tenant", id_or_domain, expected).into());
        }
        if self.caller.is_user {
            return Err(Refusal::Forbidden(Lacking::ApplicationToken));
        }
        match state.control().find_tenant_in(self.caller.revision, id_or_domain).await? {
            Some(tenant) if self.caller.grants.allows_tenant(tenant.id) => Ok(tenant),
            None if self.caller.grants.all_tenants() => Err(Refusal::Unknown(Unknown::Tenant(id_or_domain.to_owned()))),
            _ => Err(Refusal::Forbidden(Lacking::Tenant)),
        }
    }
}

/// Whether a text can name a tenant.
fn is_tenant(text: &str) -> bool {
    let domain = text.len() <= 253
        && text.contains('.')
        && !text.starts_with('.')
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_'));
    domain || text.parse::<TenantId>().is_ok()
}
