//! The parameters of a report.

use meterlake_reports::{B2cFilter, B2cFilterError};

use super::errors::B2cRefused;
use super::report::Report;
use crate::parameters::Parameters;
use crate::refusal::{Malformed, Refusal};

/// The parameters of a report, and the position of a next link.
pub(super) const REPORT: &[&str] = &["api-version", "filter", "top", "format", "skiptoken"];
/// The parameters of the catalogue.
pub(super) const CATALOGUE: &[&str] = &["api-version", "format"];
/// The parameters of the description of the service.
pub(super) const METADATA: &[&str] = &["api-version"];

/// The filter of a report; of one that does not exist, what it can be at most.
pub(super) fn filter(parameters: &Parameters, report: Option<Report>) -> Result<B2cFilter, B2cRefused> {
    let Some(text) = parameters.get("filter") else { return Ok(B2cFilter::default()) };
    let filter = B2cFilter::parse(text).map_err(|error| {
        let malformed = Malformed::parameter("filter", text, error.to_string());
        match error {
            B2cFilterError::Malformed(_) => malformed.into(),
            B2cFilterError::Unsupported(_) => B2cRefused::unsupported_query(malformed),
        }
    })?;
    if report == Some(Report::Users) && filter.application.is_some() {
        let expected = "a filter by TimeStamp only; users do not belong to an application";
        return Err(B2cRefused::unsupported_query(Malformed::parameter("filter", text, expected)));
    }
    Ok(filter)
}

/// The most rows of an answer; all when none.
pub(super) fn top(parameters: &Parameters) -> Result<Option<usize>, Refusal> {
    parameters.parsed("top", "a whole number, 1 or more", |text| {
        let text = text.trim();
        let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        digits.then(|| text.parse::<usize>().unwrap_or(usize::MAX)).filter(|top| *top >= 1)
    })
}
