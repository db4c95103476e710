//! The crate's front door.

use std::sync::Arc;

use meterlake_control::Control;
use meterlake_model::SharedClock;

use crate::authenticate::Known;
use crate::external::ExternalIssuers;
use crate::local::LocalOperator;
use crate::password::PasswordHashing;
use crate::signing::KeyRing;
use crate::{Audiences, IdentityError, LinkSigner, MAX_LIFETIME_SECONDS, random};

/// The longest that a refresh token may lie unused.
const MAX_REFRESH_TOKEN_DAYS: u32 = 3650;
/// The longest that a browser may stay signed in.
const MAX_SESSION_HOURS: u32 = 24 * 90;

/// Settings of [`Identity`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdentityConfig {
    /// Base URL (scheme, host, port) of the issuer in tokens, without a final slash.
    pub issuer_base: String,
    /// Whether the base URL that a request came to takes the place of `issuer_base` in its token: for servers that
    /// were not told the URL they are reached at. Tokens are then known by their signature, tenant and version,
    /// whatever host their issuer names.
    pub issuer_from_request: bool,
    /// Names of the audiences.
    pub audiences: Audiences,
    /// Life of tokens from the token endpoint, in seconds (at most a day).
    pub token_lifetime_seconds: u32,
    /// Age in days at which a signing key is replaced; 0: never.
    pub signing_key_days: u32,
    /// Days that a refresh token may lie unused.
    pub refresh_token_days: u32,
    /// Hours that a browser stays signed in.
    pub session_hours: u32,
}

impl Default for IdentityConfig {
    fn default() -> Self {
        Self {
            issuer_base: "http://localhost:8080".to_owned(),
            issuer_from_request: true,
            audiences: Audiences::default(),
            token_lifetime_seconds: 3600,
            signing_key_days: 90,
            refresh_token_days: 90,
            session_hours: 8,
        }
    }
}

/// Issues and checks tokens and keys. Cheap to clone. All its state is in the control state, so that a change made
/// by another process acts at once: what is remembered of it holds for one revision only.
#[derive(Clone, Debug)]
pub struct Identity {
    pub(crate) inner: Arc<Inner>,
    pub(crate) local: Option<Arc<LocalOperator>>,
}

#[derive(Clone)]
pub(crate) struct Inner {
    pub(crate) control: Control,
    pub(crate) clock: SharedClock,
    pub(crate) config: Arc<IdentityConfig>,
    pub(crate) keys: Arc<KeyRing>,
    pub(crate) known: Arc<Known>,
    pub(crate) external: Arc<ExternalIssuers>,
    pub(crate) passwords: PasswordHashing,
    pub(crate) server_secret: [u8; 32],
}

impl std::fmt::Debug for Inner {
    /// Without the secrets.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Inner").field("config", &self.config).finish_non_exhaustive()
    }
}

impl Identity {
    /// Opens the identity of a data folder; makes its signing key and server secret when it has none yet.
    ///
    /// # Errors
    /// When the control state fails, no key can be made, a length of time in the settings is out of range, or an
    /// audience has no name of its own.
    pub async fn open(control: Control, clock: SharedClock, config: IdentityConfig) -> Result<Self, IdentityError> {
        let lifetime = i64::from(config.token_lifetime_seconds);
        if !(1..=MAX_LIFETIME_SECONDS).contains(&lifetime) {
            return Err(IdentityError::LifetimeSetting { given: lifetime, max: MAX_LIFETIME_SECONDS });
        }
        config.audiences.check()?;
        for (setting, given, max) in [
            ("refresh_token_days", config.refresh_token_days, MAX_REFRESH_TOKEN_DAYS),
            ("session_hours", config.session_hours, MAX_SESSION_HOURS),
        ] {
            if !(1..=max).contains(&given) {
                return Err(IdentityError::TokenSetting { setting, given, max });
            }
        }
        let kept = control.server_secret("links", &random::bits()?).await?;
        let server_secret =
            <[u8; 32]>::try_from(kept).map_err(|_| IdentityError::Crypto("reading the server secret"))?;
        let keys = Arc::new(KeyRing::open(&control, &clock).await?);
        let config = Arc::new(config);
        let external = Arc::new(ExternalIssuers::none());
        let passwords = PasswordHashing::default();
        let known = Arc::default();
        let inner = Inner { control, clock, config, keys, known, external, passwords, server_secret };
        Ok(Self { inner: Arc::new(inner), local: None })
    }

    /// The same identity for a request from `peer`, an address: the audit trail names it as the origin of what the
    /// request brings about.
    #[must_use]
    pub fn coming_from(&self, peer: &str) -> Self {
        let inner = Inner { control: self.inner.control.coming_from(peer), ..Inner::clone(&self.inner) };
        Self { inner: Arc::new(inner), local: self.local.clone() }
    }

    /// The signer of links of one purpose, for example `next-link` or `export-link`.
    #[must_use]
    pub fn link_signer(&self, purpose: &str) -> LinkSigner {
        LinkSigner::new(&self.inner.server_secret, purpose)
    }

    /// The settings.
    #[must_use]
    pub fn config(&self) -> &IdentityConfig {
        &self.inner.config
    }

    /// The issuer base for a request that came to `base_url`.
    pub(crate) fn issuer_base<'a>(&'a self, base_url: &'a str) -> &'a str {
        if self.inner.config.issuer_from_request { base_url } else { &self.inner.config.issuer_base }
    }
}
