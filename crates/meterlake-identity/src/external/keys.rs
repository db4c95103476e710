//! The keys of another party's issuer: fetched when first needed, kept for a day, fetched again for a key id that is
//! not among them (once a minute at most), and good for a week while the issuer cannot be reached.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use jsonwebtoken::jwk::{Jwk, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use meterlake_model::SharedClock;
use serde_json::{Map, Value};
use tokio::sync::Mutex;

use super::ExternalIssuer;
use crate::AuthError;

/// How long keys are taken as they are before they are fetched again.
const FRESH: TimeDelta = TimeDelta::hours(24);
/// How long keys are good while the issuer cannot be reached.
const GOOD: TimeDelta = TimeDelta::days(7);
/// The least time between two fetches, whether they succeed or not.
const PAUSE: TimeDelta = TimeDelta::minutes(1);
/// Signatures that are taken: by key pairs only, so that no public key can pass for a secret.
const ALGORITHMS: [Algorithm; 5] =
    [Algorithm::RS256, Algorithm::RS384, Algorithm::RS512, Algorithm::ES256, Algorithm::PS256];

/// Gets documents of issuers. The program does it over the network.
#[async_trait]
pub trait KeyFetcher: Send + Sync {
    /// The document at an address.
    ///
    /// # Errors
    /// Why it cannot be got, for the log.
    async fn fetch(&self, url: &str) -> Result<Vec<u8>, String>;
}

/// Whether an address can be trusted for keys: by TLS, or because it is on this machine.
pub(super) fn is_safe(url: &str) -> bool {
    let local = |rest: &str| {
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        let host = match authority.strip_prefix('[') {
            Some(v6) => v6.split(']').next().unwrap_or_default(),
            None => authority.split(':').next().unwrap_or_default(),
        };
        !authority.contains('@') && matches!(host, "localhost" | "127.0.0.1" | "::1")
    };
    url.strip_prefix("https://").is_some_and(|rest| !rest.is_empty()) || url.strip_prefix("http://").is_some_and(local)
}

struct Key {
    verifies: DecodingKey,
    /// The one algorithm that it is for, where the issuer says so.
    algorithm: Option<String>,
}

struct Fetched {
    keys: HashMap<String, Arc<Key>>,
    at: DateTime<Utc>,
}

/// The keys of one issuer.
pub(crate) struct IssuerKeys {
    issuer: String,
    jwks_uri: Option<String>,
    fetcher: Arc<dyn KeyFetcher>,
    clock: SharedClock,
    fetched: RwLock<Option<Fetched>>,
    /// When keys were last asked for; held while they are.
    asked: Mutex<Option<DateTime<Utc>>>,
}

impl IssuerKeys {
    pub(super) fn new(issuer: &ExternalIssuer, fetcher: Arc<dyn KeyFetcher>, clock: SharedClock) -> Self {
        Self {
            issuer: issuer.issuer.clone(),
            jwks_uri: issuer.jwks_uri.clone(),
            fetcher,
            clock,
            fetched: RwLock::default(),
            asked: Mutex::default(),
        }
    }

    /// The claims of a token that one of the issuer's keys signed. Their contents are not checked here.
    pub(super) async fn verify(self: &Arc<Self>, token: &str) -> Result<Map<String, Value>, AuthError> {
        let header = jsonwebtoken::decode_header(token).map_err(|e| match e.kind() {
            jsonwebtoken::errors::ErrorKind::Json(_) => AuthError::Algorithm,
            _ => AuthError::Malformed("its header cannot be read"),
        })?;
        if !ALGORITHMS.contains(&header.alg) {
            return Err(AuthError::Algorithm);
        }
        let kid = header.kid.ok_or(AuthError::UnknownKey)?;
        let key = self.key(&kid).await.ok_or(AuthError::UnknownKey)?;
        if key.algorithm.as_ref().is_some_and(|only| *only != format!("{:?}", header.alg)) {
            return Err(AuthError::Algorithm);
        }
        // Instants are compared with the injected clock, by the caller.
        let mut validation = Validation::new(header.alg);
        validation.required_spec_claims.clear();
        validation.validate_exp = false;
        validation.validate_nbf = false;
        validation.validate_aud = false;
        let decoded = jsonwebtoken::decode::<Map<String, Value>>(token, &key.verifies, &validation);
        decoded.map(|d| d.claims).map_err(|e| match e.kind() {
            jsonwebtoken::errors::ErrorKind::InvalidSignature => AuthError::Signature,
            jsonwebtoken::errors::ErrorKind::InvalidAlgorithm => AuthError::Algorithm,
            _ => AuthError::Malformed("its claims cannot be read"),
        })
    }

    /// The key of that id.
    async fn key(self: &Arc<Self>, kid: &str) -> Option<Arc<Key>> {
        if let (Some(key), fresh) = self.kept(kid) {
            if !fresh {
                // Nobody waits for the fetch: the key at hand is good.
                let keys = Arc::clone(self);
                tokio::spawn(async move { keys.refresh().await });
            }
            return Some(key);
        }
        self.refresh().await;
        self.kept(kid).0
    }

    /// The key of that id among those at hand that are still good, and whether these are fresh.
    fn kept(&self, kid: &str) -> (Option<Arc<Key>>, bool) {
        let fetched = self.fetched.read().unwrap_or_else(PoisonError::into_inner);
        let Some(fetched) = fetched.as_ref() else { return (None, false) };
        let age = self.clock.now() - fetched.at;
        let key = fetched.keys.get(kid).filter(|_| age < GOOD).map(Arc::clone);
        (key, age < FRESH)
    }

    /// Fetches the keys, unless that was tried less than a minute ago. Requests that need them meanwhile wait for the
    /// one fetch.
    async fn refresh(&self) {
        let mut asked = self.asked.lock().await;
        let now = self.clock.now();
        if asked.is_some_and(|at| now - at < PAUSE) {
            return;
        }
        *asked = Some(now);
        match self.fetch().await {
            Ok(keys) => {
                tracing::info!(issuer = %self.issuer, keys = keys.len(), "fetched the keys of an issuer");
                let mut fetched = self.fetched.write().unwrap_or_else(PoisonError::into_inner);
                *fetched = Some(Fetched { keys, at: now });
            }
            Err(error) => tracing::warn!(issuer = %self.issuer, %error, "cannot fetch the keys of an issuer"),
        }
    }

    async fn fetch(&self) -> Result<HashMap<String, Arc<Key>>, String> {
        let uri = match &self.jwks_uri {
            Some(uri) => uri.clone(),
            None => self.discovered().await?,
        };
        let document = self.document(&uri).await?;
        let keys = document.get("keys").and_then(Value::as_array).ok_or_else(|| format!("{uri} lists no keys"))?;
        // A key of a kind that is not known here is no reason to refuse the others.
        let keys: HashMap<_, _> = keys.iter().filter_map(usable).collect();
        if keys.is_empty() {
            return Err(format!("{uri} lists no key that can be used"));
        }
        Ok(keys)
    }

    /// Where the issuer's metadata says that its keys are.
    async fn discovered(&self) -> Result<String, String> {
        let url = format!("{}/.well-known/openid-configuration", self.issuer.trim_end_matches('/'));
        let metadata = self.document(&url).await?;
        let text = |name: &str| metadata.get(name).and_then(Value::as_str);
        if text("issuer") != Some(&self.issuer) {
            return Err(format!("{url} is of the issuer {:?}", text("issuer").unwrap_or_default()));
        }
        let uri = text("jwks_uri").ok_or_else(|| format!("{url} has no jwks_uri"))?;
        if !is_safe(uri) {
            return Err(format!("{url} has a jwks_uri without TLS"));
        }
        Ok(uri.to_owned())
    }

    async fn document(&self, url: &str) -> Result<Value, String> {
        let bytes = self.fetcher.fetch(url).await?;
        serde_json::from_slice(&bytes).map_err(|error| format!("{url} is no JSON: {error}"))
    }
}

/// A key of the list that verifies signatures, with its id.
fn usable(value: &Value) -> Option<(String, Arc<Key>)> {
    let jwk: Jwk = serde_json::from_value(value.clone()).ok()?;
    if jwk.common.public_key_use.as_ref().is_some_and(|only| *only != PublicKeyUse::Signature) {
        return None;
    }
    let algorithm = value.get("alg").and_then(Value::as_str).map(str::to_owned);
    let kid = jwk.common.key_id.clone()?;
    Some((kid, Arc::new(Key { verifies: DecodingKey::from_jwk(&jwk).ok()?, algorithm })))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_tls_or_this_machine() {
        for good in
            ["https://login.example/x/v2.0", "http://localhost:8080/realms/x", "http://127.0.0.1:1", "http://[::1]:9/x"]
        {
            assert!(is_safe(good), "{good}");
        }
        for bad in [
            "http://login.example",
            "http://localhost.example",
            "http://127.0.0.1.example/",
            "http://localhost@login.example",
            "http://localhost:x@login.example",
            "ftp://localhost",
            "https://",
            "",
        ] {
            assert!(!is_safe(bad), "{bad}");
        }
    }
}
