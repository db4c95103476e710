//! Usage analytics answers in the shape of all Partner Center families.

pub(crate) use crate::partner_center::{PartnerCenterShape as AnalyticsShape, PartnerRefused as AnalyticsRefused};
