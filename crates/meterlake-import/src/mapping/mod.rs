//! From source headers to the columns of `charges`, as tables.

mod cost_export;
mod ea_usage;
mod focus;
mod header;
mod plan;
mod rated_usage;
mod recognise;
pub mod utilization;

use meterlake_lake::charges::ColumnType;
use meterlake_lake::charges::columns::COLUMNS;
use meterlake_model::SourceKind;

pub(crate) use header::{HeaderIndex, normalise, repeated};
pub(crate) use plan::{Plan, Slot};
pub(crate) use recognise::{Recognised, kind_of, known_headers, recognise};

/// One target column and the source headers that feed it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Field {
    /// Column of `charges`.
    pub(crate) target: &'static str,
    /// Accepted headers; in each row the first that is not empty counts.
    pub(crate) sources: &'static [&'static str],
    /// Whether a file without any of the headers is not of the kind, and a row without a value is a reject.
    pub(crate) required: bool,
}

impl Field {
    const fn new(target: &'static str, sources: &'static [&'static str]) -> Self {
        Self { target, sources, required: false }
    }

    const fn required(self) -> Self {
        Self { required: true, ..self }
    }
}

/// The fields of a kind.
pub(crate) fn fields(kind: SourceKind) -> impl Iterator<Item = &'static Field> {
    let (first, second): (&[Field], &[Field]) = match kind {
        SourceKind::CostExportEa => (cost_export::COMMON, cost_export::EA),
        SourceKind::CostExportMca | SourceKind::CostExportPartner => (cost_export::COMMON, cost_export::PARTNER),
        SourceKind::EaUsageDetails => (ea_usage::FIELDS, &[]),
        SourceKind::RatedUsage => (rated_usage::FIELDS, &[]),
        SourceKind::Utilization => (utilization::FIELDS, &[]),
        SourceKind::Focus => (focus::FIELDS, &[]),
    };
    first.iter().chain(second)
}

/// Whether a header, as compared, feeds some column of `charges` in files of a kind.
pub(crate) fn feeds(kind: SourceKind, name: &str) -> bool {
    fields(kind).flat_map(|field| field.sources).any(|source| normalise(source) == name)
}

/// The type of a column of `charges`.
pub(crate) fn column_type(target: &str) -> Option<ColumnType> {
    COLUMNS.iter().find(|c| c.name == target).map(|c| c.kind)
}

/// Which source headers feed each target column of a kind, in order of preference. A cost export has one cost
/// column: it feeds `billed_cost` of an actual and `effective_cost` of an amortised export.
#[must_use]
pub fn field_sources(kind: SourceKind) -> Vec<(&'static str, Vec<&'static str>)> {
    fields(kind).map(|f| (f.target, f.sources.to_vec())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_target_is_a_column_and_named_once() {
        for &kind in SourceKind::ALL {
            let mut seen = std::collections::BTreeSet::new();
            for field in fields(kind) {
                assert!(column_type(field.target).is_some(), "{kind}: {}", field.target);
                assert!(seen.insert(field.target), "{kind}: {} twice", field.target);
                assert!(!field.sources.is_empty());
            }
        }
    }
}
