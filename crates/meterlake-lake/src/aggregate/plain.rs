//! Values as they lie in dictionaries and in pages without one.

use std::{ops::Range, sync::Arc};

use parquet::basic::Type;

use super::selected::Counting;

/// The distinct values of a column chunk, or those of its pages without a dictionary one by one.
#[derive(Debug)]
pub(super) enum Values {
    Texts(Texts),
    Numbers(Vec<i128>),
}

/// Texts in the pages that hold them.
#[derive(Debug, Default)]
pub(super) struct Texts {
    pages: Vec<Arc<[u8]>>,
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
    pub(super) fn read(&mut self, page: &[u8], count: usize, physical: Type, width: usize) -> Option<()> {
        match (self, physical) {
            (Self::Texts(texts), Type::BYTE_ARRAY) => texts.read(page, count),
            (Self::Numbers(numbers), _) => {
                numbers.extend(Plain::new(page, count, physical, width)?.numbers());
                Some(())
            }
            _ => None,
        }
    }
}

/// Numbers in plain encoding.
#[derive(Clone, Copy)]
pub(super) enum Plain<'a> {
    Small(&'a [[u8; 4]]),
    Large(&'a [[u8; 8]]),
    Wide(&'a [[u8; 16]]),
    /// Of as many bytes, at most 16.
    Other(&'a [u8], usize),
}

impl<'a> Plain<'a> {
    /// The first `count` numbers of these bytes. None when there are not as many, or they are of a type that is not
    /// summed.
    pub(super) fn new(bytes: &'a [u8], count: usize, physical: Type, width: usize) -> Option<Self> {
        match physical {
            Type::INT32 => Some(Self::Small(bytes.as_chunks().0.get(..count)?)),
            Type::INT64 => Some(Self::Large(bytes.as_chunks().0.get(..count)?)),
            Type::FIXED_LEN_BYTE_ARRAY if width == 16 => Some(Self::Wide(bytes.as_chunks().0.get(..count)?)),
            Type::FIXED_LEN_BYTE_ARRAY if (1..16).contains(&width) => {
                Some(Self::Other(bytes.get(..count.checked_mul(width)?)?, width))
            }
            _ => None,
        }
    }

    /// All of them.
    fn numbers(self) -> Vec<i128> {
        match self {
            Self::Small(numbers) => numbers.iter().map(small).collect(),
            Self::Large(numbers) => numbers.iter().map(large).collect(),
            Self::Wide(numbers) => numbers.iter().map(wide).collect(),
            Self::Other(bytes, width) => bytes.chunks_exact(width).map(other).collect(),
        }
    }

    /// Hands those at these places that count to `take`.
    pub(super) fn within(self, places: Range<usize>, counting: Counting<'_>, mut take: impl FnMut(i128)) -> Option<()> {
        match self {
            Self::Small(numbers) => counting.of(numbers.get(places)?, |number| take(small(number))),
            Self::Large(numbers) => counting.of(numbers.get(places)?, |number| take(large(number))),
            Self::Wide(numbers) => counting.of(numbers.get(places)?, |number| take(wide(number))),
            Self::Other(bytes, width) => {
                let bytes = bytes.get(places.start.checked_mul(width)?..places.end.checked_mul(width)?)?;
                if matches!(counting, Counting::All(_)) {
                    bytes.chunks_exact(width).for_each(|number| take(other(number)));
                    return Some(());
                }
                let numbers: Vec<&[u8]> = bytes.chunks_exact(width).collect();
                counting.of(&numbers, |number| take(other(number)))
            }
        }
    }
}

fn small(bytes: &[u8; 4]) -> i128 {
    i128::from(i32::from_le_bytes(*bytes))
}

fn large(bytes: &[u8; 8]) -> i128 {
    i128::from(i64::from_le_bytes(*bytes))
}

fn wide(bytes: &[u8; 16]) -> i128 {
    i128::from_be_bytes(*bytes)
}

fn other(bytes: &[u8]) -> i128 {
    let negative = bytes.first().is_some_and(|first| first & 0x80 != 0);
    let mut wide = [if negative { 0xff } else { 0 }; 16];
    if let Some(end) = 16usize.checked_sub(bytes.len()).and_then(|start| wide.get_mut(start..)) {
        end.copy_from_slice(bytes);
    }
    i128::from_be_bytes(wide)
}

impl Texts {
    fn read(&mut self, page: &[u8], count: usize) -> Option<()> {
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
        self.pages.push(Arc::from(page));
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
