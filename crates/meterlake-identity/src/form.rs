//! The form that the token endpoint takes.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::percent_decode_str;

use crate::TokenError;

/// The fields of a token request that mean something here. Others are ignored.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct TokenForm {
    /// `client_credentials`, `authorization_code`, `refresh_token` or the one of device codes.
    pub grant_type: Option<String>,
    /// Client id of the application.
    pub client_id: Option<String>,
    /// One of its secrets.
    pub client_secret: Option<String>,
    /// v1: the audience. Empty or absent means the first.
    pub resource: Option<String>,
    /// v2: `<audience>/.default`.
    pub scope: Option<String>,
    /// An authorization code; of older clients, a device code.
    pub code: Option<String>,
    /// Where the authorization code was sent.
    pub redirect_uri: Option<String>,
    /// The text whose SHA-256 went with the authorization request (RFC 7636).
    pub code_verifier: Option<String>,
    /// A refresh token.
    pub refresh_token: Option<String>,
    /// A device code (RFC 8628).
    pub device_code: Option<String>,
    /// A token to revoke (RFC 7009).
    pub token: Option<String>,
    /// `1` when the answer is to tell the person's ids.
    pub client_info: Option<String>,
}

impl std::fmt::Debug for TokenForm {
    /// Without the secrets.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TokenForm")
            .field("grant_type", &self.grant_type)
            .field("client_id", &self.client_id)
            .finish_non_exhaustive()
    }
}

impl TokenForm {
    /// Collects the decoded fields of a form.
    ///
    /// # Errors
    /// AADSTS9000411 when a field that means something here comes twice.
    pub fn from_fields<K, V>(fields: impl IntoIterator<Item = (K, V)>) -> Result<Self, TokenError>
    where
        K: AsRef<str>,
        V: Into<String>,
    {
        let mut form = Self::default();
        for (name, value) in fields {
            let slot = match name.as_ref() {
                "grant_type" => &mut form.grant_type,
                "client_id" => &mut form.client_id,
                "client_secret" => &mut form.client_secret,
                "resource" => &mut form.resource,
                "scope" => &mut form.scope,
                "code" => &mut form.code,
                "redirect_uri" => &mut form.redirect_uri,
                "code_verifier" => &mut form.code_verifier,
                "refresh_token" => &mut form.refresh_token,
                "device_code" => &mut form.device_code,
                "token" => &mut form.token,
                "client_info" => &mut form.client_info,
                _ => continue,
            };
            if slot.replace(value.into()).is_some() {
                return Err(TokenError::duplicated(name.as_ref()));
            }
        }
        Ok(form)
    }

    /// Takes client id and secret from an `Authorization: Basic` header, whose two parts are form-encoded. Any other
    /// scheme is left alone.
    pub(crate) fn with_basic(mut self, authorization: Option<&str>) -> Result<Self, TokenError> {
        let Some((scheme, encoded)) = authorization.and_then(|a| a.trim().split_once(' ')) else { return Ok(self) };
        if !scheme.eq_ignore_ascii_case("Basic") {
            return Ok(self);
        }
        let (client_id, secret) = decode_basic(encoded.trim()).ok_or_else(|| {
            let message = "The Authorization header is malformed, expected Basic and base64 of client id, colon and \
                           secret.";
            TokenError::new(400, "invalid_request", 9_002_313, message.to_owned())
        })?;
        if self.client_secret.as_deref().is_some_and(|s| !s.is_empty()) {
            let message = "The client secret is in the Authorization header and in the body; use one of them.";
            return Err(TokenError::new(400, "invalid_request", 9_002_313, message.to_owned()));
        }
        if self.client_id.as_deref().is_some_and(|c| !c.is_empty() && !c.eq_ignore_ascii_case(&client_id)) {
            let message = "The client id in the Authorization header is not the one in the body.";
            return Err(TokenError::new(400, "invalid_request", 9_002_313, message.to_owned()));
        }
        self.client_id = Some(client_id);
        self.client_secret = Some(secret);
        Ok(self)
    }
}

fn decode_basic(encoded: &str) -> Option<(String, String)> {
    let text = String::from_utf8(STANDARD.decode(encoded).ok()?).ok()?;
    let (client_id, secret) = text.split_once(':')?;
    Some((form_decoded(client_id)?, form_decoded(secret)?))
}

fn form_decoded(text: &str) -> Option<String> {
    Some(percent_decode_str(&text.replace('+', " ")).decode_utf8().ok()?.into_owned())
}
