//! Secrets: 256 random bits as text, shown once, kept as SHA-256.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest as _, Sha256};

use crate::IdentityError;

/// 256 random bits.
pub(crate) fn bits() -> Result<[u8; 32], IdentityError> {
    let mut bits = [0u8; 32];
    aws_lc_rs::rand::fill(&mut bits).map_err(|_| IdentityError::Crypto("drawing random bits"))?;
    Ok(bits)
}

/// A new secret text.
pub(crate) fn secret() -> Result<String, IdentityError> {
    Ok(URL_SAFE_NO_PAD.encode(bits()?))
}

/// SHA-256 of a secret, as kept. Its 256 bits make a slow hash needless.
pub(crate) fn hash(secret: &str) -> [u8; 32] {
    Sha256::digest(secret.as_bytes()).into()
}

/// The first characters of a secret, enough to tell it from others and far too few to guess it.
pub(crate) fn hint(secret: &str) -> String {
    secret.chars().take(8).collect()
}

/// SHA-256 of a text, in base64url: to tell texts apart without keeping them.
pub(crate) fn fingerprint(text: &str) -> String {
    URL_SAFE_NO_PAD.encode(hash(text))
}
