//! From source headers to the columns of `charges`, as tables.

use meterlake_model::SourceKind;

/// Which source headers feed each target column of a kind, in order of preference.
#[must_use]
pub fn field_sources(kind: SourceKind) -> Vec<(&'static str, Vec<&'static str>)> {
    let _ = kind;
    todo!()
}
