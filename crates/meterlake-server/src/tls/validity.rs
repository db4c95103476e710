//! From when until when a certificate is valid.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier as _;
use rustls::pki_types::{CertificateDer, IpAddr, Ipv4Addr, ServerName, UnixTime};
use rustls::{CertificateError, Error, RootCertStore};

use super::certificate::provider;

/// The last second of the year 9999, where ASN.1 time ends.
const END_OF_TIME: u64 = 253_402_300_799;

/// The first and last valid second, where they can be told.
///
/// The check of a path is asked rather than the certificate taken apart: the first thing that it looks at is the time,
/// and what it reports of a time that is not right is the bound.
pub(super) fn validity(leaf: &CertificateDer<'static>) -> (Option<DateTime<Utc>>, Option<DateTime<Utc>>) {
    let from = match refusal(leaf, 0) {
        Some(CertificateError::NotValidYetContext { not_before, .. }) => instant(not_before),
        _ => None,
    };
    let until = match refusal(leaf, END_OF_TIME) {
        Some(CertificateError::ExpiredContext { not_after, .. }) => instant(not_after),
        _ => None,
    };
    (from, until)
}

fn instant(at: UnixTime) -> Option<DateTime<Utc>> {
    DateTime::from_timestamp(i64::try_from(at.as_secs()).ok()?, 0)
}

/// Why a client that trusts the certificate itself would refuse it at `second`.
fn refusal(leaf: &CertificateDer<'static>, second: u64) -> Option<CertificateError> {
    let mut roots = RootCertStore::empty();
    roots.add(leaf.clone()).ok()?;
    let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider()).build().ok()?;
    let name = ServerName::IpAddress(IpAddr::V4(Ipv4Addr::from([127, 0, 0, 1])));
    let at = UnixTime::since_unix_epoch(Duration::from_secs(second));
    match verifier.verify_server_cert(leaf, &[], &name, &[], at) {
        Err(Error::InvalidCertificate(error)) => Some(error),
        _ => None,
    }
}
