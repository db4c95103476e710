//! Refusals of tokens and keys, and failures of this crate's own.

use meterlake_control::ControlError;

/// Why a token or key opens nothing. The message is for logs; a caller learns only that it is not valid.
#[derive(Debug, thiserror::Error)]
pub enum AuthError {
    /// Not a token in form.
    #[error("not a token: {0}")]
    Malformed(&'static str),
    /// Not signed with RS256.
    #[error("token is not signed with RS256")]
    Algorithm,
    /// Signed by a key that is none of ours, or no longer.
    #[error("token is signed by an unknown key")]
    UnknownKey,
    /// The signature does not fit: the token was altered.
    #[error("signature of the token does not fit")]
    Signature,
    /// It has ended.
    #[error("token or key has expired")]
    Expired,
    /// It has not begun.
    #[error("token is not valid yet")]
    NotYetValid,
    /// Another issuer.
    #[error("token has another issuer")]
    Issuer,
    /// For another API.
    #[error("token is for another audience")]
    Audience,
    /// Its principal is gone, or is not what the token says.
    #[error("principal of the token is unknown")]
    UnknownPrincipal,
    /// A token of another party's issuer whose person or application was linked to no principal.
    #[error("who the token of another issuer is for is linked to no principal")]
    NotLinked,
    /// Its principal was disabled.
    #[error("principal of the token is disabled")]
    Disabled,
    /// It was revoked, alone or with all of its principal's.
    #[error("token is revoked")]
    TokenRevoked,
    /// Not one of our API keys.
    #[error("API key is unknown")]
    UnknownApiKey,
    /// The sign-in that it came from was revoked.
    #[error("the sign-in that the token came from is revoked")]
    SignedOut,
    /// The API key was revoked.
    #[error("API key is revoked")]
    Revoked,
    /// The control state failed: the caller is not to blame.
    #[error(transparent)]
    Control(#[from] ControlError),
}

impl AuthError {
    /// Whether it is our failure (500) and not a refusal (401).
    #[must_use]
    pub fn is_internal(&self) -> bool {
        matches!(self, Self::Control(_))
    }
}

/// Why a token, key or secret could not be made.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// The control state failed or refused.
    #[error(transparent)]
    Control(#[from] ControlError),
    /// A cryptographic operation failed.
    #[error("{0} failed")]
    Crypto(&'static str),
    /// The principal is of the other kind.
    #[error("principal {name:?} is {actual}, expected {expected}")]
    WrongKind {
        /// Its name.
        name: String,
        /// What it is.
        actual: &'static str,
        /// What it should be.
        expected: &'static str,
    },
    /// The principal is disabled.
    #[error("principal {0:?} is disabled")]
    Disabled(String),
    /// An issuer of the settings cannot be taken.
    #[error("issuer {issuer:?} in the settings [[issuers]]: {reason}")]
    Issuer {
        /// Its name.
        issuer: String,
        /// Why.
        reason: &'static str,
    },
    /// The password is too short or too long.
    #[error("the password is not allowed, expected at least 8 characters and at most 1024 bytes")]
    Password,
    /// Not an address that answers may be sent to.
    #[error("redirect URI {given:?} is not allowed: {reason}")]
    RedirectUri {
        /// As given.
        given: String,
        /// What is wrong with it, and what was expected.
        reason: &'static str,
    },
    /// The lifetime is out of range.
    #[error("lifetime of {given} seconds is not allowed, expected 1 to {max} seconds")]
    Lifetime {
        /// As given, in seconds.
        given: i64,
        /// The longest that is allowed, in seconds.
        max: i64,
    },
    /// A length of time in the configuration is zero or too long.
    #[error("setting [tokens] {setting} = {given} is not allowed, expected 1 to {max}")]
    TokenSetting {
        /// Its name.
        setting: &'static str,
        /// As configured.
        given: u32,
        /// The longest that is allowed.
        max: u32,
    },
    /// The lifetime in the configuration is out of range.
    #[error("setting [tokens] lifetime_seconds = {given} is not allowed, expected 1 to {max} seconds")]
    LifetimeSetting {
        /// As configured, in seconds.
        given: i64,
        /// The longest that is allowed, in seconds.
        max: i64,
    },
    /// A name of an audience in the configuration cannot be one.
    #[error("setting [tokens.audiences] {audience} has {given:?}, expected {expected}")]
    AudienceSetting {
        /// The audience.
        audience: crate::Audience,
        /// The name as configured.
        given: String,
        /// What was expected.
        expected: &'static str,
    },
}
