//! The headers of Parquet's pages, in Thrift's compact protocol.

use parquet::basic::Encoding;

/// What a page's header says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    /// Bytes of the page that follow the header.
    pub(crate) stored: usize,
    /// The same before compression.
    pub(crate) unpacked: usize,
    pub(crate) kind: Kind,
}

/// What a page holds. Of encodings, those that we do not read are none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// So many distinct values.
    Dictionary { values: usize, encoding: Option<Encoding> },
    /// Levels and values of so many rows.
    Data { rows: usize, encoding: Option<Encoding>, levels: Option<Encoding> },
    /// The same in the second form, in which levels lie before what is compressed.
    Data2 { rows: usize, nulls: usize, encoding: Option<Encoding>, levels: usize, compressed: bool },
    /// Nothing that is needed.
    Other,
}

/// The header at the start of these bytes, and how long it is; none when there is none.
pub(crate) fn parse(bytes: &[u8]) -> Option<(Header, usize)> {
    let mut left = Compact { bytes };
    let (mut page, mut sizes, mut kind) = (None, (None, None), Kind::Other);
    let mut last = 0;
    while let Some((field, form)) = left.field(&mut last)? {
        match (field, form) {
            (1, INT) => page = Some(left.int()?),
            (2, INT) => sizes.0 = Some(left.count()?),
            (3, INT) => sizes.1 = Some(left.count()?),
            (5, STRUCT) if page == Some(0) => {
                let [rows, encoding, levels, ..] = left.numbers()?;
                kind = Kind::Data { rows: count(rows?)?, encoding: known(encoding?), levels: known(levels?) };
            }
            (7, STRUCT) if page == Some(2) => {
                let [values, encoding, ..] = left.numbers()?;
                kind = Kind::Dictionary { values: count(values?)?, encoding: known(encoding?) };
            }
            (8, STRUCT) if page == Some(3) => {
                let [rows, nulls, _, encoding, levels, repeated, compressed] = left.numbers()?;
                if repeated? != 0 {
                    return None;
                }
                kind = Kind::Data2 {
                    rows: count(rows?)?,
                    nulls: count(nulls?)?,
                    encoding: known(encoding?),
                    levels: count(levels?)?,
                    compressed: compressed.is_none_or(|value| value != 0),
                };
            }
            _ => left.skip(form, MOST_DEPTH)?,
        }
    }
    let header = Header { unpacked: sizes.0?, stored: sizes.1?, kind };
    Some((header, bytes.len() - left.bytes.len()))
}

const TRUE: u8 = 1;
const FALSE: u8 = 2;
const INT: u8 = 5;
const STRUCT: u8 = 12;

/// Statistics in a header are nested less deep.
const MOST_DEPTH: u8 = 8;

struct Compact<'a> {
    bytes: &'a [u8],
}

impl Compact<'_> {
    fn byte(&mut self) -> Option<u8> {
        let (byte, rest) = self.bytes.split_first()?;
        self.bytes = rest;
        Some(*byte)
    }

    fn varint(&mut self) -> Option<u64> {
        let mut value = 0;
        for place in 0..10 {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7f) << (7 * place);
            if byte & 0x80 == 0 {
                return Some(value);
            }
        }
        None
    }

    fn int(&mut self) -> Option<i64> {
        let value = self.varint()?;
        Some((value >> 1).cast_signed() ^ -(value & 1).cast_signed())
    }

    fn count(&mut self) -> Option<usize> {
        count(self.int()?)
    }

    /// Number and form of the next field; none at the end of the struct.
    #[expect(clippy::option_option, reason = "damaged, the end, a field")]
    fn field(&mut self, last: &mut i64) -> Option<Option<(i64, u8)>> {
        let head = self.byte()?;
        if head == 0 {
            return Some(None);
        }
        let step = i64::from(head >> 4);
        *last = if step == 0 { self.int()? } else { last.checked_add(step)? };
        Some(Some((*last, head & 0x0f)))
    }

    /// The first fields of a struct, as far as they are numbers or truth values.
    fn numbers(&mut self) -> Option<[Option<i64>; 7]> {
        let mut numbers = [None; 7];
        let mut last = 0;
        while let Some((field, form)) = self.field(&mut last)? {
            let place = usize::try_from(field - 1).ok().and_then(|place| numbers.get_mut(place));
            match (place, form) {
                (Some(place), INT) => *place = Some(self.int()?),
                (Some(place), TRUE | FALSE) => *place = Some(i64::from(form == TRUE)),
                _ => self.skip(form, MOST_DEPTH)?,
            }
        }
        Some(numbers)
    }

    fn skip(&mut self, form: u8, depth: u8) -> Option<()> {
        let depth = depth.checked_sub(1)?;
        match form {
            TRUE | FALSE => {}
            3 => drop(self.byte()?),
            4..=6 => drop(self.varint()?),
            7 => self.bytes = self.bytes.get(8..)?,
            8 => {
                let length = usize::try_from(self.varint()?).ok()?;
                self.bytes = self.bytes.get(length..)?;
            }
            9 | 10 => {
                let head = self.byte()?;
                let length = if head >> 4 == 15 { self.varint()? } else { u64::from(head >> 4) };
                for _ in 0..length {
                    // Truth values of a list take a byte each.
                    self.skip(if head & 0x0f <= FALSE { 3 } else { head & 0x0f }, depth)?;
                }
            }
            STRUCT => {
                let mut last = 0;
                while let Some((_, form)) = self.field(&mut last)? {
                    self.skip(form, depth)?;
                }
            }
            _ => return None,
        }
        Some(())
    }
}

fn count(number: i64) -> Option<usize> {
    usize::try_from(number).ok()
}

fn known(encoding: i64) -> Option<Encoding> {
    match encoding {
        0 => Some(Encoding::PLAIN),
        2 => Some(Encoding::PLAIN_DICTIONARY),
        3 => Some(Encoding::RLE),
        8 => Some(Encoding::RLE_DICTIONARY),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_of_pages() {
        // Type 0, sizes 100 and 50, a checksum, then rows 10, RLE_DICTIONARY, RLE, RLE, and statistics that are skipped.
        let data = [
            0x15, 0, 0x15, 200, 1, 0x15, 100, 0x15, 3, 0x1c, 0x15, 20, 0x15, 16, 0x15, 6, 0x15, 6, 0x1c, 0x18, 2, 7, 7,
            0x00, 0x00, 0x00, 99,
        ];
        let (header, length) = parse(&data).unwrap();
        assert_eq!(length, data.len() - 1);
        assert_eq!((header.unpacked, header.stored), (100, 50));
        let (encoding, levels) = (Some(Encoding::RLE_DICTIONARY), Some(Encoding::RLE));
        assert_eq!(header.kind, Kind::Data { rows: 10, encoding, levels });
        let dictionary = [0x15, 4, 0x15, 8, 0x15, 8, 0x4c, 0x15, 14, 0x15, 0, 0x12, 0, 0];
        let encoding = Some(Encoding::PLAIN);
        assert_eq!(parse(&dictionary).unwrap().0.kind, Kind::Dictionary { values: 7, encoding });
        for end in 0..length {
            assert_eq!(parse(&data[..end]), None, "{end}");
        }
        for bytes in [&[0u8; 40][..], &[0xff; 40], &[0x1c; 40], &[0x19; 40]] {
            assert_eq!(parse(bytes), None, "{bytes:?}");
        }
    }
}
