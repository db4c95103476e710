//! C3 licence consumption report.

mod docs;
mod errors;
mod routes;
mod wire;

use std::borrow::Cow;

pub(crate) use docs::refusal_body;
pub(crate) use errors::C3Shape;
pub(crate) use routes::routes;
pub(crate) use wire::LICENCE_FIELDS;

/// Whether a path that no route has is one of this family's all the same.
pub(crate) fn is_near(parts: &[Cow<'_, str>]) -> bool {
    let fixed = |at: usize, text: &str| parts.get(at).is_some_and(|part| part.eq_ignore_ascii_case(text));
    fixed(0, "api") && fixed(1, "licenseConsumptionReport")
}
