//! Text columns in the forms that Arrow gives them, written once where they repeat.

use std::ops::Range;

use datafusion::arrow::array::{Array, AsArray, LargeStringArray, StringArray, StringViewArray};
use datafusion::arrow::datatypes::DataType;

/// Text values by index, without what repeats.
pub(super) enum Plain<'a> {
    /// 32-bit offsets.
    Small(&'a StringArray),
    /// 64-bit offsets.
    Large(&'a LargeStringArray),
    /// Views.
    Views(&'a StringViewArray),
}

impl<'a> Plain<'a> {
    pub(super) fn of(array: &'a dyn Array) -> Option<Self> {
        match array.data_type() {
            DataType::Utf8 => array.as_string_opt().map(Self::Small),
            DataType::LargeUtf8 => array.as_string_opt().map(Self::Large),
            DataType::Utf8View => array.as_string_view_opt().map(Self::Views),
            _ => None,
        }
    }

    /// The value, empty for null.
    #[inline]
    fn value(&self, at: usize) -> &'a [u8] {
        match self {
            Self::Small(array) if array.is_valid(at) => array.value(at).as_bytes(),
            Self::Large(array) if array.is_valid(at) => array.value(at).as_bytes(),
            Self::Views(array) if array.is_valid(at) => array.value(at).as_bytes(),
            _ => b"",
        }
    }

    /// What tells cheaply that two rows hold the same text. Views of one column chunk share the bytes of its
    /// dictionary, so that equal texts mostly have equal views.
    #[inline]
    fn view(&self, at: usize) -> Option<u128> {
        match self {
            Self::Views(array) => Some(array.views()[at]).filter(|_| array.is_valid(at)),
            _ => None,
        }
    }
}

/// Where in the output a value has been written already.
type Written = Option<Range<usize>>;

/// A text column together with what of it is in the output already. Lives as long as one call appends to one output.
pub(super) enum Texts<'a> {
    /// Repeats are looked for in the row before: charges lie sorted.
    Plain {
        /// The values.
        values: Plain<'a>,
        /// The row last written, with its place.
        last: Option<(usize, Range<usize>)>,
    },
    /// Each distinct value is escaped once.
    Dictionary {
        /// For each row the index of its value; none for null.
        keys: Vec<Option<usize>>,
        /// The distinct values.
        values: Plain<'a>,
        /// For each distinct value where it was written; empty when that is not remembered.
        written: Vec<Written>,
    },
}

impl<'a> Texts<'a> {
    pub(super) fn of(array: &'a dyn Array) -> Option<Self> {
        if let Some(values) = Plain::of(array) {
            return Some(Self::Plain { values, last: None });
        }
        let dictionary = array.as_any_dictionary_opt()?;
        let values = Plain::of(dictionary.values().as_ref())?;
        let distinct = dictionary.values().len();
        let keys = if distinct == 0 {
            vec![None; array.len()]
        } else {
            let keys = dictionary.normalized_keys().into_iter().enumerate();
            keys.map(|(row, key)| dictionary.keys().is_valid(row).then_some(key)).collect()
        };
        // Not worth the room when few rows bring a large dictionary.
        let remembered = if distinct / 2 > array.len() { 0 } else { distinct };
        Some(Self::Dictionary { keys, values, written: vec![None; remembered] })
    }

    /// Appends the value of the row as `write` writes it, or copies it when it is in the output already.
    #[inline]
    pub(super) fn append(&mut self, row: usize, out: &mut Vec<u8>, write: impl Fn(&[u8], &mut Vec<u8>)) {
        match self {
            Self::Plain { values, last } => {
                if let Some((before, place)) = last
                    && same(values, *before, row)
                {
                    out.extend_from_within(place.clone());
                    return;
                }
                let start = out.len();
                write(values.value(row), out);
                *last = Some((row, start..out.len()));
            }
            Self::Dictionary { keys, values, written } => match keys[row] {
                None => write(b"", out),
                Some(key) => {
                    if let Some(Some(place)) = written.get(key) {
                        out.extend_from_within(place.clone());
                        return;
                    }
                    let start = out.len();
                    write(values.value(key), out);
                    if let Some(written) = written.get_mut(key) {
                        *written = Some(start..out.len());
                    }
                }
            },
        }
    }
}

/// Whether the two rows surely hold the same text.
#[inline]
fn same(values: &Plain<'_>, before: usize, row: usize) -> bool {
    match (values.view(before), values.view(row)) {
        (Some(before), Some(row)) => before == row,
        _ => values.value(before) == values.value(row),
    }
}
