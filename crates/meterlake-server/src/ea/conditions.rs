//! The conditions under which a blob is read.

use chrono::{DateTime, NaiveDateTime, Utc};
use http::header::{HeaderMap, IF_MATCH, IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_UNMODIFIED_SINCE};

use crate::etag;

const HTTP_DATE: &str = "%a, %d %b %Y %H:%M:%S GMT";

/// What comes of a request's conditions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Condition {
    /// They hold, or there are none.
    Met,
    /// The client has this state of the file already.
    NotModified,
    /// The client wants another state of the file.
    Failed,
}

/// The conditions of the request on a file of this entity tag that was written at this instant, in the order of RFC
/// 9110: a condition on a tag makes the one on a date void, and dates that cannot be read are none.
pub(super) fn of(request: &HeaderMap, tag: &str, modified: DateTime<Utc>) -> Condition {
    let modified = modified.timestamp();
    let date = |name| request.get(name).and_then(|value| value.to_str().ok()).and_then(instant);
    let wanted = match request.contains_key(IF_MATCH) {
        true => matches(request, tag),
        false => date(IF_UNMODIFIED_SINCE).is_none_or(|since| modified <= since.timestamp()),
    };
    if !wanted {
        return Condition::Failed;
    }
    let held = match request.contains_key(IF_NONE_MATCH) {
        true => etag::none_match_hits(request, tag),
        false => date(IF_MODIFIED_SINCE).is_some_and(|since| modified <= since.timestamp()),
    };
    if held { Condition::NotModified } else { Condition::Met }
}

/// Whether `If-Match` names the tag or is `*`.
fn matches(request: &HeaderMap, tag: &str) -> bool {
    let values = request.get_all(IF_MATCH).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).map(str::trim).any(|named| named == "*" || named == tag)
}

/// The instant as HTTP headers write it.
pub(super) fn http_date(at: DateTime<Utc>) -> String {
    at.format(HTTP_DATE).to_string()
}

fn instant(text: &str) -> Option<DateTime<Utc>> {
    NaiveDateTime::parse_from_str(text.trim(), HTTP_DATE).ok().map(|at| at.and_utc())
}

#[cfg(test)]
mod tests {
    use http::HeaderName;

    use super::*;

    #[test]
    fn in_their_order() {
        use Condition::{Failed, Met, NotModified};
        let modified = "2024-11-15T10:20:30.9Z".parse().unwrap();
        let (before, same) = ("Fri, 15 Nov 2024 10:20:29 GMT", "Fri, 15 Nov 2024 10:20:30 GMT");
        assert_eq!(http_date(modified), same);
        for (headers, expected) in [
            (vec![], Met),
            (vec![(IF_MATCH, "\"a\"")], Met),
            (vec![(IF_MATCH, "\"b\", \"a\"")], Met),
            (vec![(IF_MATCH, "*")], Met),
            (vec![(IF_MATCH, "\"b\"")], Failed),
            (vec![(IF_MATCH, "\"ab\"")], Failed),
            // Weak tags never match strongly.
            (vec![(IF_MATCH, "W/\"a\"")], Failed),
            (vec![(IF_UNMODIFIED_SINCE, same)], Met),
            (vec![(IF_UNMODIFIED_SINCE, before)], Failed),
            (vec![(IF_UNMODIFIED_SINCE, before), (IF_MATCH, "\"a\"")], Met),
            (vec![(IF_UNMODIFIED_SINCE, "yesterday")], Met),
            (vec![(IF_NONE_MATCH, "\"a\"")], NotModified),
            (vec![(IF_NONE_MATCH, "W/\"a\"")], NotModified),
            (vec![(IF_NONE_MATCH, "\"b\"")], Met),
            (vec![(IF_MODIFIED_SINCE, same)], NotModified),
            (vec![(IF_MODIFIED_SINCE, before)], Met),
            (vec![(IF_MODIFIED_SINCE, same), (IF_NONE_MATCH, "\"b\"")], Met),
            (vec![(IF_NONE_MATCH, "\"a\""), (IF_MATCH, "\"b\"")], Failed),
        ] {
            let given: Vec<(HeaderName, http::HeaderValue)> =
                headers.iter().map(|(name, value)| (name.clone(), value.parse().unwrap())).collect();
            assert_eq!(of(&given.into_iter().collect(), "\"a\"", modified), expected, "{headers:?}");
        }
    }
}
