//! Query parameters: one spelling of each name, one value each, the unknown ones set aside by name.

use std::collections::BTreeMap;

use percent_encoding::percent_decode;

use crate::refusal::{Malformed, Refusal};

/// Names that may carry the `$` of an OData system option.
const OPTIONS: &[&str] = &["filter", "top", "skip", "orderby", "format", "groupby", "skiptoken"];

/// Most ignored parameters that an answer names.
const NAMED: usize = 20;

/// The known parameters of a request.
#[derive(Debug, Clone, Default)]
pub(crate) struct Parameters {
    values: BTreeMap<&'static str, String>,
    defect: Option<Malformed>,
    ignored: Vec<String>,
}

impl Parameters {
    /// Reads a query string; `known` are the names that the route has, as documented.
    pub(crate) fn read(query: &str, known: &'static [&'static str]) -> Self {
        let mut read = Self::default();
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let given = String::from_utf8_lossy(&decode(name).unwrap_or_else(|| name.as_bytes().to_vec())).into_owned();
            match known.iter().find(|known| names(known, &given)) {
                Some(&name) => read.take(name, value),
                None if read.ignored.len() < NAMED && !read.ignored.contains(&given) => read.ignored.push(given),
                None => {}
            }
        }
        read
    }

    fn take(&mut self, name: &'static str, raw: &str) {
        let Some(value) = decode(raw).and_then(|bytes| String::from_utf8(bytes).ok()) else {
            self.defect.get_or_insert(Malformed::parameter(name, raw, "percent-encoded UTF-8"));
            return;
        };
        if let Some(first) = self.values.get(name) {
            let both = format!("{first}, {value}");
            self.defect.get_or_insert(Malformed::parameter(
                name,
                &both,
                "one value; the parameter is given more than once",
            ));
            return;
        }
        self.values.insert(name, value);
    }

    /// Refuses a request with a badly encoded or repeated parameter.
    pub(crate) fn well_formed(&self) -> Result<&Self, Refusal> {
        self.defect.clone().map_or(Ok(self), |defect| Err(Refusal::Malformed(defect)))
    }

    /// The value of a parameter by its documented name.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.values.get(name).map(String::as_str)
    }

    /// The parameter read by `parse`, or the refusal that names it, its value and what was expected.
    pub(crate) fn parsed<T>(
        &self,
        name: &'static str,
        expected: &str,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Result<Option<T>, Refusal> {
        self.get(name)
            .map(|value| parse(value).ok_or_else(|| Malformed::parameter(name, value, expected).into()))
            .transpose()
    }

    /// Every parameter but the position token, in the order of their names: what a next link is bound to.
    pub(crate) fn without_position(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.values.iter().filter(|(name, _)| **name != "skiptoken").map(|(name, value)| (*name, value.as_str()))
    }

    /// The names that no one reads, written so that they fit a header; empty when there are none.
    pub(crate) fn ignored(&self) -> String {
        let encode = |name: &String| -> String {
            let short: String = name.chars().take(64).collect();
            percent_encoding::utf8_percent_encode(&short, HEADER).to_string()
        };
        self.ignored.iter().map(encode).collect::<Vec<_>>().join(", ")
    }
}

/// What a name must not hold in `Meterlake-Ignored-Parameters`.
const HEADER: &percent_encoding::AsciiSet = &percent_encoding::CONTROLS.add(b' ').add(b',').add(b'%').add(b'"');

/// Whether `given` is a spelling of the parameter `known`.
fn names(known: &str, given: &str) -> bool {
    known.eq_ignore_ascii_case(given)
        || given.strip_prefix('$').is_some_and(|rest| OPTIONS.contains(&known) && known.eq_ignore_ascii_case(rest))
}

/// Percent-decoding with `+` as a blank; `None` when a `%` is not followed by two hexadecimal digits.
fn decode(text: &str) -> Option<Vec<u8>> {
    let bytes = text.as_bytes();
    let broken = bytes.iter().enumerate().any(|(at, byte)| {
        *byte == b'%' && !bytes.get(at + 1..at + 3).is_some_and(|hex| hex.iter().all(u8::is_ascii_hexdigit))
    });
    (!broken).then(|| percent_decode(text.replace('+', " ").as_bytes()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    const KNOWN: &[&str] = &["filter", "top", "startDate"];

    #[test]
    fn spellings_are_one_parameter() {
        for query in ["filter=a+b", "$filter=a%20b", "%24FILTER=a%20b&x=1", "$Filter=a b"] {
            let read = Parameters::read(query, KNOWN);
            assert_eq!(read.get("filter"), Some("a b"), "{query}");
            assert!(read.well_formed().is_ok());
        }
        let read = Parameters::read("$startdate=1&STARTDATE=2", KNOWN);
        assert_eq!((read.get("startDate"), read.ignored().as_str()), (Some("2"), "$startdate"));
    }

    proptest::proptest! {
        #[test]
        fn no_query_is_too_wild(query in "[a-zA-Z$%&=+0-9\\PC]{0,80}") {
            let read = Parameters::read(&query, KNOWN);
            proptest::prop_assert!(http::HeaderValue::from_str(&read.ignored()).is_ok());
            let _ = read.well_formed();
        }

        #[test]
        fn values_arrive_as_they_were_sent(value in "\\PC{0,40}") {
            let query = url::form_urlencoded::Serializer::new(String::new()).append_pair("$FILTER", &value).finish();
            let read = Parameters::read(&query, KNOWN);
            proptest::prop_assert_eq!(read.get("filter"), Some(value.as_str()));
        }
    }

    #[test]
    fn repeated_and_broken_ones_are_refused() {
        for (query, named) in [("top=1&$top=2", "1, 2"), ("top=%zz", "%zz"), ("top=%ff", "%ff"), ("top=%2", "%2")] {
            let refusal = Parameters::read(query, KNOWN).well_formed().unwrap_err();
            assert!(refusal.to_string().contains("top") && refusal.to_string().contains(named), "{refusal}");
        }
    }

    #[test]
    fn ignored_names_are_safe_in_a_header() {
        let read = Parameters::read("fil%0Dter=1&a,b=2&%zz=3&&=4&fil%0Dter=5", KNOWN);
        assert_eq!(read.ignored(), "fil%0Dter, a%2Cb, %25zz, ");
    }
}
