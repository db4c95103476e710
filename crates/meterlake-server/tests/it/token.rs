//! Tokens and discovery.

use base64::Engine as _;
use serde_json::json;

use crate::world::{PARTNER, World};

const RESOURCE: &str = "https%3A%2F%2Fapi.partnercenter.microsoft.com";

fn form(world: &World) -> String {
    format!("grant_type=client_credentials&client_id={}&client_secret={}", world.client.0, world.client.1)
}

#[tokio::test]
async fn both_versions() {
    let world = World::new().await;
    let v1 = world.post("POST", "/partner.example.org/oauth2/token?api-version=1.0", "", &form(&world)).await;
    assert_eq!(v1.status, 200, "{}", v1.text());
    assert!(v1.header("cache-control").contains("no-store"));
    assert_eq!(v1.header("pragma"), "no-cache");
    let v1 = v1.json();
    assert!(v1.as_object().unwrap().values().all(serde_json::Value::is_string));
    assert_eq!((&v1["expires_in"], &v1["resource"]), (&json!("3600"), &json!("https://graph.windows.net")));

    let v2 = format!("{}&scope={RESOURCE}%2F.default", form(&world));
    let v2 = world.post("POST", &format!("//{PARTNER}/OAuth2/v2.0/Token"), "", &v2).await.json();
    assert_eq!(v2["expires_in"], 3600);
    // An application's token for Partner Center is a good token, and has no access there.
    let token = v2["access_token"].as_str().unwrap();
    assert_eq!(world.get("/partner/v1/analytics/azureusage", token).await.status, 403);
    // One for another audience is none.
    let token = v1["access_token"].as_str().unwrap();
    assert_eq!(world.get("/partner/v1/analytics/azureusage", token).await.status, 401);
}

#[tokio::test]
async fn basic_credentials() {
    let world = World::new().await;
    let basic = base64::engine::general_purpose::STANDARD.encode(format!("{}:{}", world.client.0, world.client.1));
    let request = http::Request::post(format!("/{PARTNER}/oauth2/token"))
        .header("authorization", format!("Basic {basic}"))
        .body(axum::body::Body::from(format!("grant_type=client_credentials&resource={RESOURCE}/")))
        .unwrap();
    assert_eq!(world.send(request).await.status, 200);
}

#[tokio::test]
async fn refusals() {
    let world = World::new().await;
    let path = format!("/{PARTNER}/oauth2/token");
    for (path, body, status, error, code) in [
        (path.as_str(), String::new(), 400, "invalid_request", 900_144),
        (&path, form(&world).replace("client_credentials", "password"), 400, "unsupported_grant_type", 70_003),
        (&path, format!("{}x", form(&world)), 401, "invalid_client", 7_000_215),
        (&path, format!("{}&resource=x", form(&world)), 400, "invalid_request", 500_011),
        ("/nowhere.example.org/oauth2/token", form(&world), 400, "invalid_request", 90_002),
    ] {
        let answer = world.post("POST", path, "", &body).await;
        let json = answer.json();
        assert_eq!((answer.status, &json["error"], &json["error_codes"]), (status, &json!(error), &json!([code])));
        assert!(json["error_description"].as_str().unwrap().starts_with(&format!("AADSTS{code}: ")));
        assert_eq!(json["timestamp"], "2024-11-15 10:20:30Z");
        assert_eq!(answer.header("www-authenticate").is_empty(), status != 401);
    }
    let get = world.get(&path, "").await;
    assert_eq!((get.status, get.header("allow"), &get.json()["error_codes"]), (405, "POST", &json!([900_561])));
    let repeated = world.post("POST", &format!("{path}?api-version=1&api-version=2"), "", &form(&world)).await;
    assert_eq!(repeated.status, 400);
}

#[tokio::test]
async fn discovery() {
    let world = World::new().await;
    for version in ["", "v2.0/"] {
        let path = format!("/partner.example.org/{version}.well-known/openid-configuration");
        let configuration = world.get(&path, "").await.json();
        let keys = configuration["jwks_uri"].as_str().unwrap();
        assert!(keys.starts_with("http://usage.example.org/"), "{keys}");
        assert_eq!(world.get(keys, "").await.json()["keys"][0]["alg"], "RS256");
        let endpoint = configuration["token_endpoint"].as_str().unwrap();
        assert_eq!(world.get(endpoint, "").await.status, 405);
    }
    let instance = world.get("/common/discovery/instance?authorization_endpoint=x&api-version=1.1", "").await.json();
    assert!(instance["tenant_discovery_endpoint"].is_string());
    assert_eq!(world.get("/nowhere/.well-known/openid-configuration", "").await.status, 400);
}
