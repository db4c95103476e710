//! Signing keys: rotation by age and by command, and what becomes of tokens.

use chrono::TimeDelta;
use meterlake_identity::{Audience, AuthError, IdentityConfig};
use serde_json::Value;

use crate::{B2C, Fixture, parts};

async fn published(it: &Fixture) -> Vec<String> {
    let jwks = it.identity.jwks().await.unwrap();
    jwks["keys"].as_array().unwrap().iter().map(|key| key["kid"].as_str().unwrap().to_owned()).collect()
}

fn kid(token: &str) -> Value {
    parts(token).0["kid"].clone()
}

#[tokio::test]
async fn a_key_is_replaced_at_its_age_and_no_token_is_lost() {
    let it = Fixture::new().await;
    let first = published(&it).await;
    assert_eq!(it.identity.rotate_old_signing_key().await.unwrap(), None);
    it.clock.advance(TimeDelta::days(90) - TimeDelta::seconds(1));
    assert_eq!(it.identity.rotate_old_signing_key().await.unwrap(), None);
    it.clock.advance(TimeDelta::seconds(1));
    let next = it.identity.rotate_old_signing_key().await.unwrap().unwrap();
    // A second process on the folder makes no other one.
    let other = it.again(IdentityConfig::default()).await;
    assert_eq!(other.rotate_old_signing_key().await.unwrap(), None);
    assert_eq!(published(&it).await, [next.clone(), first[0].clone()]);

    // For a day it is published and does not sign.
    it.clock.advance(TimeDelta::days(1) - TimeDelta::seconds(1));
    let day = it.identity.app_token(it.app.id, Audience::B2c, TimeDelta::days(1)).await.unwrap().token;
    assert_eq!(kid(&day), first[0].as_str());
    it.clock.advance(TimeDelta::seconds(1));
    let newer = it.identity.app_token(it.app.id, Audience::B2c, TimeDelta::days(1)).await.unwrap().token;
    assert_eq!(kid(&newer), next.as_str());
    // The last token of the old key is good to its end, in every process.
    it.clock.advance(TimeDelta::days(1) - TimeDelta::seconds(2));
    it.identity.authenticate(&day, Audience::B2c).await.unwrap();
    other.authenticate(&day, Audience::B2c).await.unwrap();
    it.clock.advance(TimeDelta::hours(2));
    assert_eq!(published(&it).await, [next]);
}

#[tokio::test]
async fn keys_last_for_ever_where_the_setting_says_so() {
    let it = Fixture::with(IdentityConfig { signing_key_days: 0, ..IdentityConfig::default() }).await;
    it.clock.advance(TimeDelta::days(5000));
    assert_eq!(it.identity.rotate_old_signing_key().await.unwrap(), None);
}

#[tokio::test]
async fn a_stolen_key_ends_with_all_its_tokens() {
    let it = Fixture::new().await;
    let oldest = it.app_token(B2C).await;
    it.identity.rotate_signing_key(false).await.unwrap();
    let old = it.app_token(B2C).await;
    let kid = it.identity.rotate_signing_key(true).await.unwrap();
    for token in [oldest, old] {
        let refusal = it.identity.authenticate(&token, Audience::B2c).await.unwrap_err();
        assert!(matches!(refusal, AuthError::UnknownKey), "{refusal}");
    }
    it.identity.authenticate(&it.app_token(B2C).await, Audience::B2c).await.unwrap();
    assert_eq!(published(&it).await, [kid]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_processes_one_rotates() {
    let it = Fixture::new().await;
    it.clock.advance(TimeDelta::days(91));
    let mut processes = Vec::new();
    for _ in 0..4 {
        processes.push(it.again(IdentityConfig::default()).await);
    }
    let rotations: Vec<_> = processes
        .into_iter()
        .map(|process| tokio::spawn(async move { process.rotate_old_signing_key().await.unwrap() }))
        .collect();
    let mut made = 0;
    for rotation in rotations {
        made += usize::from(rotation.await.unwrap().is_some());
    }
    assert_eq!((made, published(&it).await.len()), (1, 2));
}

#[tokio::test]
async fn a_clock_that_was_set_back_costs_no_token() {
    let it = Fixture::new().await;
    it.clock.advance(TimeDelta::hours(-1));
    let token = it.identity.app_token(it.app.id, Audience::B2c, TimeDelta::hours(2)).await.unwrap().token;
    assert_eq!(kid(&token), published(&it).await[0].as_str());
    it.identity.authenticate(&token, Audience::B2c).await.unwrap();
}
