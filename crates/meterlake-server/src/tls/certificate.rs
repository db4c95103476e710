//! A certificate with its key, from PEM files to what handshakes use.

use std::path::Path;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::version::{TLS12, TLS13};
use rustls::{InconsistentKeys, ServerConfig};

use super::validity::validity;
use super::{TlsError, TlsFiles};

const CERTIFICATE: &str = "certificate";
const KEY: &str = "private key";

/// The contents of the two files.
pub(super) struct Pem {
    pub(super) certificate: Vec<u8>,
    pub(super) key: Vec<u8>,
}

/// Reads the two files.
pub(super) async fn read(files: &TlsFiles) -> Result<Pem, TlsError> {
    let read = async |what, path: &Path| {
        tokio::fs::read(path).await.map_err(|source| TlsError::Read { what, path: path.to_owned(), source })
    };
    Ok(Pem { certificate: read(CERTIFICATE, &files.certificate).await?, key: read(KEY, &files.key).await? })
}

/// A certificate that can be shown.
pub(super) struct Certificate {
    /// TLS 1.2 and 1.3 with the certificate, offering HTTP/2 before HTTP/1.1.
    pub(super) config: Arc<ServerConfig>,
    /// From when on it is valid, where that can be told.
    pub(super) from: Option<DateTime<Utc>>,
    /// Its last valid second, where that can be told.
    pub(super) until: Option<DateTime<Utc>>,
}

/// The cryptography of this server. Named wherever it is used, because the program holds another one too, so that
/// none is the default.
pub(super) fn provider() -> Arc<CryptoProvider> {
    Arc::new(aws_lc_rs::default_provider())
}

impl Certificate {
    /// The certificate in the files' contents.
    pub(super) fn of(files: &TlsFiles, pem: &Pem) -> Result<Self, TlsError> {
        let chain = chain(&files.certificate, &pem.certificate)?;
        let key = key(&files.key, &pem.key)?;
        let (from, until) = chain.first().map(validity).unwrap_or_default();
        let unusable = |error: rustls::Error| match error {
            rustls::Error::InconsistentKeys(InconsistentKeys::KeyMismatch) => {
                TlsError::Mismatch { certificate: files.certificate.clone(), key: files.key.clone() }
            }
            rustls::Error::InvalidCertificate(error) => broken(CERTIFICATE, &files.certificate, error),
            error => broken(KEY, &files.key, error),
        };
        let mut config = ServerConfig::builder_with_provider(provider())
            .with_protocol_versions(&[&TLS13, &TLS12])
            .map_err(unusable)?
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .map_err(unusable)?;
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(Self { config: Arc::new(config), from, until })
    }
}

fn broken(what: &'static str, path: &Path, reason: impl ToString) -> TlsError {
    TlsError::Broken { what, path: path.to_owned(), reason: reason.to_string() }
}

fn chain(path: &Path, pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let chain: Vec<_> = CertificateDer::pem_slice_iter(pem)
        .collect::<Result<_, _>>()
        .map_err(|error| broken(CERTIFICATE, path, error))?;
    if !chain.is_empty() {
        return Ok(chain);
    }
    let hint = if holds(pem, "PRIVATE KEY-----") {
        "; it holds a private key: are the two files the wrong way round?"
    } else if pem.first() == Some(&DER_SEQUENCE) {
        "; it looks like DER, which `openssl x509 -inform der` makes PEM of"
    } else {
        ""
    };
    Err(TlsError::NotThere { what: CERTIFICATE, path: path.to_owned(), begin: "-----BEGIN CERTIFICATE-----", hint })
}

fn key(path: &Path, pem: &[u8]) -> Result<PrivateKeyDer<'static>, TlsError> {
    match PrivateKeyDer::from_pem_slice(pem) {
        Ok(key) => Ok(key),
        Err(pem::Error::NoItemsFound) => {
            let hint = if holds(pem, "BEGIN ENCRYPTED PRIVATE KEY") {
                "; its key is encrypted, which `openssl pkey` can undo"
            } else if holds(pem, "BEGIN CERTIFICATE") {
                "; it holds a certificate: are the two files the wrong way round?"
            } else if pem.first() == Some(&DER_SEQUENCE) {
                "; it looks like DER, which `openssl pkey -inform der` makes PEM of"
            } else {
                ""
            };
            Err(TlsError::NotThere { what: KEY, path: path.to_owned(), begin: "-----BEGIN PRIVATE KEY-----", hint })
        }
        Err(error) => Err(broken(KEY, path, error)),
    }
}

/// The byte that every certificate and key in DER starts with.
const DER_SEQUENCE: u8 = 0x30;

fn holds(pem: &[u8], text: &str) -> bool {
    pem.windows(text.len()).any(|window| window == text.as_bytes())
}
