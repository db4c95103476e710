//! A kind's fields resolved against the header of one file.

use std::collections::BTreeSet;

use meterlake_lake::charges::ColumnType;
use meterlake_model::SourceKind;

use super::{HeaderIndex, column_type, fields};

/// One target and where its sources stand in the file.
#[derive(Debug, Clone)]
pub(crate) struct Slot {
    pub(crate) target: &'static str,
    pub(crate) kind: ColumnType,
    /// Positions in order of preference, at least one.
    pub(crate) positions: Vec<usize>,
    pub(crate) required: bool,
}

impl Slot {
    /// Whether the target is an amount or a quantity.
    pub(crate) fn is_number(&self) -> bool {
        matches!(self.kind, ColumnType::Amount | ColumnType::Quantity)
    }
}

/// Where everything that is kept stands in a file.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    pub(crate) slots: Vec<Slot>,
}

impl Plan {
    /// The plan of a file of a kind with this header.
    pub(crate) fn new(kind: SourceKind, header: &[String]) -> Self {
        let index = HeaderIndex::new(header);
        let slots = fields(kind).filter_map(|field| {
            let positions = index.all(field.sources);
            let kind = column_type(field.target)?;
            (!positions.is_empty()).then_some(Slot { target: field.target, kind, positions, required: field.required })
        });
        Self { slots: slots.collect() }
    }

    /// The slot of a target, if the file has it.
    pub(crate) fn slot(&self, target: &str) -> Option<&Slot> {
        self.slots.iter().find(|s| s.target == target)
    }

    /// The positions of a target's sources, none if the file has none.
    pub(crate) fn positions(&self, target: &str) -> &[usize] {
        self.slot(target).map_or(&[], |s| &s.positions)
    }

    /// Positions of the sources of all targets of a type.
    pub(crate) fn positions_of(&self, wanted: impl Fn(ColumnType) -> bool) -> BTreeSet<usize> {
        self.slots.iter().filter(|s| wanted(s.kind)).flat_map(|s| s.positions.iter().copied()).collect()
    }

    /// Headers that feed nothing.
    pub(crate) fn unused<'a>(&self, header: &'a [String]) -> Vec<&'a str> {
        let used = self.positions_of(|_| true);
        header.iter().enumerate().filter(|(at, _)| !used.contains(at)).map(|(_, h)| h.as_str()).collect()
    }
}
