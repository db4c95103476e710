//! What is remembered of good tokens and keys never outlives a change, whichever process makes it.

use chrono::TimeDelta;
use meterlake_control::{GrantScope, KeySlot};
use meterlake_identity::{Audience, AuthError, Caller, EaCaller, Identity, IdentityConfig};
use meterlake_model::{CustomerTenantId, EnrolmentNumber};
use uuid::Uuid;

use crate::{B2C, Fixture, PARTNER};

/// A caller but for the revision, which counts differently on each connection.
fn bare(answer: Result<Caller, AuthError>) -> Result<Caller, String> {
    answer.map(|caller| Caller { revision: None, ..caller }).map_err(|error| error.to_string())
}

/// Asks often enough that the second answer comes from memory.
async fn warm(identity: &Identity, token: &str) -> Result<Caller, String> {
    let first = bare(identity.authenticate(token, Audience::PartnerCenter).await);
    assert_eq!(bare(identity.authenticate(token, Audience::PartnerCenter).await), first);
    first
}

async fn warm_key(identity: &Identity, key: &str) -> Result<EaCaller, String> {
    let first = identity.authenticate_ea_key(key).await.map_err(|error| error.to_string());
    assert_eq!(identity.authenticate_ea_key(key).await.map_err(|error| error.to_string()), first);
    first
}

#[tokio::test]
async fn a_change_by_another_process_acts_on_the_next_request() {
    let it = Fixture::new().await;
    let other = it.again(IdentityConfig::default()).await;
    let control = it.control_again().await;
    let token = it.app_token(PARTNER).await;
    warm(&it.identity, &token).await.unwrap();

    control.add_grant(it.app.id, &GrantScope::AllCustomers).await.unwrap();
    assert!(warm(&it.identity, &token).await.unwrap().grants.all_customers());
    control.remove_grant(it.app.id, &GrantScope::AllCustomers).await.unwrap();
    assert!(!warm(&it.identity, &token).await.unwrap().grants.all_customers());
    control.set_principal_enabled(it.app.id, false).await.unwrap();
    assert_eq!(warm(&it.identity, &token).await, Err(AuthError::Disabled.to_string()));
    control.set_principal_enabled(it.app.id, true).await.unwrap();
    warm(&it.identity, &token).await.unwrap();
    control.revoke_tokens_of(it.app.id).await.unwrap();
    assert_eq!(warm(&it.identity, &token).await, Err(AuthError::TokenRevoked.to_string()));

    it.clock.advance(TimeDelta::seconds(2));
    let token = it.app_token(PARTNER).await;
    warm(&it.identity, &token).await.unwrap();
    other.rotate_signing_key(true).await.unwrap();
    assert_eq!(warm(&it.identity, &token).await, Err(AuthError::UnknownKey.to_string()));
}

#[tokio::test]
async fn time_alone_ends_what_is_remembered() {
    let it = Fixture::new().await;
    let token = it.app_token(PARTNER).await;
    warm(&it.identity, &token).await.unwrap();
    assert!(bare(it.identity.authenticate(&token, Audience::B2c).await).is_err(), "for another API");
    it.clock.advance(TimeDelta::seconds(3600 + 61));
    assert_eq!(warm(&it.identity, &token).await, Err(AuthError::Expired.to_string()));
    it.clock.advance(TimeDelta::seconds(-3600));
    warm(&it.identity, &token).await.unwrap();
    it.clock.advance(TimeDelta::seconds(-3600));
    assert_eq!(warm(&it.identity, &token).await, Err(AuthError::NotYetValid.to_string()));
}

#[tokio::test]
async fn a_key_that_verifies_no_longer_opens_nothing() {
    let it = Fixture::new().await;
    let day = TimeDelta::days(1);
    let token = it.identity.app_token(it.app.id, Audience::PartnerCenter, day).await.unwrap().token;
    it.identity.rotate_signing_key(false).await.unwrap();
    warm(&it.identity, &token).await.unwrap();
    // The key ends an hour after the longest life of a token; whatever the token says of itself then.
    it.clock.advance(TimeDelta::hours(25));
    assert_eq!(warm(&it.identity, &token).await, Err(AuthError::UnknownKey.to_string()));
}

#[tokio::test]
async fn remembered_or_not_the_answer_is_the_same() {
    let it = Fixture::new().await;
    let control = it.control_again().await;
    let enrolment: EnrolmentNumber = "100".parse().unwrap();
    control.set_enrolment(&enrolment, &[]).await.unwrap();
    let key = it.identity.create_ea_key(&enrolment, KeySlot::Primary).await.unwrap().text;
    let mut tokens = vec![it.app_token(PARTNER).await, it.app_token(B2C).await];
    let mut seed = 7_u64;
    let mut below = |most: u64| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) % most
    };
    for step in 0..120 {
        let customer = GrantScope::Customer(CustomerTenantId(Uuid::from_u128(u128::from(below(3)))));
        match below(9) {
            0 => drop(control.add_grant(it.app.id, &customer).await.unwrap()),
            1 => drop(it.control.remove_grant(it.app.id, &customer).await.unwrap()),
            2 => drop(control.set_principal_enabled(it.app.id, below(2) == 0).await),
            3 => control.revoke_tokens_of(it.app.id).await.unwrap(),
            4 => drop(it.identity.rotate_signing_key(below(4) == 0).await.unwrap()),
            5 => it.clock.advance(TimeDelta::seconds(i64::try_from(below(2000)).unwrap())),
            6 if step > 60 => drop(control.revoke_key(&enrolment, KeySlot::Primary).await),
            _ => {
                drop(control.set_principal_enabled(it.app.id, true).await);
                tokens.push(it.app_token(if below(2) == 0 { PARTNER } else { B2C }).await);
            }
        }
        let cold = it.again(IdentityConfig::default()).await;
        for token in tokens.iter().rev().take(4) {
            let expected = bare(cold.authenticate(token, Audience::PartnerCenter).await);
            assert_eq!(warm(&it.identity, token).await, expected, "step {step}");
        }
        let expected = cold.authenticate_ea_key(&key).await.map_err(|error| error.to_string());
        assert_eq!(warm_key(&it.identity, &key).await, expected, "step {step}");
    }
}
