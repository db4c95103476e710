//! Tokens to a checked expression, by recursive descent.
//!
//! ```text
//! or      = and ("or" and)*
//! and     = not ("and" not)*
//! not     = "not" not | primary
//! primary = "(" or ")" | "contains" "(" field "," string ")" | field operator value
//! ```

use uuid::Uuid;

use crate::error::excerpt;
use crate::lexer::{Token, TokenKind, next_token};
use crate::{CompareOp, Expr, Field, FieldCatalogue, FieldKind, FilterError, FilterErrorKind, Moment, Value};

/// How long and how deep a filter may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of the text.
    pub length: usize,
    /// Levels of parentheses and `not` within each other. More than 256 is taken as 256, so that the stack is safe.
    pub depth: usize,
}

impl Limits {
    const DEEPEST: usize = 256;
}

impl Default for Limits {
    /// 8 KiB and 32 levels.
    fn default() -> Self {
        Self { length: 8 * 1024, depth: 32 }
    }
}

/// Reads a filter and checks its fields, operators and values against the catalogue.
///
/// # Errors
/// [`FilterError`] with the byte offset of the first thing that does not fit.
pub fn parse(text: &str, catalogue: &FieldCatalogue, limits: Limits) -> Result<Expr, FilterError> {
    if text.len() > limits.length {
        let kind = FilterErrorKind::TooLong { limit: limits.length, length: text.len() };
        return Err(FilterError { offset: limits.length, kind });
    }
    let token = next_token(text, 0)?;
    let mut parser = Parser { text, catalogue, token, depth: 0, deepest: limits.depth.min(Limits::DEEPEST) };
    let expr = parser.or()?;
    match parser.token.kind {
        TokenKind::End => Ok(expr),
        _ => Err(parser.unexpected("and, or, or the end of the filter")),
    }
}

const CONDITION: &str = "a condition (field operator value, contains(…), not or a parenthesis)";

struct Parser<'a> {
    text: &'a str,
    catalogue: &'a FieldCatalogue,
    /// The token at hand.
    token: Token<'a>,
    depth: usize,
    deepest: usize,
}

impl<'a> Parser<'a> {
    /// Takes the token at hand and moves to the next.
    fn take(&mut self) -> Result<Token<'a>, FilterError> {
        let next = next_token(self.text, self.token.end())?;
        Ok(std::mem::replace(&mut self.token, next))
    }

    fn expect(&mut self, kind: TokenKind, expected: &'static str) -> Result<Token<'a>, FilterError> {
        if self.token.kind == kind { self.take() } else { Err(self.unexpected(expected)) }
    }

    fn unexpected(&self, expected: &'static str) -> FilterError {
        let kind = FilterErrorKind::Unexpected { found: self.found(), expected };
        FilterError { offset: self.token.start, kind }
    }

    fn found(&self) -> Option<String> {
        (self.token.kind != TokenKind::End).then(|| excerpt(self.token.text))
    }

    /// Runs `inner` one level deeper.
    fn nested(&mut self, inner: impl FnOnce(&mut Self) -> Result<Expr, FilterError>) -> Result<Expr, FilterError> {
        if self.depth >= self.deepest {
            let kind = FilterErrorKind::TooDeep { limit: self.deepest };
            return Err(FilterError { offset: self.token.start, kind });
        }
        self.depth += 1;
        let expr = inner(self)?;
        self.depth -= 1;
        Ok(expr)
    }

    fn or(&mut self) -> Result<Expr, FilterError> {
        let first = self.and()?;
        self.chain("or", first, Self::and, Expr::Or)
    }

    fn and(&mut self) -> Result<Expr, FilterError> {
        let first = self.not()?;
        self.chain("and", first, Self::not, Expr::And)
    }

    /// The rest of `first word part word part …`.
    fn chain(
        &mut self,
        word: &str,
        first: Expr,
        part: fn(&mut Self) -> Result<Expr, FilterError>,
        join: fn(Vec<Expr>) -> Expr,
    ) -> Result<Expr, FilterError> {
        let mut parts = vec![first];
        while self.token.is_word(word) {
            self.take()?;
            parts.push(part(self)?);
        }
        match parts.len() {
            1 => parts.pop().ok_or_else(|| self.unexpected(CONDITION)),
            _ => Ok(join(parts)),
        }
    }

    fn not(&mut self) -> Result<Expr, FilterError> {
        if !self.token.is_word("not") {
            return self.primary();
        }
        self.nested(|parser| {
            parser.take()?;
            parser.not().map(|inner| Expr::Not(Box::new(inner)))
        })
    }

    fn primary(&mut self) -> Result<Expr, FilterError> {
        match self.token.kind {
            TokenKind::Open => self.nested(|parser| {
                parser.take()?;
                let inner = parser.or()?;
                parser.expect(TokenKind::Close, "and, or, or a closing parenthesis")?;
                Ok(inner)
            }),
            TokenKind::Word => {
                let word = self.take()?;
                if word.is_word("contains") && self.token.kind == TokenKind::Open {
                    self.contains(word)
                } else {
                    self.comparison(word)
                }
            }
            _ => Err(self.unexpected(CONDITION)),
        }
    }

    fn field(&self, word: Token<'_>) -> Result<(usize, Field), FilterError> {
        let index = self.catalogue.find(word.text);
        index.and_then(|index| Some((index, *self.catalogue.fields().get(index)?))).ok_or_else(|| {
            let known = self.catalogue.fields().iter().map(|f| f.name).collect();
            let kind = FilterErrorKind::UnknownField { found: excerpt(word.text), known };
            FilterError { offset: word.start, kind }
        })
    }

    /// The refusal to ask `found` of `field`.
    fn not_allowed(&self, offset: usize, field: Field, found: &str) -> FilterError {
        let rules = self.catalogue.rules(field.kind);
        let mut allowed: Vec<_> = rules.operators.iter().map(|op| op.as_str()).collect();
        if rules.contains {
            allowed.push("contains");
        }
        let kind = FilterErrorKind::NotAllowed { field: field.name, found: excerpt(found), allowed };
        FilterError { offset, kind }
    }

    fn contains(&mut self, function: Token<'a>) -> Result<Expr, FilterError> {
        self.take()?;
        let word = self.expect(TokenKind::Word, "a field name")?;
        let (index, field) = self.field(word)?;
        if !self.catalogue.rules(field.kind).contains {
            return Err(self.not_allowed(function.start, field, function.text));
        }
        self.expect(TokenKind::Comma, "a comma")?;
        let needle = self.expect(TokenKind::Quoted, "a string in single quotes")?.unquoted();
        self.expect(TokenKind::Close, "a closing parenthesis")?;
        Ok(Expr::Contains { field: index, needle })
    }

    fn comparison(&mut self, word: Token<'a>) -> Result<Expr, FilterError> {
        let (index, field) = self.field(word)?;
        if self.token.kind != TokenKind::Word {
            return Err(self.unexpected("a comparison (eq, ne, gt, ge, lt, le)"));
        }
        let op = CompareOp::from_word(self.token.text)
            .filter(|op| self.catalogue.rules(field.kind).operators.contains(op))
            .ok_or_else(|| self.not_allowed(self.token.start, field, self.token.text))?;
        self.take()?;
        let value = self.value(field)?;
        Ok(Expr::Compare { field: index, op, value })
    }

    fn value(&mut self, field: Field) -> Result<Value, FilterError> {
        let start = self.token.start;
        let (literal, end) = self.literal(field)?;
        let value = match (field.kind, literal) {
            (FieldKind::Text, Literal::Quoted(text)) => Some(Value::Text(text)),
            (FieldKind::Guid, Literal::Quoted(text)) => Some(parse_guid(&text).map_or(Value::Text(text), Value::Guid)),
            (FieldKind::Guid, Literal::Bare(text) | Literal::Guid(text)) => parse_guid(&text).map(Value::Guid),
            (FieldKind::Date, Literal::Bare(text) | Literal::Quoted(text) | Literal::Moment(text)) => {
                Moment::parse(&text).map(Value::Moment)
            }
            _ => None,
        };
        value.ok_or_else(|| {
            let found = Some(excerpt(self.text.get(start..end).unwrap_or("")));
            FilterError { offset: start, kind: FilterErrorKind::Value { field: field.name, kind: field.kind, found } }
        })
    }

    /// The literal at hand and the offset of its end.
    fn literal(&mut self, field: Field) -> Result<(Literal, usize), FilterError> {
        if self.token.kind == TokenKind::Quoted {
            let token = self.take()?;
            return Ok((Literal::Quoted(token.unquoted()), token.end()));
        }
        if self.token.kind != TokenKind::Word {
            let kind = FilterErrorKind::Value { field: field.name, kind: field.kind, found: self.found() };
            return Err(FilterError { offset: self.token.start, kind });
        }
        let word = self.take()?;
        if word.is_word("cast") && self.token.kind == TokenKind::Open {
            return self.cast();
        }
        // A prefix stands right before its quote: guid'…', datetime'…'.
        if self.token.kind == TokenKind::Quoted && self.token.start == word.end() {
            let wrap = match word {
                w if w.is_word("guid") => Literal::Guid,
                w if w.is_word("datetime") || w.is_word("datetimeoffset") => Literal::Moment,
                _ => {
                    let kind =
                        FilterErrorKind::Value { field: field.name, kind: field.kind, found: Some(excerpt(word.text)) };
                    return Err(FilterError { offset: word.start, kind });
                }
            };
            let quoted = self.take()?;
            return Ok((wrap(quoted.unquoted()), quoted.end()));
        }
        let mut end = word.end();
        if field.kind == FieldKind::Date {
            // Times, AM or PM and offsets may follow as words of their own.
            while self.token.kind == TokenKind::Word && continues_date(self.token.text) {
                end = self.take()?.end();
            }
        }
        Ok((Literal::Bare(self.text.get(word.start..end).unwrap_or("").to_owned()), end))
    }

    /// What follows `cast`: `('2018-01-01', Edm.DateTimeOffset)`.
    fn cast(&mut self) -> Result<(Literal, usize), FilterError> {
        const TYPE: &str = "Edm.DateTimeOffset";
        self.take()?;
        let quoted = self.expect(TokenKind::Quoted, "a date in single quotes")?;
        self.expect(TokenKind::Comma, "a comma")?;
        if !["Edm.DateTimeOffset", "Edm.DateTime", "Edm.Date"].iter().any(|name| self.token.is_word(name)) {
            return Err(self.unexpected(TYPE));
        }
        self.take()?;
        let close = self.expect(TokenKind::Close, "a closing parenthesis")?;
        Ok((Literal::Moment(quoted.unquoted()), close.end()))
    }
}

/// A literal as written, before it is held against its field.
enum Literal {
    Bare(String),
    Quoted(String),
    Guid(String),
    Moment(String),
}

/// Whether a word can only belong to a date that began before it.
fn continues_date(word: &str) -> bool {
    word.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '+' | '-'))
        || ["AM", "PM", "Z"].iter().any(|part| word.eq_ignore_ascii_case(part))
}

/// The 36-character form with hyphens, in any case.
fn parse_guid(text: &str) -> Option<Uuid> {
    (text.len() == 36).then(|| Uuid::try_parse(text).ok()).flatten()
}
