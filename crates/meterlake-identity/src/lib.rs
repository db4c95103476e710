//! Who calls and what they may read: tokens, API keys, grants, and the signatures of links.
//! Knows nothing of HTTP; the server turns its answers and refusals into responses.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

mod attempts;
mod audience;
mod authenticate;
mod claims;
mod discovery;
mod error;
mod external;
mod form;
mod grants;
mod identity;
mod issue;
mod link;
mod local;
mod random;
mod refusal;
mod revoke;
mod signing;
mod token;

pub use attempts::AttemptError;
pub use audience::{Audience, Audiences};
pub use authenticate::{Caller, EaCaller, bearer_token};
pub use error::{AuthError, IdentityError};
pub use external::{ClaimNames, ExternalIssuer, KeyFetcher};
pub use form::TokenForm;
pub use grants::{CustomerScope, Grants, TenantScope};
pub use identity::{Identity, IdentityConfig};
pub use issue::{FreshKey, FreshSecret, IssuedToken, KEY_MONTHS, MAX_LIFETIME_SECONDS};
pub use link::LinkSigner;
pub use refusal::{Moment, TokenError};
pub use token::TokenAnswer;
