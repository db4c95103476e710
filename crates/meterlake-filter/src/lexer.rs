//! Text to tokens, one at a time, without copying.

/// What a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TokenKind {
    /// A run without blanks, quotes, commas and parentheses: field, keyword, operator, number, date, GUID.
    Word,
    /// A string in single quotes, quotes included.
    Quoted,
    /// A string in single quotes without its closing one: the rest of the text.
    Unterminated,
    Open,
    Close,
    Comma,
    End,
}

/// A token and where it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Token<'a> {
    pub(crate) kind: TokenKind,
    pub(crate) start: usize,
    pub(crate) text: &'a str,
}

impl Token<'_> {
    /// Offset of the byte after the token.
    pub(crate) fn end(&self) -> usize {
        self.start + self.text.len()
    }

    pub(crate) fn is_word(&self, word: &str) -> bool {
        self.kind == TokenKind::Word && self.text.eq_ignore_ascii_case(word)
    }

    /// The string between the quotes, `''` turned into `'`.
    pub(crate) fn unquoted(&self) -> String {
        let inner = self.text.strip_prefix('\'').and_then(|t| t.strip_suffix('\'')).unwrap_or(self.text);
        inner.replace("''", "'")
    }
}

/// The token at or after `from`, blanks skipped.
pub(crate) fn next_token(text: &str, from: usize) -> Token<'_> {
    let rest = text.get(from..).unwrap_or("");
    let trimmed = rest.trim_start();
    let start = from + (rest.len() - trimmed.len());
    let (kind, length) = match trimmed.as_bytes().first() {
        None => (TokenKind::End, 0),
        Some(b'(') => (TokenKind::Open, 1),
        Some(b')') => (TokenKind::Close, 1),
        Some(b',') => (TokenKind::Comma, 1),
        Some(b'\'') => match quoted_length(trimmed) {
            Some(length) => (TokenKind::Quoted, length),
            None => (TokenKind::Unterminated, trimmed.len()),
        },
        Some(_) => (
            TokenKind::Word,
            trimmed.find(|c: char| c.is_whitespace() || matches!(c, '(' | ')' | ',' | '\'')).unwrap_or(trimmed.len()),
        ),
    };
    Token { kind, start, text: &trimmed[..length] }
}

/// Length of the string that `text` starts with, quotes included; none when it has no end.
fn quoted_length(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let mut at = 1;
    while at < bytes.len() {
        if bytes[at] != b'\'' {
            at += 1;
        } else if bytes.get(at + 1) == Some(&b'\'') {
            at += 2;
        } else {
            return Some(at + 1);
        }
    }
    None
}
