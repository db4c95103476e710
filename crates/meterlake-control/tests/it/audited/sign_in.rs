//! The changes of sign-in.

use chrono::TimeDelta;
use meterlake_control::{AuthorizationCode, Control, ControlError, NewDeviceCode, Redemption, Refresh};
use meterlake_model::PrincipalId;
use uuid::Uuid;

use super::Ids;

fn code(control: &Control, user: PrincipalId, application: PrincipalId) -> AuthorizationCode {
    let now = control.clock().now();
    AuthorizationCode {
        user,
        application,
        redirect_uri: "http://localhost".to_owned(),
        redirect_named: true,
        resource: "api://meterlake".to_owned(),
        scopes: "openid".to_owned(),
        nonce: None,
        challenge: None,
        signed_in_at: now,
        expires_at: now + TimeDelta::minutes(10),
        family: None,
    }
}

fn device(control: &Control, application: PrincipalId, byte: u8) -> NewDeviceCode {
    NewDeviceCode {
        hash: vec![byte],
        user_code_hash: vec![byte],
        application,
        resource: "api://meterlake".to_owned(),
        scopes: "openid".to_owned(),
        expires_at: control.clock().now() + TimeDelta::minutes(15),
        interval_seconds: 5,
    }
}

/// One of everything; the family of a code that was redeemed.
pub(super) async fn prepared(control: &Control, user: PrincipalId, app: PrincipalId) -> Uuid {
    let ends = control.clock().now() + TimeDelta::hours(8);
    control.set_password_hash(user, "kept").await.unwrap();
    control.add_redirect_uri(app, "http://localhost").await.unwrap();
    control.add_consent(user, app, "b2c").await.unwrap();
    assert!(control.add_session(&[1], user, "kept", ends).await.unwrap());
    for byte in [1, 2] {
        control.add_authorization_code(&[byte], &code(control, user, app)).await.unwrap();
        assert!(control.add_device_code(&device(control, app, byte)).await.unwrap());
    }
    let now = control.clock().now();
    assert!(control.decide_device_code(&[1], user, now, true).await.unwrap());
    let Redemption::Done(family) = control.redeem_authorization_code(&[1]).await.unwrap() else {
        panic!("redeemed before")
    };
    control.add_refresh_token(&[1], family.id, ends).await.unwrap();
    family.id
}

/// Runs a change of that name. Whether there is one.
pub(super) async fn change(name: &str, it: &Control, ids: &Ids) -> Result<bool, ControlError> {
    let (user, app) = (ids.user, ids.app);
    let ends = it.clock().now() + TimeDelta::hours(8);
    match name {
        "add_authorization_code" => it.add_authorization_code(&[9], &code(it, user, app)).await?,
        "add_consent" => it.add_consent(user, app, "meterlake").await?,
        "add_device_code" => assert!(it.add_device_code(&device(it, app, 9)).await?),
        "add_redirect_uri" => assert!(it.add_redirect_uri(app, "https://app.example/auth").await?),
        "add_refresh_token" => it.add_refresh_token(&[9], ids.family, ends).await?,
        "add_session" => assert!(it.add_session(&[9], user, "kept", ends).await?),
        "decide_device_code" => assert!(it.decide_device_code(&[2], user, ends, false).await?),
        "end_session" => assert_eq!(it.end_session(&[1]).await?, Some(user)),
        "redeem_authorization_code" => {
            assert!(matches!(it.redeem_authorization_code(&[2]).await?, Redemption::Done(_)));
        }
        "redeem_device_code" => assert!(it.redeem_device_code(&[1]).await?.is_some()),
        "remove_consents" => assert_eq!(it.remove_consents(user, app).await?, 1),
        "remove_password" => assert!(it.remove_password(user).await?),
        "remove_redirect_uri" => assert!(it.remove_redirect_uri(app, "http://localhost").await?),
        "revoke_families" => assert_eq!(it.revoke_families(Some(user), None, "test").await?, 1),
        "revoke_family" => assert!(it.revoke_family(ids.family, "test").await?),
        "rotate_refresh_token" => {
            assert!(matches!(it.rotate_refresh_token(&[1], app, &[9], ends).await?, Refresh::Rotated(_)));
        }
        "set_application_public" => {
            // It has a secret, which a public application cannot have.
            it.revoke_secret(ids.secret).await?;
            it.set_application_public(app, true).await?;
        }
        "set_password_hash" => it.set_password_hash(user, "new").await?,
        "sign_out_user" => it.sign_out_user(user).await?,
        _ => return Ok(false),
    }
    Ok(true)
}
