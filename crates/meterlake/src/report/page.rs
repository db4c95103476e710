//! A page of an answer: its rows and where the next ones are.

use anyhow::Context as _;

use super::ReportName;
use crate::rows::{Row, plain};

/// A page.
#[derive(Debug)]
pub(super) struct Page {
    pub(super) rows: Vec<Row>,
    pub(super) next: Option<String>,
}

impl Page {
    /// Reads an answer in the family's envelope.
    pub(super) fn read(report: ReportName, body: &str) -> anyhow::Result<Self> {
        let (rows_in, next_in) = match report {
            ReportName::EaUsageDetails => ("data", "nextLink"),
            ReportName::AzureUsage => ("Value", "@nextLink"),
            ReportName::UsageSummary => ("", ""),
            ReportName::LicenceConsumption => ("Data", ""),
            _ => ("value", "@odata.nextLink"),
        };
        let body = body.trim_start_matches('\u{feff}');
        let envelope: Row = serde_json::from_str(body).context("the answer is not a JSON object")?;
        if rows_in.is_empty() {
            return Ok(Self { rows: vec![envelope], next: None });
        }
        let rows = envelope.get(rows_in).with_context(|| format!("the answer has no {rows_in:?}"))?;
        let rows = serde_json::from_str(rows.get()).with_context(|| format!("{rows_in:?} does not hold rows"))?;
        let next = envelope.get(next_in).map(plain).filter(|link| !link.is_empty());
        Ok(Self { rows, next })
    }
}

/// The path and query that a next link stands for. Only its path is used, so that a link never takes the credential
/// to another host.
pub(super) fn follow(first: &str, link: &str) -> anyhow::Result<String> {
    if let Some(token) = link.split_once("skiptoken=").filter(|_| !link.contains("//") && !link.starts_with('/')) {
        return Ok(format!("{first}{}$skiptoken={}", if first.contains('?') { '&' } else { '?' }, token.1));
    }
    let base = url::Url::parse("http://localhost")?;
    let url = base.join(link).with_context(|| format!("{link:?} is not a link"))?;
    Ok(match url.query() {
        Some(query) => format!("{}?{query}", url.path()),
        None => url.path().to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn envelopes() {
        let page =
            Page::read(ReportName::AzureUsage, r#"{"Value":[{"a":1}],"@nextLink":null,"TotalCount":1}"#).unwrap();
        assert_eq!((page.rows.len(), page.next), (1, None));
        let page = Page::read(ReportName::UsageSummary, "\u{feff}{\"totalCost\":1.5}").unwrap();
        assert_eq!(page.rows[0].get("totalCost").map(|v| v.get()), Some("1.5"));
        assert!(Page::read(ReportName::AzureUsage, "{}").is_err());
        assert!(Page::read(ReportName::AzureUsage, "[]").is_err());
    }

    #[test]
    fn links_stay_on_the_server_that_was_asked() {
        assert_eq!(follow("/a?b=1", "https://elsewhere.example/x/y?z=%20").unwrap(), "/x/y?z=%20");
        assert_eq!(follow("/a?b=1", "/x?skiptoken=1").unwrap(), "/x?skiptoken=1");
        assert_eq!(follow("/a?b=1", "skiptoken=abc").unwrap(), "/a?b=1&$skiptoken=abc");
    }
}
