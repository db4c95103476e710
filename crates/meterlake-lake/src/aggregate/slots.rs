//! A hash table of places.

/// Places of a hash table: which group a key has.
#[derive(Debug)]
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

/// Spreads a number over all bits.
pub(super) fn mix(number: u64) -> u64 {
    let product = u128::from(number ^ 0x9e37_79b9_7f4a_7c15) * 0xd6e8_feb8_6659_fd93;
    (product as u64) ^ (product >> 64) as u64
}
