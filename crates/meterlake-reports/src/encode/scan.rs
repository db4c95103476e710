//! Finds the bytes of a text that cannot be written as they stand, eight bytes at a time.

const ONES: u64 = 0x0101_0101_0101_0101;
const HIGHS: u64 = 0x8080_8080_8080_8080;

/// Sets the highest bit of bytes that are zero. Bits above the first hit may be wrong, so only the lowest counts.
const fn zero_bytes(word: u64) -> u64 {
    word.wrapping_sub(ONES) & !word & HIGHS
}

const fn equal_bytes(word: u64, byte: u8) -> u64 {
    zero_bytes(word ^ (ONES * byte as u64))
}

/// The first byte that JSON escapes: a control character, a quote or a backslash.
pub(super) fn json_special(text: &[u8]) -> Option<usize> {
    find(
        text,
        |word| {
            let controls = word.wrapping_sub(ONES * 0x20) & !word & HIGHS;
            controls | equal_bytes(word, b'"') | equal_bytes(word, b'\\')
        },
        |byte| byte < 0x20 || byte == b'"' || byte == b'\\',
    )
}

/// The first byte because of which CSV quotes a value.
pub(super) fn csv_special(text: &[u8]) -> Option<usize> {
    find(
        text,
        |word| equal_bytes(word, b',') | equal_bytes(word, b'"') | equal_bytes(word, b'\r') | equal_bytes(word, b'\n'),
        |byte| matches!(byte, b',' | b'"' | b'\r' | b'\n'),
    )
}

#[inline]
fn find(text: &[u8], in_word: impl Fn(u64) -> u64, is_special: impl Fn(u8) -> bool) -> Option<usize> {
    let (words, rest) = text.as_chunks::<8>();
    for (index, word) in words.iter().enumerate() {
        let hits = in_word(u64::from_le_bytes(*word));
        if hits != 0 {
            return Some(index * 8 + hits.trailing_zeros() as usize / 8);
        }
    }
    rest.iter().position(|byte| is_special(*byte)).map(|at| words.len() * 8 + at)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn finds_the_first(text in proptest::collection::vec(prop_oneof![any::<u8>(), b' '..=b'/', Just(b'\\'), 0x1eu8..0x24], 0..40)) {
            let json = text.iter().position(|b| *b < 0x20 || *b == b'"' || *b == b'\\');
            prop_assert_eq!(json_special(&text), json);
            let csv = text.iter().position(|b| matches!(b, b',' | b'"' | b'\r' | b'\n'));
            prop_assert_eq!(csv_special(&text), csv);
        }
    }
}
