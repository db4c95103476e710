//! Handing the numbers of a hybrid to whoever works with them, run by run, without a list of all of them.

use std::ops::Range;

use super::rle::{Hybrid, Run, unpack_into};

/// What works with numbers, row by row. None ends the visit: a number makes no sense to it.
pub(crate) trait Take {
    /// So many rows of one number.
    fn repeat(&mut self, number: u32, rows: usize) -> Option<()>;

    /// A number a row.
    fn each(&mut self, numbers: &[u32]) -> Option<()>;
}

/// Packed numbers that are unpacked at once: as many as the innermost cache holds beside other things.
const BLOCK: usize = 1024;

/// Hands over the numbers at these places of a hybrid, which ascend and do not overlap. None when there are not as
/// many, or where `take` says so.
pub(crate) fn visit(
    bytes: &[u8],
    width: u8,
    ranges: impl IntoIterator<Item = Range<usize>>,
    take: &mut impl Take,
) -> Option<()> {
    let mut hybrid = Hybrid::new(bytes, width)?;
    let mut block = [0; BLOCK];
    let (mut run, mut start, mut end) = (Run::Repeat(0, 0), 0, 0);
    for range in ranges {
        let mut at = range.start;
        while at < range.end {
            while end <= at {
                run = hybrid.run()?;
                let (Run::Repeat(_, length) | Run::Packed(_, length)) = &run;
                start = end;
                end = end.checked_add(*length)?;
            }
            let stop = range.end.min(end);
            match &run {
                Run::Repeat(number, _) => take.repeat(*number, stop - at)?,
                Run::Packed(bytes, _) => packed(bytes, hybrid.width(), at - start..stop - start, &mut block, take)?,
            }
            at = stop;
        }
    }
    Some(())
}

fn packed(
    bytes: &[u8],
    width: usize,
    range: Range<usize>,
    block: &mut [u32; BLOCK],
    take: &mut impl Take,
) -> Option<()> {
    if bytes.len() < (range.end.checked_mul(width)?).div_ceil(8) {
        return None;
    }
    let mut at = range.start;
    while at < range.end {
        // Groups of eight begin with a byte of their own.
        let (group, skipped) = (at / 8, at % 8);
        let numbers = block.get_mut(..(range.end - at + skipped).min(BLOCK))?;
        unpack_into(bytes.get(group * width..)?, width, numbers);
        take.each(numbers.get(skipped..)?)?;
        at += numbers.len() - skipped;
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use std::iter::once;

    use super::*;

    #[derive(Default)]
    struct List(Vec<u32>);

    impl Take for List {
        fn repeat(&mut self, number: u32, rows: usize) -> Option<()> {
            self.0.extend(std::iter::repeat_n(number, rows));
            Some(())
        }

        fn each(&mut self, numbers: &[u32]) -> Option<()> {
            self.0.extend_from_slice(numbers);
            Some(())
        }
    }

    fn varint(mut number: usize, out: &mut Vec<u8>) {
        while number >= 0x80 {
            out.push(number as u8 | 0x80);
            number >>= 7;
        }
        out.push(number as u8);
    }

    #[test]
    fn any_ranges_of_runs_and_packed_numbers() {
        let mut seed = 7u64;
        let mut next = |below: u64| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (seed >> 33) % below
        };
        for width in 0..=20u32 {
            let (mut numbers, mut bytes) = (Vec::new(), Vec::new());
            while numbers.len() < 5000 {
                let number = next(1 << width) as u32;
                if next(3) == 0 {
                    let times = next(700) as usize;
                    varint(times << 1, &mut bytes);
                    bytes.extend_from_slice(&number.to_le_bytes()[..width.div_ceil(8) as usize]);
                    numbers.extend(vec![number; times]);
                } else {
                    let groups = 1 + next(400) as usize;
                    varint(groups << 1 | 1, &mut bytes);
                    let mut packed = vec![0u8; groups * width as usize];
                    for place in 0..groups * 8 {
                        let number = (number + place as u32) & ((1 << width) - 1);
                        numbers.push(number);
                        for bit in (0..width).filter(|bit| number >> bit & 1 == 1) {
                            let at = place * width as usize + bit as usize;
                            packed[at / 8] |= 1 << (at % 8);
                        }
                    }
                    bytes.extend(packed);
                }
            }
            for step in [1, 5, 100, 3000, 10_000] {
                let (mut at, mut ranges) = (0, Vec::new());
                while at < numbers.len() {
                    let end = numbers.len().min(at + 1 + next(step) as usize);
                    ranges.push(at..end);
                    at = end + next(step) as usize;
                }
                let mut list = List::default();
                visit(&bytes, width as u8, ranges.clone(), &mut list).unwrap();
                let expected: Vec<u32> = ranges.into_iter().flat_map(|range| numbers[range].to_vec()).collect();
                assert_eq!(list.0, expected, "{width} {step}");
            }
            assert_eq!(visit(&bytes, width as u8, once(0..numbers.len() + 8), &mut List::default()), None);
            if width > 0 {
                assert_eq!(
                    visit(&bytes[..bytes.len() / 2], width as u8, once(0..numbers.len()), &mut List::default()),
                    None
                );
            }
        }
        for bytes in [&[][..], &[0x80], &[0xff; 12], &[2], &[0, 0, 0, 0], &[3, 1, 2]] {
            assert_eq!(visit(bytes, 9, once(0..3), &mut List::default()), None, "{bytes:?}");
        }
        assert_eq!(visit(&[2, 0], 33, once(0..1), &mut List::default()), None);
    }
}
