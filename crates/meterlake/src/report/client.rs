//! Where reports are asked: a server over HTTP, or the routes themselves in this process.

use std::time::Duration;

use anyhow::{Context as _, bail};
use axum::body::{Body, to_bytes};
use http::header::{AUTHORIZATION, HOST, RETRY_AFTER};
use http::{HeaderMap, StatusCode};
use meterlake_server::ServerState;
use tower::ServiceExt as _;

/// How often a server that is busy is asked again.
const TRIES: u32 = 5;
/// The longest wait between two tries.
const LONGEST_WAIT: u64 = 60;

/// Asks for pages with one credential.
pub(crate) enum Client {
    /// The server at a base address.
    Server { http: reqwest::Client, base: url::Url, credential: String },
    /// The routes in this process.
    Here { router: axum::Router, credential: String },
}

impl Client {
    /// A client of the server at `base`.
    pub(crate) fn of_server(base: &str, credential: String) -> anyhow::Result<Self> {
        let url = url::Url::parse(base).with_context(|| format!("{base:?} is not the address of a server"))?;
        if !matches!(url.scheme(), "http" | "https") || url.cannot_be_a_base() {
            bail!("{base:?} is not the address of a server; expected http://… or https://…");
        }
        let http = reqwest::Client::builder().connect_timeout(Duration::from_secs(20)).build()?;
        Ok(Self::Server { http, base: url, credential })
    }

    /// A client of the routes over `state`.
    pub(crate) fn of_state(state: ServerState, credential: String) -> Self {
        Self::Here { router: meterlake_server::router(state), credential }
    }

    /// The body of the answer to GET, which must be 200.
    pub(crate) async fn get(&self, path: &str) -> anyhow::Result<String> {
        for tries in 1.. {
            let (status, headers, body) = self.ask(path).await?;
            let busy = matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE);
            if busy && tries < TRIES {
                let after = headers.get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok()).unwrap_or(1);
                tokio::time::sleep(Duration::from_secs(after.min(LONGEST_WAIT))).await;
                continue;
            }
            if let Some(ignored) = headers.get("Meterlake-Ignored-Parameters").and_then(|value| value.to_str().ok()) {
                eprintln!("the server does not know these parameters: {ignored}");
            }
            if status != StatusCode::OK {
                let shown: String = body.chars().take(2000).collect();
                bail!("{path} was answered {status}: {}", shown.trim());
            }
            return Ok(body);
        }
        bail!("the server stayed busy")
    }

    async fn ask(&self, path: &str) -> anyhow::Result<(StatusCode, HeaderMap, String)> {
        match self {
            Self::Server { http, base, credential } => {
                let url = format!("{}{path}", base.as_str().trim_end_matches('/'));
                let answer = http.get(&url).bearer_auth(credential).send().await;
                let answer = answer.with_context(|| format!("{url} cannot be reached"))?;
                let (status, headers) = (answer.status(), answer.headers().clone());
                Ok((status, headers, answer.text().await.with_context(|| format!("the answer of {url} broke off"))?))
            }
            Self::Here { router, credential } => {
                let request = http::Request::get(path)
                    .header(HOST, "localhost")
                    .header(AUTHORIZATION, format!("Bearer {credential}"))
                    .body(Body::empty())?;
                let (parts, body) = router.clone().oneshot(request).await?.into_parts();
                let bytes = to_bytes(body, usize::MAX).await.map_err(|error| anyhow::anyhow!("{error}"))?;
                Ok((parts.status, parts.headers, String::from_utf8(bytes.into()).context("the answer is not UTF-8")?))
            }
        }
    }
}
