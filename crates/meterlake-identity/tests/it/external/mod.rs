//! Tokens of other parties' issuers.

mod issuer;

use chrono::TimeDelta;
use issuer::{Fetcher, Issuer, Pair};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use meterlake_control::ExternalIdentity;
use meterlake_identity::{Audience, AuthError, ClaimNames, ExternalIssuer, Identity, IdentityError};
use serde_json::{Value, json};

use crate::{B2C, Fixture};

const TAKEN: &str = "api://meterlake";

fn trusted(issuer: &Issuer) -> ExternalIssuer {
    ExternalIssuer {
        issuer: issuer.name().to_owned(),
        audiences: vec![TAKEN.to_owned(), "usage".to_owned()],
        jwks_uri: None,
        claims: ClaimNames::default(),
    }
}

struct World {
    it: Fixture,
    issuer: Issuer,
    identity: Identity,
    pair: Pair,
}

impl World {
    /// An issuer with one key; its subject `ada` is the fixture's user, its application `robot` the application.
    async fn new() -> Self {
        let it = Fixture::new().await;
        let pair = Pair::rsa("one", Algorithm::RS256);
        let issuer = Issuer::start(&[&pair]).await;
        let identity = it.identity.trusting(vec![trusted(&issuer)], &Fetcher::shared()).unwrap();
        let name = issuer.name().to_owned();
        let ada = ExternalIdentity::Subject { issuer: name.clone(), subject: "ada".to_owned() };
        it.control.link_external_identity(it.user.id, &ada).await.unwrap();
        let robot = ExternalIdentity::Application { issuer: name, application: "robot".to_owned() };
        it.control.link_external_identity(it.app.id, &robot).await.unwrap();
        Self { it, issuer, identity, pair }
    }

    fn now(&self) -> i64 {
        self.it.control.clock().now().timestamp()
    }

    /// Claims of a good token of the person, with these changes; a null takes a claim away.
    fn claims(&self, changes: Value) -> Value {
        let now = self.now();
        let mut claims = json!({
            "iss": self.issuer.name(), "aud": TAKEN, "sub": "ada", "scp": "read", "iat": now, "nbf": now,
            "exp": now + 3600, "azp": "some-portal", "jti": "t-1",
        });
        for (name, value) in changes.as_object().unwrap() {
            claims[name] = value.clone();
        }
        claims.as_object_mut().unwrap().retain(|_, value| !value.is_null());
        claims
    }

    fn token(&self, changes: Value) -> String {
        self.pair.sign(&self.claims(changes))
    }

    async fn refusal(&self, token: &str) -> AuthError {
        let refusal = self.identity.authenticate(token, Audience::Meterlake).await.unwrap_err();
        assert!(!refusal.is_internal(), "{refusal}");
        refusal
    }

    async fn accepted(&self, token: &str) -> bool {
        self.identity.authenticate(token, Audience::Meterlake).await.is_ok()
    }
}

#[tokio::test]
async fn linked_people_and_applications_call_as_their_principals() {
    let world = World::new().await;
    let user = world.identity.authenticate(&world.token(json!({})), Audience::Meterlake).await.unwrap();
    assert_eq!((user.principal, user.is_user, user.tenant), (world.it.user.id, true, world.it.tenant));
    for application in ["azp", "appid", "client_id"] {
        let mut changes = json!({ "scp": null, "sub": "x", "azp": null });
        changes[application] = json!("robot");
        let app = world.identity.authenticate(&world.token(changes), Audience::Meterlake).await.unwrap();
        assert_eq!((app.principal, app.is_user), (world.it.app.id, false), "{application}");
    }
    // Own tokens go on as before, and the keys were fetched once.
    world.identity.authenticate(&world.it.app_token(B2C).await, Audience::B2c).await.unwrap();
    assert_eq!(world.issuer.asked(), 1);
    // Without the settings such a token is nothing.
    let refusal = world.it.identity.authenticate(&world.token(json!({})), Audience::Meterlake).await.unwrap_err();
    assert!(matches!(refusal, AuthError::UnknownKey), "{refusal}");
}

#[tokio::test]
async fn an_audience_of_ours_opens_its_api_and_any_other_all() {
    let world = World::new().await;
    let opens = async |aud: Value, audience| {
        world.identity.authenticate(&world.token(json!({ "aud": aud })), audience).await.is_ok()
    };
    for aud in [json!(TAKEN), json!(["other", TAKEN])] {
        assert!(opens(aud.clone(), Audience::Meterlake).await);
        assert!(!opens(aud, Audience::PartnerCenter).await);
    }
    for audience in Audience::ALL {
        assert!(opens(json!("usage"), audience).await);
        // Ours by name, and not taken from this issuer.
        for aud in [json!(B2C), json!("other"), json!(null), json!([]), json!(7), json!({ "usage": 1 })] {
            assert!(!opens(aud.clone(), audience).await, "{aud}");
        }
    }
}

#[tokio::test]
async fn lives_with_five_minutes_of_leeway() {
    let world = World::new().await;
    let now = world.now();
    let refused = [
        json!({ "exp": now - 300 }),
        json!({ "exp": null }),
        json!({ "exp": "soon" }),
        json!({ "nbf": now + 301 }),
        json!({ "iat": now + 301 }),
        json!({ "nbf": [] }),
    ];
    for changes in refused {
        assert!(!world.accepted(&world.token(changes.clone())).await, "{changes}");
    }
    for changes in [
        json!({ "exp": now - 299 }),
        json!({ "exp": (now + 10) as f64 + 0.5 }),
        json!({ "nbf": now + 300 }),
        json!({ "nbf": null, "iat": null }),
    ] {
        assert!(world.accepted(&world.token(changes.clone())).await, "{changes}");
    }
}

#[tokio::test]
async fn whom_nobody_linked_is_nobody() {
    let world = World::new().await;
    for changes in [
        json!({ "sub": "eve" }),
        json!({ "sub": null }),
        json!({ "sub": "" }),
        json!({ "scp": null }),
        json!({ "scp": null, "azp": null }),
        // A person who is called as an application is linked, and the other way round.
        json!({ "sub": "robot" }),
        json!({ "scp": null, "azp": "ada" }),
        // A person whose token has no scopes does not pass as the application it was got by.
        json!({ "scp": null, "azp": "robot", "nonce": "n" }),
        json!({ "scp": null, "azp": "robot", "sid": "s" }),
        json!({ "scp": null, "azp": "robot", "scope": "openid profile" }),
    ] {
        let refusal = world.refusal(&world.token(changes.clone())).await;
        assert!(matches!(refusal, AuthError::NotLinked | AuthError::UnknownPrincipal), "{changes}: {refusal}");
    }
    assert!(matches!(
        world.refusal(&world.token(json!({ "iss": "https://other.example" }))).await,
        AuthError::UnknownKey
    ));
    assert!(matches!(
        world.refusal(&world.token(json!({ "iss": format!("{}/", world.issuer.name()) }))).await,
        AuthError::UnknownKey
    ));
    let token = world.token(json!({}));
    assert!(world.accepted(&token).await);
    let ada = ExternalIdentity::Subject { issuer: world.issuer.name().to_owned(), subject: "ada".to_owned() };
    world.it.control.unlink_external_identity(&ada).await.unwrap();
    assert!(matches!(world.refusal(&token).await, AuthError::NotLinked));
}

#[tokio::test]
async fn revoked_and_disabled_principals_are_refused_here_too() {
    let world = World::new().await;
    let token = world.token(json!({}));
    assert!(world.accepted(&token).await);
    world.identity.revoke_token_id("t-1").await.unwrap();
    assert!(matches!(world.refusal(&token).await, AuthError::TokenRevoked));
    let other = world.token(json!({ "jti": "t-2" }));
    let undated = world.token(json!({ "jti": "t-3", "iat": null }));
    world.it.control.revoke_tokens_of(world.it.user.id).await.unwrap();
    for token in [&other, &undated] {
        assert!(matches!(world.refusal(token).await, AuthError::TokenRevoked));
    }
    world.it.clock.advance(TimeDelta::seconds(1));
    let newer = world.token(json!({ "jti": "t-4" }));
    assert!(world.accepted(&newer).await);
    world.it.control.set_principal_enabled(world.it.user.id, false).await.unwrap();
    assert!(matches!(world.refusal(&newer).await, AuthError::Disabled));
}

#[tokio::test]
async fn forged_tokens() {
    let world = World::new().await;
    let claims = world.claims(json!({}));
    let good = world.pair.sign(&claims);
    let stranger = Pair::rsa("one", Algorithm::RS256);
    assert!(matches!(world.refusal(&stranger.sign(&claims)).await, AuthError::Signature));
    // HMAC with what everybody knows.
    for secret in [world.pair.jwk["n"].as_str().unwrap(), &world.pair.jwk.to_string()] {
        let mut header = Header::new(Algorithm::HS256);
        header.kid = Some("one".to_owned());
        let forged = jsonwebtoken::encode(&header, &claims, &EncodingKey::from_secret(secret.as_bytes())).unwrap();
        assert!(matches!(world.refusal(&forged).await, AuthError::Algorithm));
    }
    use base64::Engine as _;
    let encode = |value: Value| base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(value.to_string());
    for alg in ["none", "None", "nOnE"] {
        let unsigned = format!("{}.{}.", encode(json!({ "alg": alg, "kid": "one" })), encode(claims.clone()));
        assert!(matches!(world.refusal(&unsigned).await, AuthError::Algorithm), "{alg}");
    }
    let mut parts: Vec<&str> = good.split('.').collect();
    let altered = encode(world.claims(json!({ "sub": "eve" })));
    parts[1] = &altered;
    assert!(matches!(world.refusal(&parts.join(".")).await, AuthError::Signature));
    // A token of ours that calls itself theirs, and theirs that calls itself ours.
    let ours = world.it.app_token(B2C).await;
    let ours: Vec<&str> = ours.split('.').collect();
    let mixed = format!("{}.{}.{}", ours[0], good.split('.').nth(1).unwrap(), ours[2]);
    assert!(matches!(world.refusal(&mixed).await, AuthError::UnknownKey));
    assert!(world.accepted(&good).await);
}

#[tokio::test]
async fn keys_of_other_kinds() {
    let world = World::new().await;
    let claims = world.claims(json!({}));
    let elliptic = Pair::elliptic("ec");
    let pss = Pair::rsa("pss", Algorithm::PS256).with_alg("PS256");
    let rs512 = Pair::rsa("rs512", Algorithm::RS512);
    let encryption = {
        let mut pair = Pair::rsa("enc", Algorithm::RS256);
        pair.jwk["use"] = json!("enc");
        pair
    };
    world.issuer.publish_raw(vec![
        json!({ "kty": "OKP", "crv": "unheard of", "kid": "odd" }),
        json!("no key at all"),
        json!({ "kty": "oct", "k": "c2VjcmV0", "kid": "secret" }),
        elliptic.jwk.clone(),
        pss.jwk.clone(),
        rs512.jwk.clone(),
        encryption.jwk.clone(),
    ]);
    for pair in [&elliptic, &pss, &rs512] {
        assert!(world.accepted(&pair.sign(&claims)).await, "{}", pair.jwk);
    }
    assert!(matches!(world.refusal(&encryption.sign(&claims)).await, AuthError::UnknownKey));
    // The right key, used otherwise than its issuer says.
    let token = pss.sign_as("pss", Algorithm::RS256, &claims);
    assert!(matches!(world.refusal(&token).await, AuthError::Algorithm));
    let mut header = Header::new(Algorithm::HS256);
    header.kid = Some("secret".to_owned());
    let forged = jsonwebtoken::encode(&header, &claims, &EncodingKey::from_secret(b"secret")).unwrap();
    assert!(matches!(world.refusal(&forged).await, AuthError::Algorithm));
    let confused = rs512.sign_as("ec", Algorithm::RS256, &claims);
    assert!(!world.accepted(&confused).await);
}

#[tokio::test]
async fn a_rotated_key_is_fetched_when_a_token_names_it_and_at_a_limited_rate() {
    let world = World::new().await;
    assert!(world.accepted(&world.token(json!({}))).await);
    let next = Pair::rsa("two", Algorithm::RS256);
    let token = next.sign(&world.claims(json!({})));
    // Junk makes no traffic: within a minute of the last fetch there is no other.
    for _ in 0..20 {
        assert!(matches!(world.refusal(&token).await, AuthError::UnknownKey));
    }
    assert_eq!(world.issuer.asked(), 1);
    world.issuer.publish(&[&world.pair, &next]);
    world.it.clock.advance(TimeDelta::minutes(1));
    assert!(world.accepted(&token).await);
    assert!(world.accepted(&world.token(json!({}))).await);
    assert_eq!(world.issuer.asked(), 2);
    // A key that the issuer took back is gone with the next fetch.
    world.issuer.publish(&[&next]);
    world.it.clock.advance(TimeDelta::minutes(1));
    assert!(!world.accepted(&Pair::rsa("three", Algorithm::RS256).sign(&world.claims(json!({})))).await);
    assert_eq!(world.issuer.asked(), 3);
    assert!(matches!(world.refusal(&world.token(json!({}))).await, AuthError::UnknownKey));
}

#[tokio::test]
async fn an_issuer_that_is_down_is_tolerated_for_a_week() {
    let mut world = World::new().await;
    world.issuer.stop().await;
    assert!(matches!(world.refusal(&world.token(json!({}))).await, AuthError::UnknownKey));
    world.issuer.start_again().await;
    // Asked again after a minute, not before.
    assert!(!world.accepted(&world.token(json!({}))).await);
    world.it.clock.advance(TimeDelta::minutes(1));
    assert!(world.accepted(&world.token(json!({}))).await);

    world.issuer.stop().await;
    for _ in 0..6 {
        world.it.clock.advance(TimeDelta::days(1));
        assert!(world.accepted(&world.token(json!({}))).await);
    }
    world.it.clock.advance(TimeDelta::days(1));
    assert!(matches!(world.refusal(&world.token(json!({}))).await, AuthError::UnknownKey));
    world.issuer.start_again().await;
    world.it.clock.advance(TimeDelta::minutes(1));
    assert!(world.accepted(&world.token(json!({}))).await);
}

#[tokio::test]
async fn keys_are_fetched_anew_each_day_while_requests_go_on() {
    let world = World::new().await;
    assert!(world.accepted(&world.token(json!({}))).await);
    world.it.clock.advance(TimeDelta::hours(24));
    // The first request is answered with the keys at hand; the fetch goes on beside it.
    assert!(world.accepted(&world.token(json!({}))).await);
    while world.issuer.asked() < 2 {
        tokio::task::yield_now().await;
    }
    assert!(world.accepted(&world.token(json!({}))).await);
}

#[tokio::test]
async fn a_key_address_and_other_claims_by_the_settings() {
    let world = World::new().await;
    let claims = ClaimNames {
        subject: "email".to_owned(),
        application: vec!["client".to_owned()],
        scopes: "sid".to_owned(),
        tenant: Some("org".to_owned()),
    };
    let jwks_uri = Some(format!("{}/keys", world.issuer.name()));
    let issuer = ExternalIssuer { jwks_uri, claims, ..trusted(&world.issuer) };
    let identity = world.it.identity.trusting(vec![issuer], &Fetcher::shared()).unwrap();
    let org = world.it.tenant.to_string();
    let user = world.token(json!({ "sub": "1", "scp": null, "sid": "s", "email": "ada", "org": org }));
    assert!(identity.authenticate(&user, Audience::Meterlake).await.unwrap().is_user);
    let app = world.token(json!({ "scp": "x", "azp": null, "client": "robot", "org": org }));
    assert!(!identity.authenticate(&app, Audience::Meterlake).await.unwrap().is_user);
    for org in [json!("other"), json!(null)] {
        let user = world.token(json!({ "sub": "1", "scp": null, "sid": "s", "email": "ada", "org": org }));
        let refusal = identity.authenticate(&user, Audience::Meterlake).await.unwrap_err();
        assert!(matches!(refusal, AuthError::UnknownPrincipal), "{org}: {refusal}");
    }
}

#[tokio::test]
async fn settings_that_are_refused() {
    let world = World::new().await;
    let good = trusted(&world.issuer);
    let refused = [
        vec![good.clone(), good.clone()],
        vec![ExternalIssuer { audiences: Vec::new(), ..good.clone() }],
        vec![ExternalIssuer { issuer: "http://login.example".to_owned(), ..good.clone() }],
        vec![ExternalIssuer { jwks_uri: Some("http://login.example/keys".to_owned()), ..good }],
    ];
    for issuers in refused {
        let error = world.it.identity.trusting(issuers, &Fetcher::shared()).unwrap_err();
        assert!(matches!(error, IdentityError::Issuer { .. }), "{error}");
    }
}
