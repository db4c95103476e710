//! Tokens of people at the token endpoint: by authorization code and by refresh token.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, TimeDelta, Utc};
use meterlake_control::{AuthorizationCode, Principal, PrincipalKind, Redemption, Refresh, TokenFamily};
use meterlake_model::PrincipalId;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use crate::claims::Version;
use crate::client::Proof;
use crate::id_token::IdTokenOrder;
use crate::issue::{Grantee, Order};
use crate::refusal::printable;
use crate::scope::{Asked, holds};
use crate::token::TokenRequest;
use crate::token_answer::{Answered, PersonAnswered};
use crate::{Identity, TokenAnswer, TokenError, random};

/// Whose sign-in tokens are made from.
pub(crate) struct SignedIn<'a> {
    pub(crate) user: &'a Principal,
    pub(crate) application: &'a Principal,
    pub(crate) family: &'a TokenFamily,
    /// What the id token repeats.
    pub(crate) nonce: Option<&'a str>,
    /// When the password was given, where that is known.
    pub(crate) signed_in_at: Option<DateTime<Utc>>,
    /// The refresh token, when there is one.
    pub(crate) refresh_token: Option<String>,
}

impl Identity {
    /// `grant_type=authorization_code`.
    pub(crate) async fn redeem_code(&self, request: &TokenRequest<'_>) -> Result<TokenAnswer, TokenError> {
        let form = &request.form;
        let text = required(form.code.as_deref(), "code")?;
        let application = self.application(&request.directory, form, Proof::SecretUnlessPublic).await?;
        let hash = random::hash(text);
        let code = self.inner.control.authorization_code(&hash).await?;
        let Some(code) = code.filter(|code| code.application == application.id) else {
            return Err(invalid(70_000, "The provided value for the 'code' parameter is not valid."));
        };
        // A code that was used before is one that somebody else may have: that comes before its other defects.
        if code.family.is_some() {
            self.inner.control.redeem_authorization_code(&hash).await?;
            return Err(reused());
        }
        self.check_code(&code, request)?;
        let user = self.person(code.user).await?;
        let asked = self.asked_again(request)?;
        let resource = self.consented(&user, &application, &asked, &code.resource).await?;
        let family = match self.inner.control.redeem_authorization_code(&hash).await? {
            Redemption::Done(family) => family,
            Redemption::Again => return Err(reused()),
        };
        let refresh_token = self.first_refresh_token(&family).await?;
        let signed_in = SignedIn {
            user: &user,
            application: &application,
            family: &family,
            nonce: code.nonce.as_deref(),
            signed_in_at: Some(code.signed_in_at),
            refresh_token,
        };
        self.tokens_of_person(request, &signed_in, &resource).await
    }

    /// Checks a code that was not used before against the request that redeems it.
    fn check_code(&self, code: &AuthorizationCode, request: &TokenRequest<'_>) -> Result<(), TokenError> {
        let form = &request.form;
        if code.expires_at <= self.inner.clock.now() {
            let message = "The provided authorization code or refresh token has expired. Send a new interactive \
                           authorization request for this user and resource.";
            return Err(invalid(70_008, message));
        }
        let redirect = form.redirect_uri.as_deref().filter(|uri| !uri.is_empty());
        if redirect.is_some_and(|uri| uri != code.redirect_uri) || (redirect.is_none() && code.redirect_named) {
            let message = format!(
                "The reply address '{}' does not match the reply address '{}' provided when requesting Authorization \
                 code.",
                printable(redirect.unwrap_or_default()),
                code.redirect_uri
            );
            return Err(TokenError::new(400, "invalid_grant", 500_112, message));
        }
        if !verifier_fits(code.challenge.as_deref(), form.code_verifier.as_deref()) {
            let message = "The Code_Verifier does not match the code_challenge supplied in the authorization request.";
            return Err(invalid(501_481, message));
        }
        Ok(())
    }

    /// `grant_type=refresh_token`.
    pub(crate) async fn refresh(&self, request: &TokenRequest<'_>) -> Result<TokenAnswer, TokenError> {
        let form = &request.form;
        let text = required(form.refresh_token.as_deref(), "refresh_token")?;
        let application = self.application(&request.directory, form, Proof::SecretUnlessPublic).await?;
        let asked = self.asked_again(request)?;
        let hash = random::hash(text);
        let family = self.inner.control.refresh_token_family(&hash).await?;
        let Some((family, used)) = family.filter(|(family, _)| family.application == application.id) else {
            return Err(invalid(70_000, "The provided value for the 'refresh_token' parameter is not valid."));
        };
        if used {
            // What comes of it is a refusal, whoever asks for whatever.
            self.inner.control.rotate_refresh_token(&hash, application.id, &[], self.refresh_token_end()).await?;
            return Err(revoked());
        }
        if family.revoked_at.is_some() {
            return Err(revoked());
        }
        let user = self.person(family.user).await?;
        // Before it is used up: a client that is refused here can still ask for something else.
        let resource = self.consented(&user, &application, &asked, &family.resource).await?;
        let follower = random::secret()?;
        let follows = random::hash(&follower);
        let ends = self.refresh_token_end();
        let kept = self.inner.control.rotate_refresh_token(&hash, application.id, &follows, ends).await?;
        let family = match kept {
            Refresh::Rotated(family) => family,
            Refresh::Expired => {
                let days = self.inner.config.refresh_token_days;
                let message = format!("The refresh token has expired due to inactivity of {days} days.");
                return Err(TokenError::new(400, "invalid_grant", 700_082, message));
            }
            Refresh::Reused(_) | Refresh::Revoked => return Err(revoked()),
            Refresh::Unknown => {
                return Err(invalid(70_000, "The provided value for the 'refresh_token' parameter is not valid."));
            }
        };
        let signed_in = SignedIn {
            user: &user,
            application: &application,
            family: &family,
            nonce: None,
            signed_in_at: None,
            refresh_token: Some(follower),
        };
        self.tokens_of_person(request, &signed_in, &resource).await
    }

    /// What a later request asks for anew, which need not be anything.
    pub(crate) fn asked_again(&self, request: &TokenRequest<'_>) -> Result<Asked, TokenError> {
        let form = &request.form;
        let filled = |text: &Option<String>| text.clone().filter(|text| !text.trim().is_empty());
        match request.version {
            Version::V1 => match filled(&form.resource) {
                Some(resource) => self.asked_v1(Some(&resource)),
                None => Ok(Asked::default()),
            },
            Version::V2 => match filled(&form.scope) {
                Some(scope) => self.asked_v2(&scope),
                None => Ok(Asked::default()),
            },
        }
    }

    /// The API that tokens are for: what is asked for anew, else what the sign-in was for; the person must have let
    /// the application read it.
    pub(crate) async fn consented(
        &self,
        user: &Principal,
        application: &Principal,
        asked: &Asked,
        first: &str,
    ) -> Result<String, TokenError> {
        let resource = if asked.resource.is_empty() { first } else { &asked.resource };
        let control = &self.inner.control;
        if control.has_consent(user.id, application.id, self.consent_name(resource)).await? {
            return Ok(resource.to_owned());
        }
        Err(no_consent("invalid_grant", application))
    }

    /// The user of a sign-in, who may have been stopped since.
    pub(crate) async fn person(&self, id: PrincipalId) -> Result<Principal, TokenError> {
        let user = self.inner.control.principal(id).await?.filter(|user| user.kind == PrincipalKind::User);
        user.filter(|user| user.enabled).ok_or_else(|| invalid(50_057, "The user account is disabled."))
    }

    /// The first refresh token of a sign-in that asked for one.
    pub(crate) async fn first_refresh_token(&self, family: &TokenFamily) -> Result<Option<String>, TokenError> {
        if !holds(&family.scopes, "offline_access") {
            return Ok(None);
        }
        let text = random::secret()?;
        let ends = self.refresh_token_end();
        self.inner.control.add_refresh_token(&random::hash(&text), family.id, ends).await?;
        Ok(Some(text))
    }

    fn refresh_token_end(&self) -> DateTime<Utc> {
        let life = TimeDelta::days(i64::from(self.inner.config.refresh_token_days));
        self.inner.clock.now().checked_add_signed(life).unwrap_or(DateTime::<Utc>::MAX_UTC)
    }

    /// Makes the tokens of a sign-in.
    pub(crate) async fn tokens_of_person(
        &self,
        request: &TokenRequest<'_>,
        signed_in: &SignedIn<'_>,
        resource: &str,
    ) -> Result<TokenAnswer, TokenError> {
        let SignedIn { user, application, family, .. } = *signed_in;
        let version = request.version;
        let name = self.sign_in_name(user).await?;
        let grantee = Grantee::person(user, &name, application, family.id, &family.scopes);
        let client_id = application.client_id.unwrap_or_default().to_string();
        let order = Order {
            issuer_base: self.issuer_base(request.base_url),
            version,
            audience: self.audience_of(resource),
            // Without an API the token is one for the application itself, which opens nothing here.
            resource: if resource.is_empty() { &client_id } else { resource },
            lifetime_seconds: i64::from(self.inner.config.token_lifetime_seconds),
        };
        let control = self.inner.control.acting_as(&grantee.actor());
        let token = self.issue(&grantee, &order, &control).await?;
        let id_token = match holds(&family.scopes, "openid") {
            true => Some(
                self.id_token(&IdTokenOrder { order: &order, name: &name, signed_in, client_id: &client_id }).await?,
            ),
            false => None,
        };
        let person = PersonAnswered {
            scopes: &family.scopes,
            refresh_token: signed_in.refresh_token.clone(),
            id_token,
            client_info: (request.form.client_info.as_deref() == Some("1")).then_some(user),
        };
        Ok(Answered { token: &token, resource, person: Some(person) }.body(version))
    }

    /// Ends a refresh token and everything that came from the same sign-in. Whether it was one of ours.
    ///
    /// # Errors
    /// When the control state fails.
    pub async fn revoke_refresh_token(&self, text: &str) -> Result<bool, crate::IdentityError> {
        match self.inner.control.refresh_token_family(&random::hash(text)).await? {
            Some((family, _)) => {
                self.inner.control.revoke_family(family.id, "revoked by its holder").await?;
                Ok(true)
            }
            None => Ok(false),
        }
    }
}

/// Whether a verifier is the one whose SHA-256 was given (RFC 7636, 4.6). Where none was given, there must be none.
fn verifier_fits(challenge: Option<&str>, verifier: Option<&str>) -> bool {
    let verifier = verifier.filter(|verifier| !verifier.is_empty());
    match (challenge, verifier) {
        (None, None) => true,
        (Some(challenge), Some(verifier)) => {
            let hash = URL_SAFE_NO_PAD.encode(Sha256::digest(verifier.as_bytes()));
            bool::from(hash.as_bytes().ct_eq(challenge.as_bytes()))
        }
        _ => false,
    }
}

pub(crate) fn required<'a>(value: Option<&'a str>, name: &str) -> Result<&'a str, TokenError> {
    value.filter(|value| !value.is_empty()).ok_or_else(|| TokenError::missing(name))
}

pub(crate) fn invalid(code: u32, message: &str) -> TokenError {
    TokenError::new(400, "invalid_grant", code, message.to_owned())
}

fn reused() -> TokenError {
    let message = "OAuth2 Authorization code was already redeemed, please retry with a new valid code or use an \
                   existing refresh token.";
    invalid(54_005, message)
}

fn revoked() -> TokenError {
    invalid(50_173, "The provided grant has expired due to it being revoked, a fresh auth token is needed.")
}

/// The person did not let the application read that API, or no longer does.
pub(crate) fn no_consent(error: &'static str, application: &Principal) -> TokenError {
    let message = format!(
        "The user or administrator has not consented to use the application with ID '{}' named '{}'. Send an \
         interactive authorization request for this user and resource.",
        application.client_id.unwrap_or_default(),
        application.name
    );
    TokenError::new(400, error, 65_001, message)
}
