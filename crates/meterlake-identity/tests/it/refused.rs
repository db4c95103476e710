//! Tokens that open nothing.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use chrono::TimeDelta;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use meterlake_identity::{Audience, AuthError, IdentityConfig};
use serde_json::{Value, json};

use crate::{B2C, BASE, Fixture, parts};

fn encode(value: &Value) -> String {
    URL_SAFE_NO_PAD.encode(value.to_string())
}

/// Signs any claims with the fixture's own key, or with a header of the test's choice.
async fn signed(it: &Fixture, algorithm: Algorithm, kid: Option<&str>, claims: &Value) -> String {
    let key = it.control.signing_keys().await.unwrap().remove(0);
    let mut header = Header::new(algorithm);
    header.kid = kid.map_or(Some(key.kid.clone()), |k| Some(k.to_owned()));
    let pem = format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", STANDARD.encode(&key.pkcs8));
    jsonwebtoken::encode(&header, claims, &EncodingKey::from_rsa_pem(pem.as_bytes()).unwrap()).unwrap()
}

async fn refusal(it: &Fixture, token: &str) -> AuthError {
    let refusal = it.identity.authenticate(token, Audience::B2c).await.unwrap_err();
    assert!(!refusal.is_internal(), "{refusal}");
    refusal
}

#[tokio::test]
async fn forged_tokens() {
    let it = Fixture::new().await;
    let good = it.app_token(B2C).await;
    let (header, claims) = parts(&good);
    let signature = good.rsplit('.').next().unwrap();
    let with_header = |change: Value| {
        let mut header = header.clone();
        header.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        format!("{}.{}", encode(&header), encode(&claims))
    };

    for alg in ["none", "None", "NONE"] {
        let unsigned = with_header(json!({ "alg": alg }));
        assert!(matches!(refusal(&it, &format!("{unsigned}.")).await, AuthError::Algorithm));
        assert!(matches!(refusal(&it, &format!("{unsigned}.{signature}")).await, AuthError::Algorithm));
    }
    // HMAC with the public key as its secret.
    let key = it.control.signing_keys().await.unwrap().remove(0);
    let mut hs256 = Header::new(Algorithm::HS256);
    hs256.kid = Some(key.kid.clone());
    let confused = jsonwebtoken::encode(&hs256, &claims, &EncodingKey::from_secret(&key.modulus)).unwrap();
    assert!(matches!(refusal(&it, &confused).await, AuthError::Algorithm));
    for algorithm in [Algorithm::RS384, Algorithm::PS256] {
        assert!(matches!(refusal(&it, &signed(&it, algorithm, None, &claims).await).await, AuthError::Algorithm));
    }
    let wrong_kid = signed(&it, Algorithm::RS256, Some("other"), &claims).await;
    assert!(matches!(refusal(&it, &wrong_kid).await, AuthError::UnknownKey));
    // A key of someone else under our key id.
    let elsewhere = Fixture::new().await;
    let foreign = signed(&elsewhere, Algorithm::RS256, Some(&key.kid), &claims).await;
    assert!(matches!(refusal(&it, &foreign).await, AuthError::Signature));
    assert!(matches!(refusal(&it, &elsewhere.app_token(B2C).await).await, AuthError::UnknownKey));

    // Every part altered.
    let mut claims_altered = claims.clone();
    claims_altered["scp"] = json!("user_impersonation");
    let altered = format!("{}.{}.{signature}", encode(&header), encode(&claims_altered));
    assert!(matches!(refusal(&it, &altered).await, AuthError::Signature));
    let altered = format!("{}.{signature}", with_header(json!({ "typ": "at+jwt" })));
    assert!(matches!(refusal(&it, &altered).await, AuthError::Signature));
    let stripped = format!("{}.{}.", encode(&header), encode(&claims));
    assert!(matches!(refusal(&it, &stripped).await, AuthError::Signature | AuthError::Malformed(_)));
    let middle = good.len() - 100;
    let flipped = if good.as_bytes()[middle] == b'A' { "B" } else { "A" };
    let altered = format!("{}{flipped}{}", &good[..middle], &good[middle + 1..]);
    assert!(matches!(refusal(&it, &altered).await, AuthError::Signature));
    it.identity.authenticate(&good, Audience::B2c).await.unwrap();
}

#[tokio::test]
async fn texts_that_are_no_tokens() {
    let it = Fixture::new().await;
    let good = it.app_token(B2C).await;
    for text in [
        "",
        ".",
        "..",
        "...",
        "abc",
        "a.b.c",
        "é.é.é",
        &good[..good.len() / 2],
        &"a.".repeat(9000),
        &format!("{good}.x"),
    ] {
        refusal(&it, text).await;
    }
    refusal(&it, &signed(&it, Algorithm::RS256, None, &json!({ "aud": B2C })).await).await;
    refusal(&it, &signed(&it, Algorithm::RS256, None, &json!([])).await).await;
}

#[tokio::test]
async fn well_signed_tokens_with_wrong_claims() {
    let it = Fixture::new().await;
    let (_, claims) = parts(&it.app_token(B2C).await);
    let sign = async |name: &str, value: Value| {
        let mut claims = claims.clone();
        claims[name] = value;
        refusal(&it, &signed(&it, Algorithm::RS256, None, &claims).await).await
    };
    assert!(matches!(sign("aud", json!("https://management.azure.com")).await, AuthError::Audience));
    assert!(matches!(sign("aud", json!("api://meterlake")).await, AuthError::Audience));
    assert!(matches!(sign("iss", json!(format!("{BASE}/{}/v2.0", it.tenant))).await, AuthError::Issuer));
    assert!(matches!(sign("iss", json!(BASE)).await, AuthError::Issuer));
    assert!(matches!(sign("ver", json!("3.0")).await, AuthError::Issuer));
    assert!(matches!(sign("oid", json!(uuid::Uuid::new_v4())).await, AuthError::UnknownPrincipal));
    assert!(matches!(sign("oid", json!("x")).await, AuthError::UnknownPrincipal));
    assert!(matches!(sign("oid", json!(it.user.id)).await, AuthError::UnknownPrincipal));
    // An application that calls itself a user.
    assert!(matches!(sign("scp", json!("user_impersonation")).await, AuthError::UnknownPrincipal));
    let other = uuid::Uuid::new_v4();
    let mut moved = claims.clone();
    moved["tid"] = json!(other);
    moved["iss"] = json!(format!("{BASE}/{other}/"));
    assert!(matches!(
        refusal(&it, &signed(&it, Algorithm::RS256, None, &moved).await).await,
        AuthError::UnknownPrincipal
    ));
    for (name, value) in [("exp", json!(i64::MIN)), ("nbf", json!(i64::MAX))] {
        assert!(matches!(sign(name, value).await, AuthError::Expired | AuthError::NotYetValid));
    }
}

#[tokio::test]
async fn the_issuer_is_exact_when_the_base_url_is_known() {
    let it = Fixture::new().await;
    let token = it.app_token(B2C).await;
    let config = |base: &str| IdentityConfig {
        issuer_base: base.to_owned(),
        issuer_from_request: false,
        ..IdentityConfig::default()
    };
    it.again(config(BASE)).await.authenticate(&token, Audience::B2c).await.unwrap();
    let refusal =
        it.again(config("https://other.example")).await.authenticate(&token, Audience::B2c).await.unwrap_err();
    assert!(matches!(refusal, AuthError::Issuer));
}

#[tokio::test]
async fn a_life_has_two_ends_with_a_minute_of_leeway() {
    let it = Fixture::new().await;
    let token = it.app_token(B2C).await;
    it.clock.advance(TimeDelta::seconds(3600 + 59));
    it.identity.authenticate(&token, Audience::B2c).await.unwrap();
    it.clock.advance(TimeDelta::seconds(1));
    assert!(matches!(refusal(&it, &token).await, AuthError::Expired));
    it.clock.advance(TimeDelta::seconds(-3660 - 60));
    it.identity.authenticate(&token, Audience::B2c).await.unwrap();
    it.clock.advance(TimeDelta::seconds(-1));
    assert!(matches!(refusal(&it, &token).await, AuthError::NotYetValid));
}

#[tokio::test]
async fn principals_that_may_no_longer_call() {
    let it = Fixture::new().await;
    let token = it.app_token(B2C).await;
    it.control.set_principal_enabled(it.app.id, false).await.unwrap();
    assert!(matches!(refusal(&it, &token).await, AuthError::Disabled));
    it.control.set_principal_enabled(it.app.id, true).await.unwrap();
    it.identity.authenticate(&token, Audience::B2c).await.unwrap();
    it.control.remove_principal(it.app.id).await.unwrap();
    assert!(matches!(refusal(&it, &token).await, AuthError::UnknownPrincipal));
}

#[tokio::test]
async fn a_retired_key_ends_when_no_token_of_it_can_live() {
    let it = Fixture::new().await;
    let day = it.identity.app_token(it.app.id, Audience::B2c, TimeDelta::days(1)).await.unwrap();
    it.identity.rotate_signing_key(false).await.unwrap();
    it.clock.advance(TimeDelta::hours(24));
    it.identity.authenticate(&day.token, Audience::B2c).await.unwrap();
    it.clock.advance(TimeDelta::hours(1));
    assert!(matches!(refusal(&it, &day.token).await, AuthError::UnknownKey));
}
