//! Principals, secrets, keys, grants, signing keys.

use chrono::TimeDelta;
use meterlake_control::{
    ControlError, GrantScope, KeySlot, NewEaKey, NewPrincipal, NewSecret, Principal, PrincipalKind, Rotation,
    SigningKey, TokenStanding,
};
use meterlake_model::{CustomerTenantId, PrincipalId, TenantId};
use uuid::Uuid;

use crate::Fixture;

async fn add(it: &Fixture, kind: PrincipalKind, name: &str) -> Principal {
    let tenant = TenantId(Uuid::from_u128(1));
    it.control.set_tenant(tenant, None, &[]).await.unwrap();
    it.control.add_principal(&NewPrincipal { kind, tenant, name: name.to_owned(), client_id: None }).await.unwrap()
}

#[tokio::test]
async fn principals_are_known_by_name_id_and_client_id() {
    let it = Fixture::new().await;
    let app = add(&it, PrincipalKind::Application, "Reporter").await;
    let user = add(&it, PrincipalKind::User, "ada@contoso.com").await;
    let client_id = app.client_id.unwrap();
    assert_eq!(user.client_id, None);
    for name in ["reporter".to_owned(), app.id.to_string().to_uppercase(), client_id.to_string()] {
        assert_eq!(it.control.find_principal(&name).await.unwrap(), app, "{name}");
    }
    assert!(matches!(it.control.find_principal("nobody").await, Err(ControlError::NotFound { .. })));
    assert_eq!(it.control.application(app.tenant, client_id).await.unwrap(), Some(app.clone()));
    assert_eq!(it.control.application(TenantId(Uuid::from_u128(2)), client_id).await.unwrap(), None);

    let again =
        NewPrincipal { kind: PrincipalKind::User, tenant: app.tenant, name: "REPORTER".to_owned(), client_id: None };
    assert!(matches!(it.control.add_principal(&again).await, Err(ControlError::Conflict { .. })));
    let elsewhere = NewPrincipal { tenant: TenantId(Uuid::from_u128(3)), name: "x".to_owned(), ..again.clone() };
    assert!(matches!(it.control.add_principal(&elsewhere).await, Err(ControlError::NotFound { .. })));
    let nameless = NewPrincipal { name: "  ".to_owned(), ..again };
    assert!(matches!(it.control.add_principal(&nameless).await, Err(ControlError::Invalid { .. })));

    it.control.set_principal_enabled(app.id, false).await.unwrap();
    assert!(!it.control.principal(app.id).await.unwrap().unwrap().enabled);
    assert!(it.control.remove_principal(app.id).await.unwrap());
    assert_eq!(it.control.principals().await.unwrap(), [user]);
}

#[tokio::test]
async fn secrets_belong_to_applications_and_end() {
    let it = Fixture::new().await;
    let app = add(&it, PrincipalKind::Application, "app").await;
    let user = add(&it, PrincipalKind::User, "user").await;
    let new = |principal| NewSecret {
        principal,
        hash: vec![9; 32],
        hint: "abc".to_owned(),
        expires_at: it.control.clock().now() + TimeDelta::days(1),
    };
    let error = it.control.add_secret(&new(user.id)).await.unwrap_err();
    assert_eq!(error.to_string(), "principal \"user\" is a user; only an application has secrets");
    let nobody = it.control.add_secret(&new(PrincipalId(Uuid::nil()))).await;
    assert!(matches!(nobody, Err(ControlError::NotFound { .. })));
    let secret = it.control.add_secret(&new(app.id)).await.unwrap();
    assert_eq!(it.control.secrets(app.id).await.unwrap(), std::slice::from_ref(&secret));
    it.control.revoke_secret(secret.id).await.unwrap();
    assert!(it.control.secrets(app.id).await.unwrap()[0].revoked_at.is_some());
    assert!(matches!(it.control.revoke_secret(secret.id).await, Err(ControlError::NotFound { .. })));
    assert!(it.control.remove_principal(app.id).await.unwrap());
    assert_eq!(it.control.secrets(app.id).await.unwrap(), []);
    let actions = it.actions().await;
    assert_eq!(actions[actions.len() - 3..], ["secret.create", "secret.revoke", "principal.remove"]);
}

#[tokio::test]
async fn a_slot_holds_one_key() {
    let it = Fixture::new().await;
    let enrolment = "100".parse().unwrap();
    let new = |slot, byte| NewEaKey {
        enrolment: "100".parse().unwrap(),
        slot,
        hash: vec![byte; 32],
        hint: "abc".to_owned(),
        expires_at: it.control.clock().now() + TimeDelta::days(180),
    };
    assert!(matches!(it.control.replace_key(&new(KeySlot::Primary, 0)).await, Err(ControlError::NotFound { .. })));
    it.control.set_enrolment(&enrolment, &[]).await.unwrap();
    it.control.replace_key(&new(KeySlot::Primary, 1)).await.unwrap();
    it.control.replace_key(&new(KeySlot::Secondary, 2)).await.unwrap();
    it.control.replace_key(&new(KeySlot::Primary, 3)).await.unwrap();
    let standing: Vec<u8> =
        it.control.keys().await.unwrap().iter().filter(|k| k.revoked_at.is_none()).map(|k| k.hash[0]).collect();
    assert_eq!(standing, [3, 2]);
    assert!(it.control.key_by_hash(&[1; 32]).await.unwrap().unwrap().revoked_at.is_some());
    assert_eq!(it.control.key_by_hash(&[7; 32]).await.unwrap(), None);
    // Its operator is told of its end for the last 14 days.
    let key = it.control.key_by_hash(&[3; 32]).await.unwrap().unwrap();
    let days_before = |days| key.expires_at - TimeDelta::days(days);
    assert!(!key.ends_soon(days_before(15)) && key.ends_soon(days_before(14)) && !key.ends_soon(days_before(0)));
    assert!(!it.control.key_by_hash(&[1; 32]).await.unwrap().unwrap().ends_soon(days_before(1)));
    it.control.revoke_key(&enrolment, KeySlot::Secondary).await.unwrap();
    assert!(matches!(it.control.revoke_key(&enrolment, KeySlot::Secondary).await, Err(ControlError::NotFound { .. })));
    assert_eq!(it.actions().await[1..], ["key.create", "key.create", "key.create", "key.revoke"]);
}

#[tokio::test]
async fn grants_come_and_go() {
    let it = Fixture::new().await;
    let app = add(&it, PrincipalKind::Application, "app").await;
    let customer = GrantScope::Customer(CustomerTenantId(Uuid::from_u128(5)));
    for text in [
        "customers",
        "customer:00000000-0000-0000-0000-000000000005",
        "tenants",
        "tenant:00000000-0000-0000-0000-000000000006",
    ] {
        assert_eq!(text.parse::<GrantScope>().unwrap().to_string(), text);
    }
    for bad in ["", "customer", "customer:", "customer:x", "all", "Customers", "enrolments", "enrolment:100"] {
        let error = bad.parse::<GrantScope>().unwrap_err().to_string();
        assert!(error.contains("expected customers, customer:<tenant id>, tenants or tenant:<id>"), "{error}");
    }
    assert!(it.control.add_grant(app.id, &customer).await.unwrap());
    assert!(!it.control.add_grant(app.id, &customer).await.unwrap());
    it.control.add_grant(app.id, &GrantScope::AllTenants).await.unwrap();
    let scopes: Vec<_> = it.control.grants(Some(app.id)).await.unwrap().into_iter().map(|g| g.scope).collect();
    assert_eq!(scopes, [customer.clone(), GrantScope::AllTenants]);
    assert!(it.control.remove_grant(app.id, &customer).await.unwrap());
    assert!(!it.control.remove_grant(app.id, &customer).await.unwrap());
    assert_eq!(it.control.grants(None).await.unwrap().len(), 1);
    let nobody = it.control.add_grant(PrincipalId(Uuid::nil()), &customer).await;
    assert!(matches!(nobody, Err(ControlError::NotFound { .. })));
    assert_eq!(it.actions().await[2..], ["grant.add", "grant.add", "grant.remove"]);
}

#[tokio::test]
async fn signing_keys_overlap() {
    let it = Fixture::new().await;
    let key = |kid: &str| SigningKey {
        kid: kid.to_owned(),
        pkcs8: vec![1],
        modulus: vec![2],
        exponent: vec![3],
        created_at: it.control.clock().now(),
        signs_from: it.control.clock().now(),
        retired_at: None,
        expires_at: None,
    };
    assert!(it.control.add_first_signing_key(&key("a")).await.unwrap());
    assert!(!it.again().await.add_first_signing_key(&key("b")).await.unwrap());
    let hour = TimeDelta::hours(1);
    let at_once = Rotation { min_age: None, ahead: TimeDelta::zero(), overlap: hour };
    // Of each key whether it signs.
    let keys = || async {
        let keys = it.control.signing_keys().await.unwrap();
        keys.into_iter().map(|k| (k.signs(it.control.clock().now()), k.kid)).collect::<Vec<_>>()
    };
    let told = |keys: &[(bool, &str)]| keys.iter().map(|(signs, kid)| (*signs, (*kid).to_owned())).collect::<Vec<_>>();
    assert!(it.control.rotate_signing_key(&key("c"), at_once).await.unwrap());
    assert_eq!(keys().await, told(&[(true, "c"), (false, "a")]));
    it.clock.advance(hour);
    assert_eq!(keys().await, told(&[(true, "c")]));
    assert!(!format!("{:?}", key("a")).contains("pkcs8"));

    // By age, published before it signs; a second process does not make another.
    let by_age = Rotation { min_age: Some(hour * 2), ahead: hour, overlap: hour };
    assert!(!it.control.rotate_signing_key(&key("d"), by_age).await.unwrap());
    it.clock.advance(hour);
    assert!(it.control.rotate_signing_key(&key("d"), by_age).await.unwrap());
    assert!(!it.again().await.rotate_signing_key(&key("e"), by_age).await.unwrap());
    assert_eq!(keys().await, told(&[(false, "d"), (true, "c")]));
    it.clock.advance(hour);
    assert_eq!(keys().await, told(&[(true, "d"), (false, "c")]));
    it.clock.advance(hour);
    assert_eq!(keys().await, told(&[(true, "d")]));

    // Without an overlap the tokens of all others end at once, also those of a key that was retired before.
    assert!(it.control.rotate_signing_key(&key("f"), at_once).await.unwrap());
    let ended = Rotation { overlap: TimeDelta::zero(), ..at_once };
    assert!(it.control.rotate_signing_key(&key("g"), ended).await.unwrap());
    assert_eq!(keys().await, told(&[(true, "g")]));
}

#[tokio::test]
async fn revoked_tokens_are_known_until_they_end() {
    let it = Fixture::new().await;
    let app = add(&it, PrincipalKind::Application, "app").await;
    let now = it.control.clock().now();
    let standing = async |uti: &str| it.again().await.token_standing(app.id, uti).await.unwrap().unwrap();
    assert_eq!(standing("t1").await, TokenStanding { principal: app.clone(), revoked: false, revoked_until: None });
    assert!(it.control.revoke_token("t1", now + TimeDelta::hours(1), Some(app.id)).await.unwrap());
    assert!(!it.control.revoke_token("t1", now + TimeDelta::hours(1), Some(app.id)).await.unwrap());
    assert!(standing("t1").await.revoked && !standing("t2").await.revoked);
    it.clock.advance(TimeDelta::hours(1));
    it.control.revoke_token("t2", now + TimeDelta::hours(2), None).await.unwrap();
    // Forgotten: it has ended.
    assert!(!standing("t1").await.revoked && standing("t2").await.revoked);
    it.control.revoke_tokens_of(app.id).await.unwrap();
    assert_eq!(standing("t3").await.revoked_until, Some(now + TimeDelta::hours(1)));
    let nobody = PrincipalId(Uuid::nil());
    assert!(matches!(it.control.revoke_tokens_of(nobody).await, Err(ControlError::NotFound { .. })));
    assert_eq!(it.control.token_standing(nobody, "t").await.unwrap(), None);
    assert_eq!(it.actions().await[2..], ["token.revoke", "token.revoke", "token.revoke-all"]);
}
