//! A little OpenID Connect issuer on this machine: it serves its metadata and keys, and can be stopped.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use aws_lc_rs::encoding::{AsDer as _, Pkcs8V1Der};
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use axum::extract::State;
use axum::routing::get;
use axum::{Json, Router};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use meterlake_identity::KeyFetcher;
use serde_json::{Value, json};
use tokio::task::JoinHandle;

/// Fetches over the network, each time on a connection of its own.
pub(crate) struct Fetcher(reqwest::Client);

impl Fetcher {
    pub(crate) fn shared() -> Arc<dyn KeyFetcher> {
        Arc::new(Self(reqwest::Client::builder().pool_max_idle_per_host(0).no_proxy().build().unwrap()))
    }
}

#[async_trait]
impl KeyFetcher for Fetcher {
    async fn fetch(&self, url: &str) -> Result<Vec<u8>, String> {
        let answer = self.0.get(url).send().await.and_then(reqwest::Response::error_for_status);
        let bytes = answer.map_err(|error| error.to_string())?.bytes().await;
        Ok(bytes.map_err(|error| error.to_string())?.to_vec())
    }
}

struct Served {
    name: String,
    keys: Mutex<Vec<Value>>,
    /// How often the list of keys was asked for.
    asked: AtomicUsize,
}

pub(crate) struct Issuer {
    address: SocketAddr,
    served: Arc<Served>,
    running: Option<JoinHandle<()>>,
}

/// A key pair of an issuer.
pub(crate) struct Pair {
    algorithm: Algorithm,
    kid: String,
    private: EncodingKey,
    pub(crate) jwk: Value,
}

fn pem(der: &[u8]) -> String {
    format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", STANDARD.encode(der))
}

impl Pair {
    pub(crate) fn rsa(kid: &str, algorithm: Algorithm) -> Self {
        let pair = KeyPair::generate(KeySize::Rsa2048).unwrap();
        let der: Pkcs8V1Der<'_> = pair.as_der().unwrap();
        let public = pair.public_key();
        let jwk = json!({
            "kty": "RSA", "use": "sig", "kid": kid,
            "n": URL_SAFE_NO_PAD.encode(public.modulus().big_endian_without_leading_zero()),
            "e": URL_SAFE_NO_PAD.encode(public.exponent().big_endian_without_leading_zero()),
        });
        let private = EncodingKey::from_rsa_pem(pem(der.as_ref()).as_bytes()).unwrap();
        Self { algorithm, kid: kid.to_owned(), private, jwk }
    }

    pub(crate) fn elliptic(kid: &str) -> Self {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
        let point = pair.public_key().as_ref().to_vec();
        let der = pair.to_pkcs8v1().unwrap();
        let jwk = json!({
            "kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "kid": kid,
            "x": URL_SAFE_NO_PAD.encode(&point[1..33]), "y": URL_SAFE_NO_PAD.encode(&point[33..]),
        });
        let private = EncodingKey::from_ec_pem(pem(der.as_ref()).as_bytes()).unwrap();
        Self { algorithm: Algorithm::ES256, kid: kid.to_owned(), private, jwk }
    }

    pub(crate) fn with_alg(mut self, alg: &str) -> Self {
        self.jwk["alg"] = json!(alg);
        self
    }

    pub(crate) fn sign(&self, claims: &Value) -> String {
        self.sign_as(&self.kid, self.algorithm, claims)
    }

    pub(crate) fn sign_as(&self, kid: &str, algorithm: Algorithm, claims: &Value) -> String {
        let mut header = Header::new(algorithm);
        header.kid = Some(kid.to_owned());
        jsonwebtoken::encode(&header, claims, &self.private).unwrap()
    }
}

async fn metadata(State(served): State<Arc<Served>>) -> Json<Value> {
    Json(json!({ "issuer": served.name, "jwks_uri": format!("{}/keys", served.name) }))
}

async fn keys(State(served): State<Arc<Served>>) -> Json<Value> {
    served.asked.fetch_add(1, Ordering::SeqCst);
    Json(json!({ "keys": *served.keys.lock().unwrap() }))
}

impl Issuer {
    pub(crate) async fn start(pairs: &[&Pair]) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let name = format!("http://{address}/realms/test");
        let served = Arc::new(Served { name, keys: Mutex::default(), asked: AtomicUsize::new(0) });
        let mut issuer = Self { address, served, running: None };
        issuer.publish(pairs);
        issuer.serve(listener);
        issuer
    }

    fn serve(&mut self, listener: tokio::net::TcpListener) {
        let router = Router::new()
            .route("/realms/test/.well-known/openid-configuration", get(metadata))
            .route("/realms/test/keys", get(keys))
            .with_state(Arc::clone(&self.served));
        self.running = Some(tokio::spawn(async move { axum::serve(listener, router).await.unwrap() }));
    }

    pub(crate) fn name(&self) -> &str {
        &self.served.name
    }

    pub(crate) fn publish(&self, pairs: &[&Pair]) {
        *self.served.keys.lock().unwrap() = pairs.iter().map(|pair| pair.jwk.clone()).collect();
    }

    pub(crate) fn publish_raw(&self, keys: Vec<Value>) {
        *self.served.keys.lock().unwrap() = keys;
    }

    pub(crate) fn asked(&self) -> usize {
        self.served.asked.load(Ordering::SeqCst)
    }

    pub(crate) async fn stop(&mut self) {
        if let Some(running) = self.running.take() {
            running.abort();
            let _ = running.await;
        }
    }

    pub(crate) async fn start_again(&mut self) {
        let listener = tokio::net::TcpListener::bind(self.address).await.unwrap();
        self.serve(listener);
    }
}
