//! Dates and numbers as they stand in files, and what all rows together say about their form.

pub(crate) mod date;
pub(crate) mod number;
