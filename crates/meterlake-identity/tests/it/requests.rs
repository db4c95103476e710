//! The token endpoint.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use meterlake_identity::{IdentityConfig, Moment, TokenForm};
use serde_json::json;
use uuid::Uuid;

use crate::{B2C, BASE, Fixture, PARTNER, parts};

#[tokio::test]
async fn version_1_answers_with_strings() {
    let it = Fixture::new().await;
    let tenant = it.tenant.to_string().to_uppercase();
    // Without a resource, with an empty one, and with fields that mean nothing here.
    for fields in [&[][..], &[("resource", "")], &[("scope", "offline_access"), ("tenant", "x"), ("tenant", "y")]] {
        let mut body = it.identity.token_v1(BASE, &tenant, it.form(fields), None).await.unwrap().body;
        let token = body["access_token"].take();
        assert_eq!(
            body,
            json!({
                "token_type": "Bearer", "expires_in": "3600", "ext_expires_in": "3600", "expires_on": "1731675600",
                "not_before": "1731672000", "resource": B2C, "access_token": null,
            })
        );
        let (header, claims) = parts(token.as_str().unwrap());
        assert_eq!((&header["alg"], &header["typ"]), (&json!("RS256"), &json!("JWT")));
        assert_eq!(header["kid"], header["x5t"]);
        assert_eq!(claims["iss"], json!(format!("{BASE}/{}/", it.tenant)));
        assert_eq!(claims["aud"], B2C);
        assert_eq!(claims["tid"], json!(it.tenant.to_string()));
        assert_eq!((&claims["oid"], &claims["sub"]), (&json!(it.app.id), &json!(it.app.id)));
        assert_eq!(claims["appid"], json!(it.client_id()));
        assert_eq!((&claims["ver"], &claims["appidacr"]), (&json!("1.0"), &json!("1")));
        assert_eq!(
            (&claims["iat"], &claims["nbf"], &claims["exp"]),
            (&json!(1_731_672_000), &json!(1_731_672_000), &json!(1_731_675_600))
        );
        assert!(claims["roles"].is_array() && claims.get("scp").is_none(), "{claims}");
    }
}

#[tokio::test]
async fn version_1_echoes_the_resource_as_spelt() {
    let it = Fixture::new().await;
    for resource in [PARTNER, "https://graph.windows.net/", "api://meterlake", "api://meterlake/"] {
        let form = it.form(&[("resource", resource)]);
        let body = it.identity.token_v1(BASE, "CONTOSO.onmicrosoft.com", form, None).await.unwrap().body;
        assert_eq!(body["resource"], resource);
        assert_eq!(parts(body["access_token"].as_str().unwrap()).1["aud"], resource);
    }
}

#[tokio::test]
async fn version_2_answers_with_numbers() {
    let it = Fixture::new().await;
    for scope in [
        "https://graph.windows.net/.default",
        "https://graph.windows.net//.default",
        "api://meterlake/.default",
        "openid profile offline_access https://graph.windows.net/.default",
        " api://meterlake/.default  email ",
    ] {
        let form = it.form(&[("scope", scope)]);
        let mut body = it.identity.token_v2(BASE, &it.tenant.to_string(), form, None).await.unwrap().body;
        let token = body["access_token"].take();
        let expected =
            json!({ "token_type": "Bearer", "expires_in": 3600, "ext_expires_in": 3600, "access_token": null });
        assert_eq!(body, expected);
        let (_, claims) = parts(token.as_str().unwrap());
        assert_eq!(claims["ver"], "2.0");
        assert_eq!(claims["iss"], json!(format!("{BASE}/{}/v2.0", it.tenant)));
        assert_eq!((&claims["azp"], &claims["appid"]), (&json!(it.client_id()), &json!(it.client_id())));
        assert!(claims["roles"].is_array() && claims.get("scp").is_none());
    }
}

#[tokio::test]
async fn a_known_base_url_is_the_issuer_wherever_the_request_came_to() {
    let config = IdentityConfig {
        issuer_base: "https://charges.example/".to_owned(),
        issuer_from_request: false,
        ..IdentityConfig::default()
    };
    let it = Fixture::with(config).await;
    let token = it.app_token(B2C).await;
    assert_eq!(parts(&token).1["iss"], json!(format!("https://charges.example/{}/", it.tenant)));
}

#[tokio::test]
async fn credentials_in_the_header() {
    let it = Fixture::new().await;
    let basic = |text: String| format!("basic {}", STANDARD.encode(text));
    let form = || TokenForm::from_fields([("grant_type", "client_credentials")]).unwrap();
    let tenant = it.tenant.to_string();
    let client_id = it.client_id();
    let encoded = client_id.replace('-', "%2D");
    for pair in [format!("{client_id}:{}", it.secret), format!("{encoded}:{}", it.secret)] {
        it.identity.token_v1(BASE, &tenant, form(), Some(&basic(pair))).await.unwrap();
    }
    let with_id = TokenForm { client_id: Some(client_id.clone()), ..form() };
    let good = basic(format!("{client_id}:{}", it.secret));
    it.identity.token_v1(BASE, &tenant, with_id, Some(&good)).await.unwrap();

    let bad = [
        (form(), "Basic ???".to_owned(), 400, 9_002_313),
        (form(), basic("no colon".to_owned()), 400, 9_002_313),
        (it.form(&[]), good.clone(), 400, 9_002_313),
        (TokenForm { client_id: Some(Uuid::new_v4().to_string()), ..form() }, good, 400, 9_002_313),
        (form(), basic(format!("{client_id}:wrong")), 401, 7_000_215),
        (form(), "Bearer abc".to_owned(), 400, 900_144),
    ];
    for (form, header, status, code) in bad {
        let refusal = it.identity.token_v1(BASE, &tenant, form, Some(&header)).await.unwrap_err();
        assert_eq!((refusal.status, refusal.code), (status, code), "{header}");
    }
}

#[tokio::test]
async fn every_refusal_of_both_versions() {
    let it = Fixture::new().await;
    let other = Uuid::new_v4().to_string();
    // What is given, status, error, code.
    let both = [
        ([("grant_type", "")], 400, "invalid_request", 900_144),
        ([("grant_type", "password")], 400, "unsupported_grant_type", 70_003),
        ([("client_id", "")], 400, "invalid_request", 900_144),
        ([("client_id", "not a guid")], 400, "unauthorized_client", 700_016),
        ([("client_id", other.as_str())], 400, "unauthorized_client", 700_016),
        ([("client_secret", "")], 401, "invalid_client", 7_000_218),
        ([("client_secret", "wrong")], 401, "invalid_client", 7_000_215),
    ];
    for (fields, status, error, code) in both {
        let v1 = it.identity.token_v1(BASE, "contoso.onmicrosoft.com", it.form(&fields), None).await.unwrap_err();
        let mut with_scope = fields.to_vec();
        with_scope.push(("scope", "https://graph.windows.net/.default"));
        let v2 = it.identity.token_v2(BASE, "contoso.onmicrosoft.com", it.form(&with_scope), None).await.unwrap_err();
        for refusal in [v1, v2] {
            assert_eq!((refusal.status, refusal.error, refusal.code), (status, error, code), "{fields:?}");
        }
    }
    let tenant = it.tenant.to_string();
    for unknown in ["fabrikam.com", "common", "", &other] {
        let refusal = it.identity.token_v1(BASE, unknown, it.form(&[]), None).await.unwrap_err();
        assert_eq!((refusal.status, refusal.error, refusal.code), (400, "invalid_request", 90_002), "{unknown}");
    }
    let form = it.form(&[("resource", "https://management.azure.com/")]);
    let refusal = it.identity.token_v1(BASE, &tenant, form, None).await.unwrap_err();
    assert_eq!((refusal.status, refusal.error, refusal.code), (400, "invalid_request", 500_011));
    for (scope, error, code) in [
        ("", "invalid_request", 900_144),
        ("openid", "invalid_scope", 70_011),
        ("/.default", "invalid_scope", 70_011),
        ("https://graph.windows.net/User.Read", "invalid_scope", 70_011),
        ("openid profile offline_access", "invalid_scope", 70_011),
        ("https://graph.windows.net/.default api://meterlake/.default", "invalid_scope", 70_011),
        ("https://management.azure.com/.default", "invalid_scope", 500_011),
    ] {
        let refusal = it.identity.token_v2(BASE, &tenant, it.form(&[("scope", scope)]), None).await.unwrap_err();
        assert_eq!((refusal.status, refusal.error, refusal.code), (400, error, code), "{scope}");
    }
    let twice = TokenForm::from_fields([("scope", "a"), ("scope", "a")]).unwrap_err();
    assert_eq!((twice.status, twice.error, twice.code), (400, "invalid_request", 9_000_411));
}

#[tokio::test]
async fn secrets_expire_are_revoked_and_may_be_several() {
    let it = Fixture::new().await;
    let code = || async {
        it.identity.token_v1(BASE, "contoso.onmicrosoft.com", it.form(&[]), None).await.map_err(|e| e.code).err()
    };
    let second = it.identity.create_secret(it.app.id, chrono::TimeDelta::days(60)).await.unwrap();
    assert_ne!(second.text, it.secret);
    assert_eq!((code().await, second.text.len(), second.secret.hint.len()), (None, 43, 8));
    it.clock.advance(chrono::TimeDelta::days(30));
    assert_eq!(code().await, Some(7_000_222));
    let form = it.form(&[("client_secret", &second.text)]);
    it.identity.token_v1(BASE, "contoso.onmicrosoft.com", form.clone(), None).await.unwrap();
    it.control.revoke_secret(second.secret.id).await.unwrap();
    let refusal = it.identity.token_v1(BASE, "contoso.onmicrosoft.com", form, None).await.unwrap_err();
    assert_eq!(refusal.code, 7_000_215);
    let users = it.identity.create_secret(it.user.id, chrono::TimeDelta::days(1)).await;
    assert!(users.unwrap_err().to_string().contains("principal \"ada@contoso.com\" is a user"));
}

#[tokio::test]
async fn a_lifetime_out_of_range_names_what_is_allowed() {
    let it = Fixture::new().await;
    let long = it.identity.app_token(it.app.id, meterlake_identity::Audience::B2c, chrono::TimeDelta::hours(25)).await;
    let allowed = "is not allowed, expected 1 to 86400 seconds";
    assert_eq!(long.unwrap_err().to_string(), format!("lifetime of 90000 seconds {allowed}"));
    let config = meterlake_identity::IdentityConfig { token_lifetime_seconds: 90_000, ..it.identity.config().clone() };
    let opened = meterlake_identity::Identity::open(it.control.clone(), it.clock.clone(), config).await;
    assert_eq!(opened.unwrap_err().to_string(), format!("setting [tokens] lifetime_seconds = 90000 {allowed}"));
    let config = meterlake_identity::IdentityConfig { session_hours: 0, ..it.identity.config().clone() };
    let opened = meterlake_identity::Identity::open(it.control.clone(), it.clock.clone(), config).await;
    let said = "setting [tokens] session_hours = 0 is not allowed, expected 1 to 2160";
    assert_eq!(opened.unwrap_err().to_string(), said);
}

#[tokio::test]
async fn audiences_are_named_by_the_configuration() {
    let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    let config = IdentityConfig {
        audiences: meterlake_identity::Audiences {
            b2c: names(&["https://usage.contoso.example/", B2C]),
            ..Default::default()
        },
        ..IdentityConfig::default()
    };
    let it = Fixture::with(config.clone()).await;
    // Without a resource it is the first name; the others are served, with or without a slash.
    for (resource, aud) in [
        ("", "https://usage.contoso.example/"),
        ("https://usage.contoso.example", "https://usage.contoso.example"),
        (B2C, B2C),
        ("https://graph.windows.net/", "https://graph.windows.net/"),
    ] {
        let token = it.app_token(resource).await;
        assert_eq!(parts(&token).1["aud"], aud);
        it.identity.authenticate(&token, meterlake_identity::Audience::B2c).await.unwrap();
        assert!(it.identity.authenticate(&token, meterlake_identity::Audience::Meterlake).await.is_err());
    }
    for (b2c, says) in [
        (names(&[]), "b2c has \"\", expected at least one name"),
        (names(&["/"]), "b2c has \"/\", expected a name such as"),
        (names(&["api://meterlake"]), "meterlake has \"api://meterlake\", expected a name that no other audience has"),
    ] {
        let mut config = config.clone();
        config.audiences.b2c = b2c;
        let opened = meterlake_identity::Identity::open(it.control.clone(), it.clock.clone(), config).await;
        let error = opened.unwrap_err().to_string();
        assert!(error.contains(says), "{error}");
    }
}

#[tokio::test]
async fn a_disabled_application_gets_none() {
    let it = Fixture::new().await;
    it.control.set_principal_enabled(it.app.id, false).await.unwrap();
    let refusal = it.identity.token_v1(BASE, "contoso.onmicrosoft.com", it.form(&[]), None).await.unwrap_err();
    assert_eq!((refusal.status, refusal.error, refusal.code), (400, "unauthorized_client", 7_000_112));
    // Only who has the secret learns of it.
    let guess = it.form(&[("client_secret", "wrong")]);
    assert_eq!(it.identity.token_v1(BASE, "contoso.onmicrosoft.com", guess, None).await.unwrap_err().code, 7_000_215);
}

#[tokio::test]
async fn the_body_of_a_refusal() {
    let it = Fixture::new().await;
    let refusal = it.identity.token_v1(BASE, "a\r\nb", it.form(&[]), None).await.unwrap_err();
    let moment = Moment {
        at: "2024-11-15T12:00:00.5Z".parse().unwrap(),
        trace_id: Uuid::from_u128(1),
        correlation_id: Uuid::from_u128(2),
    };
    let body = refusal.body(&moment);
    let keys: Vec<&String> = body.as_object().unwrap().keys().collect();
    assert_eq!(keys, ["error", "error_description", "error_codes", "timestamp", "trace_id", "correlation_id"]);
    let description = body["error_description"].as_str().unwrap();
    let lines: Vec<&str> = description.split("\r\n").collect();
    assert!(lines[0].starts_with("AADSTS90002: Tenant 'a  b' not found."), "{description}");
    assert_eq!(
        lines[1..],
        [
            "Trace ID: 00000000-0000-0000-0000-000000000001",
            "Correlation ID: 00000000-0000-0000-0000-000000000002",
            "Timestamp: 2024-11-15 12:00:00Z",
        ]
    );
    assert_eq!((&body["error_codes"], &body["timestamp"]), (&json!([90_002]), &json!("2024-11-15 12:00:00Z")));
}

#[tokio::test]
async fn every_token_is_in_the_audit_trail() {
    let it = Fixture::new().await;
    let token = it.app_token(PARTNER).await;
    let entry = it.control.audit_entries(1).await.unwrap().pop().unwrap();
    assert_eq!((entry.action.as_str(), entry.actor), ("token.issue", format!("principal:{}", it.app.id)));
    assert_eq!(entry.detail["token"], parts(&token).1["uti"]);
    assert!(!entry.detail.to_string().contains(&token));
}
