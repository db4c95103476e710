//! Parquet's mix of runs and bit-packed numbers.

/// Shortest run that is worth its header.
const RUN: usize = 8;

/// Bits that numbers below `bound` take, at least one.
pub(super) fn width(bound: usize) -> u32 {
    (usize::BITS - bound.saturating_sub(1).leading_zeros()).max(1)
}

/// Writes `count` times the number.
pub(super) fn repeated(value: u32, count: usize, width: u32, out: &mut Vec<u8>) {
    if count > 0 {
        varint((count as u64) << 1, out);
        out.extend_from_slice(&value.to_le_bytes()[..width.div_ceil(8) as usize]);
    }
}

/// Writes the numbers, each of which fits into `width` bits.
pub(super) fn numbers(values: &[u32], width: u32, out: &mut Vec<u8>) {
    let mut literals = 0;
    let mut at = 0;
    while at < values.len() {
        let value = values[at];
        let run = values[at..].iter().take_while(|v| **v == value).count();
        // Packed numbers come by eights, so that the first of a run may have to fill them up.
        let fill = (RUN - (at - literals) % RUN) % RUN;
        if run >= RUN + fill {
            packed(&values[literals..at + fill], width, out);
            repeated(value, run - fill, width, out);
            literals = at + run;
        }
        at += run;
    }
    packed(&values[literals..], width, out);
}

fn packed(values: &[u32], width: u32, out: &mut Vec<u8>) {
    if values.is_empty() {
        return;
    }
    let groups = values.len().div_ceil(8);
    varint((groups as u64) << 1 | 1, out);
    out.reserve(groups * width as usize);
    let (mut word, mut held) = (0u64, 0);
    for &value in values {
        word |= u64::from(value) << held;
        held += width;
        if held >= 32 {
            out.extend_from_slice(&word.to_le_bytes()[..4]);
            word >>= 32;
            held -= 32;
        }
    }
    out.extend_from_slice(&word.to_le_bytes()[..held.div_ceil(8) as usize]);
    let missing = groups * 8 - values.len();
    let written = (values.len() * width as usize).div_ceil(8);
    out.resize(out.len() + (groups * width as usize).saturating_sub(written), 0);
    debug_assert!(missing < 8, "only the last group is filled up");
}

fn varint(mut value: u64, out: &mut Vec<u8>) {
    while value >= 0x80 {
        out.push(value.to_le_bytes()[0] | 0x80);
        value >>= 7;
    }
    out.push(value.to_le_bytes()[0]);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The plainest reader of what is written.
    fn read(bytes: &[u8], width: u32, count: usize) -> Vec<u32> {
        let (mut out, mut at) = (Vec::new(), 0);
        while out.len() < count {
            let (mut header, mut shift) = (0u64, 0);
            loop {
                header |= u64::from(bytes[at] & 0x7F) << shift;
                shift += 7;
                at += 1;
                if bytes[at - 1] < 0x80 {
                    break;
                }
            }
            if header & 1 == 0 {
                let mut value = [0; 4];
                let size = width.div_ceil(8) as usize;
                value[..size].copy_from_slice(&bytes[at..at + size]);
                at += size;
                out.extend(std::iter::repeat_n(u32::from_le_bytes(value), (header >> 1) as usize));
            } else {
                let groups = (header >> 1) as usize;
                for place in 0..groups * 8 {
                    let bit = |n: usize| u32::from(bytes[at + n / 8] >> (n % 8) & 1);
                    let first = place * width as usize;
                    out.push((0..width as usize).map(|n| bit(first + n) << n).sum());
                }
                at += groups * width as usize;
            }
        }
        assert_eq!(at, bytes.len());
        out.truncate(count);
        out
    }

    #[test]
    fn what_is_written_reads_back() {
        let mut state = 1u64;
        let mut next = move || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            u32::try_from(state >> 33).unwrap()
        };
        for bound in [1usize, 2, 3, 200, 256, 257, 70_000, 1 << 31] {
            let width = width(bound);
            for length in [0usize, 1, 7, 8, 9, 100, 1_003] {
                let mut values = Vec::new();
                while values.len() < length {
                    let value = next() % u32::try_from(bound).unwrap();
                    let run = if next() % 3 == 0 { next() as usize % 40 } else { 1 };
                    values.extend(std::iter::repeat_n(value, run));
                }
                values.truncate(length);
                let mut bytes = Vec::new();
                numbers(&values, width, &mut bytes);
                assert_eq!(read(&bytes, width, length), values, "{bound} {length}");
            }
        }
        let mut bytes = Vec::new();
        repeated(5, 1_000, 3, &mut bytes);
        assert_eq!(read(&bytes, 3, 1_000), vec![5; 1_000]);
    }
}
