//! The keys that sign tokens, and the check of signatures.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use aws_lc_rs::encoding::{AsDer as _, Pkcs8V1Der, PublicKeyX509Der};
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::KeyPair as _;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use chrono::{DateTime, TimeDelta, Utc};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use meterlake_control::{Control, Rotation, SigningKey};
use meterlake_model::SharedClock;
use sha2::{Digest as _, Sha256};

use crate::claims::Claims;
use crate::{AuthError, Identity, IdentityError, MAX_LIFETIME_SECONDS};

/// The keys of the control state. Which of them hold is read there each time; only their parsed form is kept here.
pub(crate) struct KeyRing {
    parsed: RwLock<HashMap<String, Arc<Parsed>>>,
}

struct Parsed {
    signs: EncodingKey,
    verifies: DecodingKey,
}

impl KeyRing {
    /// Makes a first key where there is none.
    pub(crate) async fn open(control: &Control, clock: &SharedClock) -> Result<Self, IdentityError> {
        if !control.signing_keys().await?.iter().any(|key| key.signs(clock.now())) {
            control.add_first_signing_key(&generate(clock)?).await?;
        }
        Ok(Self { parsed: RwLock::default() })
    }

    /// Signs the claims with the newest key that signs by now.
    pub(crate) async fn sign(
        &self,
        control: &Control,
        claims: &impl serde::Serialize,
    ) -> Result<String, IdentityError> {
        let keys = control.signing_keys().await?;
        let now = control.clock().now();
        // A clock that was set back is before every key: then the first one signs, instead of nobody getting a token.
        let earliest = || keys.iter().filter(|key| key.signs(key.signs_from)).min_by_key(|key| key.signs_from);
        let key = keys
            .iter()
            .find(|key| key.signs(now))
            .or_else(earliest)
            .ok_or(IdentityError::Crypto("finding a signing key"))?;
        let parsed = self.parsed(key)?;
        let mut header = Header::new(Algorithm::RS256);
        header.kid = Some(key.kid.clone());
        header.x5t = Some(key.kid.clone());
        jsonwebtoken::encode(&header, claims, &parsed.signs).map_err(|_| IdentityError::Crypto("signing a token"))
    }

    /// The claims of a token that one of our keys signed, and from when that key no longer verifies. The contents of the
    /// claims are not checked here.
    pub(crate) async fn verify(
        &self,
        control: &Control,
        token: &str,
    ) -> Result<(Claims, Option<DateTime<Utc>>), AuthError> {
        let header = jsonwebtoken::decode_header(token).map_err(|e| match e.kind() {
            jsonwebtoken::errors::ErrorKind::Json(_) => AuthError::Algorithm,
            _ => AuthError::Malformed("its header cannot be read"),
        })?;
        if header.alg != Algorithm::RS256 {
            return Err(AuthError::Algorithm);
        }
        let kid = header.kid.ok_or(AuthError::UnknownKey)?;
        let keys = control.signing_keys().await?;
        let key = keys.iter().find(|k| k.kid == kid).ok_or(AuthError::UnknownKey)?;
        let parsed = self.parsed(key).map_err(|_| AuthError::UnknownKey)?;
        // Instants are compared with the injected clock, by the caller.
        let mut validation = Validation::new(Algorithm::RS256);
        validation.required_spec_claims.clear();
        validation.validate_exp = false;
        validation.validate_nbf = false;
        validation.validate_aud = false;
        let decoded = jsonwebtoken::decode::<Claims>(token, &parsed.verifies, &validation);
        decoded.map(|d| (d.claims, key.expires_at)).map_err(|e| match e.kind() {
            jsonwebtoken::errors::ErrorKind::InvalidSignature => AuthError::Signature,
            _ => AuthError::Malformed("its claims cannot be read"),
        })
    }

    fn parsed(&self, key: &SigningKey) -> Result<Arc<Parsed>, IdentityError> {
        if let Some(parsed) = self.parsed.read().unwrap_or_else(PoisonError::into_inner).get(&key.kid) {
            return Ok(Arc::clone(parsed));
        }
        let parsed = Arc::new(Parsed {
            signs: private_key(&key.pkcs8)?,
            verifies: DecodingKey::from_rsa_raw_components(&key.modulus, &key.exponent),
        });
        let mut all = self.parsed.write().unwrap_or_else(PoisonError::into_inner);
        all.insert(key.kid.clone(), Arc::clone(&parsed));
        Ok(parsed)
    }
}

impl fmt::Debug for KeyRing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyRing")
    }
}

/// Reads a PKCS#8 key. The library takes that form only as PEM.
fn private_key(pkcs8: &[u8]) -> Result<EncodingKey, IdentityError> {
    let pem = format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", STANDARD.encode(pkcs8));
    EncodingKey::from_rsa_pem(pem.as_bytes()).map_err(|_| IdentityError::Crypto("reading a signing key"))
}

/// A new RSA key of 2048 bits.
fn generate(clock: &SharedClock) -> Result<SigningKey, IdentityError> {
    let failed = |_| IdentityError::Crypto("making a signing key");
    let pair = KeyPair::generate(KeySize::Rsa2048).map_err(failed)?;
    let private: Pkcs8V1Der<'_> = pair.as_der().map_err(failed)?;
    let public: PublicKeyX509Der<'_> = pair.public_key().as_der().map_err(failed)?;
    // Where the real service names a certificate, as long as a SHA-1 thumbprint; there is no certificate here.
    let thumbprint = Sha256::digest(public.as_ref());
    Ok(SigningKey {
        kid: URL_SAFE_NO_PAD.encode(&thumbprint[..20]),
        pkcs8: private.as_ref().to_vec(),
        modulus: pair.public_key().modulus().big_endian_without_leading_zero().to_vec(),
        exponent: pair.public_key().exponent().big_endian_without_leading_zero().to_vec(),
        created_at: clock.now(),
        signs_from: clock.now(),
        retired_at: None,
        expires_at: None,
    })
}

/// For how long a retired key verifies: an hour more than the longest life of a token, so that leeway and clocks apart
/// cost no caller anything.
const OVERLAP: TimeDelta = TimeDelta::seconds(MAX_LIFETIME_SECONDS + 3600);

/// For how long the next key of a rotation by age is published before it signs: as long as clients may keep the list
/// of keys.
const AHEAD: TimeDelta = TimeDelta::days(1);

impl Identity {
    /// Makes a new key that signs from now on. Tokens of the old ones stay valid, unless `revoke_old`: an old key
    /// verifies for as long as a token can live.
    ///
    /// # Errors
    /// When no key can be made, or the control state fails.
    pub async fn rotate_signing_key(&self, revoke_old: bool) -> Result<String, IdentityError> {
        let overlap = if revoke_old { TimeDelta::zero() } else { OVERLAP };
        let key = generate(&self.inner.clock)?;
        let rotation = Rotation { min_age: None, ahead: TimeDelta::zero(), overlap };
        self.inner.control.rotate_signing_key(&key, rotation).await?;
        Ok(key.kid)
    }

    /// Makes the next key when the newest is as old as the settings say (`signing_key_days`; zero: never). It is
    /// published at once and signs a day later. Its id, when one was made: of several processes, by one of them.
    ///
    /// # Errors
    /// When no key can be made, or the control state fails.
    pub async fn rotate_old_signing_key(&self) -> Result<Option<String>, IdentityError> {
        let days = self.inner.config.signing_key_days;
        if days == 0 {
            return Ok(None);
        }
        let age = TimeDelta::days(i64::from(days));
        let newest = self.inner.control.newest_signing_key_at().await?;
        if newest.is_some_and(|newest| self.inner.clock.now() - newest < age) {
            return Ok(None);
        }
        let key = generate(&self.inner.clock)?;
        let rotation = Rotation { min_age: Some(age), ahead: AHEAD, overlap: OVERLAP };
        let made = self.inner.control.rotate_signing_key(&key, rotation).await?;
        Ok(made.then_some(key.kid))
    }
}
