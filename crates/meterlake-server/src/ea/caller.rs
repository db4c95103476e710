//! Who calls EA: the holder of a key of the enrolment in the path.

use axum::extract::{FromRequestParts, RawPathParams};
use http::HeaderMap;
use http::request::Parts;
use meterlake_model::{BillingAccountId, EnrolmentNumber};
use meterlake_reports::{EaRequest, Selection};

use super::errors::EaRefused;
use super::wire::Version;
use crate::bearer;
use crate::parameters::Parameters;
use crate::refusal::Refusal;
use crate::routing::Incoming;
use crate::state::ServerState;

/// A request with a key of its enrolment, an allowed method and well-formed parameters. The key is the grant, so
/// nothing else is to be settled but the parameters.
#[derive(Debug)]
pub(crate) struct EaCall {
    /// The version in the path.
    pub(crate) version: Version,
    /// The enrolment.
    pub(crate) enrolment: EnrolmentNumber,
    /// The id of the key.
    pub(crate) principal: String,
    /// The request.
    pub(crate) incoming: Incoming,
    /// The request's headers.
    pub(crate) headers: HeaderMap,
}

impl FromRequestParts<ServerState> for EaCall {
    type Rejection = EaRefused;

    async fn from_request_parts(parts: &mut Parts, state: &ServerState) -> Result<Self, EaRefused> {
        let incoming = Incoming::of(parts)?;
        let key = bearer::token(&parts.headers)?;
        // Guessing is limited by address: a key is no account's, so that there is none to lock.
        state.wrong_keys().not_used_up(&incoming.origin())?;
        let caller = state.identity().authenticate_ea_key(key).await.map_err(|error| {
            if !error.is_internal() {
                count_wrong_key(state, &incoming);
            }
            Refusal::from_auth(&error)
        })?;
        let path = RawPathParams::from_request_parts(parts, state).await.map_err(|error| Refusal::fault(&error))?;
        let part = |wanted: &str| path.iter().find(|(name, _)| *name == wanted).map_or("", |(_, value)| value);
        if part("enrollment") != caller.enrolment.as_str() {
            // The same words as for a wrong key: whoever tries keys does not learn that this one is good elsewhere.
            tracing::info!(key = %caller.key, "key of another enrolment refused");
            count_wrong_key(state, &incoming);
            return Err(Refusal::not_valid_here().into());
        }
        let version = part("version").parse().map_err(|()| Refusal::Unknown(crate::refusal::Unknown::Route))?;
        let principal = caller.key.to_string();
        state.rate_limit().admit(&principal)?;
        incoming.method_allowed()?;
        incoming.parameters.well_formed()?;
        let headers = parts.headers.clone();
        Ok(Self { version, enrolment: caller.enrolment, principal, incoming, headers })
    }
}

/// Counts a key that opens nothing here.
fn count_wrong_key(state: &ServerState, incoming: &Incoming) {
    if state.wrong_keys().admit(&incoming.origin()).is_err() {
        tracing::warn!(peer = %incoming.origin(), "too many wrong keys");
    }
}

impl EaCall {
    /// The parameters.
    pub(crate) fn parameters(&self) -> &Parameters {
        &self.incoming.parameters
    }

    /// The charges of the enrolment that `selection` names.
    pub(crate) async fn charges(
        &self,
        state: &ServerState,
        selection: Selection,
        snapshot: Option<u64>,
    ) -> Result<EaRequest, Refusal> {
        let accounts = self.accounts(state).await?;
        Ok(EaRequest { accounts, selection, usage_only: state.config().ea.usage_only, snapshot })
    }

    /// The billing accounts of the enrolment.
    pub(crate) async fn accounts(&self, state: &ServerState) -> Result<Vec<BillingAccountId>, Refusal> {
        let enrolment = state.control().enrolment(&self.enrolment).await?;
        Ok(enrolment.map(|enrolment| enrolment.billing_accounts).unwrap_or_default())
    }
}
