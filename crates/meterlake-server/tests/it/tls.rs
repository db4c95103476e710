//! HTTPS over real connections: handshakes, and certificates that change while the server runs.

use std::sync::Arc;

use meterlake_server::{ServerTls, TlsFiles};
use reqwest::Version;
use reqwest::tls::Version as Tls;

use crate::authority::Authority;
use crate::serving::Serving;
use crate::world::World;

const DISCOVERY: &str = "/partner.example.org/v2.0/.well-known/openid-configuration";

#[tokio::test]
async fn versions_of_tls_and_http() {
    let (world, authority) = (World::new().await, Authority::new());
    let serving = Serving::start_tls(&world, authority.tls(&world).await).await;
    let base = serving.base();
    assert!(base.starts_with("https://"));
    for (client, version) in [
        (authority.client(), Version::HTTP_2),
        (authority.client().http1_only(), Version::HTTP_11),
        (authority.client().max_tls_version(Tls::TLS_1_2), Version::HTTP_2),
        (authority.client().min_tls_version(Tls::TLS_1_3), Version::HTTP_2),
    ] {
        let answer = client.build().unwrap().get(format!("{base}{DISCOVERY}")).send().await.unwrap();
        assert_eq!((answer.status().as_u16(), answer.version()), (200, version));
        let configuration: serde_json::Value = answer.text().await.unwrap().parse().unwrap();
        let endpoint = configuration["token_endpoint"].as_str().unwrap();
        assert!(endpoint.starts_with(&base), "{endpoint} does not start with {base}");
    }
    serving.stop().await;
}

#[tokio::test]
async fn a_client_of_another_authority_does_not_connect() {
    let (world, authority) = (World::new().await, Authority::new());
    let serving = Serving::start_tls(&world, authority.tls(&world).await).await;
    let url = format!("{}/healthz", serving.base());
    let stranger = Authority::new().client().build().unwrap();
    let error = stranger.get(&url).send().await.unwrap_err();
    assert!(error.is_connect() && format!("{error:?}").contains("UnknownIssuer"), "{error:?}");
    assert_eq!(authority.client().build().unwrap().get(&url).send().await.unwrap().status(), 200);
    serving.stop().await;
}

#[tokio::test]
async fn plain_http_is_told_to_speak_tls() {
    let (world, authority) = (World::new().await, Authority::new());
    let serving = Serving::start_tls(&world, authority.tls(&world).await).await;
    let request = format!("POST /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: 40000\r\n\r\n{}", "x".repeat(40_000));
    let answer = serving.exchange(&request).await;
    assert!(answer.starts_with("HTTP/1.1 400 Bad Request\r\n") && answer.contains("https://"), "{answer}");
    assert_eq!(serving.exchange("\0\0\0\0").await, "", "neither HTTP nor TLS");
    serving.stop().await;
}

#[tokio::test]
async fn a_new_certificate_is_for_new_connections() {
    let (world, before, after) = (World::new().await, Authority::new(), Authority::new());
    let tls = before.tls(&world).await;
    let serving = Serving::start_tls(&world, tls.clone()).await;
    let url = format!("{}/healthz", serving.base());
    // One connection each, which HTTP/1.1 keeps open.
    let [old, second, new] =
        [&before, &before, &after].map(|authority| authority.client().http1_only().build().unwrap());
    let get = async |client: &reqwest::Client| client.get(&url).send().await.map(|answer| answer.status().as_u16());
    assert_eq!(get(&old).await.unwrap(), 200);
    assert!(get(&new).await.is_err());

    after.write(world.folder.path());
    tls.reload().await.unwrap();
    assert_eq!(get(&old).await.unwrap(), 200, "its connection goes on");
    assert!(get(&second).await.unwrap_err().is_connect());
    assert_eq!(get(&new).await.unwrap(), 200);
    serving.stop().await;
}

#[tokio::test]
async fn a_broken_certificate_is_not_taken_up() {
    let (world, authority) = (World::new().await, Authority::new());
    let tls = authority.tls(&world).await;
    let serving = Serving::start_tls(&world, tls.clone()).await;
    let url = format!("{}/healthz", serving.base());
    let key = world.folder.path().join("key.pem");
    let (certificate, others) = authority.signed();
    std::fs::write(world.folder.path().join("cert.pem"), &certificate).unwrap();
    for (contents, expected) in [(None, "does not belong to"), (Some(""), "holds no private key")] {
        if let Some(contents) = contents {
            std::fs::write(&key, contents).unwrap();
        }
        let error = tls.reload().await.unwrap_err().to_string();
        assert!(error.contains(expected) && error.contains("key.pem"), "{error}");
        assert_eq!(authority.client().build().unwrap().get(&url).send().await.unwrap().status(), 200, "{expected}");
    }
    std::fs::remove_file(&key).unwrap();
    assert!(tls.reload().await.unwrap_err().to_string().contains("cannot be read"));
    std::fs::write(&key, others).unwrap();
    tls.reload().await.unwrap();
    assert_eq!(authority.client().build().unwrap().get(&url).send().await.unwrap().status(), 200);
    serving.stop().await;
}

#[tokio::test]
async fn files_that_cannot_be_used_say_why() {
    let folder = tempfile::tempdir().unwrap();
    let world = World::new().await;
    let (certificate, key) = Authority::new().signed();
    let other = Authority::new().signed().1;
    let encrypted = "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n";
    let cut = &certificate[..certificate.len() / 2];
    let not_a_key = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";
    let not_one = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    for (first, second, expected) in [
        (certificate.as_str(), other.as_str(), "key.pem does not belong to the certificate in"),
        (
            &key,
            &certificate,
            "cert.pem holds no certificate as PEM (expected a block that begins with -----BEGIN CERTIFICATE-----); it holds a private key",
        ),
        (
            &certificate,
            &certificate,
            "key.pem holds no private key as PEM (expected a block that begins with -----BEGIN PRIVATE KEY-----); it holds a certificate",
        ),
        ("\u{30}\u{2}", &key, "looks like DER"),
        ("", &key, "cert.pem holds no certificate as PEM"),
        (&certificate, encrypted, "its key is encrypted"),
        (cut, &key, "cert.pem holds a certificate that cannot be read"),
        (not_one, &key, "cert.pem holds a certificate that cannot be read"),
        (&certificate, not_a_key, "key.pem holds a private key that cannot be read"),
    ] {
        let files = TlsFiles { certificate: folder.path().join("cert.pem"), key: folder.path().join("key.pem") };
        std::fs::write(&files.certificate, first).unwrap();
        std::fs::write(&files.key, second).unwrap();
        let error = ServerTls::load(files, Arc::clone(&world.clock) as _).await.unwrap_err().to_string();
        assert!(error.contains(expected), "expected {expected:?} in: {error}");
    }
}
