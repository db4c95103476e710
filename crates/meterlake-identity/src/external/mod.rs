//! Tokens of other parties' OpenID Connect issuers. An operator names the issuers in the settings and links their
//! people and applications to principals; a token of such an issuer then stands for the linked principal.

mod claims;
mod keys;

use std::sync::Arc;

use meterlake_control::{Control, ExternalIdentity, Principal, PrincipalKind};
use meterlake_model::SharedClock;
use serde_json::{Map, Value};

use self::keys::IssuerKeys;
pub use self::keys::KeyFetcher;
use crate::{Audience, Audiences, AuthError, Identity, IdentityError};

/// An issuer whose tokens are taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExternalIssuer {
    /// Its name, exactly as its tokens say (`iss`). Its metadata is looked up below it.
    pub issuer: String,
    /// The audiences (`aud`) that its tokens may be for. One that is a name of an API here opens that API, any other
    /// one opens all of them.
    pub audiences: Vec<String>,
    /// Where its keys are; none looks them up in its metadata.
    pub jwks_uri: Option<String>,
    /// The claims that say whom a token is for.
    pub claims: ClaimNames,
}

/// Names of claims.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimNames {
    /// Who the person is.
    pub subject: String,
    /// Which application got the token; the first that a token has.
    pub application: Vec<String>,
    /// A claim that only the tokens of people have.
    pub scopes: String,
    /// A tenant that must be the principal's; none does not look at tenants.
    pub tenant: Option<String>,
}

impl Default for ClaimNames {
    fn default() -> Self {
        Self {
            subject: "sub".to_owned(),
            application: ["azp", "appid", "client_id"].map(str::to_owned).into(),
            scopes: "scp".to_owned(),
            tenant: None,
        }
    }
}

/// The issuers of the settings with what is known of their keys.
pub(crate) struct ExternalIssuers {
    issuers: Vec<(ExternalIssuer, Arc<IssuerKeys>)>,
}

/// What a good token of another party's issuer says, once it was linked.
pub(crate) struct ExternalCaller {
    pub(crate) principal: Principal,
    pub(crate) is_user: bool,
    /// When it was issued, in seconds since 1970; the beginning of time when it does not say.
    pub(crate) issued_at: i64,
    /// Its own id, if it has one.
    pub(crate) id: String,
}

impl Identity {
    /// The same identity, which also takes the tokens of these issuers; their keys are fetched by `fetcher`.
    ///
    /// # Errors
    /// [`IdentityError::Issuer`] for an issuer that is named twice, has no audience, or is reached without TLS from
    /// another machine.
    pub fn trusting(&self, issuers: Vec<ExternalIssuer>, fetcher: &Arc<dyn KeyFetcher>) -> Result<Self, IdentityError> {
        let mut kept: Vec<(ExternalIssuer, Arc<IssuerKeys>)> = Vec::new();
        for issuer in issuers {
            let refuse = |reason| Err(IdentityError::Issuer { issuer: issuer.issuer.clone(), reason });
            if !keys::is_safe(&issuer.issuer) || issuer.jwks_uri.as_deref().is_some_and(|uri| !keys::is_safe(uri)) {
                return refuse("its addresses must begin with https://, or with http:// on this machine");
            }
            if issuer.audiences.is_empty() {
                return refuse("it needs at least one of audiences");
            }
            if kept.iter().any(|(other, _)| other.issuer == issuer.issuer) {
                return refuse("it is named twice");
            }
            let keys = IssuerKeys::new(&issuer, Arc::clone(fetcher), Arc::clone(&self.inner.clock));
            kept.push((issuer, Arc::new(keys)));
        }
        let inner = crate::identity::Inner {
            external: Arc::new(ExternalIssuers { issuers: kept }),
            ..crate::identity::Inner::clone(&self.inner)
        };
        Ok(Self { inner: Arc::new(inner), local: self.local.clone() })
    }
}

impl ExternalIssuers {
    /// No issuers.
    pub(crate) const fn none() -> Self {
        Self { issuers: Vec::new() }
    }

    /// The issuer that the token says it is of, when it is one of the settings. The token is not checked yet.
    pub(crate) fn of(&self, token: &str) -> Option<(&ExternalIssuer, &Arc<IssuerKeys>)> {
        if self.issuers.is_empty() {
            return None;
        }
        let named = claims::unchecked_issuer(token)?;
        self.issuers.iter().find(|(issuer, _)| issuer.issuer == named).map(|(issuer, keys)| (issuer, keys))
    }
}

/// Checks the token and finds the principal that it stands for.
pub(crate) async fn authenticate(
    (issuer, keys): (&ExternalIssuer, &Arc<IssuerKeys>),
    (control, clock): (&Control, &SharedClock),
    (audiences, audience): (&Audiences, Audience),
    token: &str,
) -> Result<ExternalCaller, AuthError> {
    let claims = keys.verify(token).await?;
    claims::check(issuer, &claims, clock.now().timestamp())?;
    if !claims::audience_fits(issuer, &claims, audiences, audience) {
        return Err(AuthError::Audience);
    }
    let is_user = claims.get(&issuer.claims.scopes).is_some_and(|value| !value.is_null());
    if !is_user && claims::tells_of_a_sign_in(&claims) {
        // A person's token without the claim of scopes: the person must not pass as the application that it was got by.
        return Err(AuthError::UnknownPrincipal);
    }
    let identity = identity_of(issuer, &claims, is_user).ok_or(AuthError::UnknownPrincipal)?;
    let principal = control.externally_known(&identity).await?.ok_or(AuthError::NotLinked)?;
    if is_user != (principal.kind == PrincipalKind::User) {
        return Err(AuthError::UnknownPrincipal);
    }
    if let Some(name) = &issuer.claims.tenant
        && claims::text(&claims, name) != Some(principal.tenant.to_string().as_str())
    {
        return Err(AuthError::UnknownPrincipal);
    }
    let issued_at = claims.get("iat").and_then(Value::as_i64).unwrap_or(i64::MIN);
    let id = claims::text(&claims, "uti").or_else(|| claims::text(&claims, "jti")).unwrap_or_default().to_owned();
    Ok(ExternalCaller { principal, is_user, issued_at, id })
}

fn identity_of(issuer: &ExternalIssuer, claims: &Map<String, Value>, is_user: bool) -> Option<ExternalIdentity> {
    let name = issuer.issuer.clone();
    if is_user {
        let subject = claims::text(claims, &issuer.claims.subject)?.to_owned();
        return Some(ExternalIdentity::Subject { issuer: name, subject });
    }
    let application = issuer.claims.application.iter().find_map(|claim| claims::text(claims, claim))?.to_owned();
    Some(ExternalIdentity::Application { issuer: name, application })
}
