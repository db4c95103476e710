//! The vocabulary of Meterlake: exact amounts, days, billing periods, ids, cost bases, source kinds
//! and the one clock. Knows nothing of Arrow, SQL or HTTP.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

mod clock;
mod decimal;
mod excerpt;
mod id;
mod kind;
mod period;

pub use clock::{Clock, SharedClock, ShiftedClock, SteppingClock, SystemClock};
pub use decimal::{Amount, DecimalError, Fixed, Quantity};
pub use excerpt::excerpt;
pub use id::{
    BillingAccountId, CurrencyCode, CustomerTenantId, EnrolmentNumber, IdError, ImportId, PrincipalId, TenantId,
};
pub use kind::{CostBasis, InvoiceState, Offer, ParseKindError, SourceKind};
pub use period::{BillingPeriod, Day, DayRange, PeriodError};
