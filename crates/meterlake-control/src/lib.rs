//! Control state: customers, enrolments, tenants, principals and what they may read, keys and secrets,
//! records of imports and exports, and the audit trail. One SQLite file, used by several processes at once.
//! The only crate that knows SQL.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

mod attempts;
mod audit;
mod control;
mod customers;
mod enrolments;
mod error;
mod export_jobs;
mod external_identities;
mod grants;
mod imports;
mod kept;
mod keys;
mod looked_up;
mod named;
mod principals;
mod revision;
mod revocations;
mod secrets;
mod sign_in;
mod signing_keys;
mod stored;
mod tenants;

pub use attempts::AttemptLimit;
pub use audit::{AuditEntry, AuditFilter};
pub use control::Control;
pub use customers::{Customer, CustomerChange, CustomerSeen};
pub use enrolments::Enrolment;
pub use error::ControlError;
pub use export_jobs::{ExportJob, ExportOutcome, ExportStatus};
pub use external_identities::{ExternalIdentity, ExternalLink};
pub use grants::{Grant, GrantScope};
pub use imports::{ImportRow, ImportState, StoredImport};
pub use kept::Kept;
pub use keys::{EaKey, KeySlot, NewEaKey};
pub use principals::{NewPrincipal, Principal, PrincipalKind};
pub use revision::Revision;
pub use revocations::TokenStanding;
pub use secrets::{NewSecret, Secret};
pub use sign_in::{
    AuthorizationCode, Consent, DeviceCode, DeviceDecision, NewDeviceCode, Redemption, RedirectUri, Refresh,
    SignInSession, TokenFamily,
};
pub use signing_keys::{Rotation, SigningKey};
pub use tenants::{Tenant, TenantKind};
