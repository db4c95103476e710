//! Values from outside as messages quote them.

use std::borrow::Cow;

/// A text as a message quotes it: at most `longest` characters, then `…`; characters that end a line or hide become
/// U+FFFD.
#[must_use]
pub fn excerpt(text: &str, longest: usize) -> Cow<'_, str> {
    let end = text.char_indices().nth(longest).map(|(end, _)| end);
    let kept = &text[..end.unwrap_or(text.len())];
    let hidden = kept.contains(char::is_control);
    if end.is_none() && !hidden {
        return Cow::Borrowed(text);
    }
    let mut short = kept.replace(char::is_control, "\u{fffd}");
    if end.is_some() {
        short.push('…');
    }
    Cow::Owned(short)
}

#[cfg(test)]
mod tests {
    use super::excerpt;

    #[test]
    fn long_and_hidden_texts() {
        assert_eq!(excerpt("größe", 5), "größe");
        assert_eq!(excerpt("größe", 4), "größ…");
        assert_eq!(excerpt("", 0), "");
        assert_eq!(excerpt("a", 0), "…");
        assert_eq!(excerpt("a\r\nb\u{7f}😀", 9), "a\u{fffd}\u{fffd}b\u{fffd}😀");
        assert_eq!(excerpt("\ta", 1), "\u{fffd}…");
    }
}
