//! Path templates. Fixed parts match in any case and percent-encoding, empty parts (a doubled slash) are skipped,
//! and a match is rewritten to the one spelling that the router knows.

use std::borrow::Cow;

use percent_encoding::{AsciiSet, CONTROLS, percent_decode_str, utf8_percent_encode};

/// What a captured part must not hold when it is written back into a path.
const PART: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'%')
    .add(b'/')
    .add(b'<')
    .add(b'>')
    .add(b'?')
    .add(b'[')
    .add(b'\\')
    .add(b']')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}');

/// One part of a template.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    /// A fixed text.
    Fixed(String),
    /// `{name}`: anything; `{name:a|b}`: one of the texts.
    Captured { name: String, choices: Vec<String> },
}

/// A path such as `/{version:v1|v2|v3}/enrollments/{enrollment}/usagedetails`.
#[derive(Debug, Clone)]
pub(crate) struct PathTemplate(Vec<Part>);

impl PathTemplate {
    /// Reads a template.
    pub(crate) fn new(template: &str) -> Self {
        Self(template.split('/').filter(|part| !part.is_empty()).map(Part::new).collect())
    }

    /// The template as axum writes it, without choices.
    pub(crate) fn for_axum(&self) -> String {
        self.0.iter().fold(String::new(), |mut path, part| {
            path.push('/');
            match part {
                Part::Fixed(text) => path.push_str(text),
                Part::Captured { name, .. } => {
                    path.push('{');
                    path.push_str(name);
                    path.push('}');
                }
            }
            path
        })
    }

    /// The template as OpenAPI writes it, with some captured parts written out.
    pub(crate) fn documented(&self, written_out: &[(&str, &str)]) -> String {
        self.0.iter().fold(String::new(), |mut path, part| {
            path.push('/');
            match part {
                Part::Fixed(text) => path.push_str(text),
                Part::Captured { name, .. } => match written_out.iter().find(|(of, _)| of == name) {
                    Some((_, text)) => path.push_str(text),
                    None => path.extend(["{", name, "}"]),
                },
            }
            path
        })
    }

    /// The captured parts with the texts that each is one of; none: any.
    #[cfg(test)]
    pub(crate) fn captured(&self) -> impl Iterator<Item = (&str, &[String])> {
        self.0.iter().filter_map(|part| match part {
            Part::Captured { name, choices } => Some((name.as_str(), choices.as_slice())),
            Part::Fixed(_) => None,
        })
    }

    /// The canonical spelling of a path whose decoded parts are `parts`, when it matches.
    pub(crate) fn canonical(&self, parts: &[Cow<'_, str>]) -> Option<String> {
        if parts.len() != self.0.len() {
            return None;
        }
        let mut path = String::new();
        for (part, given) in self.0.iter().zip(parts) {
            path.push('/');
            match part {
                Part::Fixed(text) if text.eq_ignore_ascii_case(given) => path.push_str(text),
                Part::Fixed(_) => return None,
                Part::Captured { choices, .. } if choices.is_empty() => {
                    path.extend(utf8_percent_encode(given, PART));
                }
                Part::Captured { choices, .. } => {
                    path.push_str(choices.iter().find(|choice| choice.eq_ignore_ascii_case(given))?);
                }
            }
        }
        Some(path)
    }

    /// A path that both templates match, if there is one.
    #[cfg(test)]
    pub(crate) fn shared(&self, other: &Self) -> Option<String> {
        let path = self.0.iter().zip(&other.0).fold(String::new(), |path, pair| {
            let part = match pair {
                (Part::Fixed(text), _) | (Part::Captured { .. }, Part::Fixed(text)) => text.as_str(),
                (Part::Captured { choices, .. }, Part::Captured { choices: others, .. }) => {
                    choices.iter().chain(others).next().map_or("x", String::as_str)
                }
            };
            path + "/" + part
        });
        let parts = parts(&path);
        (self.0.len() == other.0.len() && self.canonical(&parts).is_some() && other.canonical(&parts).is_some())
            .then_some(path)
    }
}

impl Part {
    fn new(text: &str) -> Self {
        match text.strip_prefix('{').and_then(|t| t.strip_suffix('}')) {
            None => Self::Fixed(text.to_owned()),
            Some(inner) => {
                let (name, choices) = inner.split_once(':').unwrap_or((inner, ""));
                let choices = choices.split('|').filter(|c| !c.is_empty()).map(str::to_owned).collect();
                Self::Captured { name: name.to_owned(), choices }
            }
        }
    }
}

/// The decoded parts of a request path, empty ones left out. Bytes that are not UTF-8 become U+FFFD, so that they
/// reach the check of the part they stand in.
pub(crate) fn parts(path: &str) -> Vec<Cow<'_, str>> {
    path.split('/').filter(|part| !part.is_empty()).map(|part| percent_decode_str(part).decode_utf8_lossy()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn canonical(path: &str) -> Option<String> {
        PathTemplate::new("/{version:v1|v2|v3}/enrollments/{enrollment}/billingPeriods/{period}/usagedetails")
            .canonical(&parts(path))
    }

    #[test]
    fn any_spelling_of_the_fixed_parts_matches() {
        let expected = Some("/v2/enrollments/100/billingPeriods/201704/usagedetails".to_owned());
        for path in [
            "/v2/enrollments/100/billingPeriods/201704/usagedetails",
            "//V2/Enrollments/100/billingperiods/201704/UsageDetails",
            "/v2//enrollments/100/billingPeriods/201704/usagedetails/",
            "/v2/%65nrollments/%31%300/billingPeriods/201704/usagedetails",
        ] {
            assert_eq!(canonical(path), expected, "{path}");
        }
        for path in ["/v4/enrollments/1/billingPeriods/2/usagedetails", "/v2/enrollments/1/usagedetails", "", "/"] {
            assert_eq!(canonical(path), None, "{path}");
        }
    }

    #[test]
    fn what_two_templates_share() {
        let shared = |one: &str, other: &str| PathTemplate::new(one).shared(&PathTemplate::new(other));
        assert_eq!(shared("/{a}/reports", "/{b:v1|v2}/reports"), Some("/v1/reports".to_owned()));
        assert_eq!(shared("/{a}/reports", "/v1/{b}"), Some("/v1/reports".to_owned()));
        assert_eq!(shared("/{a}/reports", "/v1/{b}/c"), None);
        assert_eq!(shared("/{a}/reports", "/{a}/other"), None);
    }

    proptest::proptest! {
        #[test]
        fn the_canonical_spelling_is_its_own(part in "[^/]{1,40}") {
            if let Some(once) = canonical(&format!("/V1/enrollments/{part}/billingPeriods/{part}/usagedetails")) {
                proptest::prop_assert!(once.parse::<http::Uri>().is_ok(), "{}", once);
                proptest::prop_assert_eq!(canonical(&once), Some(once));
            }
        }
    }

    #[test]
    fn captured_parts_stay_one_part() {
        assert_eq!(
            canonical("/v1/enrollments/a%2Fb%20%ff/billingPeriods/x/usagedetails").as_deref(),
            Some("/v1/enrollments/a%2Fb%20%EF%BF%BD/billingPeriods/x/usagedetails")
        );
    }
}
