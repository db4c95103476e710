//! The rows of a row group, which come from several buckets.

use std::{ops::Range, sync::Arc};

use super::rows::{Cells, CodedRows};

/// Rows and their order.
#[derive(Debug)]
pub(super) struct Ordered {
    pub(super) rows: CodedRows,
    pub(super) order: Vec<u32>,
}

/// Some of the rows, by their places in the order.
#[derive(Clone, Debug)]
pub(super) struct Part {
    pub(super) rows: Arc<Ordered>,
    pub(super) range: Range<usize>,
}

/// The cells of all parts in their orders; none when a part has other cells.
pub(super) fn gather<T: Copy + PartialEq>(
    parts: &[Part],
    cells: impl Fn(&CodedRows) -> Option<&Cells<T>>,
) -> Option<Cells<T>> {
    let mut same: Option<T> = None;
    let mut all = Vec::new();
    let mut each = false;
    for part in parts.iter().filter(|part| !part.range.is_empty()) {
        let order = &part.rows.order[part.range.clone()];
        match cells(&part.rows.rows)? {
            Cells::Same(value) if !each && same.is_none_or(|s| s == *value) => {
                same = Some(*value);
                all.resize(all.len() + order.len(), *value);
            }
            Cells::Same(value) => {
                each = true;
                all.resize(all.len() + order.len(), *value);
            }
            Cells::Each(values) => {
                each = true;
                all.extend(order.iter().map(|&row| values[row as usize]));
            }
        }
    }
    match all.first() {
        Some(first) if all.iter().all(|value| value == first) => Some(Cells::Same(*first)),
        _ => Some(Cells::Each(all)),
    }
}
