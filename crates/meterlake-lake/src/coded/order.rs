//! The order of a bucket's rows.

use std::cmp::Ordering;

use super::{
    dictionary::TextDictionary,
    rows::{Cells, CodedColumn, CodedRows},
};

/// Places of codes in the order of their texts.
pub(super) fn ranks(dictionary: &TextDictionary) -> Vec<u32> {
    let mut codes: Vec<u32> = (0..u32::try_from(dictionary.len()).unwrap_or(u32::MAX)).collect();
    codes.sort_unstable_by(|a, b| dictionary.get(*a).cmp(dictionary.get(*b)));
    let mut ranks = vec![0; codes.len()];
    for (rank, code) in (0u32..).zip(codes) {
        ranks[code as usize] = rank;
    }
    ranks
}

/// A column that orders rows, with the ranks of its codes if it is text.
#[derive(Clone, Copy, Debug)]
pub(super) struct SortColumn<'a> {
    pub(super) column: &'a CodedColumn,
    pub(super) ranks: Option<&'a [u32]>,
}

impl SortColumn<'_> {
    fn compare(&self, a: usize, b: usize) -> Ordering {
        fn of<T: Copy + Ord>(cells: &Cells<T>, a: usize, b: usize) -> Ordering {
            match cells {
                Cells::Same(_) => Ordering::Equal,
                Cells::Each(values) => values[a].cmp(&values[b]),
            }
        }
        match (self.column, self.ranks) {
            (CodedColumn::Text(_, Cells::Each(codes)), Some(ranks)) => {
                ranks[codes[a] as usize].cmp(&ranks[codes[b] as usize])
            }
            (CodedColumn::Text(_, cells), _) => of(cells, a, b),
            (CodedColumn::Wide(cells), _) => of(cells, a, b),
            (CodedColumn::Long(cells), _) => of(cells, a, b),
            (CodedColumn::Short(cells), _) => of(cells, a, b),
            (CodedColumn::Truth(cells), _) => of(cells, a, b),
        }
    }
}

/// The places of the rows in the order of the columns; rows that are equal in all of them stay in the order that they
/// have. With `numbered`, the rows lie already in the order of the columns that are not text.
pub(super) fn order(rows: &CodedRows, columns: &[SortColumn<'_>], numbered: bool) -> Vec<u32> {
    let count = u32::try_from(rows.rows).unwrap_or(u32::MAX);
    if numbered && let Some(order) = by_key(count, columns) {
        return order;
    }
    let mut order: Vec<u32> = (0..count).collect();
    order.sort_by(|a, b| {
        let compare = |column: &SortColumn<'_>| column.compare(*a as usize, *b as usize);
        columns.iter().map(compare).find(|o| *o != Ordering::Equal).unwrap_or(Ordering::Equal)
    });
    order
}

/// Sorts by the ranks of all text columns and the place, put together to one number; none when they do not fit.
fn by_key(count: u32, columns: &[SortColumn<'_>]) -> Option<Vec<u32>> {
    let mut keys: Vec<u128> = vec![0; count as usize];
    let mut bits = 0;
    for column in columns {
        let CodedColumn::Text(_, Cells::Each(codes)) = column.column else { continue };
        let ranks = column.ranks?;
        let width = usize::BITS - ranks.len().leading_zeros();
        bits += width;
        for (key, code) in keys.iter_mut().zip(codes) {
            *key = *key << width | u128::from(*ranks.get(*code as usize)?);
        }
    }
    if bits + 32 > u128::BITS {
        return None;
    }
    for (place, key) in (0u32..).zip(&mut keys) {
        *key = *key << 32 | u128::from(place);
    }
    keys.sort_unstable();
    Some(keys.into_iter().map(|key| u32::try_from(key & 0xFFFF_FFFF).unwrap_or(0)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ways_give_one_order() {
        let mut dictionary = TextDictionary::default();
        let mut state = 7u64;
        let mut next = |bound: u64| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) % bound
        };
        let texts: Vec<String> = (0..40).map(|n| format!("{}", n * 7919 % 97)).collect();
        let codes: Vec<u32> = texts.iter().map(|t| dictionary.intern(t.as_bytes())).collect();
        let columns: Vec<CodedColumn> = (0..3)
            .map(|_| CodedColumn::Text(0, Cells::Each((0..2_000).map(|_| codes[next(40) as usize]).collect())))
            .chain([CodedColumn::Long(Cells::Each((0..2_000).map(|n| n / 2).collect()))])
            .collect();
        let rows = CodedRows { rows: 2_000, columns };
        let ranks = ranks(&dictionary);
        let sort = |column| SortColumn { column, ranks: Some(ranks.as_slice()) };
        let columns: Vec<_> = rows.columns.iter().map(sort).collect();
        let fast = order(&rows, &columns, true);
        assert_eq!(fast, order(&rows, &columns, false));
        let text = |place: u32, column: usize| match &rows.columns[column] {
            CodedColumn::Text(_, cells) => dictionary.text(cells.at(place as usize)),
            _ => unreachable!(),
        };
        let key = |place: u32| (text(place, 0), text(place, 1), text(place, 2), place);
        assert!(fast.windows(2).all(|pair| key(pair[0]) < key(pair[1])));
    }
}
