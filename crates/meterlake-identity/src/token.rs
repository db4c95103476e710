//! The token endpoint: client credentials, versions 1 and 2.

use meterlake_control::{Principal, Secret, Tenant};
use serde_json::{Value, json};
use subtle::{Choice, ConstantTimeEq as _};
use uuid::Uuid;

use crate::attempts::client_account;
use crate::claims::Version;
use crate::issue::{Grantee, IssuedToken, Order};
use crate::refusal::printable;
use crate::{Audience, Identity, TokenError, TokenForm, random};

/// A token as the token endpoint answers it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenAnswer {
    /// The JSON body: strings only in version 1, numbers in version 2.
    pub body: Value,
}

impl Identity {
    /// `POST /{tenant}/oauth2/token`: an application's token by its client credentials. `base_url` is where the
    /// request came to, `authorization` its `Authorization` header.
    ///
    /// # Errors
    /// [`TokenError`], with all that is to be printed.
    pub async fn token_v1(
        &self,
        base_url: &str,
        tenant: &str,
        form: TokenForm,
        authorization: Option<&str>,
    ) -> Result<TokenAnswer, TokenError> {
        let (tenant, form) = self.check_form(tenant, form, authorization).await?;
        let (audience, resource) = self.resource(form.resource.as_deref().unwrap_or_default())?;
        let token = self.grant(base_url, &tenant, &form, Version::V1, audience, &resource).await?;
        let lifetime = token.lifetime_seconds().to_string();
        Ok(TokenAnswer {
            body: json!({
                "token_type": "Bearer",
                "expires_in": lifetime,
                "ext_expires_in": lifetime,
                "expires_on": token.expires_at.timestamp().to_string(),
                "not_before": token.not_before.timestamp().to_string(),
                "resource": resource,
                "access_token": token.token,
            }),
        })
    }

    /// `POST /{tenant}/oauth2/v2.0/token`, likewise.
    ///
    /// # Errors
    /// [`TokenError`], with all that is to be printed.
    pub async fn token_v2(
        &self,
        base_url: &str,
        tenant: &str,
        form: TokenForm,
        authorization: Option<&str>,
    ) -> Result<TokenAnswer, TokenError> {
        let (tenant, form) = self.check_form(tenant, form, authorization).await?;
        let scope = form.scope.as_deref().unwrap_or_default().trim();
        if scope.is_empty() {
            return Err(TokenError::missing("scope"));
        }
        let (audience, resource) = self.scope(scope)?;
        let token = self.grant(base_url, &tenant, &form, Version::V2, audience, &resource).await?;
        Ok(TokenAnswer {
            body: json!({
                "token_type": "Bearer",
                "expires_in": token.lifetime_seconds(),
                "ext_expires_in": token.lifetime_seconds(),
                "access_token": token.token,
            }),
        })
    }

    /// What both versions check first: the tenant, the grant type, and that a client is named.
    async fn check_form(
        &self,
        tenant: &str,
        form: TokenForm,
        authorization: Option<&str>,
    ) -> Result<(Tenant, TokenForm), TokenError> {
        let known = self.inner.control.find_tenant(tenant).await?;
        let known = known.ok_or_else(|| TokenError::unknown_tenant(tenant))?;
        let form = form.with_basic(authorization)?;
        match form.grant_type.as_deref() {
            None | Some("") => return Err(TokenError::missing("grant_type")),
            Some("client_credentials") => {}
            Some(other) => {
                let message = format!("The app requested an unsupported grant type '{}'.", printable(other));
                return Err(TokenError::new(400, "unsupported_grant_type", 70_003, message));
            }
        }
        if form.client_id.as_deref().is_none_or(str::is_empty) {
            return Err(TokenError::missing("client_id"));
        }
        Ok((known, form))
    }

    /// The audience of a v1 request and its name as spelt there.
    fn resource(&self, resource: &str) -> Result<(Audience, String), TokenError> {
        let audiences = &self.inner.config.audiences;
        let resource = resource.trim();
        if resource.is_empty() {
            return Ok((Audience::B2c, audiences.name(Audience::B2c).to_owned()));
        }
        let audience = audiences.find(resource).ok_or_else(|| unknown_resource("invalid_request", resource))?;
        Ok((audience, resource.to_owned()))
    }

    /// The audience of a v2 scope and its name as spelt there. An application has no use for the scopes of OpenID
    /// Connect, which some client libraries add to whatever they ask for.
    fn scope(&self, scope: &str) -> Result<(Audience, String), TokenError> {
        let mut named = scope.split_ascii_whitespace().filter(|name| !OPENID_SCOPES.contains(name));
        let resource = named.next().and_then(|name| name.strip_suffix("/.default")).filter(|name| !name.is_empty());
        let (Some(resource), None) = (resource, named.next()) else {
            let message = format!(
                "The provided value for the input parameter 'scope' is not valid. The scope {} is not valid: client \
                 credentials take one resource identifier (application ID URI) suffixed with /.default.",
                printable(scope)
            );
            return Err(TokenError::new(400, "invalid_scope", 70_011, message));
        };
        let audience =
            self.inner.config.audiences.find(resource).ok_or_else(|| unknown_resource("invalid_scope", resource))?;
        Ok((audience, resource.to_owned()))
    }

    /// Checks the client's secret and issues its token.
    async fn grant(
        &self,
        base_url: &str,
        tenant: &Tenant,
        form: &TokenForm,
        version: Version,
        audience: Audience,
        resource: &str,
    ) -> Result<IssuedToken, TokenError> {
        let application = self.application(tenant, form).await?;
        let grantee = Grantee::of(&application);
        let order = Order {
            issuer_base: self.issuer_base(base_url),
            version,
            audience,
            resource,
            lifetime_seconds: i64::from(self.inner.config.token_lifetime_seconds),
        };
        let control = self.inner.control.acting_as(&grantee.actor());
        Ok(self.issue(&grantee, &order, &control).await?)
    }

    /// The application that the form names and proves to be.
    async fn application(&self, tenant: &Tenant, form: &TokenForm) -> Result<Principal, TokenError> {
        let client_id = form.client_id.as_deref().unwrap_or_default().trim();
        let tenant_id = tenant.id.to_string();
        let unknown = || TokenError::unknown_application(client_id, &tenant_id);
        let id = Uuid::try_parse(client_id).map_err(|_| unknown())?;
        let application = self.inner.control.application(tenant.id, id).await?.ok_or_else(unknown)?;
        let secret = form.client_secret.as_deref().unwrap_or_default();
        if secret.is_empty() {
            let message =
                "The request body must contain the following parameter: 'client_assertion' or 'client_secret'.";
            return Err(TokenError::new(401, "invalid_client", 7_000_218, message.to_owned()));
        }
        let account = client_account(application.id);
        self.attempt_allowed(&account).await?;
        let secrets = self.inner.control.secrets(application.id).await?;
        match self.check_secret(secret, &secrets) {
            Given::Right => self.attempt_succeeded(&account).await?,
            // Whoever has a secret that was good once does not guess.
            Given::Expired => return Err(TokenError::expired_secret(client_id)),
            Given::Wrong => {
                self.attempt_failed(&account).await?;
                return Err(TokenError::wrong_secret(client_id));
            }
        }
        if !application.enabled {
            let message = format!("Application '{id}'({}) is disabled.", application.name);
            return Err(TokenError::new(400, "unauthorized_client", 7_000_112, message));
        }
        Ok(application)
    }

    /// Compares with every secret, whichever fits, so that time tells nothing.
    fn check_secret(&self, given: &str, secrets: &[Secret]) -> Given {
        let hash = random::hash(given);
        let now = self.inner.clock.now();
        let (mut valid, mut expired) = (Choice::from(0), Choice::from(0));
        for secret in secrets.iter().filter(|s| s.revoked_at.is_none()) {
            let same = hash.as_slice().ct_eq(&secret.hash);
            let live = Choice::from(u8::from(now < secret.expires_at));
            valid |= same & live;
            expired |= same & !live;
        }
        match (bool::from(valid), bool::from(expired)) {
            (true, _) => Given::Right,
            (false, true) => Given::Expired,
            (false, false) => Given::Wrong,
        }
    }
}

/// What a given secret is.
enum Given {
    Right,
    Expired,
    Wrong,
}

/// Scopes of OpenID Connect, which concern people.
const OPENID_SCOPES: &[&str] = &["openid", "profile", "email", "offline_access"];

fn unknown_resource(error: &'static str, resource: &str) -> TokenError {
    let message = format!("The resource principal named {} was not found in the tenant.", printable(resource));
    TokenError::new(400, error, 500_011, message)
}
