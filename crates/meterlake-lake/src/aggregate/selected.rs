//! Which rows of a row group count.

use std::ops::Range;

/// With more runs of selected rows than one in twice so many rows, all rows of their blocks are visited, and those that
/// count are chosen from them.
const RUN: usize = 12;

/// Rows of a block that is visited, or not, as a whole.
const BLOCK: usize = 1024;

/// The rows of a row group that are visited: some ranges of them, in order.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Rows {
    ranges: Vec<Range<usize>>,
    count: usize,
    /// Of the visited rows, without those between, the places of those that count; all when none.
    chosen: Option<Vec<u32>>,
    /// Whether only few rows of the row group count.
    pub(super) few: bool,
}

/// Tells which rows count while ranges of visited rows are gone through in order.
#[derive(Clone, Copy)]
pub(super) struct Walk<'a> {
    /// Those of the rows to come; all when none.
    chosen: Option<&'a [u32]>,
    seen: usize,
}

/// Which of some visited rows count.
#[derive(Clone, Copy)]
pub(super) enum Counting<'a> {
    /// All, of so many.
    All(usize),
    /// Those at these places, less the place of the first row.
    Places(&'a [u32], usize),
}

impl Rows {
    pub(super) fn all(rows: usize) -> Self {
        Self { ranges: std::iter::once(0..rows).collect(), count: rows, chosen: None, few: false }
    }

    /// The rows for which there is a 1; none when there is no such row.
    pub(super) fn of(mask: &[u8]) -> Option<Self> {
        if let Some(ranges) = runs(mask, (mask.len() / (2 * RUN)).max(1)) {
            let count = ranges.iter().map(ExactSizeIterator::len).sum();
            return (count > 0).then_some(Self { ranges, count, chosen: None, few: count * 8 < mask.len() });
        }
        let mut ranges: Vec<Range<usize>> = Vec::new();
        let mut visited = 0;
        let mut chosen = Vec::with_capacity(mask.iter().map(|counts| usize::from(*counts)).sum::<usize>() + BLOCK);
        for (place, block) in mask.chunks(BLOCK).enumerate().filter(|(_, block)| block.contains(&1)) {
            let start = place * BLOCK;
            match ranges.last_mut().filter(|last| last.end == start) {
                Some(last) => last.end += block.len(),
                None => ranges.push(start..start + block.len()),
            }
            choose(block, visited, &mut chosen);
            visited += block.len();
        }
        let count = chosen.len();
        (count > 0).then_some(Self { ranges, count, chosen: Some(chosen), few: count * 8 < mask.len() })
    }

    /// How many count.
    pub(super) fn len(&self) -> usize {
        self.count
    }

    /// From the first visited row on.
    pub(super) fn walk(&self) -> Walk<'_> {
        Walk { chosen: self.chosen.as_deref(), seen: 0 }
    }

    /// Whether any of these rows are visited.
    pub(super) fn any(&self, rows: &Range<usize>) -> bool {
        self.within(rows).next().is_some()
    }

    /// The visited ones among these rows, counted from the first of them.
    pub(super) fn within(&self, rows: &Range<usize>) -> impl Iterator<Item = Range<usize>> {
        let Range { start, end } = *rows;
        let first = self.ranges.partition_point(|range| range.end <= start);
        let ranges = self.ranges.get(first..).unwrap_or_default().iter().take_while(move |range| range.start < end);
        ranges.map(move |range| range.start.max(start) - start..range.end.min(end) - start)
    }
}

impl<'a> Walk<'a> {
    /// Which of the next visited rows count.
    pub(super) fn next(&mut self, rows: usize) -> Counting<'a> {
        let first = self.seen;
        self.seen += rows;
        let Some(chosen) = self.chosen else { return Counting::All(rows) };
        let among = chosen.get(..rows).unwrap_or(chosen);
        let count = among.partition_point(|place| (*place as usize) < self.seen);
        let (next, left) = chosen.split_at(count);
        self.chosen = Some(left);
        Counting::Places(next, first)
    }
}

impl Counting<'_> {
    pub(super) fn len(&self) -> usize {
        match self {
            Self::All(rows) => *rows,
            Self::Places(places, _) => places.len(),
        }
    }

    /// Hands over what the rows that count have; none when there are not as many rows.
    pub(super) fn of<T>(&self, rows: &[T], mut take: impl FnMut(&T)) -> Option<()> {
        match self {
            Self::All(_) => rows.iter().for_each(take),
            Self::Places(places, first) => {
                for place in *places {
                    take(rows.get((*place as usize).checked_sub(*first)?)?);
                }
            }
        }
        Some(())
    }
}

/// Appends the places of the ones of a block, of which `first` is the place of the first row.
fn choose(block: &[u8], first: usize, chosen: &mut Vec<u32>) {
    let mut count = chosen.len();
    chosen.resize(count + block.len(), 0);
    // Each place is written, and written over when it does not count: no branch that cannot be foreseen.
    for (place, counts) in block.iter().enumerate() {
        if let Some(next) = chosen.get_mut(count) {
            *next = (first + place) as u32;
        }
        count += usize::from(*counts);
    }
    chosen.truncate(count);
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
            let expected: Vec<usize> = (0..mask.len()).filter(|row| mask[*row] == 1).collect();
            for step in [1, 7, 1000, 6000] {
                let (mut walk, mut selected, mut count) = (rows.walk(), Vec::new(), 0);
                for some in visited.chunks(step) {
                    let counting = walk.next(some.len());
                    counting.of(some, |row| selected.push(*row)).unwrap();
                    count += counting.len();
                }
                assert_eq!((&selected, count), (&expected, rows.len()));
            }
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
