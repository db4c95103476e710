//! Texts in statistics, which are cut.

/// Longest text in statistics of pages and row groups.
const LONGEST_BOUND: usize = 64;

/// The text, or a shorter one that is not greater; and whether it is the text itself.
pub(super) fn lower(text: &str) -> (&str, bool) {
    if text.len() <= LONGEST_BOUND {
        return (text, true);
    }
    let end = (0..=LONGEST_BOUND).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
    (&text[..end], false)
}

/// The text, or a shorter one that is greater; and whether it is the text itself.
pub(super) fn upper(text: &str) -> (String, bool) {
    let (start, exact) = lower(text);
    if exact {
        return (text.to_owned(), true);
    }
    for (at, last) in start.char_indices().rev() {
        let next = char::from_u32(u32::from(last) + 1).filter(|next| next.len_utf8() == last.len_utf8());
        if let Some(next) = next {
            return (format!("{}{next}", &start[..at]), false);
        }
    }
    (text.to_owned(), true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_of_long_texts_hold() {
        for text in ["", "a", &"é".repeat(40), &"z".repeat(100), &"\u{10FFFF}".repeat(30), &"a\u{7f}".repeat(50)] {
            let ((low, low_exact), (high, high_exact)) = (lower(text), upper(text));
            assert!(low <= text && *high >= *text, "{text}");
            assert_eq!((low == text, high == text), (low_exact, high_exact), "{text}");
            assert!(low.len() <= LONGEST_BOUND);
        }
    }
}
