//! The scope of a row, and its short key.

use std::{fmt, str::FromStr};

use sha2::{Digest, Sha256};

/// The six values of [`crate::charges::columns::SCOPE`], in that order.
pub type ScopeValues = [String; 6];

/// Short key of a scope: the first 64 bits of the SHA-256 over its values (of a charge: six), joined by U+001F. Displays as 16 hex
/// digits. Every data file holds rows of exactly one scope and carries this key in its name.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ScopeKey(u64);

/// The key of the scope with these values, in the order of [`crate::charges::columns::SCOPE`].
#[must_use]
pub fn scope_key(values: [&str; 6]) -> ScopeKey {
    key_of(&values)
}

/// The key of a scope of any table.
pub(crate) fn key_of<T: AsRef<str>>(values: &[T]) -> ScopeKey {
    let values: Vec<&str> = values.iter().map(AsRef::as_ref).collect();
    let digest = Sha256::digest(values.join("\u{1f}").as_bytes());
    let mut head = [0; 8];
    head.copy_from_slice(&digest[..8]);
    ScopeKey(u64::from_be_bytes(head))
}

/// A text is not a scope key.
#[derive(Debug, thiserror::Error)]
#[error("{0:?} is not a scope key: expected 16 lower-case hexadecimal digits")]
pub struct ParseScopeKeyError(String);

impl FromStr for ScopeKey {
    type Err = ParseScopeKeyError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let plain = text.len() == 16 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        match u64::from_str_radix(text, 16) {
            Ok(key) if plain => Ok(Self(key)),
            _ => Err(ParseScopeKeyError(text.to_owned())),
        }
    }
}

impl fmt::Display for ScopeKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl fmt::Debug for ScopeKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl serde::Serialize for ScopeKey {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for ScopeKey {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn key_is_stable_and_reads_back() {
        let key = scope_key(["ea", "100", "", "actual", "EUR", ""]);
        assert_eq!(key.to_string().len(), 16);
        assert_eq!(key.to_string().parse::<ScopeKey>().unwrap(), key);
        assert_ne!(key, scope_key(["ea", "100", "", "amortized", "EUR", ""]));
        assert_ne!(scope_key(["a", "b", "", "", "", ""]), scope_key(["ab", "", "", "", "", ""]));
        assert!("00FF".parse::<ScopeKey>().is_err());
        assert!("00FF00FF00FF00FF".parse::<ScopeKey>().is_err());
    }
}
