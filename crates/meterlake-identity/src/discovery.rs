//! What clients look up before they ask for tokens: metadata, keys, and which hosts belong together.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use crate::claims::Version;
use crate::token::DEVICE_CODE;
use crate::{Identity, IdentityError, TokenError};

impl Identity {
    /// `GET /{tenant}/.well-known/openid-configuration`, or `/{tenant}/v2.0/…` when `v2`; `tenant` by id or domain.
    ///
    /// # Errors
    /// [`TokenError`] for a tenant that is not known.
    pub async fn openid_configuration(&self, base_url: &str, tenant: &str, v2: bool) -> Result<Value, TokenError> {
        let (path, issuer_tenant) = match tenant.to_ascii_lowercase().as_str() {
            // Many tenants at once: the issuer is a template, as in the real service.
            name @ ("common" | "organizations") => (name.to_owned(), "{tenantid}".to_owned()),
            _ => {
                let known = self.inner.control.find_tenant(tenant).await?;
                let id = known.ok_or_else(|| TokenError::unknown_tenant(tenant))?.id.to_string();
                (id.clone(), id)
            }
        };
        let base = base_url.trim_end_matches('/');
        let (version, endpoint) = if v2 { (Version::V2, "oauth2/v2.0") } else { (Version::V1, "oauth2") };
        let at = |call: &str| format!("{base}/{path}/{endpoint}/{call}");
        let names: &[&str] = if v2 { &["preferred_username"] } else { &["upn", "unique_name"] };
        let claims = ["sub", "iss", "aud", "exp", "iat", "nbf", "auth_time", "nonce", "name", "email", "oid", "tid"];
        let claims: Vec<&str> = claims.iter().chain(names).chain(&["sid", "uti", "ver"]).copied().collect();
        // Applications get tokens of one tenant only.
        let grants = ["authorization_code", "refresh_token", DEVICE_CODE, "client_credentials"];
        let grants = if issuer_tenant == path { &grants[..] } else { &grants[..3] };
        Ok(json!({
            "token_endpoint": at("token"),
            "token_endpoint_auth_methods_supported": ["client_secret_post", "client_secret_basic", "none"],
            "jwks_uri": format!("{base}/{path}/discovery/v2.0/keys"),
            "response_modes_supported": ["query", "form_post"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "response_types_supported": ["code"],
            "grant_types_supported": grants,
            "scopes_supported": ["openid", "profile", "email", "offline_access"],
            "code_challenge_methods_supported": ["S256"],
            "prompt_values_supported": ["none", "login", "consent", "select_account"],
            "issuer": version.issuer(self.issuer_base(base_url), &issuer_tenant),
            "authorization_endpoint": at("authorize"),
            "device_authorization_endpoint": at("devicecode"),
            "end_session_endpoint": at("logout"),
            "revocation_endpoint": format!("{base}/{path}/oauth2/v2.0/revoke"),
            "request_uri_parameter_supported": false,
            "claims_supported": claims,
        }))
    }

    /// `GET /{tenant}/discovery/v2.0/keys`: the keys that verify tokens, newest first.
    ///
    /// # Errors
    /// When the control state fails.
    pub async fn jwks(&self) -> Result<Value, IdentityError> {
        let keys = self.inner.control.signing_keys().await?;
        let keys: Vec<Value> = keys
            .iter()
            .map(|key| {
                json!({
                    "kty": "RSA",
                    "use": "sig",
                    "alg": "RS256",
                    "kid": key.kid,
                    "x5t": key.kid,
                    "n": URL_SAFE_NO_PAD.encode(&key.modulus),
                    "e": URL_SAFE_NO_PAD.encode(&key.exponent),
                })
            })
            .collect();
        Ok(json!({ "keys": keys }))
    }

    /// `GET /common/discovery/instance`: where the metadata of a tenant is found. `authorization_endpoint` is the
    /// request's parameter of that name.
    #[must_use]
    pub fn instance_discovery(&self, base_url: &str, authorization_endpoint: Option<&str>) -> Value {
        let base = base_url.trim_end_matches('/');
        let host = base.split_once("://").map_or(base, |(_, host)| host);
        let (tenant, v2) = authorization_endpoint.map_or(("common", false), tenant_of);
        let version = if v2 { "v2.0/" } else { "" };
        json!({
            "tenant_discovery_endpoint": format!("{base}/{tenant}/{version}.well-known/openid-configuration"),
            "api-version": "1.1",
            "metadata": [{ "preferred_network": host, "preferred_cache": host, "aliases": [host] }],
        })
    }
}

/// Tenant and version of an authorization endpoint such as `https://host/tenant/oauth2/v2.0/authorize`.
fn tenant_of(endpoint: &str) -> (&str, bool) {
    let path = endpoint.split_once("://").map_or(endpoint, |(_, rest)| rest);
    let tenant = path
        .split('/')
        .nth(1)
        .filter(|t| !t.is_empty() && t.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_')));
    (tenant.unwrap_or("common"), path.contains("/v2.0/"))
}
