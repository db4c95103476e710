//! Tokens to a checked expression.
//!
//! ```text
//! or      = and ("or" and)*
//! and     = not ("and" not)*
//! not     = "not" not | primary
//! primary = "(" or ")" | "contains" "(" field "," string ")" | field operator value
//! ```
//!
//! Open parentheses wait on a stack of the parser's own, not on the thread's, so that no nesting can exhaust a thread.

use uuid::Uuid;

use crate::error::excerpt;
use crate::lexer::{Token, TokenKind, next_token};
use crate::moment::MINUS;
use crate::{CompareOp, Expr, Field, FieldCatalogue, FieldKind, FilterError, FilterErrorKind, Moment, Value};

/// How long and how deep a filter may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of the text.
    pub length: usize,
    /// Levels of parentheses and `not` within each other. More than [`Self::DEEPEST`] is taken as that.
    pub depth: usize,
}

impl Limits {
    /// The greatest depth, whatever is asked for. The parser itself needs no stack, but whoever walks, prints or drops
    /// an expression goes down as deep as it is.
    pub const DEEPEST: usize = 64;
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
        return Err(FilterError { offset: text.floor_char_boundary(limits.length), kind });
    }
    let token = next_token(text, 0);
    Parser { text, catalogue, token, depth: 0, deepest: limits.depth.min(Limits::DEEPEST) }.filter()
}

/// What is read so far between two parentheses (or of the whole filter): `ors or ands and not not …`.
#[derive(Default)]
struct Level {
    /// Finished parts of the disjunction.
    ors: Vec<Expr>,
    /// Finished parts of the conjunction at hand.
    ands: Vec<Expr>,
    /// How many `not` stand before the operand at hand.
    nots: usize,
}

impl Level {
    /// Takes the operand that the `not`s stood before; gives back how many they were.
    fn operand(&mut self, operand: Expr) -> usize {
        let nots = std::mem::take(&mut self.nots);
        self.ands.push((0..nots).fold(operand, |inner, _| Expr::Not(Box::new(inner))));
        nots
    }

    /// Ends the conjunction at hand.
    fn end_and(&mut self) {
        self.ors.extend(joined(std::mem::take(&mut self.ands), Expr::And));
    }

    /// Ends the level.
    fn end(mut self) -> Option<Expr> {
        self.end_and();
        joined(self.ors, Expr::Or)
    }
}

/// One part stands for itself, more are joined.
fn joined(mut parts: Vec<Expr>, join: fn(Vec<Expr>) -> Expr) -> Option<Expr> {
    if parts.len() > 1 { Some(join(parts)) } else { parts.pop() }
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
    fn take(&mut self) -> Token<'a> {
        let next = next_token(self.text, self.token.end());
        std::mem::replace(&mut self.token, next)
    }

    fn expect(&mut self, kind: TokenKind, expected: &'static str) -> Result<Token<'a>, FilterError> {
        if self.token.kind == kind { Ok(self.take()) } else { Err(self.unexpected(expected)) }
    }

    /// The refusal of the token at hand.
    fn unexpected(&self, expected: &'static str) -> FilterError {
        self.refused(FilterErrorKind::Unexpected { found: self.found(), expected })
    }

    /// The refusal of the token at hand for this reason; a string without an end is no token, whatever was wanted.
    fn refused(&self, kind: FilterErrorKind) -> FilterError {
        let unterminated = self.token.kind == TokenKind::Unterminated;
        FilterError {
            offset: self.token.start,
            kind: if unterminated { FilterErrorKind::UnterminatedString } else { kind },
        }
    }

    fn found(&self) -> Option<String> {
        (self.token.kind != TokenKind::End).then(|| excerpt(self.token.text))
    }

    /// The whole filter.
    fn filter(mut self) -> Result<Expr, FilterError> {
        // The levels around the one at hand, outermost first.
        let mut outer: Vec<Level> = Vec::new();
        let mut level = Level::default();
        loop {
            let mut operand = match self.token.kind {
                TokenKind::Open => {
                    self.deeper()?;
                    outer.push(std::mem::take(&mut level));
                    continue;
                }
                TokenKind::Word if self.token.is_word("not") => {
                    self.deeper()?;
                    level.nots += 1;
                    continue;
                }
                TokenKind::Word => self.condition()?,
                _ => return Err(self.unexpected(CONDITION)),
            };
            loop {
                self.depth -= level.operand(operand);
                if self.token.is_word("and") {
                    break;
                }
                if self.token.is_word("or") {
                    level.end_and();
                    break;
                }
                let (end, expected) = match outer.last() {
                    Some(_) => (TokenKind::Close, "and, or, or a closing parenthesis"),
                    None => (TokenKind::End, "and, or, or the end of the filter"),
                };
                if self.token.kind != end {
                    return Err(self.unexpected(expected));
                }
                operand = level.end().ok_or_else(|| self.unexpected(CONDITION))?;
                let Some(around) = outer.pop() else { return Ok(operand) };
                level = around;
                self.depth -= 1;
                self.take();
            }
            self.take();
        }
    }

    /// Takes the `not` or the parenthesis at hand, which is one level deeper.
    fn deeper(&mut self) -> Result<(), FilterError> {
        if self.depth >= self.deepest {
            let kind = FilterErrorKind::TooDeep { limit: self.deepest };
            return Err(FilterError { offset: self.token.start, kind });
        }
        self.depth += 1;
        self.take();
        Ok(())
    }

    fn condition(&mut self) -> Result<Expr, FilterError> {
        let word = self.take();
        if word.is_word("contains") && self.token.kind == TokenKind::Open {
            self.contains(word)
        } else {
            self.comparison(word)
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
        self.take();
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
        self.take();
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
            let token = self.take();
            return Ok((Literal::Quoted(token.unquoted()), token.end()));
        }
        if self.token.kind != TokenKind::Word {
            let kind = FilterErrorKind::Value { field: field.name, kind: field.kind, found: self.found() };
            return Err(self.refused(kind));
        }
        let word = self.take();
        if word.is_word("cast") && self.token.kind == TokenKind::Open {
            return self.cast();
        }
        // A prefix stands right before its quote: guid'…', datetime'…'.
        if self.token.kind == TokenKind::Unterminated && self.token.start == word.end() {
            return Err(self.refused(FilterErrorKind::UnterminatedString));
        }
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
            let quoted = self.take();
            return Ok((wrap(quoted.unquoted()), quoted.end()));
        }
        let mut end = word.end();
        if field.kind == FieldKind::Date {
            // Times, AM or PM and offsets may follow as words of their own, and a comma may be the decimal sign.
            while match self.token.kind {
                TokenKind::Word => continues_date(self.token.text),
                TokenKind::Comma => self.token.start == end,
                _ => false,
            } {
                end = self.take().end();
            }
        }
        Ok((Literal::Bare(self.text.get(word.start..end).unwrap_or("").to_owned()), end))
    }

    /// What follows `cast`: `('2018-01-01', Edm.DateTimeOffset)`.
    fn cast(&mut self) -> Result<(Literal, usize), FilterError> {
        const TYPE: &str = "Edm.DateTimeOffset";
        self.take();
        let quoted = self.expect(TokenKind::Quoted, "a date in single quotes")?;
        self.expect(TokenKind::Comma, "a comma")?;
        if !["Edm.DateTimeOffset", "Edm.DateTime", "Edm.Date"].iter().any(|name| self.token.is_word(name)) {
            return Err(self.unexpected(TYPE));
        }
        self.take();
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

/// Whether a word can only belong to a date that began before it: a number, an offset, `Z`, `AM`, `PM+02:00`.
fn continues_date(word: &str) -> bool {
    let offset = |text: &str| text.starts_with(['+', '-', MINUS]);
    let half = word.split_at_checked(2).filter(|(half, _)| ["AM", "PM"].iter().any(|h| h.eq_ignore_ascii_case(half)));
    word.starts_with(|c: char| c.is_ascii_digit())
        || offset(word)
        || word.eq_ignore_ascii_case("Z")
        || half.is_some_and(|(_, rest)| rest.is_empty() || offset(rest))
}

/// The 36-character form with hyphens, in any case.
fn parse_guid(text: &str) -> Option<Uuid> {
    (text.len() == 36).then(|| Uuid::try_parse(text).ok()).flatten()
}
