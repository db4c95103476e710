//! The demo's own certificate authority and the certificate that it signs for this machine.
//!
//! The authority may sign for this machine's names only, so that trusting it means trusting nothing else, even should
//! its key get into other hands.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use chrono::{DateTime, Datelike as _, TimeDelta, Utc};
use meterlake_server::TlsFiles;
use rcgen::{
    BasicConstraints, Certificate, CertificateParams, CidrSubnet, DnType, ExtendedKeyUsagePurpose, GeneralSubtree,
    IsCa, Issuer, KeyPair, KeyUsagePurpose, NameConstraints, SanType,
};
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier as _;
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::sign::CertifiedKey;
use rustls::{CertificateError, RootCertStore};

use super::write_private;

/// Life of the authority.
const AUTHORITY_LIFE: TimeDelta = TimeDelta::days(3650);
/// Life of the certificate: clients take none of more than 398 days.
const LIFE: TimeDelta = TimeDelta::days(395);
/// Both are valid from a day before they are made, for clients whose clocks go after ours.
const HEAD_START: TimeDelta = TimeDelta::days(1);
/// A certificate with less than this left is made anew at a start.
const RENEWAL: TimeDelta = TimeDelta::days(30);

/// The demo's files for TLS.
pub(super) struct Certificates {
    /// The authority's certificate, which clients are told to trust.
    pub(super) authority: PathBuf,
    /// What the server shows.
    pub(super) files: TlsFiles,
}

/// The files of the folder `dir`, made where they are missing, about to expire, or not for this machine's names and
/// the address `listen`.
///
/// # Errors
/// When files cannot be read or written.
pub(super) fn certificates(dir: &Path, listen: IpAddr, now: DateTime<Utc>) -> anyhow::Result<Certificates> {
    std::fs::create_dir_all(dir).with_context(|| format!("cannot make {}", dir.display()))?;
    let made = Certificates {
        authority: dir.join("ca.pem"),
        files: TlsFiles { certificate: dir.join("cert.pem"), key: dir.join("key.pem") },
    };
    let names = names(listen);
    let (authority, certificate) = (read(&made.authority)?, read(&made.files.certificate)?);
    let key = read(&made.files.key)?;
    let usable = |authority: &str, certificate: &str, key: &str| {
        belong_together(certificate, key)
            && [now, now + RENEWAL].into_iter().all(|at| accepted(authority, certificate, &names, at))
    };
    if usable(&authority, &certificate, &key) {
        return Ok(made);
    }
    let authority_key = dir.join("ca-key.pem");
    // The authority is kept where it can sign what is needed: whoever trusts it need not be told of a new one.
    if let Ok(signing) = KeyPair::from_pem(&read(&authority_key)?) {
        let (certificate, key) = leaf(&names, &Issuer::new(authority_params(&names, now)?, signing), now)?;
        if lasts(&authority, now + LIFE) && usable(&authority, &certificate.pem(), &key.serialize_pem()) {
            return write(made, &certificate, &key);
        }
    }
    let signing = KeyPair::generate()?;
    let params = authority_params(&names, now)?;
    write_private(&authority_key, &signing.serialize_pem())?;
    let own = params.self_signed(&signing)?;
    std::fs::write(&made.authority, own.pem()).with_context(|| format!("cannot write {}", made.authority.display()))?;
    let (certificate, key) = leaf(&names, &Issuer::new(params, signing), now)?;
    write(made, &certificate, &key)
}

/// The file's text, empty where there is no file.
fn read(path: &Path) -> anyhow::Result<String> {
    match std::fs::read(path) {
        Ok(bytes) => Ok(String::from_utf8_lossy(&bytes).into_owned()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(String::new()),
        Err(error) => Err(error).with_context(|| format!("cannot read {}", path.display())),
    }
}

fn write(made: Certificates, certificate: &Certificate, key: &KeyPair) -> anyhow::Result<Certificates> {
    let path = &made.files.certificate;
    std::fs::write(path, certificate.pem()).with_context(|| format!("cannot write {}", path.display()))?;
    write_private(&made.files.key, &key.serialize_pem())?;
    Ok(made)
}

/// What the certificate is for.
fn names(listen: IpAddr) -> Vec<ServerName<'static>> {
    let mut names: Vec<_> = ["localhost".to_owned()]
        .into_iter()
        .chain(host_name())
        .filter_map(|name| ServerName::try_from(name).ok().filter(|name| matches!(name, ServerName::DnsName(_))))
        .collect();
    let own = [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)];
    for address in own.into_iter().chain((!listen.is_unspecified()).then_some(listen)).map(ServerName::from) {
        if !names.contains(&address) {
            names.push(address);
        }
    }
    names
}

/// The name that this machine has for itself.
fn host_name() -> Option<String> {
    let kept = std::fs::read_to_string("/proc/sys/kernel/hostname").ok();
    let told = || {
        let output = std::process::Command::new("uname").arg("-n").output().ok()?;
        String::from_utf8(output.stdout).ok()
    };
    let name = kept.or_else(told)?.trim().to_lowercase();
    (!name.is_empty()).then_some(name)
}

fn authority_params(names: &[ServerName<'static>], now: DateTime<Utc>) -> anyhow::Result<CertificateParams> {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, "Meterlake demo CA");
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let permitted_subtrees = names
        .iter()
        .filter_map(|name| match name {
            ServerName::DnsName(name) => Some(GeneralSubtree::DnsName(name.as_ref().to_owned())),
            ServerName::IpAddress(address) => {
                let address = IpAddr::from(*address);
                let bits = if address.is_ipv4() { 32 } else { 128 };
                Some(GeneralSubtree::IpAddress(CidrSubnet::from_addr_prefix(address, bits)))
            }
            _ => None,
        })
        .collect();
    params.name_constraints = Some(NameConstraints { permitted_subtrees, excluded_subtrees: Vec::new() });
    dated(&mut params, now, AUTHORITY_LIFE)?;
    Ok(params)
}

fn leaf(
    names: &[ServerName<'static>],
    issuer: &Issuer<'_, KeyPair>,
    now: DateTime<Utc>,
) -> anyhow::Result<(Certificate, KeyPair)> {
    let mut params = CertificateParams::default();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, "Meterlake demo");
    for name in names {
        params.subject_alt_names.push(match name {
            ServerName::IpAddress(address) => SanType::IpAddress(IpAddr::from(*address)),
            other => SanType::DnsName(other.to_str().into_owned().try_into()?),
        });
    }
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.use_authority_key_identifier_extension = true;
    dated(&mut params, now, LIFE)?;
    let key = KeyPair::generate()?;
    Ok((params.signed_by(&key, issuer)?, key))
}

fn dated(params: &mut CertificateParams, now: DateTime<Utc>, life: TimeDelta) -> anyhow::Result<()> {
    let date = |at: DateTime<Utc>| -> anyhow::Result<_> {
        Ok(rcgen::date_time_ymd(at.year(), u8::try_from(at.month())?, u8::try_from(at.day())?))
    };
    params.not_before = date(now - HEAD_START)?;
    params.not_after = date(now + life)?;
    Ok(())
}

/// Named here because the program holds another one too, so that none is the default.
fn provider() -> Arc<CryptoProvider> {
    Arc::new(aws_lc_rs::default_provider())
}

fn belong_together(certificate: &str, key: &str) -> bool {
    let certificate = CertificateDer::from_pem_slice(certificate.as_bytes());
    let key = PrivateKeyDer::from_pem_slice(key.as_bytes());
    let (Ok(certificate), Ok(key)) = (certificate, key) else { return false };
    CertifiedKey::from_der(vec![certificate], key, &provider()).is_ok()
}

fn instant(at: DateTime<Utc>) -> UnixTime {
    UnixTime::since_unix_epoch(Duration::from_secs(u64::try_from(at.timestamp()).unwrap_or_default()))
}

/// Whether clients that trust the authority take the certificate for each of the names.
fn accepted(authority: &str, certificate: &str, names: &[ServerName<'static>], at: DateTime<Utc>) -> bool {
    let outcome = |name| check(authority, certificate, name, at);
    names.iter().all(|name| matches!(outcome(name), Some(Ok(()))))
}

/// Whether the authority is still valid then.
fn lasts(authority: &str, at: DateTime<Utc>) -> bool {
    let localhost = ServerName::IpAddress(IpAddr::V4(Ipv4Addr::LOCALHOST).into());
    // Its time is looked at before whether it is for servers, which it is not.
    let outcome = check(authority, authority, &localhost, at);
    let expired = |error: &rustls::Error| {
        matches!(
            error,
            rustls::Error::InvalidCertificate(CertificateError::Expired | CertificateError::ExpiredContext { .. })
        )
    };
    outcome.is_some_and(|outcome| outcome.err().is_none_or(|error| !expired(&error)))
}

/// What a client says that trusts the authority; none when something of it cannot be read.
fn check(
    authority: &str,
    certificate: &str,
    name: &ServerName<'static>,
    at: DateTime<Utc>,
) -> Option<Result<(), rustls::Error>> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(authority.as_bytes()).ok()?).ok()?;
    let certificate = CertificateDer::from_pem_slice(certificate.as_bytes()).ok()?;
    let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider()).build().ok()?;
    Some(verifier.verify_server_cert(&certificate, &[], name, &[], instant(at)).map(drop))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

    fn state(made: &Certificates) -> [String; 3] {
        [&made.authority, &made.files.certificate, &made.files.key].map(|path| read(path).unwrap())
    }

    fn now() -> DateTime<Utc> {
        "2026-11-21T10:00:00Z".parse().unwrap()
    }

    #[test]
    fn they_are_kept_until_they_end_or_do_not_fit() {
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path().join("demo-tls");
        let first = state(&certificates(&dir, HERE, now()).unwrap());
        assert_eq!(state(&certificates(&dir, HERE, now() + TimeDelta::days(360)).unwrap()), first);

        let renewed = state(&certificates(&dir, HERE, now() + TimeDelta::days(370)).unwrap());
        assert_eq!(renewed[0], first[0], "the authority stays");
        assert_ne!(renewed[1], first[1]);
        assert!(belong_together(&renewed[1], &renewed[2]));

        let elsewhere = "192.0.2.7".parse().unwrap();
        let moved = state(&certificates(&dir, elsewhere, now()).unwrap());
        assert_ne!(moved[0], first[0], "the authority may not sign for the address");
        assert!(accepted(&moved[0], &moved[1], &names(elsewhere), now()));

        let late = state(&certificates(&dir, elsewhere, now() + TimeDelta::days(3600)).unwrap());
        assert_ne!(late[0], moved[0], "it would outlive its authority");

        std::fs::write(dir.join("key.pem"), "lost").unwrap();
        let mended = state(&certificates(&dir, elsewhere, now() + TimeDelta::days(3600)).unwrap());
        assert_eq!(mended[0], late[0]);
        assert!(belong_together(&mended[1], &mended[2]));
        for name in ["key.pem", "ca-key.pem"] {
            assert_eq!(dir.join(name).metadata().unwrap().permissions().mode() & 0o777, 0o600, "{name}");
        }
    }

    #[test]
    fn the_authority_signs_for_this_machine_only() {
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path();
        certificates(dir, HERE, now()).unwrap();
        let authority = read(&dir.join("ca.pem")).unwrap();
        let signing = KeyPair::from_pem(&read(&dir.join("ca-key.pem")).unwrap()).unwrap();
        let issuer = Issuer::new(authority_params(&names(HERE), now()).unwrap(), signing);
        for (name, good) in [("localhost", true), ("usage.example.org", false), ("192.0.2.1", false)] {
            let names = [ServerName::try_from(name).unwrap()];
            let (certificate, _) = leaf(&names, &issuer, now()).unwrap();
            assert_eq!(accepted(&authority, &certificate.pem(), &names, now()), good, "{name}");
        }
    }

    #[test]
    fn lives() {
        let folder = tempfile::tempdir().unwrap();
        let made = certificates(folder.path(), HERE, now()).unwrap();
        let [authority, certificate, _] = state(&made);
        let at = |days| accepted(&authority, &certificate, &names(HERE), now() + TimeDelta::days(days));
        assert_eq!([-2, -1, 0, 394, 395].map(at), [false, true, true, true, false]);
        assert!(lasts(&authority, now() + TimeDelta::days(3649)) && !lasts(&authority, now() + TimeDelta::days(3651)));
    }
}
