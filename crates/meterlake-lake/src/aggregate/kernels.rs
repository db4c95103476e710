//! What is done with the codes of rows as they are decoded.

use super::selected::{Counting, Walk};
use crate::read::Take;

/// Lists them.
#[derive(Default)]
pub(super) struct Listed(pub(super) Vec<u32>);

impl Take for Listed {
    fn repeat(&mut self, number: u32, rows: usize) -> Option<()> {
        self.0.resize(self.0.len() + rows, number);
        Some(())
    }

    fn each(&mut self, numbers: &[u32]) -> Option<()> {
        self.0.extend_from_slice(numbers);
        Some(())
    }
}

/// Hands over the codes of those visited rows that count.
pub(super) struct Chosen<'a, T> {
    walk: Walk<'a>,
    codes: Vec<u32>,
    take: &'a mut T,
}

impl<'a, T: Take> Chosen<'a, T> {
    pub(super) fn new(walk: Walk<'a>, take: &'a mut T) -> Self {
        Self { walk, codes: Vec::new(), take }
    }
}

impl<T: Take> Take for Chosen<'_, T> {
    fn repeat(&mut self, number: u32, rows: usize) -> Option<()> {
        match self.walk.next(rows).len() {
            0 => Some(()),
            rows => self.take.repeat(number, rows),
        }
    }

    fn each(&mut self, numbers: &[u32]) -> Option<()> {
        let counting = self.walk.next(numbers.len());
        if matches!(counting, Counting::All(_)) {
            return self.take.each(numbers);
        }
        self.codes.clear();
        self.codes.reserve(counting.len());
        counting.of(numbers, |number| self.codes.push(*number))?;
        if self.codes.is_empty() { Some(()) } else { self.take.each(&self.codes) }
    }
}

/// Notes for each row whether its value passes, 1 or 0.
pub(super) struct Passing<'a> {
    /// The same for each value.
    pub(super) passing: &'a [u8],
    pub(super) mask: Vec<u8>,
}

impl Take for Passing<'_> {
    fn repeat(&mut self, number: u32, rows: usize) -> Option<()> {
        let passes = *self.passing.get(number as usize)?;
        self.mask.resize(self.mask.len() + rows, passes);
        Some(())
    }

    fn each(&mut self, numbers: &[u32]) -> Option<()> {
        let first = self.mask.len();
        self.mask.resize(first + numbers.len(), 0);
        for (passes, number) in self.mask.get_mut(first..)?.iter_mut().zip(numbers) {
            *passes = *self.passing.get(*number as usize)?;
        }
        Some(())
    }
}

/// Adds to the number of each row what a table has for its code.
pub(super) struct Added<'a> {
    pub(super) table: &'a [u32],
    /// Those of the rows to come.
    pub(super) ids: &'a mut [u32],
}

impl<'a> Added<'a> {
    fn next(&mut self, rows: usize) -> Option<&'a mut [u32]> {
        let (next, left) = std::mem::take(&mut self.ids).split_at_mut_checked(rows)?;
        self.ids = left;
        Some(next)
    }
}

impl Take for Added<'_> {
    fn repeat(&mut self, number: u32, rows: usize) -> Option<()> {
        let more = *self.table.get(number as usize)?;
        let ids = self.next(rows)?;
        if more != 0 {
            ids.iter_mut().for_each(|id| *id = id.wrapping_add(more));
        }
        Some(())
    }

    fn each(&mut self, numbers: &[u32]) -> Option<()> {
        let ids = self.next(numbers.len())?;
        for (id, number) in ids.iter_mut().zip(numbers) {
            *id = id.wrapping_add(*self.table.get(*number as usize)?);
        }
        Some(())
    }
}

/// Adds the values of codes to sums.
pub(super) struct SumOfCodes<'a, F> {
    pub(super) values: &'a [i128],
    /// The groups of the rows to come.
    pub(super) ids: &'a [u32],
    pub(super) add: F,
}

impl<'a, F: FnMut(u32, i128)> SumOfCodes<'a, F> {
    fn next(&mut self, rows: usize) -> Option<&'a [u32]> {
        let (next, left) = self.ids.split_at_checked(rows)?;
        self.ids = left;
        Some(next)
    }
}

impl<F: FnMut(u32, i128)> Take for SumOfCodes<'_, F> {
    fn repeat(&mut self, number: u32, rows: usize) -> Option<()> {
        let value = *self.values.get(number as usize)?;
        self.next(rows)?.iter().for_each(|id| (self.add)(*id, value));
        Some(())
    }

    fn each(&mut self, numbers: &[u32]) -> Option<()> {
        for (id, number) in self.next(numbers.len())?.iter().zip(numbers) {
            (self.add)(*id, *self.values.get(*number as usize)?);
        }
        Some(())
    }
}
