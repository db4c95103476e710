//! The groups of a query, gathered from all row groups.

use std::sync::{Mutex, PoisonError};

use datafusion::execution::memory_pool::{MemoryConsumer, MemoryPool, MemoryReservation};

use super::{
    AggregateError, Sum,
    slots::{Slots, mix},
};

/// Parts of the table, each with a lock of its own, so that threads seldom wait for each other.
const SHARDS: usize = 16;

/// All groups so far.
pub(super) struct Groups {
    shards: Vec<Mutex<Shard>>,
    keys: usize,
    measures: usize,
    memory: Mutex<MemoryReservation>,
    most: usize,
}

struct Shard {
    slots: Slots,
    places: Vec<u32>,
    sums: Vec<Sum>,
}

/// Groups on their way into the table.
#[derive(Default)]
pub(super) struct Arriving {
    /// For each group, for each key, the number of its value.
    pub(super) places: Vec<u32>,
    /// For each group, each measure.
    pub(super) sums: Vec<Sum>,
    /// How many groups there are.
    pub(super) groups: usize,
}

impl Groups {
    /// No groups yet, of so many keys and measures. They may take `most` bytes, of the pool's.
    pub(super) fn new(keys: usize, measures: usize, pool: &std::sync::Arc<dyn MemoryPool>, most: usize) -> Self {
        let shard = || Mutex::new(Shard { slots: Slots::new(1 << 6), places: Vec::new(), sums: Vec::new() });
        let memory = Mutex::new(MemoryConsumer::new("groups of a sum").register(pool));
        Self { shards: (0..SHARDS).map(|_| shard()).collect(), keys, measures, memory, most }
    }

    /// Takes groups over. `start` is where to begin, so that threads begin at different parts.
    pub(super) fn take(&self, arriving: &Arriving, start: usize) {
        let places = |group: usize| &arriving.places[group * self.keys..(group + 1) * self.keys];
        let hashes: Vec<u64> = (0..arriving.groups).map(|group| hash(places(group))).collect();
        let mut in_shard = [0usize; SHARDS];
        hashes.iter().for_each(|hash| in_shard[shard_of(*hash)] += 1);
        // Those of one part behind each other, so that each lock is taken once.
        let mut ends = in_shard;
        let mut sum = 0;
        ends.iter_mut().for_each(|end| {
            sum += *end;
            *end = sum;
        });
        let mut order = vec![0u32; arriving.groups];
        for (place, hash) in hashes.iter().enumerate().rev() {
            let end = &mut ends[shard_of(*hash)];
            *end -= 1;
            order[*end] = place as u32;
        }
        for shard in (0..SHARDS).map(|place| (place + start) % SHARDS).filter(|shard| in_shard[*shard] > 0) {
            let mut held = self.shards[shard].lock().unwrap_or_else(PoisonError::into_inner);
            for group in &order[ends[shard]..ends[shard] + in_shard[shard]] {
                let group = *group as usize;
                let sums = &arriving.sums[group * self.measures..(group + 1) * self.measures];
                held.take(hashes[group], places(group), sums);
            }
        }
    }

    /// The most bytes that they may take.
    pub(super) fn most(&self) -> usize {
        self.most
    }

    /// An error when the groups, with `beside` bytes of their values, take more memory than they may.
    pub(super) fn check(&self, beside: usize) -> Result<(), AggregateError> {
        let size = |shard: &Mutex<Shard>| shard.lock().unwrap_or_else(PoisonError::into_inner).size();
        let bytes = self.shards.iter().map(size).sum::<usize>() + beside;
        let memory = self.memory.lock().unwrap_or_else(PoisonError::into_inner);
        if bytes > self.most || memory.try_resize(bytes).is_err() {
            return Err(AggregateError::TooLarge(bytes.min(self.most)));
        }
        Ok(())
    }

    /// The places and the sums of all groups, and how many there are.
    pub(super) fn finish(self) -> (Vec<u32>, Vec<Sum>, usize) {
        let shards: Vec<Shard> =
            self.shards.into_iter().map(|shard| shard.into_inner().unwrap_or_else(PoisonError::into_inner)).collect();
        let groups: usize = shards.iter().map(Shard::held).sum();
        // Grown, they would take twice as much for a moment, when memory is scarcest.
        let (mut places, mut sums) =
            (Vec::with_capacity(groups * self.keys), Vec::with_capacity(groups * self.measures));
        for shard in shards {
            places.extend(shard.places);
            sums.extend(shard.sums);
        }
        (places, sums, groups)
    }
}

impl Shard {
    fn held(&self) -> usize {
        self.slots.held()
    }

    fn size(&self) -> usize {
        self.slots.size() + self.places.capacity() * size_of::<u32>() + self.sums.capacity() * size_of::<Sum>()
    }

    fn take(&mut self, hash_of_key: u64, key: &[u32], sums: &[Sum]) {
        let Self { slots, places, sums: held } = self;
        let width = key.len();
        let at = |group: u32| group as usize * width..(group as usize + 1) * width;
        match slots.find(inner(hash_of_key), |group| places[at(group)] == *key) {
            Ok(group) => {
                let first = group as usize * sums.len();
                held[first..].iter_mut().zip(sums).for_each(|(held, sum)| held.merge(*sum));
            }
            Err(slot) => {
                let group = slots.held() as u32;
                places.extend_from_slice(key);
                held.extend_from_slice(sums);
                slots.put(slot, group, |group| inner(hash(&places[at(group)])));
            }
        }
    }
}

fn hash(places: &[u32]) -> u64 {
    places.iter().fold(0x51_7c_c1, |hash, place| mix(hash ^ u64::from(*place)))
}

fn shard_of(hash: u64) -> usize {
    hash as usize % SHARDS
}

/// The part of a hash that tells groups of one shard apart.
fn inner(hash: u64) -> u64 {
    hash >> 4
}
