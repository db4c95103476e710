//! Grouping the rows of one row group: the codes of their keys become one number, key by key.

use super::slots::{Slots, mix};

/// With more numbers than this possible, they are counted before another key comes.
const MOST_LOOSE: usize = 1 << 16;

/// With more numbers than this possible, they are hashed; with fewer, a table has a place for each.
const MOST_TABLE: usize = 1 << 20;

/// The groups of rows. A group is a number; what it is made of is known by level: a level's number holds a number of
/// the level before and the codes of some keys.
pub(super) struct Composed {
    /// For each row the number of its group.
    pub(super) ids: Vec<u32>,
    /// Numbers are below this.
    possible: usize,
    levels: Vec<Level>,
}

struct Level {
    /// How many numbers the level before has.
    base: usize,
    /// For each key how many codes it has.
    radices: Vec<usize>,
    /// For each number what it stands for; itself when none.
    known: Option<Vec<u64>>,
}

impl Composed {
    /// All rows in one group. The buffer is used for `ids`.
    pub(super) fn new(rows: usize, mut ids: Vec<u32>) -> Self {
        ids.clear();
        ids.resize(rows, 0);
        Self { ids, possible: 1, levels: vec![Level { base: 1, radices: Vec::new(), known: None }] }
    }

    /// How many groups there may be.
    pub(super) fn groups(&self) -> usize {
        self.possible
    }

    /// Whether a key of so many codes can be added to the numbers: code times [`Composed::step`]. Otherwise it takes
    /// [`Composed::hash`].
    pub(super) fn has_room(&mut self, radix: usize) -> bool {
        // Numbers of one key alone are mostly all there.
        let composed = self.levels.last().is_some_and(|level| level.radices.len() + usize::from(level.base > 1) > 1);
        let possible = self.possible.saturating_mul(radix);
        if radix > 1 && (possible > MOST_TABLE || possible > MOST_LOOSE && composed) {
            self.count();
        }
        self.possible.saturating_mul(radix) <= MOST_TABLE
    }

    /// What a code of the next key counts.
    pub(super) fn step(&self) -> usize {
        self.possible
    }

    /// Notes that a key of so many codes was added.
    pub(super) fn added(&mut self, radix: usize) {
        self.possible *= radix.max(1);
        if let Some(level) = self.levels.last_mut() {
            level.radices.push(radix.max(1));
        }
    }

    /// Adds a key by its codes.
    pub(super) fn hash(&mut self, codes: &[u32], radix: usize) {
        self.level();
        let base = self.possible as u64;
        let mut slots = Slots::new(1 << 12);
        let mut known: Vec<u64> = Vec::new();
        let mut last: Option<(u64, u32)> = None;
        for (id, code) in self.ids.iter_mut().zip(codes) {
            let place = u64::from(*id) + base * u64::from(*code);
            // Sorted rows come in runs.
            let found = match last {
                Some((run, found)) if run == place => found,
                _ => match slots.find(mix(place), |known_id| known[known_id as usize] == place) {
                    Ok(found) => found,
                    Err(slot) => {
                        let next = known.len() as u32;
                        known.push(place);
                        slots.put(slot, next, |known_id| mix(known[known_id as usize]));
                        next
                    }
                },
            };
            last = Some((place, found));
            *id = found;
        }
        self.possible = known.len();
        if let Some(level) = self.levels.last_mut() {
            level.radices.push(radix);
            level.known = Some(known);
        }
        self.level();
    }

    /// Numbers only those groups that there are.
    pub(super) fn count(&mut self) {
        let mut numbers = vec![0u32; self.possible];
        let mut known: Vec<u64> = Vec::new();
        for id in &mut self.ids {
            let Some(number) = numbers.get_mut(*id as usize) else { continue };
            if *number == 0 {
                known.push(u64::from(*id));
                *number = known.len() as u32;
            }
            *id = *number - 1;
        }
        self.possible = known.len().max(1);
        if known.is_empty() {
            known.push(0);
        }
        if let Some(level) = self.levels.last_mut() {
            level.known = Some(known);
        }
        self.level();
    }

    /// Begins another level.
    fn level(&mut self) {
        self.levels.push(Level { base: self.possible, radices: Vec::new(), known: None });
    }

    /// The codes of a group, in the order in which the keys came.
    pub(super) fn codes(&self, group: usize, into: &mut [u32]) {
        let mut number = group as u64;
        let mut end = into.len();
        for level in self.levels.iter().rev() {
            let mut place =
                level.known.as_ref().map_or(number, |known| known.get(group_of(number)).copied().unwrap_or(0));
            number = place % level.base as u64;
            place /= level.base as u64;
            let start = end.saturating_sub(level.radices.len());
            for (code, radix) in into[start..end].iter_mut().zip(&level.radices) {
                *code = (place % *radix as u64) as u32;
                place /= *radix as u64;
            }
            end = start;
        }
    }
}

fn group_of(number: u64) -> usize {
    number as usize
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    /// Every way of composing gives the same groups.
    #[test]
    fn groups_are_those_of_a_plain_map() {
        for (columns, radix) in [(0, 1), (1, 5), (2, 200), (3, 300), (3, 40_000), (5, 70_000), (13, 100_000), (9, 2)] {
            let mut state = 1u64;
            let codes: Vec<Vec<u32>> = (0..columns)
                .map(|column| {
                    let next = |_| {
                        state = mix(state);
                        ((state % 3) * (radix as u64 - 1) / 2) as u32 * u32::from(column != 1)
                    };
                    (0..500).map(next).collect()
                })
                .collect();
            let mut composed = Composed::new(500, vec![1, 2]);
            for column in &codes {
                if composed.has_room(radix) {
                    let step = composed.step() as u32;
                    composed.ids.iter_mut().zip(column).for_each(|(id, code)| *id += code * step);
                    composed.added(radix);
                } else {
                    composed.hash(column, radix);
                }
            }
            composed.count();
            let mut found = BTreeMap::new();
            for row in 0..500 {
                let mut key = vec![9; columns];
                composed.codes(composed.ids[row] as usize, &mut key);
                assert_eq!(key, codes.iter().map(|codes| codes[row]).collect::<Vec<_>>(), "{columns} {radix}");
                found.insert(key, composed.ids[row]);
            }
            assert_eq!(found.len(), composed.groups());
        }
    }
}
