//! Signed, opaque texts inside links.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, Mac as _};
use sha2::Sha256;

/// Length of the signature at the end of a sealed text.
const MAC_BYTES: usize = 32;

/// Signs and checks what links carry (HMAC-SHA256), with a key of its own for each purpose, so that a text made for
/// one purpose is nothing for another. The contents can be read by whoever has the link, but not altered.
#[derive(Clone)]
pub struct LinkSigner {
    mac: Hmac<Sha256>,
}

impl std::fmt::Debug for LinkSigner {
    /// Without the key.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("LinkSigner")
    }
}

impl LinkSigner {
    /// The signer of one purpose under the server's secret.
    pub(crate) fn new(server_secret: &[u8; 32], purpose: &str) -> Self {
        let mut derived = keyed(server_secret);
        derived.update(b"meterlake link\0");
        derived.update(purpose.as_bytes());
        Self { mac: keyed(&derived.finalize().into_bytes().into()) }
    }

    /// The payload with its signature, safe in a URL.
    #[must_use]
    pub fn seal(&self, payload: &[u8]) -> String {
        let mut sealed = payload.to_vec();
        sealed.extend_from_slice(&self.signature(payload).finalize().into_bytes());
        URL_SAFE_NO_PAD.encode(sealed)
    }

    /// The payload of a sealed text; none if it was not sealed by this signer or was altered.
    #[must_use]
    pub fn open(&self, token: &str) -> Option<Vec<u8>> {
        let mut sealed = URL_SAFE_NO_PAD.decode(token).ok()?;
        let split = sealed.len().checked_sub(MAC_BYTES)?;
        let (payload, mac) = sealed.split_at(split);
        self.signature(payload).verify_slice(mac).ok()?;
        sealed.truncate(split);
        Some(sealed)
    }

    fn signature(&self, payload: &[u8]) -> Hmac<Sha256> {
        let mut mac = self.mac.clone();
        mac.update(payload);
        mac
    }
}

/// An HMAC with a 256-bit key, which fits the block, so that every length is accepted.
fn keyed(key: &[u8; 32]) -> Hmac<Sha256> {
    let mut block = hmac::digest::generic_array::GenericArray::default();
    block[..32].copy_from_slice(key);
    <Hmac<Sha256> as hmac::digest::KeyInit>::new(&block)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_its_own_unaltered_texts_open() {
        let signer = LinkSigner::new(&[7; 32], "next-link");
        let sealed = signer.seal(b"position");
        assert_eq!(signer.open(&sealed).as_deref(), Some(&b"position"[..]));
        assert_eq!(signer.open(&signer.seal(b"")).as_deref(), Some(&b""[..]));
        assert!(sealed.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_'));
        for other in [LinkSigner::new(&[7; 32], "export-link"), LinkSigner::new(&[8; 32], "next-link")] {
            assert_eq!(other.open(&sealed), None);
        }
        for at in 0..sealed.len() {
            let mut altered = sealed.clone().into_bytes();
            altered[at] = if altered[at] == b'A' { b'B' } else { b'A' };
            assert_eq!(signer.open(std::str::from_utf8(&altered).unwrap()), None, "{at}");
        }
        for bad in ["", "=", "A", &sealed[..20], &format!("{sealed}AAAA"), "é"] {
            assert_eq!(signer.open(bad), None, "{bad}");
        }
    }
}
