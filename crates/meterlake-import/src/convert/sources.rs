//! Columns of a file that columns of charges come from.

use meterlake_lake::coded::Cells as Column;
use meterlake_model::SourceKind;

use super::distinct::Distinct;
use crate::mapping::Plan;
use crate::source::batch::{Span, TextBatch};

/// Most distinct numbers of a column that are looked up; columns with more are read row by row.
pub(super) const NUMBERS: usize = 1 << 14;

/// A column of the file, or several of which the first that is not empty counts.
pub(super) struct Source {
    pub(super) positions: Vec<usize>,
    /// The names of its headers.
    name: String,
    pub(super) dictionary: usize,
    /// Whether only numbers come from it.
    pub(super) numbers: bool,
    /// Whether it has too many different ones to look them up.
    pub(super) plain: bool,
}

/// A batch's cells of a source.
pub(super) enum SourceCells {
    Codes(Column<u32>),
    Plain(Vec<Span>),
}

/// The sources of a plan.
pub(super) fn sources(plan: &Plan, header: &[String], distinct: &mut Distinct) -> Vec<Source> {
    let mut sources: Vec<Source> = Vec::new();
    for slot in &plan.slots {
        let is_number = slot.is_number();
        if let Some(source) = sources.iter_mut().find(|s| s.positions == slot.positions) {
            source.numbers &= is_number;
            continue;
        }
        let names: Vec<&str> = slot.positions.iter().map(|at| header[*at].as_str()).collect();
        let name = format!("source {}", names.join("\u{1f}"));
        // Columns of the same name are columns of their own.
        let again = sources.iter().filter(|source| source.name == name).count();
        let dictionary = distinct.named(&format!("{name}\u{1f}{again}"));
        sources.push(Source { positions: slot.positions.clone(), name, dictionary, numbers: is_number, plain: false });
    }
    sources
}

/// The first cell of the positions that is not empty, and where it stands.
pub(super) fn pick(kind: SourceKind, batch: &TextBatch, positions: &[usize], row: usize) -> (usize, Span) {
    let mut places = positions.iter().map(|&at| {
        let span = batch.span(at, row);
        // FOCUS files write `NULL` for none.
        let none = kind == SourceKind::Focus && batch.raw_cell(span) == "NULL";
        (at, if none { Span::EMPTY } else { span })
    });
    let first = places.next().unwrap_or_default();
    if first.1.is_empty() { places.find(|(_, span)| !span.is_empty()).unwrap_or(first) } else { first }
}
