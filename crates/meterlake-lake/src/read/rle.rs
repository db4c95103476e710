//! Parquet's hybrid of run lengths and packed bits.

/// Numbers in the hybrid encoding.
pub(super) struct Hybrid<'a> {
    bytes: &'a [u8],
    width: usize,
}

/// A part of a hybrid.
pub(super) enum Run<'a> {
    /// So often this number.
    Repeat(u32, usize),
    /// Eight numbers in every `width` bytes.
    Packed(&'a [u8], usize),
}

impl<'a> Hybrid<'a> {
    /// Numbers of `width` bits; none when that is more than 32.
    pub(super) fn new(bytes: &'a [u8], width: u8) -> Option<Self> {
        (width <= 32).then_some(Self { bytes, width: usize::from(width) })
    }

    /// The next part; none at the end and where the bytes make no sense.
    pub(super) fn run(&mut self) -> Option<Run<'a>> {
        let head = self.varint()?;
        let count = usize::try_from(head >> 1).ok()?;
        if head & 1 == 1 {
            // The last groups may be cut short by writers that leave the padding out.
            let wanted = count.checked_mul(self.width)?;
            let (packed, rest) = self.bytes.split_at(wanted.min(self.bytes.len()));
            self.bytes = rest;
            return Some(Run::Packed(packed, count.checked_mul(8)?));
        }
        let (value, rest) = self.bytes.split_at_checked(self.width.div_ceil(8))?;
        self.bytes = rest;
        let mut word = [0; 4];
        word[..value.len()].copy_from_slice(value);
        Some(Run::Repeat(u32::from_le_bytes(word), count))
    }

    /// The width of the numbers in bits.
    pub(super) fn width(&self) -> usize {
        self.width
    }

    fn varint(&mut self) -> Option<u64> {
        let mut value = 0;
        for place in 0..9 {
            let (byte, rest) = self.bytes.split_first()?;
            self.bytes = rest;
            value |= u64::from(byte & 0x7f) << (7 * place);
            if byte & 0x80 == 0 {
                return Some(value);
            }
        }
        None
    }
}

/// Appends the next `count` numbers of the hybrid to `out`; false when there are not as many.
pub(super) fn decode<T: Copy + Default + Narrow>(hybrid: &mut Hybrid<'_>, count: usize, out: &mut Vec<T>) -> bool {
    let end = out.len() + count;
    while out.len() < end {
        let wanted = end - out.len();
        match hybrid.run() {
            Some(Run::Repeat(_, 0) | Run::Packed(_, 0)) => {}
            Some(Run::Repeat(value, times)) => out.resize(out.len() + times.min(wanted), T::narrow(value)),
            Some(Run::Packed(bytes, numbers)) => {
                let taken = numbers.min(wanted);
                if bytes.len() < (taken * hybrid.width()).div_ceil(8) {
                    return false;
                }
                unpack(bytes, hybrid.width(), taken, out);
            }
            None => return false,
        }
    }
    true
}

/// Appends the first `count` numbers of `width` bits each; none when the bytes do not hold as many.
pub(super) fn numbers(bytes: &[u8], width: u8, count: usize, out: &mut Vec<u32>) -> Option<()> {
    decode(&mut Hybrid::new(bytes, width)?, count, out).then_some(())
}

/// A number of fewer bits than 32.
pub(super) trait Narrow {
    /// The lower bits of the number: the reader has made sure that there are no others.
    fn narrow(value: u32) -> Self;
}

impl Narrow for u32 {
    #[inline]
    fn narrow(value: u32) -> Self {
        value
    }
}

impl Narrow for u16 {
    #[inline]
    fn narrow(value: u32) -> Self {
        value as Self
    }
}

/// Appends `count` packed numbers, which the bytes hold; the last group may be cut behind them.
fn unpack<T: Copy + Default + Narrow>(bytes: &[u8], width: usize, count: usize, out: &mut Vec<T>) {
    let start = out.len();
    out.resize(start + count, T::default());
    unpack_into(bytes, width, &mut out[start..]);
}

/// Writes the first packed numbers; those that the bytes do not hold stay as they are.
pub(super) fn unpack_into<T: Copy + Default + Narrow>(bytes: &[u8], width: usize, out: &mut [T]) {
    macro_rules! by_width {
        ($($width:literal)+) => {
            match width {
                $($width => unpack_width::<T, $width>(bytes, out),)+
                _ => out.fill(T::default()),
            }
        };
    }
    by_width!(1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30 31 32);
}

fn unpack_width<T: Copy + Default + Narrow, const WIDTH: usize>(bytes: &[u8], out: &mut [T]) {
    let (groups, rest) = bytes.as_chunks::<WIDTH>();
    let mut last = [0; WIDTH];
    last[..rest.len()].copy_from_slice(rest);
    let (whole, cut) = out.as_chunks_mut::<8>();
    let mut groups = groups.iter().chain(std::iter::once(&last));
    for (out, group) in whole.iter_mut().zip(&mut groups) {
        *out = eight(group);
    }
    if let Some(group) = groups.next().filter(|_| !cut.is_empty()) {
        let numbers: [T; 8] = eight(group);
        let length = cut.len();
        cut.copy_from_slice(&numbers[..length]);
    }
}

/// Eight numbers of as many bits as there are bytes.
#[inline]
fn eight<T: Copy + Default + Narrow, const WIDTH: usize>(group: &[u8; WIDTH]) -> [T; 8] {
    let mut words = [0u64; 5];
    for (word, bytes) in words.iter_mut().zip(group.chunks(8)) {
        let mut whole = [0; 8];
        whole[..bytes.len()].copy_from_slice(bytes);
        *word = u64::from_le_bytes(whole);
    }
    let mask = u64::MAX >> (64 - WIDTH);
    let mut numbers = [T::default(); 8];
    for (place, number) in numbers.iter_mut().enumerate() {
        let (word, bit) = (place * WIDTH / 64, place * WIDTH % 64);
        let low = words[word] >> bit;
        let high = if bit + WIDTH > 64 { words[word + 1] << (64 - bit) } else { 0 };
        *number = T::narrow(((low | high) & mask) as u32);
    }
    numbers
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Packs numbers bit by bit.
    fn packed(numbers: &[u32], width: usize) -> Vec<u8> {
        let groups = numbers.len().div_ceil(8);
        let mut bytes = vec![0; groups * width];
        for (place, number) in numbers.iter().enumerate() {
            for bit in (0..width).filter(|bit| number >> bit & 1 == 1) {
                let at = place * width + bit;
                bytes[at / 8] |= 1 << (at % 8);
            }
        }
        let mut head = groups << 1 | 1;
        let mut all = Vec::new();
        while head >= 0x80 {
            all.push((head & 0x7f) as u8 | 0x80);
            head >>= 7;
        }
        all.push(head as u8);
        all.extend(bytes);
        all
    }

    #[test]
    fn every_width_and_length() {
        let mut seed = 1u64;
        for width in 1..=32u8 {
            for count in [1usize, 7, 8, 9, 63, 64, 65, 1000] {
                let numbers: Vec<u32> = (0..count)
                    .map(|_| {
                        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                        ((seed >> 20) & (u64::MAX >> (64 - width))) as u32
                    })
                    .collect();
                let mut bytes = packed(&numbers, usize::from(width));
                bytes.extend([6 << 1]);
                bytes.extend(&5u32.to_le_bytes()[..usize::from(width).div_ceil(8)]);
                let mut hybrid = Hybrid::new(&bytes, width).unwrap();
                let mut out: Vec<u32> = vec![77];
                assert!(decode(&mut hybrid, count, &mut out), "{width} {count}");
                assert_eq!(out[1..], numbers, "{width} {count}");
                if count % 8 == 0 {
                    assert!(decode(&mut hybrid, 6, &mut out));
                    assert_eq!(out[out.len() - 6..], [5; 6]);
                    assert!(!decode(&mut hybrid, 1, &mut out));
                }
            }
        }
    }

    #[test]
    fn nonsense_ends() {
        for bytes in [&[][..], &[0x80], &[0xff; 12], &[2], &[0, 0, 0, 0]] {
            let mut out: Vec<u16> = Vec::new();
            assert!(!decode(&mut Hybrid::new(bytes, 9).unwrap(), 3, &mut out), "{bytes:?}");
        }
        assert!(Hybrid::new(&[], 33).is_none());
    }

    #[test]
    fn no_bits_are_zeros() {
        let mut out: Vec<u16> = Vec::new();
        assert!(decode(&mut Hybrid::new(&[10 << 1], 0).unwrap(), 10, &mut out));
        assert!(decode(&mut Hybrid::new(&[2 << 1 | 1], 0).unwrap(), 16, &mut out));
        assert_eq!(out, [0; 26]);
    }

    /// The plainest packing.
    fn pack(values: &[u32], width: u8) -> Vec<u8> {
        let mut bytes = vec![0u8; (values.len() * usize::from(width)).div_ceil(8)];
        for (place, value) in values.iter().enumerate() {
            for bit in 0..usize::from(width) {
                let at = place * usize::from(width) + bit;
                bytes[at / 8] |= ((value >> bit & 1) as u8) << (at % 8);
            }
        }
        bytes
    }

    #[test]
    fn packed_values_of_every_width_come_back() {
        for width in 0..=32u8 {
            for count in [8usize, 16, 64, 8 * 37] {
                let mask = if width == 32 { u32::MAX } else { (1 << width) - 1 };
                let values: Vec<u32> = (0..count as u32).map(|v| v.wrapping_mul(0x9e37_79b9) & mask).collect();
                let mut bytes = vec![];
                let mut header = (count as u64 / 8) << 1 | 1;
                while header >= 0x80 {
                    bytes.push(header as u8 | 0x80);
                    header >>= 7;
                }
                bytes.push(header as u8);
                bytes.extend(pack(&values, width));
                for asked in [count, count - 3] {
                    let mut codes = vec![7];
                    super::numbers(&bytes, width, asked, &mut codes).unwrap();
                    assert_eq!(codes[1..], values[..asked], "width {width}");
                }
            }
        }
    }

    #[test]
    fn runs_and_packed_values_follow_each_other() {
        let mut bytes = vec![10 << 1, 0x34, 0x02, 1 << 1 | 1];
        bytes.extend(pack(&[1, 2, 3, 4, 5, 6, 7, 700], 10));
        bytes.extend([200u8 & 0x7f | 0x80, 1, 0x05, 0x00]);
        let mut codes = Vec::new();
        super::numbers(&bytes, 10, 118, &mut codes).unwrap();
        assert_eq!(codes[..10], [0x234; 10]);
        assert_eq!(codes[10..18], [1, 2, 3, 4, 5, 6, 7, 700]);
        assert_eq!(codes[18..], [5; 100]);
    }

    #[test]
    fn damaged_bytes_are_refused() {
        for (bytes, width) in
            [(&[][..], 3), (&[3], 8), (&[3, 1, 2], 8), (&[4], 8), (&[0, 1], 8), (&[0xff; 12], 8), (&[2, 0], 33)]
        {
            assert_eq!(super::numbers(bytes, width, 8, &mut Vec::new()), None, "{bytes:?}");
        }
    }
}
