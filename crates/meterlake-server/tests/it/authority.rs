//! A certificate authority that signs for this machine, as files and as clients trust it.

use std::path::Path;
use std::sync::Arc;

use meterlake_server::{ServerTls, TlsFiles};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};

use crate::world::World;

/// Signs certificates.
pub(crate) struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    pub(crate) fn new() -> Self {
        let mut params = CertificateParams::default();
        // A name of its own, so that no other authority is taken for this one.
        params.distinguished_name.push(DnType::CommonName, uuid::Uuid::new_v4().to_string());
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    /// A new certificate for localhost with its key, both as PEM.
    pub(crate) fn signed(&self) -> (String, String) {
        self.signed_until(4096)
    }

    /// The same, valid until the year begins.
    pub(crate) fn signed_until(&self, year: i32) -> (String, String) {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(["localhost".to_owned(), "127.0.0.1".to_owned()]).unwrap();
        params.not_after = rcgen::date_time_ymd(year, 1, 1);
        (params.signed_by(&key, &self.0).unwrap().pem(), key.serialize_pem())
    }

    /// Writes a new certificate and its key into the folder.
    pub(crate) fn write(&self, folder: &Path) -> TlsFiles {
        let files = TlsFiles { certificate: folder.join("cert.pem"), key: folder.join("key.pem") };
        let (certificate, key) = self.signed();
        std::fs::write(&files.certificate, certificate).unwrap();
        std::fs::write(&files.key, key).unwrap();
        files
    }

    /// A new certificate for a server over the world.
    pub(crate) async fn tls(&self, world: &World) -> ServerTls {
        let clock = Arc::clone(&world.clock);
        ServerTls::load(self.write(world.folder.path()), clock).await.unwrap()
    }

    /// A client that trusts this authority and no other.
    pub(crate) fn client(&self) -> reqwest::ClientBuilder {
        let root = reqwest::Certificate::from_pem(self.0.pem().as_bytes()).unwrap();
        reqwest::Client::builder().tls_built_in_root_certs(false).add_root_certificate(root).no_proxy()
    }
}
