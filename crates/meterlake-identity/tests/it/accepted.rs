//! Tokens that open something, and what.

use std::collections::BTreeSet;

use chrono::TimeDelta;
use meterlake_control::GrantScope;
use meterlake_identity::{Audience, CustomerScope, IdentityConfig, TenantScope, bearer_token};
use meterlake_model::{CustomerTenantId, TenantId};
use uuid::Uuid;

use crate::{B2C, BASE, Fixture, PARTNER, parts};

#[tokio::test]
async fn an_applications_token_and_a_users_token() {
    let it = Fixture::new().await;
    let app = it.identity.authenticate(&it.app_token(PARTNER).await, Audience::PartnerCenter).await.unwrap();
    assert_eq!((app.principal, app.is_user, app.name.as_str(), app.tenant), (it.app.id, false, "reporter", it.tenant));
    let token = it.identity.user_token(it.user.id, Audience::PartnerCenter, TimeDelta::hours(2)).await.unwrap();
    assert_eq!(token.lifetime_seconds(), 7200);
    let user = it.identity.authenticate(&token.token, Audience::PartnerCenter).await.unwrap();
    assert_eq!((user.principal, user.is_user, user.name.as_str()), (it.user.id, true, "ada@contoso.com"));
    let (_, claims) = parts(&token.token);
    assert_eq!(claims["scp"], "user_impersonation");
    assert!(claims.get("roles").is_none());
    let token = it.identity.app_token(it.app.id, Audience::B2c, TimeDelta::hours(1)).await.unwrap();
    assert!(!it.identity.authenticate(&token.token, Audience::B2c).await.unwrap().is_user);
    let form = it.form(&[("scope", "api://meterlake/.default")]);
    let v2 = it.identity.token_v2(BASE, &it.tenant.to_string(), form, None).await.unwrap();
    it.identity.authenticate(v2.body["access_token"].as_str().unwrap(), Audience::Meterlake).await.unwrap();
}

#[tokio::test]
async fn a_final_slash_of_the_audience_makes_no_difference() {
    let it = Fixture::new().await;
    let token = it.app_token("https://graph.windows.net/").await;
    assert_eq!(parts(&token).1["aud"], "https://graph.windows.net/");
    it.identity.authenticate(&token, Audience::B2c).await.unwrap();
}

#[tokio::test]
async fn operators_tokens_are_made_for_the_right_kind_and_a_sane_time() {
    let it = Fixture::new().await;
    let hour = TimeDelta::hours(1);
    assert!(it.identity.user_token(it.app.id, Audience::B2c, hour).await.is_err());
    assert!(it.identity.app_token(it.user.id, Audience::B2c, hour).await.is_err());
    for bad in [TimeDelta::zero(), TimeDelta::seconds(-1), TimeDelta::seconds(86_401)] {
        assert!(it.identity.user_token(it.user.id, Audience::B2c, bad).await.is_err());
    }
    it.identity.user_token(it.user.id, Audience::B2c, TimeDelta::days(1)).await.unwrap();
    it.control.set_principal_enabled(it.user.id, false).await.unwrap();
    assert!(it.identity.user_token(it.user.id, Audience::B2c, hour).await.is_err());
}

#[tokio::test]
async fn grants_act_at_once() {
    let it = Fixture::new().await;
    let token = it.app_token(PARTNER).await;
    let grants = || async { it.identity.authenticate(&token, Audience::PartnerCenter).await.unwrap().grants };
    let (one, other) = (CustomerTenantId(Uuid::from_u128(1)), CustomerTenantId(Uuid::from_u128(2)));
    assert_eq!(grants().await.customers(), CustomerScope::Set(BTreeSet::new()));
    it.control.add_grant(it.app.id, &GrantScope::Customer(one)).await.unwrap();
    let now = grants().await;
    assert_eq!(now.customers(), CustomerScope::Set([one].into()));
    assert!(now.allows_customer(one) && !now.allows_customer(other) && !now.all_customers() && !now.all_tenants());
    it.control.add_grant(it.app.id, &GrantScope::AllCustomers).await.unwrap();
    assert_eq!(grants().await.customers(), CustomerScope::All);
    assert!(grants().await.allows_customer(other));
    it.control.remove_grant(it.app.id, &GrantScope::AllCustomers).await.unwrap();
    it.control.remove_grant(it.app.id, &GrantScope::Customer(one)).await.unwrap();
    assert_eq!(grants().await.customers(), CustomerScope::Set(BTreeSet::new()));

    let tenant = TenantId(Uuid::from_u128(3));
    it.control.add_grant(it.app.id, &GrantScope::Tenant(tenant)).await.unwrap();
    let now = grants().await;
    assert_eq!(now.tenants(), TenantScope::Set([tenant].into()));
    assert!(now.allows_tenant(tenant) && !now.allows_tenant(it.tenant));
    assert_eq!(now.iter().count(), 1);
    it.control.add_grant(it.app.id, &GrantScope::AllTenants).await.unwrap();
    assert_eq!(grants().await.tenants(), TenantScope::All);
}

#[tokio::test]
async fn tokens_outlive_a_restart_another_address_and_a_rotation() {
    let it = Fixture::new().await;
    let token = it.app_token(B2C).await;
    let elsewhere = IdentityConfig { issuer_base: "http://localhost:9999".to_owned(), ..IdentityConfig::default() };
    let other = it.again(elsewhere).await;
    other.authenticate(&token, Audience::B2c).await.unwrap();
    let kid = other.rotate_signing_key(false).await.unwrap();
    it.identity.authenticate(&token, Audience::B2c).await.unwrap();
    let newer = it.app_token(B2C).await;
    assert_eq!(parts(&newer).0["kid"], kid.as_str());
    assert_ne!(parts(&token).0["kid"], kid.as_str());
    other.authenticate(&newer, Audience::B2c).await.unwrap();
}

#[test]
fn the_bearer_scheme_in_any_case() {
    for header in ["Bearer abc", "bearer abc", "BEARER  abc ", " Bearer abc"] {
        assert_eq!(bearer_token(header), Some("abc"), "{header}");
    }
    for header in ["", "Bearer", "Bearer ", "Basic abc", "abc", "Bearerabc"] {
        assert_eq!(bearer_token(header), None, "{header}");
    }
}

#[tokio::test]
async fn the_local_operator_is_known_to_its_own_process_only() {
    let it = Fixture::new().await;
    let (local, credential) = it.identity.with_local_operator(Some("100".parse().unwrap())).unwrap();
    for audience in Audience::ALL {
        let caller = local.authenticate(&credential, audience).await.unwrap();
        assert!(caller.grants.all_customers() && caller.grants.all_tenants());
        assert_eq!(caller.is_user, audience == Audience::PartnerCenter);
        assert!(it.identity.authenticate(&credential, audience).await.is_err());
        assert!(local.authenticate("local-", audience).await.is_err());
    }
    assert_eq!(local.authenticate_ea_key(&credential).await.unwrap().enrolment.as_str(), "100");
    assert!(it.identity.authenticate_ea_key(&credential).await.is_err());
    let (without, credential) = it.identity.with_local_operator(None).unwrap();
    assert!(without.authenticate_ea_key(&credential).await.is_err());
}
