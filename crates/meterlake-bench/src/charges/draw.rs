//! Seeded chance, fast: SplitMix64, in whole numbers only.

/// A stream of draws.
#[derive(Debug, Clone)]
pub(super) struct Draw(u64);

impl Draw {
    /// The stream that belongs to these numbers.
    pub(super) fn of(numbers: [u64; 3]) -> Self {
        let mut draw = Self(0x5851_f42d_4c95_7f2d);
        for number in numbers {
            draw.0 ^= number.wrapping_mul(0x2545_f491_4f6c_dd1d);
            draw.0 = draw.next();
        }
        draw
    }

    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `count`.
    pub(super) fn below(&mut self, count: u64) -> u64 {
        ((u128::from(self.next()) * u128::from(count)) >> 64) as u64
    }

    /// An index below the length of the list.
    pub(super) fn of_list<'a, T>(&mut self, list: &'a [T]) -> &'a T {
        &list[self.below(list.len() as u64) as usize]
    }

    /// True in so many of a thousand cases.
    pub(super) fn per_mille(&mut self, cases: u64) -> bool {
        self.below(1000) < cases
    }

    /// An index below `count`, small ones the likelier: about the weight 1/(n+1).
    pub(super) fn skewed(&mut self, count: u64) -> u64 {
        // Halving intervals, one of which is chosen evenly: each octave weighs the same.
        let octaves = u64::from(64 - count.leading_zeros());
        let octave = self.below(octaves);
        let low = (1_u64 << octave) - 1;
        let high = ((1_u64 << (octave + 1)) - 1).min(count);
        if low >= high { 0 } else { low + self.below(high - low) }
    }

    /// A GUID as lower-case text.
    pub(super) fn guid(&mut self) -> String {
        uuid::Builder::from_random_bytes(((u128::from(self.next()) << 64) | u128::from(self.next())).to_be_bytes())
            .into_uuid()
            .to_string()
    }
}
