//! Making tokens, keys and secrets.

use chrono::{DateTime, Months, TimeDelta, Utc};
use meterlake_control::{Control, EaKey, KeySlot, NewEaKey, NewSecret, Principal, PrincipalKind, Secret};
use meterlake_model::{EnrolmentNumber, PrincipalId};
use serde_json::json;
use uuid::Uuid;

use crate::claims::{Claims, Version};
use crate::scope::IMPERSONATION;
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
    /// The API; none where the token is for the application itself.
    pub(crate) audience: Option<Audience>,
    /// The audience's name in the token.
    pub(crate) resource: &'a str,
    pub(crate) lifetime_seconds: i64,
}

/// Whom a token is for.
pub(crate) struct Grantee {
    principal: Principal,
    client_id: Uuid,
    /// How the application proved itself: 1 by secret, 0 not at all.
    proof: &'static str,
    /// What a user's token says besides.
    person: Option<Person>,
}

/// What a user's token says.
struct Person {
    /// What the user signs in with.
    name: String,
    scopes: String,
    /// The sign-in that it came from.
    family: Option<Uuid>,
}

impl Grantee {
    /// An application.
    pub(crate) fn of(application: &Principal) -> Self {
        let client_id = application.client_id.unwrap_or(OPERATOR_CLIENT);
        Self { client_id, proof: "1", person: None, principal: application.clone() }
    }

    /// A user whose token an operator's command makes.
    fn by_operator(user: &Principal, name: String) -> Self {
        let person = Person { name, scopes: IMPERSONATION.to_owned(), family: None };
        Self { client_id: OPERATOR_CLIENT, proof: "0", person: Some(person), principal: user.clone() }
    }

    /// A user who signed in to an application.
    pub(crate) fn person(user: &Principal, name: &str, application: &Principal, family: Uuid, scopes: &str) -> Self {
        let openid = scopes.split(' ').filter(|s| !s.is_empty() && *s != "offline_access");
        let scopes = std::iter::once(IMPERSONATION).chain(openid).collect::<Vec<_>>().join(" ");
        Self {
            client_id: application.client_id.unwrap_or_default(),
            proof: if application.public { "0" } else { "1" },
            person: Some(Person { name: name.to_owned(), scopes, family: Some(family) }),
            principal: user.clone(),
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
            audience: Some(audience),
            resource: self.inner.config.audiences.name(audience),
            lifetime_seconds: lifetime.num_seconds(),
        };
        let grantee = match kind {
            PrincipalKind::Application => Grantee::of(&principal),
            PrincipalKind::User => Grantee::by_operator(&principal, self.sign_in_name(&principal).await?),
        };
        self.issue(&grantee, &order, &self.inner.control).await
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
        let v2 = version == Version::V2;
        let person = grantee.person.as_ref();
        let name = person.map(|person| person.name.clone());
        let roles =
            if person.is_none() { order.audience.map(|audience| vec![audience.role().to_owned()]) } else { None };
        let claims = Claims {
            aud: resource.to_owned(),
            iss: version.issuer(order.issuer_base, &tid),
            iat: begin,
            nbf: begin,
            exp: begin.saturating_add(lifetime_seconds),
            appid: client_id.clone(),
            appidacr: grantee.proof.to_owned(),
            azp: v2.then_some(client_id),
            azpacr: v2.then(|| grantee.proof.to_owned()),
            idtyp: person.is_none().then(|| "app".to_owned()),
            name: person.map(|_| principal.name.clone()),
            preferred_username: name.clone().filter(|_| v2),
            unique_name: name.clone().filter(|_| !v2),
            upn: name.filter(|_| !v2),
            sid: person.and_then(|person| person.family),
            oid: principal.id.to_string(),
            sub: principal.id.to_string(),
            roles,
            scp: person.map(|person| person.scopes.clone()),
            tid,
            uti: Uuid::new_v4().simple().to_string(),
            ver: version.as_str().to_owned(),
        };
        let token = self.inner.keys.sign(&self.inner.control, &claims).await?;
        let instant = |seconds| DateTime::from_timestamp(seconds, 0).unwrap_or(DateTime::UNIX_EPOCH);
        let issued = IssuedToken { token, not_before: instant(claims.nbf), expires_at: instant(claims.exp) };
        let detail = json!({
            "token": claims.uti, "audience": resource, "version": claims.ver, "expires_at": issued.expires_at,
            "client": claims.appid, "sign_in": claims.sid,
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
