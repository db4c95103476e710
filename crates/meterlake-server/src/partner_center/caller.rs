//! Who calls a Partner Center family.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use http::request::Parts;
use meterlake_control::{Customer, Revision};
use meterlake_identity::{Audience, Caller, CustomerScope};
use meterlake_model::CustomerTenantId;

use super::errors::{CUSTOMER_ID, PartnerRefused};
use crate::bearer;
use crate::parameters::Parameters;
use crate::refusal::{Lacking, Malformed, Refusal, Unknown};
use crate::routing::Incoming;
use crate::state::ServerState;

/// A request with a valid token, an allowed method and well-formed parameters. Whether the caller may see what it
/// asks for is still to be settled, after what the call itself has to say about its parameters.
#[derive(Debug)]
pub(crate) struct PartnerCall {
    caller: Caller,
    /// The request.
    pub(crate) incoming: Incoming,
}

impl FromRequestParts<ServerState> for PartnerCall {
    type Rejection = PartnerRefused;

    async fn from_request_parts(parts: &mut Parts, state: &ServerState) -> Result<Self, PartnerRefused> {
        let incoming = Incoming::of(parts)?;
        let token = bearer::token(&parts.headers)?;
        let caller = state
            .identity()
            .authenticate(token, Audience::PartnerCenter)
            .await
            .map_err(|error| Refusal::from_auth(&error))?;
        state.rate_limit().admit(&caller.principal.to_string())?;
        incoming.method_allowed()?;
        incoming.parameters.well_formed()?;
        Ok(Self { caller, incoming })
    }
}

impl PartnerCall {
    /// The parameters.
    pub(crate) fn parameters(&self) -> &Arc<Parameters> {
        &self.incoming.parameters
    }

    /// The principal, for links and tags.
    pub(crate) fn principal(&self) -> String {
        self.caller.principal.to_string()
    }

    /// The tenant of the caller: the partner's.
    pub(crate) fn tenant(&self) -> String {
        self.caller.tenant.to_string()
    }

    /// The customers that the caller may see; an application's token, or no grant on any customer, is refused.
    pub(crate) fn customers(&self) -> Result<meterlake_reports::CustomerScope, Refusal> {
        if !self.caller.is_user {
            return Err(Refusal::Forbidden(Lacking::UserToken));
        }
        match self.caller.grants.customers() {
            CustomerScope::All => Ok(meterlake_reports::CustomerScope::All),
            CustomerScope::Set(ids) if ids.is_empty() => Err(Refusal::Forbidden(Lacking::Family)),
            CustomerScope::Set(ids) => Ok(meterlake_reports::CustomerScope::These(ids.into_iter().collect())),
        }
    }

    /// The customer id of a path.
    pub(crate) fn customer_id(text: &str) -> Result<CustomerTenantId, Refusal> {
        text.parse().map_err(|_| Malformed::path(CUSTOMER_ID, text, "a GUID").into())
    }

    /// The customer, if the caller may see it. That it does not exist is told only to who may see all customers.
    pub(crate) async fn customer(&self, state: &ServerState, id: CustomerTenantId) -> Result<Arc<Customer>, Refusal> {
        if !self.caller.is_user {
            return Err(Refusal::Forbidden(Lacking::UserToken));
        }
        if !self.caller.grants.allows_customer(id) {
            return Err(Refusal::Forbidden(Lacking::Customer));
        }
        state.control().customer_in(self.caller.revision, id).await?.ok_or_else(|| match self.sees_all() {
            true => Refusal::Unknown(Unknown::Customer(id.to_string())),
            false => Refusal::Forbidden(Lacking::Customer),
        })
    }

    /// Whether the caller may see all customers.
    pub(crate) fn sees_all(&self) -> bool {
        self.caller.is_user && self.caller.grants.all_customers()
    }

    /// The revision of the control state that the request is answered from.
    pub(crate) fn revision(&self) -> Option<Revision> {
        self.caller.revision
    }
}
