//! What the two Partner Center families have alike: who may call, and the shape of errors.

mod caller;
mod docs;
mod errors;

pub(crate) use caller::PartnerCall;
pub(crate) use docs::refusal_body;
pub(crate) use errors::{PartnerCenterShape, PartnerRefused};
