//! What can be wrong with a filter, and where.

use std::fmt;

use crate::FieldKind;

/// Why a text is no filter, and at which byte of it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("at position {offset}: {kind}")]
pub struct FilterError {
    /// Byte offset in the text, from 0, of the first thing that does not fit; the text's length when it ends too early.
    pub offset: usize,
    /// What does not fit.
    pub kind: FilterErrorKind,
}

/// What is wrong at the offset of a [`FilterError`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FilterErrorKind {
    /// The text is longer than allowed.
    TooLong {
        /// Bytes allowed.
        limit: usize,
        /// Bytes found.
        length: usize,
    },
    /// Parentheses and `not` are nested deeper than allowed.
    TooDeep {
        /// Levels allowed.
        limit: usize,
    },
    /// A string has no closing quote.
    UnterminatedString,
    /// Something else stands here than the grammar wants.
    Unexpected {
        /// What stands here, shortened; none at the end of the text.
        found: Option<String>,
        /// What the grammar wants.
        expected: &'static str,
    },
    /// No field has this name.
    UnknownField {
        /// The name, shortened.
        found: String,
        /// The names that there are.
        known: Vec<&'static str>,
    },
    /// The field cannot be asked this.
    NotAllowed {
        /// The field.
        field: &'static str,
        /// The operator or function found.
        found: String,
        /// The ones that it takes.
        allowed: Vec<&'static str>,
    },
    /// The value does not suit the field.
    Value {
        /// The field.
        field: &'static str,
        /// What the field holds.
        kind: FieldKind,
        /// The literal, shortened; none at the end of the text.
        found: Option<String>,
    },
}

impl fmt::Display for FilterErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong { limit, length } => {
                write!(f, "the filter has {length} bytes, expected at most {limit}")
            }
            Self::TooDeep { limit } => write!(f, "nested too deeply, expected at most {limit} levels"),
            Self::UnterminatedString => f.write_str("found a string without an end, expected a closing quote (')"),
            Self::Unexpected { found, expected } => write!(f, "found {}, expected {expected}", Found(found)),
            Self::UnknownField { found, known } => {
                write!(f, "found unknown field {found}, expected one of {}", known.join(", "))
            }
            Self::NotAllowed { field, found, allowed } => {
                write!(f, "found {found}, expected for {field} one of {}", allowed.join(", "))
            }
            Self::Value { field, kind, found } => {
                let expected = match kind {
                    FieldKind::Text => "a string in single quotes",
                    FieldKind::Guid => "a GUID or a string in single quotes",
                    FieldKind::Date => "a date or date-time such as 2018-01-31 or 2018-01-31T12:00:00Z",
                };
                write!(f, "found {}, expected for {field} {expected}", Found(found))
            }
        }
    }
}

struct Found<'a>(&'a Option<String>);

impl fmt::Display for Found<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(text) => f.write_str(text),
            None => f.write_str("the end of the filter"),
        }
    }
}

/// A piece of the text as errors quote it.
pub(crate) fn excerpt(text: &str) -> String {
    const LONGEST: usize = 48;
    meterlake_model::excerpt(text, LONGEST).into_owned()
}
