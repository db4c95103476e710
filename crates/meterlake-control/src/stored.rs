//! How values stand in the database: instants as microseconds, everything else as its canonical text.

use std::fmt::Display;
use std::str::FromStr;

use chrono::{DateTime, Utc};

use crate::ControlError;

/// An instant as stored.
pub(crate) fn micros(instant: DateTime<Utc>) -> i64 {
    instant.timestamp_micros()
}

/// A stored instant.
pub(crate) fn instant(micros: i64) -> DateTime<Utc> {
    DateTime::from_timestamp_micros(micros).unwrap_or(DateTime::UNIX_EPOCH)
}

/// A stored instant that may be missing.
pub(crate) fn instant_opt(micros: Option<i64>) -> Option<DateTime<Utc>> {
    micros.map(instant)
}

/// Reads a stored text as its type.
pub(crate) fn parse<T>(column: &'static str, text: &str) -> Result<T, ControlError>
where
    T: FromStr,
    T::Err: Display,
{
    text.parse().map_err(|e: T::Err| ControlError::Corrupt { column, value: text.to_owned(), reason: e.to_string() })
}

/// Reads a stored text that may be missing.
pub(crate) fn parse_opt<T>(column: &'static str, text: Option<&str>) -> Result<Option<T>, ControlError>
where
    T: FromStr,
    T::Err: Display,
{
    text.map(|t| parse(column, t)).transpose()
}

/// Reads a stored whole number as a narrower type.
pub(crate) fn number<T: TryFrom<i64>>(column: &'static str, value: i64) -> Result<T, ControlError> {
    T::try_from(value).map_err(|_| ControlError::Corrupt {
        column,
        value: value.to_string(),
        reason: "out of range".to_owned(),
    })
}

/// A count or version as stored. SQLite has no unsigned numbers.
pub(crate) fn signed(what: &'static str, value: u64) -> Result<i64, ControlError> {
    i64::try_from(value).map_err(|_| ControlError::Invalid {
        what,
        value: value.to_string(),
        expected: "a number below 2^63",
    })
}

/// Reads a stored JSON text.
pub(crate) fn json(column: &'static str, text: &str) -> Result<serde_json::Value, ControlError> {
    parse(column, text)
}
