//! Who calls and what they may read: tokens, API keys, grants, and the signatures of links.
//! Knows nothing of HTTP; the server turns its answers and refusals into responses.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

mod attempts;
mod audience;
mod authenticate;
mod authorize;
mod claims;
mod client;
mod device;
mod discovery;
mod error;
mod external;
mod form;
mod grants;
mod id_token;
mod identity;
mod issue;
mod link;
mod local;
mod password;
mod random;
mod redirect;
mod refusal;
mod revoke;
mod scope;
mod sign_in;
mod signing;
mod token;
mod token_answer;
mod user_grants;

pub use attempts::AttemptError;
pub use audience::{Audience, Audiences};
pub use authenticate::{Caller, EaCaller, bearer_token};
pub use authorize::{Authorization, AuthorizeAnswer, AuthorizeRefusal, AuthorizeRequest};
pub use device::WaitingDevice;
pub use error::{AuthError, IdentityError};
pub use external::{ClaimNames, ExternalIssuer, KeyFetcher};
pub use form::TokenForm;
pub use grants::{CustomerScope, Grants, TenantScope};
pub use identity::{Identity, IdentityConfig};
pub use issue::{FreshKey, FreshSecret, IssuedToken, KEY_MONTHS, MAX_LIFETIME_SECONDS};
pub use link::LinkSigner;
pub use redirect::check_redirect_uri;
pub use refusal::{Moment, TokenError};
pub use sign_in::{NewSession, Person};
pub use token::TokenAnswer;
