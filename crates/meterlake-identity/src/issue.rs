//! Making tokens, keys and secrets.

use chrono::{DateTime, Months, TimeDelta, Utc};
use meterlake_control::{Control, EaKey, KeySlot, NewEaKey, NewSecret, Principal, PrincipalKind, Secret};
use meterlake_model::{EnrolmentNumber, PrincipalId};
use serde_json::json;
use uuid::Uuid;

use crate::claims::{Claims, Version};
use crate::{Audience, Identity, IdentityError, random};

/// The longest life of a token: a day.
pub const MAX_LIFETIME_SECONDS: i64 = 86_400;

/// Life of an API key in calendar months.
pub const KEY_MONTHS: u32 = 6;

/// The client id in users' tokens that an operator's command made.
const OPERATOR_CLIENT: Uuid = Uuid::from_u128(0x6d65_7465_726c_416b_b065_6f70_6572_6174);

/// An access token.
#[derive(Clone, PartialEq, Eq)]
pub struct IssuedToken {
    /// The text of it.
    pub token: String,
    /// From when it is valid, in whole seconds.
    pub not_before: DateTime<Utc>,
    /// From when it no longer is, in whole seconds.
    pub expires_at: DateTime<Utc>,
}

impl std::fmt::Debug for IssuedToken {
    /// Without the token.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("IssuedToken").field("expires_at", &self.expires_at).finish_non_exhaustive()
    }
}

impl IssuedToken {
    /// Its life in seconds.
    #[must_use]
    pub fn lifetime_seconds(&self) -> i64 {
        (self.expires_at - self.not_before).num_seconds()
    }
}

/// A new client secret, with its text for the only time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FreshSecret {
    /// The secret as kept.
    pub secret: Secret,
    /// Its text.
    pub text: String,
}

/// A new API key, with its text for the only time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FreshKey {
    /// The key as kept.
    pub key: EaKey,
    /// Its text.
    pub text: String,
}

/// What a token is to say.
pub(crate) struct Order<'a> {
    /// Base of the issuer.
    pub(crate) issuer_base: &'a str,
    pub(crate) version: Version,
    pub(crate) audience: Audience,
    /// The audience's name in the token.
    pub(crate) resource: &'a str,
    pub(crate) lifetime_seconds: i64,
}

/// Whom a token is for.
pub(crate) struct Grantee {
    principal: Principal,
    is_user: bool,
    client_id: Uuid,
}

impl Grantee {
    pub(crate) fn of(principal: &Principal) -> Self {
        Self {
            is_user: principal.kind == PrincipalKind::User,
            client_id: principal.client_id.unwrap_or(OPERATOR_CLIENT),
            principal: principal.clone(),
        }
    }

    /// How the audit trail names it when it acts itself.
    pub(crate) fn actor(&self) -> String {
        format!("principal:{}", self.principal.id)
    }
}

impl Identity {
    /// A token of a user, made by an operator, valid for `lifetime` from now.
    ///
    /// # Errors
    /// When the principal is unknown, disabled or an application, or the lifetime is not between a second and a day.
    pub async fn user_token(
        &self,
        principal: PrincipalId,
        audience: Audience,
        lifetime: TimeDelta,
    ) -> Result<IssuedToken, IdentityError> {
        self.operator_token(principal, PrincipalKind::User, audience, lifetime).await
    }

    /// A token of an application, made by an operator, valid for `lifetime` from now.
    ///
    /// # Errors
    /// When the principal is unknown, disabled or a user, or the lifetime is not between a second and a day.
    pub async fn app_token(
        &self,
        principal: PrincipalId,
        audience: Audience,
        lifetime: TimeDelta,
    ) -> Result<IssuedToken, IdentityError> {
        self.operator_token(principal, PrincipalKind::Application, audience, lifetime).await
    }

    async fn operator_token(
        &self,
        principal: PrincipalId,
        kind: PrincipalKind,
        audience: Audience,
        lifetime: TimeDelta,
    ) -> Result<IssuedToken, IdentityError> {
        let principal = self.inner.control.find_principal(&principal.to_string()).await?;
        if principal.kind != kind {
            return Err(IdentityError::WrongKind {
                name: principal.name,
                actual: principal.kind.as_str(),
                expected: kind.as_str(),
            });
        }
        if !principal.enabled {
            return Err(IdentityError::Disabled(principal.name));
        }
        let order = Order {
            issuer_base: &self.inner.config.issuer_base,
            version: Version::V1,
            audience,
            resource: self.inner.config.audiences.name(audience),
            lifetime_seconds: lifetime.num_seconds(),
        };
        self.issue(&Grantee::of(&principal), &order, &self.inner.control).await
    }

    /// Signs a token and enters it in the audit trail as `control` acts.
    pub(crate) async fn issue(
        &self,
        grantee: &Grantee,
        order: &Order<'_>,
        control: &Control,
    ) -> Result<IssuedToken, IdentityError> {
        let Order { version, resource, lifetime_seconds, .. } = *order;
        if !(1..=MAX_LIFETIME_SECONDS).contains(&lifetime_seconds) {
            return Err(IdentityError::Lifetime { given: lifetime_seconds, max: MAX_LIFETIME_SECONDS });
        }
        let begin = self.inner.clock.now().timestamp();
        let principal = &grantee.principal;
        let (tid, client_id) = (principal.tenant.to_string(), grantee.client_id.to_string());
        let proof = if grantee.is_user { "0" } else { "1" };
        let v2 = version == Version::V2;
        let claims = Claims {
            aud: resource.to_owned(),
            iss: version.issuer(order.issuer_base, &tid),
            iat: begin,
            nbf: begin,
            exp: begin.saturating_add(lifetime_seconds),
            appid: client_id.clone(),
            appidacr: proof.to_owned(),
            azp: v2.then_some(client_id),
            azpacr: v2.then(|| proof.to_owned()),
            idtyp: (!grantee.is_user).then(|| "app".to_owned()),
            name: grantee.is_user.then(|| principal.name.clone()),
            oid: principal.id.to_string(),
            sub: principal.id.to_string(),
            roles: (!grantee.is_user).then(|| vec![order.audience.role().to_owned()]),
            scp: grantee.is_user.then(|| "user_impersonation".to_owned()),
            tid,
            uti: Uuid::new_v4().simple().to_string(),
            ver: version.as_str().to_owned(),
        };
        let token = self.inner.keys.sign(&self.inner.control, &claims).await?;
        let instant = |seconds| DateTime::from_timestamp(seconds, 0).unwrap_or(DateTime::UNIX_EPOCH);
        let issued = IssuedToken { token, not_before: instant(claims.nbf), expires_at: instant(claims.exp) };
        let detail = json!({
            "token": claims.uti, "audience": resource, "version": claims.ver, "expires_at": issued.expires_at,
        });
        control.audit("token.issue", &format!("principal:{}", principal.id), &detail).await?;
        Ok(issued)
    }

    /// Makes a client secret of an application that works for `lifetime` from now.
    ///
    /// # Errors
    /// When there is no such principal, or it is a user.
    pub async fn create_secret(
        &self,
        principal: PrincipalId,
        lifetime: TimeDelta,
    ) -> Result<FreshSecret, IdentityError> {
        let text = random::secret()?;
        let new = NewSecret {
            principal,
            hash: random::hash(&text).to_vec(),
            hint: random::hint(&text),
            expires_at: self.inner.clock.now().checked_add_signed(lifetime).unwrap_or(DateTime::<Utc>::MAX_UTC),
        };
        Ok(FreshSecret { secret: self.inner.control.add_secret(&new).await?, text })
    }

    /// Makes the API key of an enrolment's slot anew, for six months. The slot's old key ends at once.
    ///
    /// # Errors
    /// When there is no such enrolment.
    pub async fn create_ea_key(&self, enrolment: &EnrolmentNumber, slot: KeySlot) -> Result<FreshKey, IdentityError> {
        let text = random::secret()?;
        let now = self.inner.clock.now();
        let new = NewEaKey {
            enrolment: enrolment.clone(),
            slot,
            hash: random::hash(&text).to_vec(),
            hint: random::hint(&text),
            expires_at: now.checked_add_months(Months::new(KEY_MONTHS)).unwrap_or(DateTime::<Utc>::MAX_UTC),
        };
        Ok(FreshKey { key: self.inner.control.replace_key(&new).await?, text })
    }

    /// The control state that all of this is kept in.
    #[must_use]
    pub fn control(&self) -> &Control {
        &self.inner.control
    }
}
