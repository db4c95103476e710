//! TLS: the certificate in use, and taking up a new one while the server runs.

mod certificate;
mod errors;
mod validity;

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum_server::tls_rustls::RustlsConfig;
use chrono::{DateTime, TimeDelta, Utc};
pub use errors::TlsError;
use meterlake_model::{Day, SharedClock};
use sha2::{Digest, Sha256};
use tokio::sync::Mutex;

use certificate::Certificate;

/// How often the files are looked at.
const LOOK: Duration = Duration::from_secs(30);
/// How long before its end a certificate is warned of: there are certificates that live for a week only, so not long.
const ENDING: TimeDelta = TimeDelta::days(3);

/// Where the certificate and its key lie, both as PEM.
#[derive(Debug, Clone)]
pub struct TlsFiles {
    /// The certificate of the server, followed by those of its issuers, except the root's.
    pub certificate: PathBuf,
    /// The private key of the certificate: PKCS #8, PKCS #1 or SEC 1, without a passphrase.
    pub key: PathBuf,
}

/// The certificate that a server shows, which changes when its files do. Cheap to clone; clones show the same one.
#[derive(Clone)]
pub struct ServerTls(Arc<Inner>);

struct Inner {
    files: TlsFiles,
    clock: SharedClock,
    config: RustlsConfig,
    seen: Mutex<Seen>,
}

/// What the last look found.
struct Seen {
    files: [u8; 32],
    until: Option<DateTime<Utc>>,
    warned_on: Option<Day>,
}

impl fmt::Debug for ServerTls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerTls").field("files", &self.0.files).finish_non_exhaustive()
    }
}

impl ServerTls {
    /// Reads the files. Warns in the log of a certificate that is not valid at the time.
    ///
    /// # Errors
    /// [`TlsError`] when a file cannot be read or does not hold what it should, or the two do not belong together.
    pub async fn load(files: TlsFiles, clock: SharedClock) -> Result<Self, TlsError> {
        let read = certificate::read(&files).await;
        let fingerprint = fingerprint(&read);
        let certificate = Certificate::of(&files, &read?)?;
        let config = RustlsConfig::from_config(certificate.config);
        let mut seen = Seen { files: fingerprint, until: certificate.until, warned_on: None };
        warn_of(&files, certificate.from, &mut seen, &clock);
        Ok(Self(Arc::new(Inner { files, clock, config, seen: Mutex::new(seen) })))
    }

    pub(crate) fn config(&self) -> RustlsConfig {
        self.0.config.clone()
    }

    /// Reads the files again, and shows the new certificate to those who connect from now on. Connections that stand
    /// go on. What came of it is also said in the log.
    ///
    /// # Errors
    /// As [`ServerTls::load`]; the server goes on with what it had.
    pub async fn reload(&self) -> Result<(), TlsError> {
        let mut seen = self.0.seen.lock().await;
        let read = certificate::read(&self.0.files).await;
        seen.files = fingerprint(&read);
        self.take_up(read, &mut seen)
    }

    /// The same when the files hold something else than at the last look.
    async fn look(&self) {
        let mut seen = self.0.seen.lock().await;
        let read = certificate::read(&self.0.files).await;
        let fingerprint = fingerprint(&read);
        if fingerprint != seen.files {
            seen.files = fingerprint;
            // Said in the log, once for each state of the files.
            let _ = self.take_up(read, &mut seen);
        }
        warn_of(&self.0.files, None, &mut seen, &self.0.clock);
    }

    fn take_up(&self, read: Result<certificate::Pem, TlsError>, seen: &mut Seen) -> Result<(), TlsError> {
        let certificate = read.and_then(|pem| Certificate::of(&self.0.files, &pem)).inspect_err(|error| {
            tracing::error!(%error, "the certificate is not taken up; the one before stays in use");
        })?;
        let until = certificate.until.map(day).unwrap_or_default();
        tracing::info!(file = %self.0.files.certificate.display(), until, "a certificate is taken up");
        self.0.config.reload_from_config(certificate.config);
        (seen.until, seen.warned_on) = (certificate.until, None);
        warn_of(&self.0.files, certificate.from, seen, &self.0.clock);
        Ok(())
    }

    /// Looks at the files every 30 seconds, for ever.
    pub(crate) async fn watch(self) {
        loop {
            tokio::time::sleep(LOOK).await;
            self.look().await;
        }
    }
}

fn day(at: DateTime<Utc>) -> String {
    Day::of(at).to_string()
}

/// What tells one state of the files from another, an unreadable one included.
fn fingerprint(read: &Result<certificate::Pem, TlsError>) -> [u8; 32] {
    let mut hash = Sha256::new();
    match read {
        Ok(pem) => {
            hash.update(pem.certificate.len().to_le_bytes());
            hash.update(&pem.certificate);
            hash.update(&pem.key);
        }
        Err(error) => hash.update(error.to_string()),
    }
    hash.finalize().into()
}

/// Warns, once a day, of a certificate that clients refuse or will soon.
fn warn_of(files: &TlsFiles, from: Option<DateTime<Utc>>, seen: &mut Seen, clock: &SharedClock) {
    let (now, file) = (clock.now(), files.certificate.display());
    if let Some(from) = from.filter(|from| now < *from) {
        tracing::warn!(%file, "the certificate is not valid before {}; clients refuse it until then", day(from));
    }
    let Some(until) = seen.until.filter(|until| *until - ENDING < now && seen.warned_on != Some(Day::of(now))) else {
        return;
    };
    seen.warned_on = Some(Day::of(now));
    if until < now {
        tracing::warn!(%file, "the certificate expired on {}; clients refuse it", day(until));
    } else {
        tracing::warn!(%file, "the certificate expires on {}", day(until));
    }
}
