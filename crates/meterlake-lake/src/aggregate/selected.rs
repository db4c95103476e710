//! Which rows of a row group count.

use std::ops::Range;

/// With more runs of selected rows than one in twice so many rows, all rows of their blocks are visited, and a mask
/// tells which of them count.
const RUN: usize = 12;

/// Rows of a block that is visited, or not, as a whole.
const BLOCK: usize = 1024;

/// The rows of a row group that are visited: some ranges of them, in order.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Rows {
    ranges: Vec<Range<usize>>,
    count: usize,
    /// Of the visited rows those that count, 1 or 0; all when none.
    pub(super) mask: Option<Vec<u8>>,
    /// Whether only few rows of the row group count.
    pub(super) few: bool,
}

impl Rows {
    pub(super) fn all(rows: usize) -> Self {
        Self { ranges: std::iter::once(0..rows).collect(), count: rows, mask: None, few: false }
    }

    /// The rows for which there is a 1; none when there is no such row.
    pub(super) fn of(mask: &[u8]) -> Option<Self> {
        if let Some(ranges) = runs(mask, (mask.len() / (2 * RUN)).max(1)) {
            let count = ranges.iter().map(ExactSizeIterator::len).sum();
            return (count > 0).then_some(Self { ranges, count, mask: None, few: count * 8 < mask.len() });
        }
        let mut ranges: Vec<Range<usize>> = Vec::new();
        let mut visited = Vec::with_capacity(mask.len());
        for (place, block) in mask.chunks(BLOCK).enumerate().filter(|(_, block)| block.contains(&1)) {
            let start = place * BLOCK;
            match ranges.last_mut().filter(|last| last.end == start) {
                Some(last) => last.end += block.len(),
                None => ranges.push(start..start + block.len()),
            }
            visited.extend_from_slice(block);
        }
        let count = visited.len();
        let few = visited.iter().filter(|counts| **counts == 1).count() * 8 < mask.len();
        Some(Self { ranges, count, mask: Some(visited), few })
    }

    /// How many are visited.
    pub(super) fn len(&self) -> usize {
        self.count
    }

    /// Whether any of these rows are visited.
    pub(super) fn any(&self, rows: &Range<usize>) -> bool {
        self.within(rows).next().is_some()
    }

    /// Those among these rows, counted from the first of them.
    pub(super) fn within(&self, rows: &Range<usize>) -> impl Iterator<Item = Range<usize>> {
        let Range { start, end } = *rows;
        let first = self.ranges.partition_point(|range| range.end <= start);
        let ranges = self.ranges.get(first..).unwrap_or_default().iter().take_while(move |range| range.start < end);
        ranges.map(move |range| range.start.max(start) - start..range.end.min(end) - start)
    }
}

/// The runs of ones, unless there are more than so many.
fn runs(mask: &[u8], most: usize) -> Option<Vec<Range<usize>>> {
    let mut ranges = Vec::new();
    let mut at = 0;
    // Rows alike are passed over by eights.
    let alike = |from: usize, value: u8| {
        let rest = mask.get(from..).unwrap_or_default();
        let eights = rest.as_chunks::<8>().0.iter().take_while(|rows| **rows == [value; 8]).count() * 8;
        from + eights + rest.get(eights..).unwrap_or_default().iter().take_while(|row| **row == value).count()
    };
    while at < mask.len() {
        let start = alike(at, 0);
        at = alike(start, 1);
        if start < at {
            if ranges.len() == most {
                return None;
            }
            ranges.push(start..at);
        }
    }
    Some(ranges)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn masks_become_the_rows_they_say() {
        let mut seed = 3u64;
        for (length, one_in, run) in
            [(5000, 2, 1), (5000, 200, 1), (5000, 3, 40), (5000, 30, 300), (9, 1, 1), (3000, 1, 9)]
        {
            let mut mask = Vec::new();
            while mask.len() < length {
                seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                mask.extend(vec![u8::from((seed >> 33).is_multiple_of(one_in)); run]);
            }
            let rows = Rows::of(&mask).unwrap();
            let visited: Vec<usize> = rows.within(&(0..mask.len())).flatten().collect();
            assert_eq!(rows.len(), visited.len());
            let counts = |place: usize| rows.mask.as_ref().is_none_or(|mask| mask[place] == 1);
            let selected: Vec<usize> =
                visited.iter().enumerate().filter(|(place, _)| counts(*place)).map(|(_, row)| *row).collect();
            let expected: Vec<usize> = (0..mask.len()).filter(|row| mask[*row] == 1).collect();
            assert_eq!(selected, expected);
            let pages = (0..mask.len()).step_by(700).map(|start| start..mask.len().min(start + 700));
            let by_page: Vec<usize> = pages
                .flat_map(|page| rows.within(&page).flatten().map(|row| row + page.start).collect::<Vec<_>>())
                .collect();
            assert_eq!(by_page, visited);
        }
        assert_eq!(Rows::of(&[0; 100]), None);
        assert_eq!(Rows::of(&[1; 100]), Some(Rows::all(100)));
    }
}
