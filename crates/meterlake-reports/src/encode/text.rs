//! Text columns in the forms that Arrow gives them, written once where they repeat.

use std::ops::Range;

use datafusion::arrow::array::{Array, AsArray, LargeStringArray, StringArray, StringViewArray};
use datafusion::arrow::datatypes::DataType;

use super::source::uniform;

/// Text values by index, without what repeats.
pub(super) struct Plain<'a> {
    form: Form<'a>,
    has_nulls: bool,
}

#[derive(Clone, Copy)]
enum Form<'a> {
    /// 32-bit offsets.
    Small(&'a StringArray),
    /// 64-bit offsets.
    Large(&'a LargeStringArray),
    /// Views.
    Views(&'a StringViewArray),
}

impl<'a> Plain<'a> {
    pub(super) fn of(array: &'a dyn Array) -> Option<Self> {
        let form = match array.data_type() {
            DataType::Utf8 => Form::Small(array.as_string_opt()?),
            DataType::LargeUtf8 => Form::Large(array.as_string_opt()?),
            DataType::Utf8View => Form::Views(array.as_string_view_opt()?),
            _ => return None,
        };
        Some(Self { form, has_nulls: array.null_count() > 0 })
    }

    fn len(&self) -> usize {
        match self.form {
            Form::Small(array) => array.len(),
            Form::Large(array) => array.len(),
            Form::Views(array) => array.len(),
        }
    }

    /// The value, empty for null.
    #[inline]
    fn value(&self, at: usize) -> &'a [u8] {
        if self.has_nulls && self.is_null(at) {
            return b"";
        }
        match self.form {
            Form::Small(array) => array.value(at).as_bytes(),
            Form::Large(array) => array.value(at).as_bytes(),
            Form::Views(array) => array.value(at).as_bytes(),
        }
    }

    fn is_null(&self, at: usize) -> bool {
        match self.form {
            Form::Small(array) => array.is_null(at),
            Form::Large(array) => array.is_null(at),
            Form::Views(array) => array.is_null(at),
        }
    }

    /// Whether the two rows surely hold the same text. Views of one column chunk share the bytes of its dictionary, so
    /// that equal texts mostly have equal views.
    #[inline]
    fn same(&self, one: usize, other: usize) -> bool {
        match self.form {
            Form::Views(array) if !self.has_nulls => array.views()[one] == array.views()[other],
            _ => self.value(one) == self.value(other),
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

    /// Whether all rows, of which there is one at least, surely have the same text.
    pub(super) fn is_constant(&self) -> bool {
        match self {
            Self::Plain { values, .. } => values.len() > 0 && (1..values.len()).all(|row| values.same(0, row)),
            Self::Dictionary { keys, .. } => uniform(keys, 0),
        }
    }

    /// Appends the value of the row as `write` writes it, or copies it when it is in the output already.
    #[inline]
    pub(super) fn append(&mut self, row: usize, out: &mut Vec<u8>, write: impl Fn(&[u8], &mut Vec<u8>)) {
        match self {
            Self::Plain { values, last } => {
                if let Some((before, place)) = last
                    && values.same(*before, row)
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
