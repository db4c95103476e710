//! Distinct texts and their codes.

/// The code of the empty text in every dictionary.
pub const EMPTY: u32 = 0;

/// Distinct texts in the order in which they came, each with a code that never changes. Code 0 is the empty text.
#[derive(Clone, Debug)]
pub struct TextDictionary {
    bytes: Vec<u8>,
    ends: Vec<u32>,
    /// Upper half of the hash, then the code plus one; 0 where nothing is.
    slots: Vec<u64>,
}

impl Default for TextDictionary {
    fn default() -> Self {
        Self { bytes: Vec::new(), ends: vec![0], slots: vec![0; 16] }.with_empty()
    }
}

impl TextDictionary {
    fn with_empty(mut self) -> Self {
        self.ends.clear();
        self.intern(b"");
        self
    }

    /// Number of codes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether it holds nothing but the empty text.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ends.len() <= 1
    }

    /// Memory that it takes, in bytes.
    #[must_use]
    pub fn memory(&self) -> usize {
        self.bytes.capacity() + self.ends.capacity() * 4 + self.slots.capacity() * 8
    }

    /// The text of a code; the empty text for a code that was never given.
    #[must_use]
    pub fn get(&self, code: u32) -> &[u8] {
        let at = code as usize;
        let Some(&end) = self.ends.get(at) else { return &[] };
        let start = if at == 0 { 0 } else { self.ends[at - 1] };
        &self.bytes[start as usize..end as usize]
    }

    /// The text of a code as text; texts that are no UTF-8 are never interned by whoever reads them so.
    #[must_use]
    pub fn text(&self, code: u32) -> &str {
        std::str::from_utf8(self.get(code)).unwrap_or_default()
    }

    /// The code of a text, new if it was not there. Its owner keeps the dictionary far below 4 GiB.
    pub fn intern(&mut self, text: &[u8]) -> u32 {
        let hash = hash(text);
        let mask = self.slots.len() - 1;
        let mut at = place(hash, mask);
        loop {
            let slot = self.slots[at];
            if slot == 0 {
                break;
            }
            if slot >> 32 == hash >> 32 {
                let code = code_of(slot);
                if self.get(code) == text {
                    return code;
                }
            }
            at = (at + 1) & mask;
        }
        let code = u32::try_from(self.ends.len()).unwrap_or(u32::MAX - 1);
        self.bytes.extend_from_slice(text);
        self.ends.push(u32::try_from(self.bytes.len()).unwrap_or(u32::MAX));
        self.slots[at] = (hash >> 32 << 32) | u64::from(code + 1);
        if self.ends.len() * 2 > self.slots.len() {
            self.grow();
        }
        code
    }

    fn grow(&mut self) {
        let mask = self.slots.len() * 2 - 1;
        let mut slots = vec![0; mask + 1];
        for code in 0..self.ends.len() {
            let code = u32::try_from(code).unwrap_or(u32::MAX - 1);
            let hash = hash(self.get(code));
            let mut at = place(hash, mask);
            while slots[at] != 0 {
                at = (at + 1) & mask;
            }
            slots[at] = (hash >> 32 << 32) | u64::from(code + 1);
        }
        self.slots = slots;
    }
}

fn code_of(slot: u64) -> u32 {
    u32::try_from(slot & 0xFFFF_FFFF).unwrap_or(1) - 1
}

fn place(hash: u64, mask: usize) -> usize {
    usize::try_from(hash & 0xFFFF_FFFF).unwrap_or(0) & mask
}

const FIRST: u64 = 0x9E37_79B9_7F4A_7C15;
const SECOND: u64 = 0xD6E8_FEB8_6659_FD93;

/// Both halves of the 128-bit product.
fn fold(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    #[allow(clippy::cast_possible_truncation)]
    let (low, high) = (product as u64, (product >> 64) as u64);
    low ^ high
}

/// A quick hash of two words.
pub(super) fn fold_words(a: u64, b: u64) -> u64 {
    fold(fold(FIRST ^ a, SECOND ^ b), FIRST)
}

fn word(bytes: &[u8]) -> u64 {
    bytes.first_chunk().map_or(0, |chunk| u64::from_le_bytes(*chunk))
}

fn half(bytes: &[u8]) -> u64 {
    bytes.first_chunk().map_or(0, |chunk| u64::from(u32::from_le_bytes(*chunk)))
}

/// A quick hash of a text; both halves are good. Nothing outside of this process sees it.
pub(crate) fn hash(text: &[u8]) -> u64 {
    let length = text.len();
    let mut state = FIRST ^ length as u64;
    let mut rest = text;
    while rest.len() > 16 {
        state = fold(state ^ word(rest), SECOND ^ word(&rest[8..]));
        rest = &rest[16..];
    }
    let (a, b) = match rest.len() {
        8.. => (word(rest), word(&rest[rest.len() - 8..])),
        4..8 => (half(rest), half(&rest[rest.len() - 4..])),
        1..4 => (u64::from(rest[0]) << 8 | u64::from(rest[rest.len() / 2]), u64::from(rest[rest.len() - 1])),
        0 => (0, 0),
    };
    fold(fold(state ^ a, SECOND ^ b), FIRST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_stay_and_texts_come_back() {
        let mut dictionary = TextDictionary::default();
        assert_eq!((dictionary.intern(b""), dictionary.is_empty()), (EMPTY, true));
        let text = |n: u32| format!("{}{n}", "é".repeat(n as usize % 23));
        let codes: Vec<u32> = (0..5_000).map(|n| dictionary.intern(text(n).as_bytes())).collect();
        for (n, code) in (0..5_000).zip(&codes) {
            assert_eq!(dictionary.text(*code), text(n));
            assert_eq!(dictionary.intern(text(n).as_bytes()), *code);
        }
        assert_eq!(dictionary.len(), 5_001);
        assert_eq!(dictionary.get(9_999_999), b"");
    }
}
