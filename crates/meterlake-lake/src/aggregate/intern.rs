//! The distinct values of a key over all row groups of a query.

use std::{
    borrow::Cow,
    collections::HashMap,
    hash::{BuildHasher, RandomState},
    sync::{Arc, Mutex, PoisonError},
};

use super::{
    AggregateError, Form, KeyValues,
    plain::Values,
    slots::{Slots, mix},
};

/// The values that a key has had so far, numbered in the order in which they came.
#[derive(Debug, Default)]
pub(super) struct Interner(Mutex<Known>);

#[derive(Debug)]
struct Known {
    texts: Slots,
    text_list: Vec<Arc<str>>,
    /// The hash of each text.
    hashes: Vec<u64>,
    /// Makes hashes others than anyone could foresee.
    seed: u64,
    days: HashMap<i32, u32>,
    day_list: Vec<i32>,
    bytes: usize,
}

impl Default for Known {
    fn default() -> Self {
        Self {
            texts: Slots::new(1 << 8),
            text_list: Vec::new(),
            hashes: Vec::new(),
            seed: RandomState::new().hash_one(0),
            days: HashMap::new(),
            day_list: Vec::new(),
            bytes: 0,
        }
    }
}

/// Bytes that a text takes beside its own: the entries of map and list, the counts of the shared text.
const BESIDE_TEXT: usize = 80;

impl Interner {
    /// The numbers of a row group's values, and how many bytes all values now take. Values that no row uses are
    /// numbered, too; `used` says which are.
    pub(super) fn numbers(
        &self,
        values: &Values,
        form: Form,
        used: Option<&[bool]>,
    ) -> Result<(Vec<u32>, usize), AggregateError> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_used = |place: usize| used.is_none_or(|used| used.get(place).copied().unwrap_or(false));
        let numbers = match (values, form) {
            (Values::Texts(texts), Form::Stored | Form::Upper) => {
                let number = |(place, text): (usize, &str)| {
                    if !is_used(place) {
                        return Some(0);
                    }
                    let text = match form {
                        Form::Upper => Cow::Owned(text.to_uppercase()),
                        _ => Cow::Borrowed(text),
                    };
                    known.text(&text)
                };
                texts.iter().enumerate().map(number).collect::<Option<Vec<u32>>>()
            }
            (Values::Numbers(days), Form::Stored | Form::Day(_)) => {
                let number = |(place, day): (usize, &i128)| {
                    if !is_used(place) {
                        return Some(0);
                    }
                    let day = i32::try_from(*day).ok()?;
                    known.day(if let Form::Day(first) = form { first(day) } else { day })
                };
                days.iter().enumerate().map(number).collect()
            }
            _ => None,
        };
        let numbers = numbers.ok_or_else(|| AggregateError::Unsupported("a key of another type".to_owned()))?;
        Ok((numbers, known.bytes))
    }

    /// Bytes that all values take.
    pub(super) fn size(&self) -> usize {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).bytes
    }

    /// All values by number. A key that never came has no texts.
    pub(super) fn into_values(self) -> KeyValues {
        let known = self.0.into_inner().unwrap_or_else(PoisonError::into_inner);
        if known.day_list.is_empty() { KeyValues::Texts(known.text_list) } else { KeyValues::Days(known.day_list) }
    }
}

impl Known {
    fn text(&mut self, text: &str) -> Option<u32> {
        let Self { texts, text_list, hashes, .. } = self;
        let hash = hash(self.seed, text.as_bytes());
        let is = |number: u32| hashes[number as usize] == hash && *text_list[number as usize] == *text;
        match texts.find(hash, is) {
            Ok(number) => Some(number),
            Err(slot) => {
                let number = u32::try_from(text_list.len()).ok().filter(|number| *number < u32::MAX)?;
                text_list.push(text.into());
                hashes.push(hash);
                texts.put(slot, number, |number| hashes[number as usize]);
                self.bytes += text.len() + BESIDE_TEXT;
                Some(number)
            }
        }
    }

    fn day(&mut self, day: i32) -> Option<u32> {
        let next = u32::try_from(self.day_list.len()).ok()?;
        let number = *self.days.entry(day).or_insert(next);
        if number == next {
            self.day_list.push(day);
        }
        Some(number)
    }
}

fn hash(seed: u64, bytes: &[u8]) -> u64 {
    let (words, rest) = bytes.as_chunks::<8>();
    let mut last = [0; 8];
    last[..rest.len()].copy_from_slice(rest);
    let words = words.iter().chain(std::iter::once(&last));
    words.fold(seed ^ bytes.len() as u64, |hash, word| mix(hash ^ u64::from_le_bytes(*word)))
}
