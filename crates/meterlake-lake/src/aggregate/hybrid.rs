//! Parquet's hybrid of runs and packed bits, in which dictionary codes and levels are stored.

/// Appends `count` codes of `width` bits each. None when the bytes end too early or are no such codes.
pub(super) fn decode(mut bytes: &[u8], width: u8, count: usize, codes: &mut Vec<u32>) -> Option<()> {
    if width > 32 {
        return None;
    }
    let end = codes.len() + count;
    codes.reserve(count);
    while codes.len() < end {
        let header = varint(&mut bytes)?;
        let left = end - codes.len();
        if header & 1 == 1 {
            // Groups of eight; the last may be filled up beyond the count.
            let values = usize::try_from(header >> 1).ok()?.checked_mul(8)?;
            let taken = values.min(left);
            let stored = (values / 8).checked_mul(usize::from(width))?;
            // Some writers cut the filling of the last group.
            let packed = bytes.get(..stored.min(bytes.len()))?;
            if (taken * usize::from(width)).div_ceil(8) > packed.len() {
                return None;
            }
            unpack(packed, width, taken, codes);
            bytes = bytes.get(packed.len()..)?;
        } else {
            let run = usize::try_from(header >> 1).ok()?.min(left);
            let (value, rest) = bytes.split_at_checked(usize::from(width).div_ceil(8))?;
            let value = value.iter().rev().fold(0u32, |value, byte| value << 8 | u32::from(*byte));
            codes.resize(codes.len() + run, value);
            bytes = rest;
            if run == 0 {
                return None;
            }
        }
    }
    Some(())
}

fn varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0u64;
    for shift in (0..64).step_by(7) {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

/// Appends values that lie bit by bit behind each other, the lowest bit first.
fn unpack(bytes: &[u8], width: u8, count: usize, codes: &mut Vec<u32>) {
    if width == 0 {
        codes.resize(codes.len() + count, 0);
        return;
    }
    let width = usize::from(width);
    let mask = (1u64 << width) - 1;
    let at = |bytes: &[u8], value: usize| {
        let bit = value * width;
        let window = bytes.get(bit / 8..bit / 8 + 8).and_then(|window| window.try_into().ok()).unwrap_or_default();
        (u64::from_le_bytes(window) >> (bit % 8) & mask) as u32
    };
    // Where eight bytes can be read at once; the rest is read from a copy with room behind it.
    let whole = (bytes.len().saturating_sub(8) * 8 / width).min(count);
    // Eight values fill `width` bytes exactly, so that their places within are the same each time.
    let blocks = whole / 8;
    for block in bytes.chunks_exact(width).take(blocks).zip((0..).step_by(width)).map(|(_, start)| start) {
        let Some(block) = bytes.get(block..(block + width + 8).min(bytes.len())) else { break };
        codes.extend((0..8).map(|value| at(block, value)));
    }
    let done = blocks * 8;
    let first = done * width / 8;
    let mut tail = bytes.get(first..).unwrap_or_default().to_vec();
    tail.resize(tail.len() + 8, 0);
    codes.extend((0..count - done).map(|value| at(&tail, value)));
}

#[cfg(test)]
mod tests {
    use super::*;

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
                    decode(&bytes, width, asked, &mut codes).unwrap();
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
        decode(&bytes, 10, 118, &mut codes).unwrap();
        assert_eq!(codes[..10], [0x234; 10]);
        assert_eq!(codes[10..18], [1, 2, 3, 4, 5, 6, 7, 700]);
        assert_eq!(codes[18..], [5; 100]);
    }

    #[test]
    fn damaged_bytes_are_refused() {
        for (bytes, width) in
            [(&[][..], 3), (&[3], 8), (&[3, 1, 2], 8), (&[4], 8), (&[0, 1], 8), (&[0xff; 12], 8), (&[2, 0], 33)]
        {
            assert_eq!(decode(bytes, width, 8, &mut Vec::new()), None, "{bytes:?}");
        }
    }
}
