//! What the token endpoints answer, literally: headers, keys and their order, and where each token opens.

use base64::Engine as _;
use serde_json::{Value, json};

use crate::world::{Answer, PARTNER, PLAN, World};

const V1: &str = "/partner.example.org/oauth2/token";
const V2: &str = "/partner.example.org/oauth2/v2.0/token";
const AUDIENCES: [&str; 3] =
    ["https://graph.windows.net", "https://api.partnercenter.microsoft.com", "api://meterlake"];

fn form(world: &World, more: &[(&str, &str)]) -> String {
    let mut form = url::form_urlencoded::Serializer::new(String::new());
    form.append_pair("grant_type", "client_credentials");
    form.append_pair("client_id", &world.client.0).append_pair("client_secret", &world.client.1);
    form.extend_pairs(more).finish()
}

async fn ask(world: &World, target: &str, headers: &[(&str, &str)], form: String) -> Answer {
    let mut request = http::Request::post(target).header("host", "usage.example.org");
    request = request.header("content-type", "application/x-www-form-urlencoded");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    world.send(request.body(axum::body::Body::from(form)).unwrap()).await
}

fn keys(body: &Value) -> Vec<&str> {
    body.as_object().unwrap().keys().map(String::as_str).collect()
}

/// No cache on the way may keep an answer, be it a token or a refusal.
fn assert_not_kept(answer: &Answer) {
    assert_eq!(answer.header("content-type"), "application/json; charset=utf-8");
    assert_eq!(answer.header("cache-control"), "no-cache, no-store");
    assert_eq!((answer.header("pragma"), answer.header("expires")), ("no-cache", "-1"));
}

#[tokio::test]
async fn version_1_literally() {
    let world = World::new().await;
    let id = "e128c8e2-4c33-4940-a3e2-2e59b0abdc67";
    for target in [
        V1.to_owned(),
        format!("{V1}?api-version=1.0"),
        format!("{V1}?api-version=beta"),
        format!("{V1}?api-version=&x=1"),
    ] {
        // As GraphLite, the document's script, and azure-graphapi ask.
        for more in [&[("resource", AUDIENCES[0]), ("scope", "offline_access")][..], &[("resource", "")], &[]] {
            let answer = ask(&world, &target, &[("client-request-id", id)], form(&world, more)).await;
            assert_eq!(answer.status, 200, "{}", answer.text());
            assert_not_kept(&answer);
            assert_eq!(answer.header("client-request-id"), id);
            let mut body = answer.json();
            assert_eq!(body["access_token"].take().as_str().unwrap().split('.').count(), 3);
            assert_eq!(
                body.to_string(),
                concat!(
                    r#"{"token_type":"Bearer","expires_in":"3600","ext_expires_in":"3600","expires_on":"1731669630","#,
                    r#""not_before":"1731666030","resource":"https://graph.windows.net","access_token":null}"#
                )
            );
        }
    }
}

#[tokio::test]
async fn version_2_literally() {
    let world = World::new().await;
    // Some libraries add scopes of OpenID Connect to whatever they are asked for.
    for scope in
        ["https://graph.windows.net/.default", "openid profile offline_access https://graph.windows.net/.default"]
    {
        let answer = ask(&world, V2, &[], form(&world, &[("scope", scope), ("client_info", "1")])).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert_not_kept(&answer);
        let mut body = answer.json();
        body["access_token"].take();
        assert_eq!(
            body.to_string(),
            r#"{"token_type":"Bearer","expires_in":3600,"ext_expires_in":3600,"access_token":null}"#
        );
    }
}

#[tokio::test]
async fn a_token_opens_the_families_of_its_audience_and_no_other() {
    let world = World::new().await;
    let families = [
        format!("/{PARTNER}/reports/tenantUserCount"),
        format!("/v1/customers/{PLAN}/usagesummary"),
        "/partner/v1/analytics/azureusage".to_owned(),
        format!("/api/licenseConsumptionReport/customer/{PLAN}/tenant/{PLAN}"),
        format!("/meterlake/v1/b2c/{PARTNER}/estimate"),
    ];
    // The family of each route, by the index of its audience.
    let of = [0, 1, 1, 2, 2];
    for (number, audience) in AUDIENCES.into_iter().enumerate() {
        for slash in ["", "/"] {
            let resource = format!("{audience}{slash}");
            let v1 = ask(&world, V1, &[], form(&world, &[("resource", &resource)])).await.json();
            assert_eq!(v1["resource"], resource);
            let scope = format!("{resource}/.default");
            let v2 = ask(&world, V2, &[], form(&world, &[("scope", &scope)])).await.json();
            for token in [v1, v2] {
                let token = token["access_token"].as_str().unwrap();
                for (path, family) in families.iter().zip(of) {
                    let status = world.get(path, token).await.status;
                    assert_eq!(status != 401, family == number, "{resource} at {path}: {status}");
                }
                // EA takes keys alone.
                assert_eq!(world.get("/v3/enrollments/100/usagedetails", token).await.status, 401);
            }
        }
    }
}

#[tokio::test]
async fn credentials_in_the_header_are_form_encoded() {
    let world = World::new().await;
    let (id, secret) = &world.client;
    let encoded: String = secret.bytes().map(|byte| format!("%{byte:02X}")).collect();
    let basic = |text: String| format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(text));
    for (header, status, code) in [
        (basic(format!("{id}:{secret}")), 200, 0),
        (basic(format!("{}:{encoded}", id.replace('-', "%2d"))), 200, 0),
        (basic(format!("{id}:{secret}x")), 401, 7_000_215),
        (basic(format!("{id}:")), 401, 7_000_218),
        (basic(":".to_owned()), 400, 900_144),
        (basic(format!("{id}:%zz%ff")), 400, 9_002_313),
        ("Basic *".to_owned(), 400, 9_002_313),
    ] {
        let body = "grant_type=client_credentials".to_owned();
        let answer = ask(&world, V1, &[("authorization", header.as_str())], body).await;
        assert_not_kept(&answer);
        assert_eq!(answer.status, status, "{header}: {}", answer.text());
        let challenge = if status == 401 { "Basic realm=\"meterlake\"" } else { "" };
        assert_eq!(answer.header("www-authenticate"), challenge);
        if code > 0 {
            assert_eq!(answer.json()["error_codes"], json!([code]), "{header}");
        }
    }
}

#[tokio::test]
async fn a_refusal_literally() {
    let world = World::new().await;
    let id = "e128c8e2-4c33-4940-a3e2-2e59b0abdc67";
    let wrong = form(&world, &[]).replace("client_secret=", "client_secret=x");
    let answer = ask(&world, V1, &[("client-request-id", id)], wrong).await;
    assert_eq!(answer.status, 401);
    assert_not_kept(&answer);
    let body = answer.json();
    assert_eq!(keys(&body), ["error", "error_description", "error_codes", "timestamp", "trace_id", "correlation_id"]);
    assert_eq!((&body["error"], &body["error_codes"]), (&json!("invalid_client"), &json!([7_000_215])));
    assert_eq!((&body["timestamp"], &body["correlation_id"]), (&json!("2024-11-15 10:20:30Z"), &json!(id)));
    // Clients print its first line alone.
    let (trace, client) = (body["trace_id"].as_str().unwrap(), &world.client.0);
    assert_eq!(
        body["error_description"],
        format!(
            "AADSTS7000215: Invalid client secret provided. Ensure the secret being sent in the request is the client \
             secret value, not the client secret ID, for a secret added to app '{client}'.\r\nTrace ID: {trace}\r\n\
             Correlation ID: {id}\r\nTimestamp: 2024-11-15 10:20:30Z"
        )
    );
    for target in ["/nowhere.example.org/oauth2/token", "/nowhere.example.org/oauth2/v2.0/token"] {
        let answer = ask(&world, target, &[], form(&world, &[("scope", "https://graph.windows.net/.default")])).await;
        let body = answer.json();
        assert_eq!((answer.status, &body["error"]), (400, &json!("invalid_request")), "{target}");
        let first = "AADSTS90002: Tenant 'nowhere.example.org' not found.";
        assert!(body["error_description"].as_str().unwrap().starts_with(first), "{}", answer.text());
        assert_not_kept(&answer);
    }
    for (target, more, error) in [
        (V1, ("grant_type", "password"), "unsupported_grant_type"),
        (V2, ("grant_type", "password"), "unsupported_grant_type"),
        (V2, ("scope", "https://graph.windows.net/User.Read"), "invalid_scope"),
        (V1, ("resource", "https://management.azure.com/"), "invalid_request"),
    ] {
        let fields = form(&world, &[more]).replacen(
            "grant_type=client_credentials&",
            if more.0 == "grant_type" { "" } else { "grant_type=client_credentials&" },
            1,
        );
        let answer = ask(&world, target, &[], fields).await;
        assert_eq!((answer.status, &answer.json()["error"]), (400, &json!(error)), "{target} {more:?}");
        assert_not_kept(&answer);
    }
}

/// What client libraries look up first holds together: every address it names is served, for every spelling of the tenant.
#[tokio::test]
async fn discovery_names_what_is_served() {
    let world = World::new().await;
    for tenant in ["partner.example.org", PARTNER, "Partner.Example.ORG"] {
        for (version, endpoint, issuer) in [("", "oauth2", ""), ("v2.0/", "oauth2/v2.0", "v2.0")] {
            let path = format!("/{tenant}/{version}.well-known/openid-configuration?x-client=1");
            let answer = world.get(&path, "").await;
            assert_eq!((answer.status, answer.header("content-type")), (200, "application/json; charset=utf-8"));
            let body = answer.json();
            let base = format!("http://usage.example.org/{PARTNER}");
            assert_eq!(body["token_endpoint"], format!("{base}/{endpoint}/token"));
            assert_eq!(body["authorization_endpoint"], format!("{base}/{endpoint}/authorize"));
            assert_eq!(body["issuer"], format!("{base}/{issuer}"));
            assert_eq!(body["jwks_uri"], format!("{base}/discovery/v2.0/keys"));
            let keys = world.get(body["jwks_uri"].as_str().unwrap(), "").await.json();
            let token = ask(&world, V1, &[], form(&world, &[])).await.json();
            let head = token["access_token"].as_str().unwrap().split('.').next().unwrap().to_owned();
            let head = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(head).unwrap();
            let head: Value = serde_json::from_slice(&head).unwrap();
            let key = keys["keys"].as_array().unwrap().iter().find(|key| key["kid"] == head["kid"]).unwrap();
            assert_eq!((&key["kty"], &key["use"], &key["alg"]), (&json!("RSA"), &json!("sig"), &json!("RS256")));
            assert_eq!((&key["x5t"], &key["e"]), (&head["x5t"], &json!("AQAB")));
            assert_eq!((&head["alg"], &head["typ"]), (&json!("RS256"), &json!("JWT")));
        }
    }
    let instance = world
        .get(
            "/common/discovery/instance?api-version=1.1&authorization_endpoint=https://usage.example.org/partner.example.org/oauth2/v2.0/authorize",
            "",
        )
        .await;
    assert_eq!(
        instance.json(),
        json!({
            "tenant_discovery_endpoint": "http://usage.example.org/partner.example.org/v2.0/.well-known/openid-configuration",
            "api-version": "1.1",
            "metadata": [{
                "preferred_network": "usage.example.org", "preferred_cache": "usage.example.org",
                "aliases": ["usage.example.org"],
            }],
        })
    );
    let unknown = world.get("/nowhere.example.org/v2.0/.well-known/openid-configuration", "").await;
    assert_eq!((unknown.status, &unknown.json()["error_codes"]), (400, &json!([90_002])));
}
