//! What clients look up before they ask for tokens: metadata, keys, and which hosts belong together.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use crate::claims::Version;
use crate::{Identity, IdentityError, TokenError};

impl Identity {
    /// `GET /{tenant}/.well-known/openid-configuration`, or `/{tenant}/v2.0/…` when `v2`; `tenant` by id or domain.
    ///
    /// # Errors
    /// [`TokenError`] for a tenant that is not known.
    pub async fn openid_configuration(&self, base_url: &str, tenant: &str, v2: bool) -> Result<Value, TokenError> {
        let tenant = match tenant.to_ascii_lowercase().as_str() {
            // Many tenants at once: the issuer is a template, as in the real service.
            name @ ("common" | "organizations" | "consumers") => (name.to_owned(), "{tenantid}".to_owned()),
            _ => {
                let known = self.inner.control.find_tenant(tenant).await?;
                let id = known.ok_or_else(|| TokenError::unknown_tenant(tenant))?.id.to_string();
                (id.clone(), id)
            }
        };
        let (path, issuer_tenant) = tenant;
        let base = base_url.trim_end_matches('/');
        let (version, endpoint) = if v2 { (Version::V2, "oauth2/v2.0") } else { (Version::V1, "oauth2") };
        Ok(json!({
            "token_endpoint": format!("{base}/{path}/{endpoint}/token"),
            "token_endpoint_auth_methods_supported": ["client_secret_post", "client_secret_basic"],
            "jwks_uri": format!("{base}/{path}/discovery/v2.0/keys"),
            "response_modes_supported": ["query"],
            "subject_types_supported": ["pairwise"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "response_types_supported": ["code"],
            "grant_types_supported": ["client_credentials"],
            "scopes_supported": [".default"],
            "issuer": version.issuer(self.issuer_base(base_url), &issuer_tenant),
            "authorization_endpoint": format!("{base}/{path}/{endpoint}/authorize"),
            "claims_supported": [
                "sub", "iss", "aud", "exp", "iat", "nbf", "oid", "tid", "ver", "appid", "roles", "scp",
            ],
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
