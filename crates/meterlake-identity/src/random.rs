//! Secrets: 256 random bits as text, shown once, kept as SHA-256.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest as _, Sha256};

use crate::IdentityError;

/// Letters of codes that people type: consonants, so that no word comes of them (RFC 8628, 6.1).
const LETTERS: &[u8; 20] = b"BCDFGHJKLMNPQRSTVWXZ";

/// 256 random bits.
pub(crate) fn bits() -> Result<[u8; 32], IdentityError> {
    let mut bits = [0u8; 32];
    aws_lc_rs::rand::fill(&mut bits).map_err(|_| IdentityError::Crypto("drawing random bits"))?;
    Ok(bits)
}

/// A new secret text.
pub(crate) fn secret() -> Result<String, IdentityError> {
    Ok(URL_SAFE_NO_PAD.encode(bits()?))
}

/// A random code of so many letters, in groups of four with a hyphen between them.
pub(crate) fn letters(count: usize) -> Result<String, IdentityError> {
    let mut code = String::new();
    let mut drawn = 0;
    while drawn < count {
        // The highest multiple of 20 in a byte; above it some letters would come more often.
        for byte in bits()?.into_iter().filter(|byte| *byte < 240).take(count - drawn) {
            if drawn > 0 && drawn % 4 == 0 {
                code.push('-');
            }
            code.extend(LETTERS.get(usize::from(byte % 20)).map(|letter| char::from(*letter)));
            drawn += 1;
        }
    }
    Ok(code)
}

/// A code as typed, in the spelling that its hash is of.
pub(crate) fn typed(code: &str) -> String {
    code.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_uppercase()).take(64).collect()
}

/// SHA-256 of a secret, as kept. Its 256 bits make a slow hash needless.
pub(crate) fn hash(secret: &str) -> [u8; 32] {
    Sha256::digest(secret.as_bytes()).into()
}

/// The first characters of a secret, enough to tell it from others and far too few to guess it.
pub(crate) fn hint(secret: &str) -> String {
    secret.chars().take(8).collect()
}

/// SHA-256 of a text, in base64url: to tell texts apart without keeping them.
pub(crate) fn fingerprint(text: &str) -> String {
    URL_SAFE_NO_PAD.encode(hash(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_letters_in_groups() {
        let codes: std::collections::BTreeSet<String> = (0..100).map(|_| letters(8).unwrap()).collect();
        assert_eq!(codes.len(), 100);
        for code in codes {
            assert!(code.len() == 9 && code.as_bytes()[4] == b'-', "{code}");
            assert!(code.bytes().all(|b| b == b'-' || LETTERS.contains(&b)), "{code}");
            assert_eq!(typed(&format!(" {} ", code.to_lowercase().replace('-', " "))), code.replace('-', ""));
        }
        assert_eq!(letters(40).unwrap().len(), 49);
    }
}
