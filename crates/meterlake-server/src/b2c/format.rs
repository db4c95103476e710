//! The formats of an answer, and which one a request asks for.

use http::HeaderMap;
use http::header::ACCEPT;

use crate::parameters::Parameters;
use crate::refusal::Refusal;

/// A format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    /// The envelope with its rows.
    Json,
    /// `<Objects>`, as PowerShell converts the rows.
    Xml,
    /// A header and a line a row.
    Csv,
    /// `Name : value` lines.
    List,
}

impl Format {
    /// The content type.
    pub(super) const fn content_type(self) -> &'static str {
        match self {
            Self::Json => crate::headers::JSON,
            Self::Xml => "application/xml; charset=utf-8",
            Self::Csv => "text/csv; charset=utf-8",
            Self::List => "text/plain; charset=utf-8",
        }
    }

    /// What `format` says, else what `Accept` leaves: JSON unless the client accepts none of it.
    pub(super) fn of(parameters: &Parameters, headers: &HeaderMap) -> Result<Self, Refusal> {
        let expected = "json, xml, csv or list";
        let asked = parameters.parsed("format", expected, |text| {
            let text = text.trim().to_ascii_lowercase();
            match text.split(';').next().unwrap_or_default().trim_end() {
                "json" | "application/json" => Some(Self::Json),
                "xml" | "application/xml" | "text/xml" => Some(Self::Xml),
                "csv" | "text/csv" => Some(Self::Csv),
                "list" => Some(Self::List),
                _ => None,
            }
        })?;
        Ok(asked.unwrap_or_else(|| accepted(headers)))
    }
}

fn accepted(headers: &HeaderMap) -> Format {
    let ranges: Vec<Range> = headers
        .get_all(ACCEPT)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(Range::read)
        .collect();
    let accepts = |types: &[(&str, &str)]| types.iter().any(|(main, sub)| Range::accept(&ranges, main, sub));
    if ranges.is_empty() || accepts(&[("application", "json"), ("text", "json")]) {
        return Format::Json;
    }
    if accepts(&[("application", "xml"), ("text", "xml")]) {
        return Format::Xml;
    }
    if accepts(&[("text", "csv")]) { Format::Csv } else { Format::Json }
}

/// A part of `Accept`.
struct Range {
    main: String,
    sub: String,
    /// Whether its weight is 0.
    excluded: bool,
}

impl Range {
    fn read(text: &str) -> Option<Self> {
        let mut parts = text.split(';');
        let (main, sub) = parts.next()?.trim().split_once('/')?;
        let excluded = parts.filter_map(|part| part.trim().split_once('=')).any(|(name, value)| {
            let zero = value.trim().bytes().all(|b| matches!(b, b'0' | b'.')) && value.contains('0');
            name.trim().eq_ignore_ascii_case("q") && zero
        });
        Some(Self { main: main.to_ascii_lowercase(), sub: sub.to_ascii_lowercase(), excluded })
    }

    /// Whether the most special range that names the type lets it in.
    fn accept(ranges: &[Self], main: &str, sub: &str) -> bool {
        let of = |m: &str, s: &str| ranges.iter().find(|range| range.main == m && range.sub == s);
        of(main, sub).or_else(|| of(main, "*")).or_else(|| of("*", "*")).is_some_and(|range| !range.excluded)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn by_accept() {
        for (accept, expected) in [
            ("", Format::Json),
            ("application/json", Format::Json),
            ("application/xml", Format::Xml),
            ("text/xml", Format::Xml),
            ("text/csv", Format::Csv),
            ("text/html", Format::Json),
            ("*/*", Format::Json),
            ("application/xml, */*;q=0.1", Format::Json),
            ("application/xml, application/*;q=0.1", Format::Json),
            ("application/json;q=0, application/xml", Format::Xml),
            ("application/json;q=0.0, text/json;q=0, application/*", Format::Xml),
            ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", Format::Json),
            ("Application/XML;charset=utf-8", Format::Xml),
            (";;,,/", Format::Json),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(ACCEPT, accept.parse().unwrap());
            let format = Format::of(&Parameters::default(), &headers).unwrap();
            assert_eq!(format, expected, "{accept}");
        }
        assert_eq!(Format::of(&Parameters::default(), &HeaderMap::new()), Ok(Format::Json));
    }
}
