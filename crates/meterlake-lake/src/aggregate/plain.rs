//! Values as they lie in dictionaries and in pages without one.

use bytes::Bytes;
use parquet::basic::Type;

/// The distinct values of a column chunk, or those of its pages without a dictionary one by one.
#[derive(Debug)]
pub(super) enum Values {
    Texts(Texts),
    Numbers(Vec<i128>),
}

/// Texts in the pages that hold them.
#[derive(Debug, Default)]
pub(super) struct Texts {
    pages: Vec<Bytes>,
    /// Page, first byte and byte after the last of every text.
    places: Vec<(u32, u32, u32)>,
}

impl Values {
    pub(super) fn none(physical: Type) -> Self {
        if physical == Type::BYTE_ARRAY { Self::Texts(Texts::default()) } else { Self::Numbers(Vec::new()) }
    }

    /// One value, which stands for none.
    pub(super) fn nothing(text: bool) -> Self {
        if text { Self::Texts(Texts { pages: Vec::new(), places: vec![(0, 0, 0)] }) } else { Self::Numbers(vec![0]) }
    }

    pub(super) fn len(&self) -> usize {
        match self {
            Self::Texts(texts) => texts.places.len(),
            Self::Numbers(numbers) => numbers.len(),
        }
    }

    /// Appends `count` values. `width` is the length in bytes of values of fixed length. None when there are not as
    /// many, or they are of a type that is not summed or grouped by.
    pub(super) fn read(&mut self, page: &Bytes, count: usize, physical: Type, width: usize) -> Option<()> {
        match (self, physical) {
            (Self::Texts(texts), Type::BYTE_ARRAY) => texts.read(page, count),
            (Self::Numbers(numbers), Type::INT32) => {
                take(numbers, page, count, 4, |bytes| Some(i128::from(i32::from_le_bytes(bytes.try_into().ok()?))))
            }
            (Self::Numbers(numbers), Type::INT64) => {
                take(numbers, page, count, 8, |bytes| Some(i128::from(i64::from_le_bytes(bytes.try_into().ok()?))))
            }
            (Self::Numbers(numbers), Type::FIXED_LEN_BYTE_ARRAY) if width == 16 => {
                take(numbers, page, count, 16, |bytes| Some(i128::from_be_bytes(bytes.try_into().ok()?)))
            }
            (Self::Numbers(numbers), Type::FIXED_LEN_BYTE_ARRAY) if (1..16).contains(&width) => {
                take(numbers, page, count, width, |bytes| {
                    let negative = bytes.first()? & 0x80 != 0;
                    let mut wide = [if negative { 0xff } else { 0 }; 16];
                    wide.get_mut(16 - width..)?.copy_from_slice(bytes);
                    Some(i128::from_be_bytes(wide))
                })
            }
            _ => None,
        }
    }
}

fn take(
    numbers: &mut Vec<i128>,
    page: &[u8],
    count: usize,
    width: usize,
    number: impl Fn(&[u8]) -> Option<i128>,
) -> Option<()> {
    let bytes = page.get(..count.checked_mul(width)?)?;
    numbers.reserve(count);
    for bytes in bytes.chunks_exact(width) {
        numbers.push(number(bytes)?);
    }
    Some(())
}

impl Texts {
    fn read(&mut self, page: &Bytes, count: usize) -> Option<()> {
        // A text takes four bytes at least.
        if count > page.len() / 4 {
            return None;
        }
        let number = u32::try_from(self.pages.len()).ok()?;
        let mut at = 0usize;
        self.places.reserve(count);
        for _ in 0..count {
            let length = u32::from_le_bytes(page.get(at..at.checked_add(4)?)?.try_into().ok()?);
            let start = at + 4;
            let end = start.checked_add(usize::try_from(length).ok()?)?;
            std::str::from_utf8(page.get(start..end)?).ok()?;
            self.places.push((number, u32::try_from(start).ok()?, u32::try_from(end).ok()?));
            at = end;
        }
        self.pages.push(page.clone());
        Some(())
    }

    /// The text of this place; empty when there is none.
    pub(super) fn get(&self, place: usize) -> &str {
        let text = self.places.get(place).and_then(|(page, start, end)| {
            let page = self.pages.get(*page as usize)?;
            std::str::from_utf8(page.get(*start as usize..*end as usize)?).ok()
        });
        text.unwrap_or_default()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &str> {
        (0..self.places.len()).map(|place| self.get(place))
    }
}
