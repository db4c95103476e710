//! The bill estimate of a B2C tenant.

use axum::extract::{FromRequestParts, Path, State};
use axum::response::Response;
use http::request::Parts;
use meterlake_control::Tenant;
use meterlake_identity::{Audience, Caller};
use meterlake_model::{BillingPeriod, Day, DayRange};
use meterlake_reports::{EstimateRequest, Granularity, LinkedCharges};

use super::wire;
use crate::ea::EaShape;
use crate::parameters::Parameters;
use crate::refusal::{Lacking, Malformed, Refusal, Refused, Unknown};
use crate::routing::Incoming;
use crate::state::ServerState;
use crate::{answer, bearer};

/// What the call knows.
pub(super) const PARAMETERS: &[&str] = &["by", "startDate", "endDate", "perApplication"];

/// Months that an estimate covers when no start is given, the current one included.
const USUAL_MONTHS: u32 = 3;
/// The most months that one estimate covers.
const MOST_MONTHS: u32 = 36;

/// A refusal in the shape of the native calls, which is EA's.
type NativeRefused = Refused<EaShape>;

/// A request with a valid token, an allowed method and well-formed parameters.
pub(super) struct NativeCall {
    caller: Caller,
    incoming: Incoming,
}

impl FromRequestParts<ServerState> for NativeCall {
    type Rejection = NativeRefused;

    async fn from_request_parts(parts: &mut Parts, state: &ServerState) -> Result<Self, NativeRefused> {
        let incoming = Incoming::of(parts)?;
        let token = bearer::token(&parts.headers)?;
        let caller = state.identity().authenticate(token, Audience::Meterlake).await;
        let caller = caller.map_err(|error| Refusal::from_auth(&error))?;
        state.rate_limit().admit(&caller.principal.to_string())?;
        incoming.method_allowed()?;
        incoming.parameters.well_formed()?;
        Ok(Self { caller, incoming })
    }
}

impl NativeCall {
    /// The tenant of that id or domain, if the caller may see it. That it does not exist is told only to who may see
    /// all tenants.
    async fn tenant(&self, state: &ServerState, id_or_domain: &str) -> Result<Tenant, Refusal> {
        match state.control().find_tenant(id_or_domain).await? {
            Some(tenant) if self.caller.grants.allows_tenant(tenant.id) => Ok(tenant),
            None if self.caller.grants.all_tenants() => Err(Refusal::Unknown(Unknown::Tenant(id_or_domain.to_owned()))),
            _ => Err(Refusal::Forbidden(Lacking::Tenant)),
        }
    }
}

pub(super) async fn estimate(
    State(state): State<ServerState>,
    call: NativeCall,
    Path(tenant): Path<String>,
) -> Result<Response, NativeRefused> {
    let parameters = &call.incoming.parameters;
    let days = days(parameters, state.clock().today())?;
    let by = "day, week or month";
    let granularity = parameters.parsed("by", by, |text| text.parse::<Granularity>().ok())?.unwrap_or_default();
    let per_application =
        parameters.parsed("perApplication", "true or false", |text| text.to_ascii_lowercase().parse::<bool>().ok())?;
    let tenant = call.tenant(&state, &tenant).await?;
    let prices = state.config().prices.as_ref().ok_or(Refusal::Unknown(Unknown::Prices))?;
    let request = EstimateRequest {
        tenant: tenant.id,
        days,
        granularity,
        per_application: per_application.unwrap_or(false),
        mfa_counts: state.config().b2c.mfa_counts,
        // Only the charges of the tenant's own directory: other charges of its subscription are not the tenant's.
        linked: LinkedCharges::Directories(tenant.domains.clone()),
        snapshot: None,
    };
    let estimate = state.reports().estimate(&request, prices).await.map_err(Refusal::from)?;
    Ok(answer::json(&wire::Estimate::new(&tenant, &request, prices, &estimate), false)?)
}

/// The days asked for: three calendar months up to today where nothing is said.
fn days(parameters: &Parameters, today: Day) -> Result<DayRange, Refusal> {
    let day = |name| parameters.parsed(name, "a day written yyyy-MM-dd", |text| text.parse::<Day>().ok());
    let last = day("endDate")?.unwrap_or(today);
    let first = match day("startDate")? {
        Some(first) => first,
        None => (1..USUAL_MONTHS)
            .try_fold(BillingPeriod::containing(last), |month, _| month.previous())
            .map_or(last, BillingPeriod::first_day),
    };
    let shown = parameters.get("startDate").unwrap_or_default();
    let range = DayRange::new(first, last);
    let range = range.map_err(|_| Malformed::parameter("startDate", shown, format!("a day up to {last}")))?;
    if first.plus_months(MOST_MONTHS).is_none_or(|end| end <= last) {
        return Err(
            Malformed::parameter("startDate", shown, format!("at most {MOST_MONTHS} months up to {last}")).into()
        );
    }
    Ok(range)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(query: &str) -> Result<(String, String), Refusal> {
        let range = days(&Parameters::read(query, PARAMETERS), "2026-11-21".parse().unwrap())?;
        Ok((range.first.to_string(), range.last.to_string()))
    }

    #[test]
    fn ranges() {
        let range = |first: &str, last: &str| Ok((first.to_owned(), last.to_owned()));
        assert_eq!(read(""), range("2026-09-01", "2026-11-21"));
        assert_eq!(read("endDate=2026-01-31"), range("2025-11-01", "2026-01-31"));
        assert_eq!(read("startDate=2023-11-22"), range("2023-11-22", "2026-11-21"));
        for bad in ["startDate=2023-11-21", "startDate=2026-11-22", "startDate=1", "endDate=x"] {
            assert!(matches!(read(bad), Err(Refusal::Malformed(_))), "{bad}");
        }
    }
}
