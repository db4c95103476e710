//! The one call, and the order in which its two ids are checked.

use axum::extract::{FromRequestParts, Path, State};
use axum::response::Response;
use axum::routing::any;
use http::Method;
use http::request::Parts;
use meterlake_control::Customer;
use meterlake_identity::{Audience, Caller};
use meterlake_model::{CustomerTenantId, TenantId};
use uuid::Uuid;

use super::docs;
use super::errors::C3Refused;
use super::wire::{BadInput, Envelope, LicenceRow};
use crate::refusal::{Lacking, Refusal};
use crate::routing::{Incoming, Route};
use crate::state::ServerState;
use crate::{answer, bearer};

/// The call.
pub(crate) fn routes() -> Vec<Route> {
    vec![Route {
        path: "/api/licenseConsumptionReport/customer/{customer}/tenant/{tenant}",
        methods: &[Method::GET],
        parameters: &[],
        docs: docs::licences,
        handler: any(licences),
    }]
}

/// A request with a valid token and an allowed method.
struct C3Call(Caller);

impl FromRequestParts<ServerState> for C3Call {
    type Rejection = C3Refused;

    async fn from_request_parts(parts: &mut Parts, state: &ServerState) -> Result<Self, C3Refused> {
        let incoming = Incoming::of(parts)?;
        let token = bearer::token(&parts.headers)?;
        let caller = state.identity().authenticate(token, Audience::Meterlake).await;
        let caller = caller.map_err(|error| Refusal::from_auth(&error))?;
        state.rate_limit().admit(&caller.principal.to_string())?;
        incoming.method_allowed()?;
        Ok(Self(caller))
    }
}

async fn licences(
    State(state): State<ServerState>,
    C3Call(caller): C3Call,
    Path((customer, tenant)): Path<(String, String)>,
) -> Result<Response, C3Refused> {
    let (customer_id, tenant_id) = well_formed(&customer, &tenant)?;
    let found = state.control().customer_by_c3_id_in(caller.revision, customer_id).await.map_err(Refusal::from)?;
    let allowed = match &found {
        Some(found) => caller.grants.allows_customer(found.tenant_id),
        None => caller.grants.all_customers(),
    };
    if !allowed {
        return Err(Refusal::Forbidden(Lacking::Customer).into());
    }
    match found {
        Some(found) if found.tenant_id == tenant_id => {}
        Some(_) => return Err(C3Refused::Inputs(vec![BadInput::tenant(&tenant)])),
        None => return Err(unknown_customer(&state, &customer, (&tenant, tenant_id)).await?),
    }
    let licences = state.reports().licences(TenantId(tenant_id.0), state.clock().now()).await;
    let rows: Vec<LicenceRow> = licences.map_err(Refusal::from)?.into_iter().map(LicenceRow::from).collect();
    Ok(answer::json(&Envelope::success(&rows), state.config().c3.bom)?)
}

/// Both ids, if both are GUIDs. While one is not, the other is checked for no more than that.
fn well_formed(customer: &str, tenant: &str) -> Result<(Uuid, CustomerTenantId), C3Refused> {
    let guid = |text: &str| text.parse::<CustomerTenantId>().ok();
    match (guid(customer), guid(tenant)) {
        (Some(customer), Some(tenant)) => Ok((customer.0, tenant)),
        (customer_id, tenant_id) => {
            let customer = customer_id.is_none().then(|| BadInput::customer(customer));
            let tenant = tenant_id.is_none().then(|| BadInput::tenant(tenant));
            Err(C3Refused::Inputs(customer.into_iter().chain(tenant).collect()))
        }
    }
}

/// What is wrong with well-formed ids of which the first is no customer's: the second, too, if it is nobody's tenant.
async fn unknown_customer(
    state: &ServerState,
    customer: &str,
    (tenant, tenant_id): (&str, CustomerTenantId),
) -> Result<C3Refused, Refusal> {
    let owner: Option<Customer> = state.control().customer(tenant_id).await?;
    let tenant = owner.is_none().then(|| BadInput::tenant(tenant));
    Ok(C3Refused::Inputs([BadInput::customer(customer)].into_iter().chain(tenant).collect()))
}
