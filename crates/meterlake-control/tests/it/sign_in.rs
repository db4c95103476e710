//! What sign-in keeps: each use of a code and a token once, however many ask.

use chrono::TimeDelta;
use meterlake_control::{
    AuthorizationCode, ControlError, DeviceDecision, NewDeviceCode, NewPrincipal, Principal, PrincipalKind, Redemption,
    Refresh, TokenFamily,
};
use meterlake_model::TenantId;
use uuid::Uuid;

use crate::Fixture;

struct Both {
    it: Fixture,
    user: Principal,
    app: Principal,
}

async fn both() -> Both {
    let it = Fixture::new().await;
    let tenant = TenantId(Uuid::from_u128(1));
    it.control.set_tenant(tenant, None, &[]).await.unwrap();
    let new = |kind, name: &str| NewPrincipal { kind, tenant, name: name.to_owned(), client_id: None };
    let user = it.control.add_principal(&new(PrincipalKind::User, "olga")).await.unwrap();
    let app = it.control.add_principal(&new(PrincipalKind::Application, "tool")).await.unwrap();
    Both { it, user, app }
}

impl Both {
    async fn family(&self, byte: u8) -> TokenFamily {
        let now = self.it.control.clock().now();
        let code = AuthorizationCode {
            user: self.user.id,
            application: self.app.id,
            redirect_uri: "http://localhost".to_owned(),
            redirect_named: true,
            resource: "api://meterlake".to_owned(),
            scopes: "openid offline_access".to_owned(),
            nonce: Some("n".to_owned()),
            challenge: None,
            signed_in_at: now,
            expires_at: now + TimeDelta::minutes(10),
            family: None,
        };
        self.it.control.add_authorization_code(&[byte], &code).await.unwrap();
        assert_eq!(self.it.control.authorization_code(&[byte]).await.unwrap(), Some(code));
        match self.it.control.redeem_authorization_code(&[byte]).await.unwrap() {
            Redemption::Done(family) => family,
            Redemption::Again => panic!("redeemed before"),
        }
    }

    async fn add_refresh(&self, hash: u8, family: &TokenFamily) {
        let ends = self.it.control.clock().now() + TimeDelta::days(90);
        self.it.control.add_refresh_token(&[hash], family.id, ends).await.unwrap();
    }

    async fn rotate(&self, hash: u8, next: u8) -> Refresh {
        let ends = self.it.control.clock().now() + TimeDelta::days(90);
        self.it.control.rotate_refresh_token(&[hash], self.app.id, &[next], ends).await.unwrap()
    }
}

#[tokio::test]
async fn a_code_used_twice_ends_what_came_from_it() {
    let both = both().await;
    let control = &both.it.control;
    let family = both.family(1).await;
    let other = both.family(2).await;
    assert!(control.family_holds(family.id).await.unwrap());
    assert_eq!(control.redeem_authorization_code(&[1]).await.unwrap(), Redemption::Again);
    assert!(!control.family_holds(family.id).await.unwrap());
    assert!(control.family_holds(other.id).await.unwrap());
    assert!(matches!(control.redeem_authorization_code(&[9]).await, Err(ControlError::NotFound { .. })));
    assert_eq!(both.it.actions().await.last().unwrap(), "family.revoke");
    // A day after its end it is forgotten, by the next that is kept.
    both.it.clock.advance(TimeDelta::days(2));
    both.family(3).await;
    assert_eq!(control.authorization_code(&[1]).await.unwrap(), None);
}

#[tokio::test]
async fn refresh_tokens_rotate() {
    let both = both().await;
    let family = both.family(1).await;
    both.add_refresh(10, &family).await;
    assert_eq!(both.rotate(10, 11).await, Refresh::Rotated(family.clone()));
    assert_eq!(both.rotate(11, 12).await, Refresh::Rotated(family.clone()));
    assert_eq!(both.rotate(99, 98).await, Refresh::Unknown);
    let of_another = both.it.control.rotate_refresh_token(&[12], both.user.id, &[13], both.it.control.clock().now());
    assert_eq!(of_another.await.unwrap(), Refresh::Unknown);
    assert_eq!(both.rotate(10, 13).await, Refresh::Reused(family));
    assert_eq!(both.rotate(12, 13).await, Refresh::Revoked);
    let late = both.family(2).await;
    both.add_refresh(20, &late).await;
    both.it.clock.advance(TimeDelta::days(90));
    assert_eq!(both.rotate(20, 21).await, Refresh::Expired);
}

#[tokio::test]
async fn of_many_at_once_one_rotates() {
    let both = both().await;
    let family = both.family(1).await;
    both.add_refresh(10, &family).await;
    let (a, b, c) = tokio::join!(both.rotate(10, 11), both.rotate(10, 12), both.rotate(10, 13));
    let rotated = [&a, &b, &c].into_iter().filter(|r| matches!(r, Refresh::Rotated(_))).count();
    assert_eq!(rotated, 1, "{a:?} {b:?} {c:?}");
    assert!(!both.it.control.family_holds(family.id).await.unwrap());
}

#[tokio::test]
async fn whatever_ends_a_sign_in_ends_its_tokens() {
    let both = both().await;
    let control = &both.it.control;
    let (user, app) = (both.user.id, both.app.id);
    let now = control.clock().now();
    for step in 0..6u8 {
        control.set_password_hash(user, "kept").await.unwrap();
        assert!(control.add_session(&[step], user, "kept", now + TimeDelta::hours(8)).await.unwrap());
        control.add_consent(user, app, "meterlake").await.unwrap();
        let family = both.family(step).await;
        match step {
            0 => control.set_password_hash(user, "h").await.unwrap(),
            1 => assert!(control.remove_password(user).await.unwrap()),
            2 => control.set_principal_enabled(user, false).await.unwrap(),
            3 => control.set_principal_enabled(app, false).await.unwrap(),
            4 => assert_eq!(control.remove_consents(user, app).await.unwrap(), 1),
            _ => control.sign_out_user(user).await.unwrap(),
        }
        assert!(!control.family_holds(family.id).await.unwrap(), "{step}");
        // What is about the application leaves the browser signed in.
        assert_eq!(control.session(&[step]).await.unwrap().is_some(), matches!(step, 3 | 4), "{step}");
    }
    let family = both.family(7).await;
    assert!(control.remove_principal(user).await.unwrap());
    assert!(!control.family_holds(family.id).await.unwrap());
    assert!(control.consents(None).await.unwrap().is_empty());
}

#[tokio::test]
async fn sessions_end_by_their_time_and_by_order() {
    let both = both().await;
    let control = &both.it.control;
    let ends = control.clock().now() + TimeDelta::hours(8);
    control.set_password_hash(both.user.id, "old").await.unwrap();
    assert!(control.add_session(&[1], both.user.id, "old", ends).await.unwrap());
    control.set_password_hash(both.user.id, "new").await.unwrap();
    // A sign-in that had compared the password before it was changed.
    assert!(!control.add_session(&[2], both.user.id, "old", ends).await.unwrap());
    assert_eq!((control.session(&[1]).await.unwrap(), control.session(&[2]).await.unwrap()), (None, None));
    assert!(control.add_session(&[1], both.user.id, "new", ends).await.unwrap());
    assert!(control.add_session(&[2], both.user.id, "new", ends).await.unwrap());
    assert_eq!(control.session(&[1]).await.unwrap().unwrap().user, both.user.id);
    assert_eq!(control.end_session(&[1]).await.unwrap(), Some(both.user.id));
    assert_eq!((control.session(&[1]).await.unwrap(), control.end_session(&[1]).await.unwrap()), (None, None));
    both.it.clock.advance(TimeDelta::hours(8));
    assert_eq!(control.session(&[2]).await.unwrap(), None);
}

#[tokio::test]
async fn a_device_code_is_decided_once_and_redeemed_once() {
    let both = both().await;
    let control = &both.it.control;
    let now = control.clock().now();
    let new = |hash: u8, typed: u8| NewDeviceCode {
        hash: vec![hash],
        user_code_hash: vec![typed],
        application: both.app.id,
        resource: "api://meterlake".to_owned(),
        scopes: "openid".to_owned(),
        expires_at: now + TimeDelta::minutes(15),
        interval_seconds: 5,
    };
    assert!(control.add_device_code(&new(1, 11)).await.unwrap());
    assert!(!control.add_device_code(&new(2, 11)).await.unwrap());
    assert!(control.add_device_code(&new(2, 12)).await.unwrap());
    let poll = |hash: u8| async move { control.poll_device_code(&[hash], both.app.id).await.unwrap() };
    assert!(control.poll_device_code(&[1], both.user.id).await.unwrap().is_none());
    let first = poll(1).await.unwrap();
    assert_eq!((first.decision, first.too_early), (DeviceDecision::Pending, false));
    both.it.clock.advance(TimeDelta::seconds(3));
    let early = poll(1).await.unwrap();
    assert_eq!((early.too_early, early.interval_seconds), (true, 10));
    both.it.clock.advance(TimeDelta::seconds(9));
    assert!(!poll(1).await.unwrap().too_early);
    assert_eq!(control.redeem_device_code(&[1]).await.unwrap(), None);
    assert!(control.decide_device_code(&[11], both.user.id, now, true).await.unwrap());
    assert!(!control.decide_device_code(&[11], both.user.id, now, false).await.unwrap());
    assert_eq!(control.device_code_to_decide(&[11]).await.unwrap(), None);
    let family = control.redeem_device_code(&[1]).await.unwrap().unwrap();
    assert_eq!((family.user, family.application), (both.user.id, both.app.id));
    assert_eq!(control.redeem_device_code(&[1]).await.unwrap(), None);
    assert!(control.decide_device_code(&[12], both.user.id, now, false).await.unwrap());
    assert_eq!(poll(2).await.unwrap().decision, DeviceDecision::Denied);
    assert_eq!(control.redeem_device_code(&[2]).await.unwrap(), None);
}

#[tokio::test]
async fn what_is_for_users_is_not_for_applications() {
    let both = both().await;
    let control = &both.it.control;
    let error = control.set_password_hash(both.app.id, "h").await.unwrap_err();
    assert_eq!(error.to_string(), "principal \"tool\" is an application; only a user has a password");
    let error = control.add_redirect_uri(both.user.id, "http://localhost").await.unwrap_err();
    assert_eq!(error.to_string(), "principal \"olga\" is a user; expected an application");
    assert!(control.set_application_public(both.user.id, true).await.is_err());
    assert!(control.add_redirect_uri(both.app.id, "http://localhost").await.unwrap());
    assert!(!control.add_redirect_uri(both.app.id, "http://localhost").await.unwrap());
    assert!(control.remove_redirect_uri(both.app.id, "http://localhost").await.unwrap());
    assert!(!control.remove_redirect_uri(both.app.id, "http://localhost").await.unwrap());
    assert_eq!(control.user("OLGA").await.unwrap(), Some(both.user.clone()));
    assert_eq!(control.user("tool").await.unwrap(), None);
    let client_id = both.app.client_id.unwrap();
    assert_eq!(control.application_anywhere(client_id).await.unwrap().unwrap().id, both.app.id);
}

/// Revoking all tokens, disabling and opening to the public leave no code that would give new tokens.
#[tokio::test]
async fn no_code_outlives_a_revocation() {
    let Both { it, user, app } = both().await;
    let now = it.control.clock().now();
    let code = AuthorizationCode {
        user: user.id,
        application: app.id,
        redirect_uri: "http://localhost".to_owned(),
        redirect_named: true,
        resource: "api://meterlake".to_owned(),
        scopes: "openid".to_owned(),
        nonce: None,
        challenge: None,
        signed_in_at: now,
        expires_at: now + TimeDelta::minutes(10),
        family: None,
    };
    for step in 0..4 {
        it.control.add_authorization_code(&[step], &code).await.unwrap();
        match step {
            0 => it.control.revoke_tokens_of(user.id).await.unwrap(),
            1 => it.control.revoke_tokens_of(app.id).await.unwrap(),
            2 => it.control.set_principal_enabled(app.id, false).await.unwrap(),
            _ => it.control.set_application_public(app.id, true).await.unwrap(),
        }
        it.control.set_principal_enabled(app.id, true).await.unwrap();
        assert_eq!(it.control.authorization_code(&[step]).await.unwrap(), None, "{step}");
    }
}
