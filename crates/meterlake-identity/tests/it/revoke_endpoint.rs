//! The revocation endpoint (RFC 7009).

use meterlake_control::{NewPrincipal, PrincipalKind};
use meterlake_identity::{Audience, TokenForm};

use crate::{B2C, BASE, Fixture};

const TENANT: &str = "contoso.onmicrosoft.com";

async fn revoke(it: &Fixture, form: TokenForm) -> Result<(), u32> {
    it.identity.revoke(TENANT, form, None).await.map_err(|refusal| refusal.code)
}

#[tokio::test]
async fn an_application_ends_its_own_tokens_and_no_others() {
    let it = Fixture::new().await;
    let (one, two) = (it.app_token(B2C).await, it.app_token(B2C).await);
    let holds = async |token: &str| it.identity.authenticate(token, Audience::B2c).await.is_ok();
    assert_eq!(revoke(&it, it.form(&[("token", &one)])).await, Ok(()));
    assert!(!holds(&one).await && holds(&two).await);
    let entry = it.control.audit_entries(1).await.unwrap().remove(0);
    assert_eq!((entry.action.as_str(), entry.actor), ("token.revoke", format!("principal:{}", it.app.id)));
    // Again, and what is no token at all: 200, as the standard says.
    for token in [one.as_str(), "nothing", "a.b.c"] {
        assert_eq!(revoke(&it, it.form(&[("token", token), ("token_type_hint", "refresh_token")])).await, Ok(()));
    }

    // Another application revokes nothing of this one.
    let (kind, tenant) = (PrincipalKind::Application, it.tenant);
    let new = NewPrincipal { kind, tenant, name: "other".to_owned(), client_id: None };
    let other = it.control.add_principal(&new).await.unwrap();
    let secret = it.identity.create_secret(other.id, chrono::TimeDelta::days(1)).await.unwrap().text;
    let client_id = other.client_id.unwrap().to_string();
    let form = it.form(&[("token", &two), ("client_id", &client_id), ("client_secret", &secret)]);
    assert_eq!(revoke(&it, form).await, Ok(()));
    assert!(holds(&two).await);
}

#[tokio::test]
async fn who_asks_must_prove_itself() {
    let it = Fixture::new().await;
    let token = it.app_token(B2C).await;
    for (fields, code) in [
        (vec![("token", token.as_str()), ("client_secret", "wrong")], 7_000_215),
        (vec![("token", &token), ("client_secret", "")], 7_000_218),
        (vec![("token", &token), ("client_id", "")], 900_144),
        (vec![("token", "")], 900_144),
        (vec![], 900_144),
    ] {
        assert_eq!(revoke(&it, it.form(&fields)).await, Err(code), "{code}");
    }
    let form = it.form(&[("token", &token)]);
    assert_eq!(it.identity.revoke("nowhere.example", form, None).await.unwrap_err().code, 90_002);
    it.identity.authenticate(&token, Audience::B2c).await.unwrap();
    let document = it.identity.openid_configuration(BASE, TENANT, true).await.unwrap();
    assert_eq!(document["revocation_endpoint"], format!("{BASE}/{}/oauth2/v2.0/revoke", it.tenant));
}
