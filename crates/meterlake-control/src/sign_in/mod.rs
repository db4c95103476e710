//! Sign-in of people: passwords, applications' redirect URIs, consents, sessions, codes, and the tokens that came of
//! them. Secrets arrive here as hashes only.

mod applications;
mod authorization_codes;
mod consents;
mod device_codes;
mod passwords;
mod sessions;
mod token_families;

pub use applications::RedirectUri;
pub use authorization_codes::{AuthorizationCode, Redemption};
pub use consents::Consent;
pub use device_codes::{DeviceCode, DeviceDecision, NewDeviceCode};
pub use sessions::SignInSession;
pub(crate) use token_families::{FamilyFilter, end_sign_ins};
pub use token_families::{Refresh, TokenFamily};
