//! From a token or key to the caller it stands for.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use meterlake_control::{EaKey, Kept, KeySlot, PrincipalKind, Revision, TokenStanding};
use meterlake_model::{EnrolmentNumber, PrincipalId, TenantId};
use subtle::ConstantTimeEq as _;
use uuid::Uuid;

use crate::claims::{Claims, Version};
use crate::{Audience, AuthError, Grants, Identity, external, random};

/// Difference of clocks that is forgiven, in seconds.
const LEEWAY_SECONDS: i64 = 60;

/// Bytes of good tokens, and of good keys, that are remembered: thousands.
const KNOWN_BYTES: usize = 16 << 20;

/// Longer texts are no tokens of ours.
const MAX_TOKEN_BYTES: usize = 16 * 1024;

/// Who calls with a token.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Caller {
    /// Its principal.
    pub principal: PrincipalId,
    /// Whether it is a user's token (`scp`), not an application's (`roles`).
    pub is_user: bool,
    /// Name of the principal.
    pub name: String,
    /// Tenant of the principal.
    pub tenant: TenantId,
    /// What it may read.
    pub grants: Arc<Grants>,
    /// The revision of the control state that this was read in, of a moment within the request; none when nothing was
    /// read.
    pub revision: Option<Revision>,
}

/// Who calls with an API key.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct EaCaller {
    /// Id of the key.
    pub key: Uuid,
    /// Its slot.
    pub slot: KeySlot,
    /// The one enrolment it opens.
    pub enrolment: EnrolmentNumber,
}

/// Tokens and keys that were found good, and for whom. All of it holds for one revision of the control state only; what
/// time alone changes is checked on each request.
#[derive(Debug)]
pub(crate) struct Known {
    tokens: Kept<[u8; 32], Arc<KnownToken>>,
    keys: Kept<[u8; 32], Arc<EaKey>>,
}

/// A token of ours whose signature fits and whose principal may call.
#[derive(Debug)]
struct KnownToken {
    claims: Claims,
    /// From when the key that signed it no longer verifies.
    key_expires_at: Option<DateTime<Utc>>,
    caller: Caller,
}

impl Default for Known {
    fn default() -> Self {
        Self { tokens: Kept::new(KNOWN_BYTES), keys: Kept::new(KNOWN_BYTES) }
    }
}

/// The token of an `Authorization` header whose scheme is `Bearer`, in any case.
#[must_use]
pub fn bearer_token(authorization: &str) -> Option<&str> {
    let (scheme, token) = authorization.trim().split_once(' ')?;
    let token = token.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then_some(token)
}

impl Identity {
    /// Checks a token for an API: signature, life, issuer, audience, and that its principal may still call; and reads
    /// what it may read as of now. `token` is without the scheme (see [`bearer_token`]).
    ///
    /// # Errors
    /// [`AuthError`]; only [`AuthError::is_internal`] ones are not the token's fault.
    pub async fn authenticate(&self, token: &str, audience: Audience) -> Result<Caller, AuthError> {
        if let Some(operator) = self.local_caller(token, audience) {
            return Ok(operator);
        }
        if token.len() > MAX_TOKEN_BYTES {
            return Err(AuthError::Malformed("it is too long"));
        }
        let inner = &self.inner;
        if let Some(issuer) = inner.external.of(token) {
            let audiences = (&inner.config.audiences, audience);
            let caller = external::authenticate(issuer, (&inner.control, &inner.clock), audiences, token).await?;
            return self.caller(caller.principal.id, (&caller.id, caller.issued_at), caller.is_user).await;
        }
        let revision = inner.control.revision().await?;
        let hash = random::hash(token);
        if let Some(known) = inner.known.tokens.get(revision, &hash) {
            if known.key_expires_at.is_some_and(|at| at <= inner.clock.now()) {
                return Err(AuthError::UnknownKey);
            }
            self.check_claims(&known.claims, audience)?;
            return Ok(known.caller.clone());
        }
        let (claims, key_expires_at) = inner.keys.verify(&inner.control, token).await?;
        self.check_claims(&claims, audience)?;
        let id: PrincipalId = claims.oid.parse().map_err(|_| AuthError::UnknownPrincipal)?;
        let mut caller = self.caller(id, (&claims.uti, claims.iat), claims.scp.is_some()).await?;
        if caller.tenant.to_string() != claims.tid {
            return Err(AuthError::UnknownPrincipal);
        }
        if let Some(family) = claims.sid
            && !inner.control.family_holds(family).await?
        {
            return Err(AuthError::SignedOut);
        }
        caller.revision = Some(revision);
        // Texts of the claims, and the nodes of the set of grants.
        let bytes = token.len() + 1024 + 64 * caller.grants.len();
        let known = KnownToken { claims, key_expires_at, caller: caller.clone() };
        inner.known.tokens.keep(&inner.control, revision, hash, Arc::new(known), bytes).await?;
        Ok(caller)
    }

    /// The principal of a token of which everything else holds, with what it may read as of now.
    async fn caller(&self, id: PrincipalId, token: (&str, i64), is_user: bool) -> Result<Caller, AuthError> {
        let (uti, issued_at) = token;
        let standing = self.inner.control.token_standing(id, uti).await?;
        let TokenStanding { principal, revoked, revoked_until } = standing.ok_or(AuthError::UnknownPrincipal)?;
        if is_user != (principal.kind == PrincipalKind::User) {
            return Err(AuthError::UnknownPrincipal);
        }
        // Tokens tell the second that they were issued in: those of the second of the revocation are revoked, too.
        if revoked || revoked_until.is_some_and(|until| issued_at <= until.timestamp()) {
            return Err(AuthError::TokenRevoked);
        }
        if !principal.enabled {
            return Err(AuthError::Disabled);
        }
        let grants = self.inner.control.grants(Some(id)).await?;
        Ok(Caller {
            principal: id,
            is_user,
            name: principal.name,
            tenant: principal.tenant,
            grants: Arc::new(grants.into_iter().map(|g| g.scope).collect()),
            revision: None,
        })
    }

    fn check_claims(&self, claims: &Claims, audience: Audience) -> Result<(), AuthError> {
        let now = self.inner.clock.now().timestamp();
        if claims.exp.saturating_add(LEEWAY_SECONDS) <= now {
            return Err(AuthError::Expired);
        }
        if claims.nbf.saturating_sub(LEEWAY_SECONDS) > now {
            return Err(AuthError::NotYetValid);
        }
        if !self.is_issuer(claims) {
            return Err(AuthError::Issuer);
        }
        if self.inner.config.audiences.find(&claims.aud) != Some(audience) {
            return Err(AuthError::Audience);
        }
        Ok(())
    }

    fn is_issuer(&self, claims: &Claims) -> bool {
        let Some(version) = Version::from_claim(&claims.ver) else { return false };
        if self.inner.config.issuer_from_request {
            claims.iss.ends_with(&version.issuer("", &claims.tid))
        } else {
            claims.iss == version.issuer(&self.inner.config.issuer_base, &claims.tid)
        }
    }

    /// Checks an API key of an enrolment.
    ///
    /// # Errors
    /// [`AuthError`]; only [`AuthError::is_internal`] ones are not the key's fault.
    pub async fn authenticate_ea_key(&self, key: &str) -> Result<EaCaller, AuthError> {
        if let Some(operator) = self.local_ea_caller(key) {
            return Ok(operator);
        }
        let hash = random::hash(key);
        let inner = &self.inner;
        let revision = inner.control.revision().await?;
        let kept = match inner.known.keys.get(revision, &hash) {
            Some(known) => known,
            None => {
                let kept = inner.control.key_by_hash(&hash).await?.ok_or(AuthError::UnknownApiKey)?;
                let kept = Arc::new(kept);
                inner.known.keys.keep(&inner.control, revision, hash, Arc::clone(&kept), 512).await?;
                kept
            }
        };
        if !bool::from(hash.as_slice().ct_eq(&kept.hash)) {
            return Err(AuthError::UnknownApiKey);
        }
        if kept.revoked_at.is_some() {
            return Err(AuthError::Revoked);
        }
        if kept.expires_at <= inner.clock.now() {
            return Err(AuthError::Expired);
        }
        Ok(EaCaller { key: kept.id, slot: kept.slot, enrolment: kept.enrolment.clone() })
    }
}
