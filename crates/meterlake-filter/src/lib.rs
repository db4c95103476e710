//! The filter language of the report APIs (`filter=`, `$filter=`): text to a typed, checked expression.
//!
//! The grammar follows the contracts "Partner Center Azure usage analytics" and "Azure AD B2C usage reports":
//! comparisons `field op value`, `contains(field,'…')`, `not`, `and`, `or` and parentheses, keywords and field names in
//! any case. Which fields there are and what may be asked of them is the caller's [`FieldCatalogue`].
//!
//! Knows nothing of SQL or HTTP. Every input, however malformed, ends in an [`Expr`] or a [`FilterError`] with the byte
//! offset of the trouble; length and nesting are limited, so neither stack nor memory can be driven up from outside.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

mod catalogue;
mod error;
mod expr;
mod lexer;
mod moment;
mod parser;

pub use catalogue::{Field, FieldCatalogue, FieldKind, Rules};
pub use error::{FilterError, FilterErrorKind};
pub use expr::{Canonical, CompareOp, Expr, Value};
pub use moment::Moment;
pub use parser::{Limits, parse};
