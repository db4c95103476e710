//! Tokens that are revoked before their end.

use chrono::TimeDelta;
use meterlake_identity::{Audience, AuthError, IdentityConfig};

use crate::{B2C, Fixture, parts};

#[tokio::test]
async fn one_token_by_its_id() {
    let it = Fixture::new().await;
    let (one, two) = (it.app_token(B2C).await, it.app_token(B2C).await);
    let uti = parts(&one).1["uti"].as_str().unwrap().to_owned();
    it.identity.revoke_token_id(&uti).await.unwrap();
    // At once, in every process.
    for identity in [&it.identity, &it.again(IdentityConfig::default()).await] {
        let refusal = identity.authenticate(&one, Audience::B2c).await.unwrap_err();
        assert!(matches!(refusal, AuthError::TokenRevoked), "{refusal}");
        identity.authenticate(&two, Audience::B2c).await.unwrap();
    }
    // For as long as any token can live.
    it.clock.advance(TimeDelta::hours(24));
    it.identity.revoke_token_id("another").await.unwrap();
    it.clock.advance(TimeDelta::hours(-24));
    assert!(it.identity.authenticate(&one, Audience::B2c).await.is_err());
}

#[tokio::test]
async fn all_tokens_of_a_principal() {
    let it = Fixture::new().await;
    let app = it.app_token(B2C).await;
    let user = it.identity.user_token(it.user.id, Audience::B2c, TimeDelta::hours(1)).await.unwrap().token;
    it.clock.advance(TimeDelta::seconds(5));
    let later = it.app_token(B2C).await;
    it.control.revoke_tokens_of(it.app.id).await.unwrap();
    for token in [&app, &later] {
        let refusal = it.identity.authenticate(token, Audience::B2c).await.unwrap_err();
        assert!(matches!(refusal, AuthError::TokenRevoked), "{refusal}");
    }
    it.identity.authenticate(&user, Audience::B2c).await.unwrap();
    it.clock.advance(TimeDelta::seconds(1));
    it.identity.authenticate(&it.app_token(B2C).await, Audience::B2c).await.unwrap();
    assert!(it.identity.authenticate(&later, Audience::B2c).await.is_err());
}
