//! Getting the metadata and keys of other parties' issuers.

use std::time::Duration;

use anyhow::Context as _;
use async_trait::async_trait;
use meterlake_identity::KeyFetcher;

/// How long an issuer may take. A request may be waiting.
const TIMEOUT: Duration = Duration::from_secs(5);
/// The largest document that is read.
const LARGEST: usize = 1 << 20;

/// Gets documents over HTTP.
pub(crate) struct IssuerDocuments(reqwest::Client);

impl IssuerDocuments {
    pub(crate) fn new() -> anyhow::Result<Self> {
        let client = reqwest::Client::builder()
            .timeout(TIMEOUT)
            // An address of the settings is asked and no other: a redirect could lead to plain HTTP, or inside.
            .redirect(reqwest::redirect::Policy::none())
            .user_agent(concat!("meterlake/", env!("CARGO_PKG_VERSION")))
            .build()
            .context("cannot prepare to reach the issuers of the settings")?;
        Ok(Self(client))
    }

    async fn get(&self, url: &str) -> reqwest::Result<Option<Vec<u8>>> {
        let mut answer = self.0.get(url).send().await?.error_for_status()?;
        let mut document = Vec::new();
        while let Some(chunk) = answer.chunk().await? {
            if document.len() + chunk.len() > LARGEST {
                return Ok(None);
            }
            document.extend_from_slice(&chunk);
        }
        Ok(Some(document))
    }
}

#[async_trait]
impl KeyFetcher for IssuerDocuments {
    async fn fetch(&self, url: &str) -> Result<Vec<u8>, String> {
        match self.get(url).await {
            Ok(Some(document)) => Ok(document),
            Ok(None) => Err(format!("{url} is larger than {LARGEST} bytes")),
            Err(error) => Err(crate::whole(&error.into())),
        }
    }
}
