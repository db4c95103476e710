//! The token endpoint, versions 1 and 2.

use serde_json::Value;

use crate::claims::Version;
use crate::client::{Directory, Proof};
use crate::issue::{Grantee, Order};
use crate::refusal::printable;
use crate::token_answer::Answered;
use crate::{Identity, TokenError, TokenForm};

/// The grant type of device codes (RFC 8628).
pub(crate) const DEVICE_CODE: &str = "urn:ietf:params:oauth:grant-type:device_code";

/// A token as the token endpoint answers it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenAnswer {
    /// The JSON body: strings only in version 1, numbers in version 2.
    pub body: Value,
}

/// A request at the token endpoint, as far as all grants have it alike.
pub(crate) struct TokenRequest<'a> {
    /// Where the request came to.
    pub(crate) base_url: &'a str,
    pub(crate) version: Version,
    pub(crate) directory: Directory,
    pub(crate) form: TokenForm,
}

impl Identity {
    /// `POST /{tenant}/oauth2/token`: a token for a grant. `base_url` is where the request came to, `authorization`
    /// its `Authorization` header.
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
        self.token(base_url, Version::V1, tenant, form, authorization).await
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
        self.token(base_url, Version::V2, tenant, form, authorization).await
    }

    async fn token(
        &self,
        base_url: &str,
        version: Version,
        tenant: &str,
        form: TokenForm,
        authorization: Option<&str>,
    ) -> Result<TokenAnswer, TokenError> {
        let directory = self.directory(tenant).await?;
        let form = form.with_basic(authorization)?;
        let grant_type = form.grant_type.clone().unwrap_or_default();
        match grant_type.as_str() {
            "" => return Err(TokenError::missing("grant_type")),
            // Older clients give the short name, and the code as `code`.
            "client_credentials" | "authorization_code" | "refresh_token" | DEVICE_CODE | "device_code" => {}
            other => {
                let message = format!("The app requested an unsupported grant type '{}'.", printable(other));
                return Err(TokenError::new(400, "unsupported_grant_type", 70_003, message));
            }
        }
        if form.client_id.as_deref().is_none_or(str::is_empty) {
            return Err(TokenError::missing("client_id"));
        }
        let request = TokenRequest { base_url, version, directory, form };
        match grant_type.as_str() {
            "authorization_code" => self.redeem_code(&request).await,
            "refresh_token" => self.refresh(&request).await,
            DEVICE_CODE | "device_code" => self.poll_device(&request).await,
            _ if matches!(request.directory, Directory::Any) => Err(TokenError::unknown_tenant(tenant)),
            _ => self.client_credentials(&request).await,
        }
    }

    /// An application's token by its client credentials.
    async fn client_credentials(&self, request: &TokenRequest<'_>) -> Result<TokenAnswer, TokenError> {
        let TokenRequest { base_url, version, directory, form } = request;
        let (audience, resource) = match version {
            Version::V1 => self.resource(form.resource.as_deref().unwrap_or_default())?,
            Version::V2 => match form.scope.as_deref().unwrap_or_default().trim() {
                "" => return Err(TokenError::missing("scope")),
                scope => self.scope(scope)?,
            },
        };
        let application = self.application(directory, form, Proof::Secret).await?;
        let grantee = Grantee::of(&application);
        let order = Order {
            issuer_base: self.issuer_base(base_url),
            version: *version,
            audience: Some(audience),
            resource: &resource,
            lifetime_seconds: i64::from(self.inner.config.token_lifetime_seconds),
        };
        let control = self.inner.control.acting_as(&grantee.actor());
        let token = self.issue(&grantee, &order, &control).await?;
        Ok(Answered { token: &token, resource: &resource, person: None }.body(*version))
    }
}
