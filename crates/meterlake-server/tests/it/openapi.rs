//! The document and its page as they are served.

use serde_json::json;

use crate::world::World;

#[tokio::test]
async fn the_document_names_the_server_that_was_asked() {
    let world = World::new().await;
    let answer = world.get("/openapi.json", "").await;
    assert_eq!((answer.status, answer.header("content-type")), (200, "application/json; charset=utf-8"));
    let document = answer.json();
    assert_eq!(document["servers"], json!([{"url": "http://usage.example.org"}]));
    // But for the server it is what the code says without one.
    let mut said = meterlake_server::openapi_document("http://127.0.0.1:8080");
    said["servers"] = document["servers"].clone();
    assert_eq!(document, said);
    assert_eq!(world.call("HEAD", "/openapi.json", "", &[]).await.status, 200);
}

#[tokio::test]
async fn the_document_names_the_tenant_that_gives_tokens() {
    let world = World::new().await;
    let flows = |document: &serde_json::Value| {
        let schemes = &document["components"]["securitySchemes"];
        schemes["clientCredentials"]["flows"]["clientCredentials"]["tokenUrl"].clone()
    };
    let document = world.get("/openapi.json", "").await.json();
    assert_eq!(flows(&document), "/organizations/oauth2/v2.0/token");
    let document = world.get("/openapi.json?tenant=partner.example.org", "").await.json();
    assert_eq!(flows(&document), "/partner.example.org/oauth2/v2.0/token");
    for bad in ["", "a%2Fb", "%3Cscript%3E", "a&tenant=b"] {
        let answer = world.get(&format!("/openapi.json?tenant={bad}"), "").await;
        assert_eq!((answer.status, &answer.json()["error"]["code"]), (400, &json!("BadRequest")), "{bad}");
    }
}

#[tokio::test]
async fn the_page_loads_nothing_from_elsewhere() {
    let world = World::new().await;
    let redirect = world.get("/api", "").await;
    assert_eq!((redirect.status, redirect.header("location")), (308, "api/"));
    let page = world.get("/api/", "").await;
    assert_eq!((page.status, page.header("content-type")), (200, "text/html; charset=utf-8"));
    let policy = page.header("content-security-policy");
    assert!(policy.starts_with("default-src 'none'") && !policy.contains("unsafe-eval") && !policy.contains("http"));
    // The files that the page names are served, by the same policy.
    let named: Vec<&str> = ["src=\"", "href=\""]
        .iter()
        .flat_map(|start| page.text().split(start).skip(1))
        .filter_map(|rest| rest.split('"').next())
        .collect();
    assert!(named.len() >= 6, "{named:?}");
    for name in named {
        assert!(!name.contains(':') && !name.starts_with("//"), "{name}");
        let file = world.get(&format!("/api/{}", name.trim_start_matches("./")), "").await;
        assert_eq!((file.status, file.header("content-security-policy")), (200, policy), "{name}");
    }
    let settings = world.get("/api/swagger-initializer.js", "").await;
    assert!(settings.text().contains("\"url\": \"../openapi.json\""), "{}", settings.text());
    assert!(settings.text().contains("\"validatorUrl\": \"none\"") && !settings.text().contains("http"));
    assert_eq!(world.get("/api/swagger-ui.css.map", "").await.status, 404);
}

#[tokio::test]
async fn calls_without_a_credential_refuse_other_methods() {
    let world = World::new().await;
    for path in ["/healthz", "/openapi.json", "/api", "/api/index.html"] {
        for method in ["POST", "PUT", "DELETE", "OPTIONS", "TRACE", "QUERY"] {
            let answer = world.call(method, path, "", &[]).await;
            assert_eq!((answer.status, answer.header("allow")), (405, "GET, HEAD"), "{method} {path}");
            assert_eq!(answer.json()["error"]["code"], "MethodNotAllowed");
        }
    }
}
