//! Metadata and published keys.

use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use meterlake_identity::IdentityConfig;
use serde_json::{Value, json};

use crate::{B2C, BASE, Fixture, parts};

#[tokio::test]
async fn a_stranger_can_check_our_tokens_with_what_is_published() {
    let it = Fixture::new().await;
    it.identity.rotate_signing_key(false).await.unwrap();
    let token = it.app_token(B2C).await;
    let published = it.identity.jwks().await.unwrap();
    assert_eq!(published["keys"].as_array().unwrap().len(), 2);
    let keys: JwkSet = serde_json::from_value(published).unwrap();
    let kid = parts(&token).0["kid"].as_str().unwrap().to_owned();
    let mut validation = Validation::new(Algorithm::RS256);
    validation.set_audience(&[B2C]);
    let metadata = it.identity.openid_configuration(BASE, "contoso.onmicrosoft.com", false).await.unwrap();
    validation.set_issuer(&[metadata["issuer"].as_str().unwrap()]);
    // The clock of this test stands in the past.
    validation.validate_exp = false;
    let key = DecodingKey::from_jwk(keys.find(&kid).unwrap()).unwrap();
    let claims = jsonwebtoken::decode::<Value>(&token, &key, &validation).unwrap().claims;
    assert_eq!(claims["appid"], json!(it.client_id()));
    let other = keys.keys.iter().find(|k| k.common.key_id.as_deref() != Some(&kid)).unwrap();
    assert!(jsonwebtoken::decode::<Value>(&token, &DecodingKey::from_jwk(other).unwrap(), &validation).is_err());
}

#[tokio::test]
async fn metadata_of_both_versions() {
    let it = Fixture::new().await;
    let id = it.tenant.to_string();
    for (tenant, v2, token_path, issuer_path) in
        [("contoso.onmicrosoft.com", false, "oauth2/token", ""), (id.as_str(), true, "oauth2/v2.0/token", "v2.0")]
    {
        let metadata = it.identity.openid_configuration("https://login.example/", tenant, v2).await.unwrap();
        assert_eq!(metadata["token_endpoint"], json!(format!("{BASE}/{id}/{token_path}")));
        assert_eq!(metadata["issuer"], json!(format!("{BASE}/{id}/{issuer_path}")));
        assert_eq!(metadata["jwks_uri"], json!(format!("{BASE}/{id}/discovery/v2.0/keys")));
        assert!(metadata["authorization_endpoint"].is_string());
    }
    assert_eq!(it.identity.openid_configuration(BASE, "fabrikam.com", true).await.unwrap_err().code, 90_002);
    let common = it.identity.openid_configuration(BASE, "common", true).await.unwrap();
    assert_eq!(common["issuer"], json!(format!("{BASE}/{{tenantid}}/v2.0")));
}

#[tokio::test]
async fn instance_discovery_points_to_the_tenant() {
    let it = Fixture::new().await;
    for (endpoint, expected) in [
        (None, "common/.well-known/openid-configuration"),
        (Some("https://login.example/contoso.com/oauth2/authorize"), "contoso.com/.well-known/openid-configuration"),
        (
            Some("https://login.example/contoso.com/oauth2/v2.0/authorize"),
            "contoso.com/v2.0/.well-known/openid-configuration",
        ),
        (Some("https://x/<script>/a"), "common/.well-known/openid-configuration"),
        (Some(""), "common/.well-known/openid-configuration"),
    ] {
        let answer = it.identity.instance_discovery(BASE, endpoint);
        assert_eq!(answer["tenant_discovery_endpoint"], json!(format!("{BASE}/{expected}")));
        assert_eq!(answer["metadata"][0]["aliases"], json!(["login.example"]));
    }
}

#[tokio::test]
async fn links_are_signed_alike_by_all_processes() {
    let it = Fixture::new().await;
    let sealed = it.identity.link_signer("next-link").seal(b"x");
    let other = it.again(IdentityConfig::default()).await;
    assert_eq!(other.link_signer("next-link").open(&sealed).as_deref(), Some(&b"x"[..]));
    assert_eq!(other.link_signer("export-link").open(&sealed), None);
    let elsewhere = Fixture::new().await;
    assert_eq!(elsewhere.identity.link_signer("next-link").open(&sealed), None);
}
