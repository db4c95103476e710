//! API keys of enrolments.

use meterlake_control::KeySlot;
use meterlake_identity::AuthError;

use crate::{B2C, Fixture};

#[tokio::test]
async fn a_key_opens_its_enrolment_for_six_months() {
    let it = Fixture::new().await;
    let enrolment = "100".parse().unwrap();
    assert!(it.identity.create_ea_key(&enrolment, KeySlot::Primary).await.is_err());
    it.control.set_enrolment(&enrolment, &[]).await.unwrap();
    let fresh = it.identity.create_ea_key(&enrolment, KeySlot::Primary).await.unwrap();
    assert_eq!(fresh.key.expires_at.to_rfc3339(), "2025-05-15T12:00:00.500+00:00");
    let caller = it.identity.authenticate_ea_key(&fresh.text).await.unwrap();
    assert_eq!((caller.key, caller.slot, caller.enrolment), (fresh.key.id, KeySlot::Primary, enrolment));
    // Nothing that is kept opens anything, and a token is no key.
    for bad in ["", " ", &fresh.text[1..], &hex::encode(&fresh.key.hash), &fresh.key.hint, &it.app_token(B2C).await] {
        assert!(matches!(it.identity.authenticate_ea_key(bad).await, Err(AuthError::UnknownApiKey)), "{bad}");
    }
    it.clock.set(fresh.key.expires_at);
    assert!(matches!(it.identity.authenticate_ea_key(&fresh.text).await, Err(AuthError::Expired)));
}

#[tokio::test]
async fn two_slots_that_are_renewed_and_revoked_on_their_own() {
    let it = Fixture::new().await;
    let enrolment = "100".parse().unwrap();
    it.control.set_enrolment(&enrolment, &[]).await.unwrap();
    let first = it.identity.create_ea_key(&enrolment, KeySlot::Primary).await.unwrap().text;
    let second = it.identity.create_ea_key(&enrolment, KeySlot::Secondary).await.unwrap().text;
    let third = it.identity.create_ea_key(&enrolment, KeySlot::Primary).await.unwrap().text;
    assert!(matches!(it.identity.authenticate_ea_key(&first).await, Err(AuthError::Revoked)));
    it.identity.authenticate_ea_key(&second).await.unwrap();
    it.identity.authenticate_ea_key(&third).await.unwrap();
    it.control.revoke_key(&enrolment, KeySlot::Secondary).await.unwrap();
    assert!(matches!(it.identity.authenticate_ea_key(&second).await, Err(AuthError::Revoked)));
    it.control.remove_enrolment(&enrolment).await.unwrap();
    assert!(matches!(it.identity.authenticate_ea_key(&third).await, Err(AuthError::UnknownApiKey)));
}
