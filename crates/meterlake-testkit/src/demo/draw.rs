//! Seeded chance, in whole numbers only.

use rand::{Rng, RngCore, SeedableRng};
use rand_chacha::ChaCha8Rng;
use uuid::Uuid;

/// A stream of draws. Streams of one seed are independent, so that a change in one file leaves the others as they are.
pub(super) struct Draw(ChaCha8Rng);

impl Draw {
    pub(super) fn new(seed: u64, stream: u64) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        rng.set_stream(stream);
        Self(rng)
    }

    /// A number from `low` to `high`, both included.
    pub(super) fn between(&mut self, low: i64, high: i64) -> i64 {
        self.0.random_range(low..=high.max(low))
    }

    /// A number below `count`.
    pub(super) fn below(&mut self, count: usize) -> usize {
        self.0.random_range(0..count.max(1))
    }

    /// True once in `times`.
    pub(super) fn one_in(&mut self, times: u32) -> bool {
        self.0.random_ratio(1, times)
    }

    /// An index below `count`, the first the likeliest: the weight of the n-th is 1/n.
    pub(super) fn skewed(&mut self, count: usize) -> usize {
        let weight = |index: usize| 5040 / (index + 1);
        let mut left = self.below((0..count).map(weight).sum());
        for index in 0..count {
            match left.checked_sub(weight(index)) {
                Some(rest) => left = rest,
                None => return index,
            }
        }
        count.saturating_sub(1)
    }

    /// A number from `low` to `high` whose order of magnitude is drawn first, small ones the likelier.
    pub(super) fn magnitude(&mut self, low: i64, high: i64) -> i64 {
        let mut floor = low;
        while floor < high / 2 && !self.one_in(4) {
            floor *= 2;
        }
        self.between(floor, (floor * 2).min(high))
    }

    /// A random (version 4) GUID.
    pub(super) fn guid(&mut self) -> Uuid {
        let mut bytes = [0u8; 16];
        self.0.fill_bytes(&mut bytes);
        uuid::Builder::from_random_bytes(bytes).into_uuid()
    }
}
