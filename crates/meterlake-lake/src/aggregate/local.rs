//! Grouping the rows of one row group by their codes.

use super::Sum;

/// With at most so many combinations of codes, the combination is the place of the group.
const MOST_DENSE: u128 = 1 << 16;

/// The groups of a row group's rows.
pub(super) struct Grouped {
    /// For each row the place of its group.
    pub(super) group_of: Vec<u32>,
    /// For each group how many rows it has; places that no row has fallen on have none.
    pub(super) rows: Vec<u32>,
    keys: Keys,
    radices: Vec<u64>,
}

enum Keys {
    /// The place is the key.
    Dense,
    Narrow(Vec<u64>),
    Wide(Vec<u128>),
    /// More combinations than 128 bits: the codes of each group one after the other.
    Long(Vec<u32>),
}

/// A key column: the codes of the rows, and how many codes there are.
pub(super) type KeyCodes<'a> = (&'a [u32], usize);

/// Groups the rows; with `rows`, only these.
pub(super) fn group(keys: &[KeyCodes<'_>], rows: usize, selected: Option<&[u32]>) -> Grouped {
    let radices: Vec<u64> = keys.iter().map(|(_, codes)| (*codes).max(1) as u64).collect();
    let combinations = radices.iter().try_fold(1u128, |product, radix| product.checked_mul(u128::from(*radix)));
    let count = selected.map_or(rows, <[u32]>::len);
    match combinations {
        Some(combinations) if combinations <= MOST_DENSE => {
            let group_of: Vec<u32> = packed(keys, &radices, count, selected);
            let mut held = vec![0; combinations as usize];
            group_of.iter().for_each(|group| held[*group as usize] += 1);
            Grouped { group_of, rows: held, keys: Keys::Dense, radices }
        }
        Some(combinations) if combinations <= 1 << 64 => {
            let (group_of, rows, keys) = hashed(&packed::<u64>(keys, &radices, count, selected));
            Grouped { group_of, rows, keys: Keys::Narrow(keys), radices }
        }
        Some(_) => {
            let (group_of, rows, keys) = hashed(&packed::<u128>(keys, &radices, count, selected));
            Grouped { group_of, rows, keys: Keys::Wide(keys), radices }
        }
        None => long(keys, &radices, count, selected),
    }
}

impl Grouped {
    /// The places that hold groups, each with its codes.
    pub(super) fn each(&self, mut take: impl FnMut(usize, &[u32])) {
        let mut codes = vec![0u32; self.radices.len()];
        for (place, _) in self.rows.iter().enumerate().filter(|(_, rows)| **rows > 0) {
            match &self.keys {
                Keys::Dense => unpack(place as u64, &self.radices, &mut codes),
                Keys::Narrow(keys) => unpack(keys[place], &self.radices, &mut codes),
                Keys::Wide(keys) => {
                    let mut key = keys[place];
                    for (code, radix) in codes.iter_mut().zip(&self.radices).rev() {
                        *code = (key % u128::from(*radix)) as u32;
                        key /= u128::from(*radix);
                    }
                }
                Keys::Long(keys) => {
                    let width = codes.len();
                    codes.copy_from_slice(&keys[place * width..(place + 1) * width]);
                }
            }
            take(place, &codes);
        }
    }

    /// Adds, for each row, the value of its code to the sum of its group. `sums` holds `width` sums for each group,
    /// of which this is the one at `place`.
    pub(super) fn sum(
        &self,
        codes: &[u32],
        values: &[i128],
        selected: Option<&[u32]>,
        sums: &mut [Sum],
        (place, width): (usize, usize),
    ) {
        let mut add = |group: u32, code: u32| sums[group as usize * width + place].add(values[code as usize]);
        match selected {
            None => self.group_of.iter().zip(codes).for_each(|(group, code)| add(*group, *code)),
            Some(rows) => self.group_of.iter().zip(rows).for_each(|(group, row)| add(*group, codes[*row as usize])),
        }
    }
}

fn unpack(mut key: u64, radices: &[u64], codes: &mut [u32]) {
    for (code, radix) in codes.iter_mut().zip(radices).rev() {
        *code = (key % radix) as u32;
        key /= radix;
    }
}

/// A number that codes are packed into.
trait Packed: Copy + Default + Eq {
    fn times_plus(self, radix: u64, code: u32) -> Self;
    fn hash(self) -> u64;
}

impl Packed for u32 {
    fn times_plus(self, radix: u64, code: u32) -> Self {
        self.wrapping_mul(radix as u32).wrapping_add(code)
    }

    fn hash(self) -> u64 {
        mix(u64::from(self))
    }
}

impl Packed for u64 {
    fn times_plus(self, radix: u64, code: u32) -> Self {
        self.wrapping_mul(radix).wrapping_add(Self::from(code))
    }

    fn hash(self) -> u64 {
        mix(self)
    }
}

impl Packed for u128 {
    fn times_plus(self, radix: u64, code: u32) -> Self {
        self.wrapping_mul(Self::from(radix)).wrapping_add(Self::from(code))
    }

    fn hash(self) -> u64 {
        mix(self as u64 ^ mix((self >> 64) as u64))
    }
}

/// Spreads a number over all bits.
pub(super) fn mix(number: u64) -> u64 {
    let product = u128::from(number ^ 0x9e37_79b9_7f4a_7c15) * 0xd6e8_feb8_6659_fd93;
    (product as u64) ^ (product >> 64) as u64
}

fn packed<T: Packed>(keys: &[KeyCodes<'_>], radices: &[u64], count: usize, selected: Option<&[u32]>) -> Vec<T> {
    let mut packed = vec![T::default(); count];
    for ((codes, _), radix) in keys.iter().zip(radices) {
        match selected {
            None => packed.iter_mut().zip(*codes).for_each(|(key, code)| *key = key.times_plus(*radix, *code)),
            Some(rows) => {
                packed.iter_mut().zip(rows).for_each(|(key, row)| *key = key.times_plus(*radix, codes[*row as usize]));
            }
        }
    }
    packed
}

/// Numbers the distinct keys: for each row its group, for each group its rows and its key.
fn hashed<T: Packed>(packed: &[T]) -> (Vec<u32>, Vec<u32>, Vec<T>) {
    let mut slots = Slots::new(1 << 12);
    let (mut rows, mut keys): (Vec<u32>, Vec<T>) = (Vec::new(), Vec::new());
    let mut last: Option<(T, u32)> = None;
    let group_of = packed.iter().map(|key| {
        // Sorted rows come in runs of one key.
        if let Some((run, group)) = last
            && run == *key
        {
            rows[group as usize] += 1;
            return group;
        }
        let group = slots.find(key.hash(), |group| keys[group as usize] == *key);
        let group = match group {
            Ok(group) => group,
            Err(slot) => {
                let group = keys.len() as u32;
                keys.push(*key);
                rows.push(0);
                slots.put(slot, group, |group| keys[group as usize].hash());
                group
            }
        };
        rows[group as usize] += 1;
        last = Some((*key, group));
        group
    });
    let group_of = group_of.collect();
    (group_of, rows, keys)
}

/// The same for keys of any length.
fn long(keys: &[KeyCodes<'_>], radices: &[u64], count: usize, selected: Option<&[u32]>) -> Grouped {
    // The keys in two halves, each of which is numbered first: two numbers fit into one key again.
    let half = keys.len() / 2;
    let (front, back) = keys.split_at(half);
    let (front, back) = (group(front, count, selected), group(back, count, selected));
    let pairs: Vec<u64> = front
        .group_of
        .iter()
        .zip(&back.group_of)
        .map(|(one, other)| u64::from(*one) << 32 | u64::from(*other))
        .collect();
    let (group_of, rows, pairs) = hashed(&pairs);
    let codes = |grouped: &Grouped| {
        let width = grouped.radices.len();
        let mut all = vec![0; grouped.rows.len() * width];
        grouped.each(|place, codes| all[place * width..(place + 1) * width].copy_from_slice(codes));
        all
    };
    let (fronts, backs) = (codes(&front), codes(&back));
    let mut all = Vec::with_capacity(pairs.len() * keys.len());
    for pair in pairs {
        let (one, other) = ((pair >> 32) as usize, (pair & u64::from(u32::MAX)) as usize);
        all.extend_from_slice(&fronts[one * half..(one + 1) * half]);
        let width = keys.len() - half;
        all.extend_from_slice(&backs[other * width..(other + 1) * width]);
    }
    Grouped { group_of, rows, keys: Keys::Long(all), radices: radices.to_vec() }
}

/// Places of a hash table: which group a key has.
pub(super) struct Slots {
    /// A group plus one; 0 where there is none. The length is a power of two.
    slots: Vec<u32>,
    held: usize,
}

impl Slots {
    /// `capacity` is a power of two.
    pub(super) fn new(capacity: usize) -> Self {
        Self { slots: vec![0; capacity], held: 0 }
    }

    pub(super) fn size(&self) -> usize {
        size_of_val(self.slots.as_slice())
    }

    /// How many groups it has.
    pub(super) fn held(&self) -> usize {
        self.held
    }

    /// The group of this hash for which `is` says so, or else the place to put it.
    pub(super) fn find(&self, hash: u64, is: impl Fn(u32) -> bool) -> Result<u32, usize> {
        let last = self.slots.len() - 1;
        let mut slot = hash as usize & last;
        loop {
            match self.slots[slot] {
                0 => return Err(slot),
                group if is(group - 1) => return Ok(group - 1),
                _ => slot = (slot + 1) & last,
            }
        }
    }

    /// Puts a group where [`Self::find`] said; grows when half is taken, for which it asks for hashes.
    pub(super) fn put(&mut self, slot: usize, group: u32, hash: impl Fn(u32) -> u64) {
        self.slots[slot] = group + 1;
        self.held += 1;
        if self.held * 2 > self.slots.len() {
            let mut larger = Self::new(self.slots.len() * 4);
            for group in self.slots.iter().filter(|group| **group > 0) {
                if let Err(slot) = larger.find(hash(group - 1), |_| false) {
                    larger.slots[slot] = *group;
                }
            }
            larger.held = self.held;
            *self = larger;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    /// Every way of packing gives the same groups.
    #[test]
    fn groups_are_those_of_a_plain_map() {
        for (columns, radix) in [(1, 5), (2, 200), (3, 40_000), (5, 70_000), (13, 100_000)] {
            let mut state = 1u64;
            let codes: Vec<Vec<u32>> = (0..columns)
                .map(|_| {
                    let next = |_| {
                        state = mix(state);
                        ((state % 3) * (radix as u64 - 1) / 2) as u32
                    };
                    (0..500).map(next).collect()
                })
                .collect();
            let keys: Vec<KeyCodes<'_>> = codes.iter().map(|codes| (codes.as_slice(), radix)).collect();
            let some: Vec<u32> = (0..500).filter(|row| row % 3 != 1).collect();
            for selected in [None, Some(some.as_slice())] {
                let rows: Vec<usize> =
                    selected.map_or((0..500).collect(), |rows| rows.iter().map(|row| *row as usize).collect());
                let mut plain: BTreeMap<Vec<u32>, (u32, i128)> = BTreeMap::new();
                for row in &rows {
                    let held = plain.entry(codes.iter().map(|codes| codes[*row]).collect()).or_default();
                    *held = (held.0 + 1, held.1 + *row as i128);
                }
                let grouped = group(&keys, 500, selected);
                let values: Vec<i128> = (0..500).collect();
                let own: Vec<u32> = (0..500).collect();
                let mut sums = vec![Sum::default(); grouped.rows.len() * 2];
                grouped.sum(&own, &values, selected, &mut sums, (1, 2));
                let mut found = BTreeMap::new();
                grouped.each(|place, codes| {
                    let sum = sums[place * 2 + 1].value().unwrap();
                    assert_eq!(found.insert(codes.to_vec(), (grouped.rows[place], sum)), None);
                });
                assert_eq!(found, plain, "{columns} columns");
            }
        }
    }
}
