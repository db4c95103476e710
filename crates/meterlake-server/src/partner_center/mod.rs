//! What the two Partner Center families have alike: who may call, and the shape of errors.

mod caller;
mod errors;

pub(crate) use caller::PartnerCall;
pub(crate) use errors::{PartnerCenterShape, PartnerRefused};
