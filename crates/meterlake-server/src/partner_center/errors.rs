//! Partner Center's error shape: `{"code","description","data","source"}`, and another one when it sheds load.

use axum::response::Response;
use serde::Serialize;

use crate::refusal::{ErrorShape, Lacking, Malformed, Place, Refusal, Refused, Unknown};

/// The shape.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PartnerCenterShape;

/// A refusal in Partner Center's shape.
pub(crate) type PartnerRefused = Refused<PartnerCenterShape>;

/// The name of the customer id in paths, which has an error code of its own.
pub(crate) const CUSTOMER_ID: &str = "customer-tenant-id";

#[derive(Serialize)]
struct Fault<'a> {
    code: u32,
    description: String,
    data: Vec<&'a str>,
    source: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Throttled {
    status_code: u16,
    message: String,
}

/// The documented code of a refusal; the HTTP status where the documentation has none.
fn code(refusal: &Refusal) -> u32 {
    match refusal {
        Refusal::Unauthenticated(_) => 800_001,
        Refusal::Malformed(Malformed { place: Place::Path, name: CUSTOMER_ID, .. }) => 900_118,
        Refusal::Malformed(Malformed { place: Place::Body, .. }) => 3000,
        Refusal::Malformed(_) => 800_002,
        Refusal::Forbidden(Lacking::UserToken) => 900_150,
        Refusal::Forbidden(Lacking::Customer) => 20_002,
        Refusal::Forbidden(Lacking::Family) => 2032,
        Refusal::Unknown(Unknown::Customer(_)) => 60_003,
        Refusal::Unknown(Unknown::Subscription(_)) => 20_003,
        Refusal::Unknown(_) => 1000,
        other => u32::from(other.status().as_u16()),
    }
}

impl ErrorShape for PartnerCenterShape {
    fn render(refusal: &Refusal) -> Response {
        let body = match refusal.retry_after() {
            Some(_) => {
                serde_json::to_vec(&Throttled { status_code: refusal.status().as_u16(), message: refusal.to_string() })
            }
            None => serde_json::to_vec(&Fault {
                code: code(refusal),
                description: refusal.to_string(),
                data: match refusal {
                    Refusal::Malformed(malformed) => vec![malformed.name, &malformed.value],
                    _ => Vec::new(),
                },
                source: "Meterlake",
            }),
        };
        refusal.with_body(body.unwrap_or_default())
    }
}
