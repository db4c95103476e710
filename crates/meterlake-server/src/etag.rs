//! Weak entity tags: a hash of the snapshot, the principal's scope and the request with its period resolved.

use http::header::{HeaderMap, IF_NONE_MATCH};
use sha2::{Digest, Sha256};

/// The weak tag of the parts, which are told apart by length.
pub(crate) fn weak(parts: &[&str]) -> String {
    format!("W/\"{}\"", hex::encode(&digest(parts)[..16]))
}

/// What tells these parts from all others.
pub(crate) fn digest(parts: &[&str]) -> [u8; 32] {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part.len().to_le_bytes());
        hash.update(part.as_bytes());
    }
    hash.finalize().into()
}

/// Whether `If-None-Match` names the tag (weak comparison) or is `*`.
pub(crate) fn none_match_hits(headers: &HeaderMap, tag: &str) -> bool {
    let opaque = |t: &str| t.trim().trim_start_matches("W/").to_owned();
    headers
        .get_all(IF_NONE_MATCH)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|candidate| candidate.trim() == "*" || opaque(candidate) == opaque(tag))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weak_comparison() {
        let tag = weak(&["1", "a"]);
        assert_ne!(tag, weak(&["1a", ""]));
        let mut headers = HeaderMap::new();
        assert!(!none_match_hits(&headers, &tag));
        headers.insert(IF_NONE_MATCH, format!("\"x\", {}", tag.trim_start_matches("W/")).parse().unwrap());
        assert!(none_match_hits(&headers, &tag));
        headers.insert(IF_NONE_MATCH, "*".parse().unwrap());
        assert!(none_match_hits(&headers, &tag));
    }
}
