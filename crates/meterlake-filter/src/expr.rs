//! The checked expression and its canonical text.

use std::fmt;

use uuid::Uuid;

use crate::{FieldCatalogue, Moment};

/// A checked filter. Fields are indices in the [`FieldCatalogue`] it was parsed with, and every value fits its field:
/// a text field has [`Value::Text`], an id field [`Value::Guid`] or [`Value::Text`], a date field [`Value::Moment`].
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Expr {
    /// All of them hold. The parser makes two or more; the empty conjunction would be true.
    And(Vec<Expr>),
    /// One of them holds. The parser makes two or more; the empty disjunction would be false.
    Or(Vec<Expr>),
    /// It does not hold.
    Not(Box<Expr>),
    /// The field compares to the value as the operator says.
    Compare {
        /// Index in the catalogue.
        field: usize,
        /// How they compare.
        op: CompareOp,
        /// What with.
        value: Value,
    },
    /// The field's text has the needle in it; the empty needle is in every text. Id fields are searched without case.
    Contains {
        /// Index in the catalogue.
        field: usize,
        /// The text looked for.
        needle: String,
    },
}

/// A comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CompareOp {
    /// `eq`: equal.
    Eq,
    /// `ne`: not equal.
    Ne,
    /// `gt`: greater.
    Gt,
    /// `ge`: greater or equal.
    Ge,
    /// `lt`: less.
    Lt,
    /// `le`: less or equal.
    Le,
}

impl CompareOp {
    /// Every comparison.
    pub const ALL: &[Self] = &[Self::Eq, Self::Ne, Self::Gt, Self::Ge, Self::Lt, Self::Le];

    /// The word in a filter.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Eq => "eq",
            Self::Ne => "ne",
            Self::Gt => "gt",
            Self::Ge => "ge",
            Self::Lt => "lt",
            Self::Le => "le",
        }
    }

    /// The comparison that a word names, in any case.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|op| op.as_str().eq_ignore_ascii_case(word))
    }

    /// Whether the comparison holds for a field that is `ordering` to the value.
    #[must_use]
    pub const fn holds(self, ordering: std::cmp::Ordering) -> bool {
        match self {
            Self::Eq => ordering.is_eq(),
            Self::Ne => ordering.is_ne(),
            Self::Gt => ordering.is_gt(),
            Self::Ge => ordering.is_ge(),
            Self::Lt => ordering.is_lt(),
            Self::Le => ordering.is_le(),
        }
    }
}

impl fmt::Display for CompareOp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// What a field is compared with.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Value {
    /// A text. On an id field: a text that is no GUID, to be compared without case.
    Text(String),
    /// A GUID, on an id field.
    Guid(Uuid),
    /// A day or an instant, on a date field.
    Moment(Moment),
}

impl fmt::Display for Value {
    /// The canonical literal, which parses back to the same value.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => write_quoted(f, text),
            Self::Guid(guid) => write!(f, "{}", guid.hyphenated()),
            Self::Moment(moment) => write!(f, "{moment}"),
        }
    }
}

fn write_quoted(f: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    write!(f, "'{}'", text.replace('\'', "''"))
}

impl Expr {
    /// The canonical text: parsed with the same catalogue, it gives the same expression back.
    #[must_use]
    pub fn canonical<'a>(&'a self, catalogue: &'a FieldCatalogue) -> Canonical<'a> {
        Canonical { expr: self, catalogue }
    }
}

/// Prints an [`Expr`] as canonical text; see [`Expr::canonical`].
#[derive(Debug, Clone, Copy)]
pub struct Canonical<'a> {
    expr: &'a Expr,
    catalogue: &'a FieldCatalogue,
}

impl Canonical<'_> {
    /// The field's name; an index of another catalogue prints as a number, which no catalogue parses.
    fn write_field(&self, f: &mut fmt::Formatter<'_>, field: usize) -> fmt::Result {
        match self.catalogue.fields().get(field) {
            Some(known) => f.write_str(known.name),
            None => write!(f, "#{field}"),
        }
    }

    fn write_joined(&self, f: &mut fmt::Formatter<'_>, parts: &[Expr], word: &str) -> fmt::Result {
        for (index, part) in parts.iter().enumerate() {
            if index > 0 {
                write!(f, " {word} ")?;
            }
            // Parentheses keep what the author grouped, and put `or` below `and`.
            let nested = match part {
                Expr::Or(_) => true,
                Expr::And(_) => word == "and",
                _ => false,
            };
            self.write_part(f, part, nested)?;
        }
        Ok(())
    }

    fn write_part(&self, f: &mut fmt::Formatter<'_>, part: &Expr, parentheses: bool) -> fmt::Result {
        let part = Canonical { expr: part, catalogue: self.catalogue };
        if parentheses { write!(f, "({part})") } else { write!(f, "{part}") }
    }
}

impl fmt::Display for Canonical<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.expr {
            Expr::And(parts) => self.write_joined(f, parts, "and"),
            Expr::Or(parts) => self.write_joined(f, parts, "or"),
            Expr::Not(inner) => {
                f.write_str("not ")?;
                self.write_part(f, inner, matches!(**inner, Expr::And(_) | Expr::Or(_)))
            }
            Expr::Compare { field, op, value } => {
                self.write_field(f, *field)?;
                write!(f, " {op} {value}")
            }
            Expr::Contains { field, needle } => {
                f.write_str("contains(")?;
                self.write_field(f, *field)?;
                f.write_str(",")?;
                write_quoted(f, needle)?;
                f.write_str(")")
            }
        }
    }
}
