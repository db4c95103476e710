//! Which charges by time: by the period they are billed in, or by their day.

use meterlake_model::{BillingPeriod, DayRange};

/// A charge's billing period and its day are two facts; a request selects by one of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub enum Selection {
    /// The charges billed in the period, whatever their day.
    Period(BillingPeriod),
    /// The charges of the days, both ends inclusive, whatever the period they are billed in.
    Days(DayRange),
}
