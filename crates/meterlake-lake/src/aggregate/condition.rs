//! Which rows count.

use std::{fmt, sync::Arc};

/// A condition on a text.
pub type TextTest = Arc<dyn Fn(&str) -> bool + Send + Sync>;

/// A condition on a day, as days since 1970-01-01.
pub type DayTest = Arc<dyn Fn(i32) -> bool + Send + Sync>;

/// A condition on a row. No column in it is ever null.
#[derive(Clone)]
pub enum Condition {
    /// All of them hold; true when there are none.
    All(Vec<Condition>),
    /// One of them holds; false when there are none.
    Any(Vec<Condition>),
    /// It does not hold.
    Not(Box<Condition>),
    /// The text passes.
    Text(&'static str, TextTest),
    /// The text is one of these. Tells which files need not be read, as [`Condition::Text`] does not.
    OneOf(&'static str, Arc<[String]>),
    /// The day passes.
    Day(&'static str, DayTest),
}

/// What is known of a column without reading it.
pub(super) enum Known<'a> {
    /// Nothing.
    Nothing,
    /// All texts lie between these two.
    Texts(&'a str, &'a str),
    /// All days lie between these two.
    Days(i32, i32),
}

/// With more days between the first and the last, they are not tried one by one.
const MOST_DAYS: i32 = 1000;

impl Condition {
    /// The condition `true` or `false`.
    #[must_use]
    pub fn constant(value: bool) -> Self {
        if value { Self::All(Vec::new()) } else { Self::Any(Vec::new()) }
    }

    /// Whether the condition decides a day as it decides the first day of its bucket, for all days of the buckets
    /// between two days. With false nothing is said.
    #[must_use]
    pub fn decides_by(&self, bucket: fn(i32) -> i32, (first, last): (i32, i32)) -> bool {
        match self {
            Self::All(parts) | Self::Any(parts) => parts.iter().all(|part| part.decides_by(bucket, (first, last))),
            Self::Not(inner) => inner.decides_by(bucket, (first, last)),
            Self::Text(..) | Self::OneOf(..) => true,
            Self::Day(_, test) => {
                let (start, end) = (bucket(first), bucket(last));
                let days = start..start.saturating_add(MOST_DAYS);
                let alike =
                    days.clone().take_while(|day| bucket(*day) <= end).all(|day| test(day) == test(bucket(day)));
                alike && first <= last && days.contains(&last) && bucket(days.end) > end
            }
        }
    }

    /// Its value, when it has the same for all rows.
    pub(super) fn value(&self) -> Option<bool> {
        match self {
            Self::All(parts) if parts.is_empty() => Some(true),
            Self::Any(parts) if parts.is_empty() => Some(false),
            _ => None,
        }
    }

    /// The same condition without the parts that what is known decides.
    pub(super) fn simplified<'a>(&self, known: &impl Fn(&str) -> Known<'a>) -> Self {
        match self {
            Self::All(parts) => Self::joined(parts, known, true),
            Self::Any(parts) => Self::joined(parts, known, false),
            Self::Not(inner) => {
                let inner = inner.simplified(known);
                inner.value().map_or_else(|| Self::Not(Box::new(inner)), |value| Self::constant(!value))
            }
            leaf => leaf.decided(known).map_or_else(|| leaf.clone(), Self::constant),
        }
    }

    /// `all`: whether all parts must hold, or one.
    fn joined<'a>(parts: &[Self], known: &impl Fn(&str) -> Known<'a>, all: bool) -> Self {
        let mut kept = Vec::with_capacity(parts.len());
        for part in parts {
            let part = part.simplified(known);
            match part.value() {
                Some(value) if value == all => {}
                Some(value) => return Self::constant(value),
                None => kept.push(part),
            }
        }
        match kept.len() {
            1 => kept.swap_remove(0),
            _ if all => Self::All(kept),
            _ => Self::Any(kept),
        }
    }

    fn decided<'a>(&self, known: &impl Fn(&str) -> Known<'a>) -> Option<bool> {
        match self {
            Self::Text(column, test) => match known(column) {
                Known::Texts(least, greatest) if least == greatest => Some(test(least)),
                _ => None,
            },
            Self::OneOf(column, values) => match known(column) {
                Known::Texts(least, greatest) => {
                    if !values.iter().any(|value| least <= value.as_str() && value.as_str() <= greatest) {
                        Some(false)
                    } else if least == greatest {
                        Some(true)
                    } else {
                        None
                    }
                }
                _ => None,
            },
            Self::Day(column, test) => match known(column) {
                Known::Days(first, last) if first <= last && last.saturating_sub(first) <= MOST_DAYS => {
                    let value = test(first);
                    (first..=last).all(|day| test(day) == value).then_some(value)
                }
                _ => None,
            },
            _ => None,
        }
    }

    /// The only column that it asks for; none when there are several.
    pub(super) fn column(&self) -> Option<&'static str> {
        match self {
            Self::Text(column, _) | Self::OneOf(column, _) | Self::Day(column, _) => Some(column),
            Self::Not(inner) => inner.column(),
            Self::All(parts) | Self::Any(parts) => {
                let mut columns = parts.iter().map(Self::column);
                let first = columns.next()??;
                columns.all(|column| column == Some(first)).then_some(first)
            }
        }
    }

    /// Whether a row with this text passes, when the condition asks for the column of the text alone.
    pub(super) fn passes_text(&self, text: &str) -> bool {
        self.passes(&|leaf| match leaf {
            Self::Text(_, test) => test(text),
            Self::OneOf(_, values) => values.iter().any(|value| value == text),
            _ => false,
        })
    }

    /// The same for a day.
    pub(super) fn passes_day(&self, day: i32) -> bool {
        self.passes(&|leaf| matches!(leaf, Self::Day(_, test) if test(day)))
    }

    fn passes(&self, leaf: &dyn Fn(&Self) -> bool) -> bool {
        match self {
            Self::All(parts) => parts.iter().all(|part| part.passes(leaf)),
            Self::Any(parts) => parts.iter().any(|part| part.passes(leaf)),
            Self::Not(inner) => !inner.passes(leaf),
            own => leaf(own),
        }
    }
}

impl fmt::Debug for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All(parts) => f.debug_tuple("All").field(parts).finish(),
            Self::Any(parts) => f.debug_tuple("Any").field(parts).finish(),
            Self::Not(inner) => f.debug_tuple("Not").field(inner).finish(),
            Self::Text(column, _) => write!(f, "Text({column})"),
            Self::OneOf(column, values) => write!(f, "OneOf({column}, {values:?})"),
            Self::Day(column, _) => write!(f, "Day({column})"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(least: i32) -> Condition {
        Condition::Day("d", Arc::new(move |day| day >= least))
    }

    #[test]
    fn what_is_known_decides_parts() {
        let text = |column, wanted: &'static str| Condition::Text(column, Arc::new(move |text| text == wanted));
        let known = |column: &str| match column {
            "d" => Known::Days(10, 20),
            "t" => Known::Texts("b", "b"),
            "u" => Known::Texts("b", "k"),
            _ => Known::Nothing,
        };
        let one_of = |column, values: &[&str]| {
            Condition::OneOf(column, values.iter().map(|value| (*value).to_owned()).collect())
        };
        for (condition, expected) in [
            (day(10), Some(true)),
            (day(21), Some(false)),
            (day(11), None),
            (text("t", "b"), Some(true)),
            (text("t", "c"), Some(false)),
            (text("u", "a"), None),
            (text("x", "a"), None),
            (one_of("t", &["a", "b"]), Some(true)),
            (one_of("u", &["a", "l"]), Some(false)),
            (one_of("u", &["a", "c"]), None),
            (one_of("x", &[]), None),
            (Condition::All(vec![day(10), text("x", "a")]), None),
            (Condition::All(vec![day(21), text("x", "a")]), Some(false)),
            (Condition::Any(vec![day(10), text("x", "a")]), Some(true)),
            (Condition::Not(Box::new(day(10))), Some(false)),
            (Condition::Not(Box::new(day(11))), None),
        ] {
            assert_eq!(condition.simplified(&known).value(), expected, "{condition:?}");
        }
        // Buckets of ten days.
        let tens: fn(i32) -> i32 = |day| day.div_euclid(10) * 10;
        for (condition, span, expected) in [
            (day(20), (12, 35), true),
            (day(20), (21, 22), true),
            (day(25), (21, 22), false),
            (day(25), (12, 19), true),
            (day(25), (12, 20), false),
            (Condition::Not(Box::new(day(25))), (12, 20), false),
            (Condition::Any(vec![day(20), text("x", "a")]), (12, 20), true),
            (day(20), (12, 5000), false),
        ] {
            assert_eq!(condition.decides_by(tens, span), expected, "{condition:?} {span:?}");
        }
        let left = Condition::All(vec![day(10), text("x", "a"), day(9)]).simplified(&known);
        assert_eq!(left.column(), Some("x"));
        assert_eq!(Condition::All(vec![day(10), text("x", "a")]).column(), None);
    }
}
