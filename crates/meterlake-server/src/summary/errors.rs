//! The usage summary answers in the shape of all Partner Center families.

pub(crate) use crate::partner_center::{PartnerCenterShape as SummaryShape, PartnerRefused as SummaryRefused};
