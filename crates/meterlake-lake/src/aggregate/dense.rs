//! Sums of all combinations of values, kept from row group to row group where there are few combinations.

use super::{
    Sum,
    global::{Arriving, Groups},
};

/// Combinations that are kept at most.
const MOST: usize = 1 << 16;

/// Rows after which all is handed over, so that counts of rows do not overflow.
const MOST_ROWS: usize = 1 << 31;

/// Sums by combination of the numbers of values.
#[derive(Default)]
pub(super) struct Dense {
    /// For each key, numbers are below this.
    capacities: Vec<usize>,
    /// For each combination how many rows it has.
    pub(super) rows: Vec<u32>,
    /// For each combination, each measure.
    pub(super) sums: Vec<Sum>,
    added: usize,
}

impl Dense {
    /// Makes room for numbers below `needed`, key by key, and so many rows. False when there are too many combinations;
    /// then nothing is kept.
    pub(super) fn reserve(
        &mut self,
        needed: &[usize],
        rows: usize,
        groups: &Groups,
        measures: usize,
        start: usize,
    ) -> bool {
        self.added = self.added.saturating_add(rows);
        let fits = !self.rows.is_empty() && self.capacities.iter().zip(needed).all(|(held, needed)| needed <= held);
        if fits && self.added < MOST_ROWS {
            return true;
        }
        // Not much of the memory that all groups may take.
        let bytes = size_of::<Sum>() * measures + size_of::<u32>();
        let most = MOST.min(groups.most() / 64 / bytes);
        let grown = |(place, needed): (usize, &usize)| {
            let held = self.capacities.get(place).copied().unwrap_or(0);
            if *needed <= held || *needed == 1 { held.max(*needed) } else { needed + needed / 4 + 2 }
        };
        let roomy: Vec<usize> = needed.iter().enumerate().map(grown).collect();
        let product = |capacities: &[usize]| capacities.iter().try_fold(1usize, |all, one| all.checked_mul(*one));
        let capacities =
            [roomy, needed.to_vec()].into_iter().find(|capacities| product(capacities).is_some_and(|all| all <= most));
        self.hand_over(groups, measures, start);
        let Some(capacities) = capacities else { return false };
        let combinations = product(&capacities).unwrap_or(0);
        self.rows.resize(combinations, 0);
        self.sums.resize(combinations * measures, Sum::default());
        self.capacities = capacities;
        self.added = rows;
        true
    }

    /// What the number of a value counts, key by key.
    pub(super) fn steps(&self) -> Vec<usize> {
        let mut step = 1;
        let next = |capacity: &usize| {
            let own = step;
            step *= capacity;
            own
        };
        self.capacities.iter().map(next).collect()
    }

    /// Bytes of memory that it takes.
    pub(super) fn size(&self) -> usize {
        self.rows.capacity() * size_of::<u32>() + self.sums.capacity() * size_of::<Sum>()
    }

    /// Hands all sums over and forgets them.
    pub(super) fn hand_over(&mut self, groups: &Groups, measures: usize, start: usize) {
        let mut arriving = Arriving::default();
        for (place, _) in self.rows.iter().enumerate().filter(|(_, rows)| **rows > 0) {
            let mut rest = place;
            for capacity in &self.capacities {
                arriving.places.push((rest % capacity) as u32);
                rest /= capacity;
            }
            arriving.sums.extend_from_slice(&self.sums[place * measures..(place + 1) * measures]);
            arriving.groups += 1;
        }
        groups.take(&arriving, start);
        self.capacities.clear();
        self.rows.clear();
        self.sums.clear();
        self.added = 0;
    }
}
