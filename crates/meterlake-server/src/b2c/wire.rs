//! Rows in each of the formats.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use super::format::Format;

/// A value of a row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub(super) enum Cell {
    /// Nothing.
    Null,
    /// A text, or an instant as text.
    Text(String),
    /// A number.
    Number(u64),
    /// Numbers by name.
    BreakDown(BTreeMap<String, u64>),
}

/// The values of a row, in the order of its table's fields.
pub(super) type Row = Vec<Cell>;

/// Rows and the names of their fields.
#[derive(Debug)]
pub(super) struct Rows {
    /// The names.
    pub(super) fields: &'static [&'static str],
    /// The rows.
    pub(super) rows: Vec<Row>,
}

/// Where the rest of the rows is.
#[derive(Debug)]
pub(super) struct Next {
    /// What a client puts behind the request's own parameters.
    pub(super) relative: String,
    /// The whole link.
    pub(super) absolute: String,
}

/// `{"odata.metadata","@odata.context","value"}`, and next links only where something follows.
#[derive(Serialize)]
struct Envelope<'a> {
    #[serde(rename = "odata.metadata")]
    metadata: &'a str,
    #[serde(rename = "@odata.context")]
    context: &'a str,
    value: Vec<Named<'a>>,
    #[serde(rename = "odata.nextLink", skip_serializing_if = "Option::is_none")]
    next: Option<&'a str>,
    #[serde(rename = "@odata.nextLink", skip_serializing_if = "Option::is_none")]
    next_absolute: Option<&'a str>,
}

struct Named<'a>(&'a [&'static str], &'a Row);

impl Serialize for Named<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.1.len()))?;
        for (name, cell) in self.0.iter().zip(self.1) {
            map.serialize_entry(name, cell)?;
        }
        map.end()
    }
}

impl Rows {
    /// The whole body.
    pub(super) fn encode(
        &self,
        format: Format,
        context: &str,
        next: Option<&Next>,
    ) -> Result<String, serde_json::Error> {
        match format {
            Format::Json => serde_json::to_string(&Envelope {
                metadata: context,
                context,
                value: self.rows.iter().map(|row| Named(self.fields, row)).collect(),
                next: next.map(|next| next.relative.as_str()),
                next_absolute: next.map(|next| next.absolute.as_str()),
            }),
            Format::Xml => Ok(self.xml()),
            Format::Csv => Ok(self.csv()),
            Format::List => Ok(self.list()),
        }
    }

    fn named(&self) -> impl Iterator<Item = impl Iterator<Item = (&'static str, &Cell)>> {
        self.rows.iter().map(|row| self.fields.iter().copied().zip(row))
    }

    fn xml(&self) -> String {
        let mut out = String::from("<?xml version=\"1.0\" encoding=\"utf-8\"?><Objects>");
        for row in self.named() {
            out.push_str("<Object>");
            for (name, cell) in row {
                match cell {
                    Cell::Null => property(&mut out, name, ""),
                    Cell::Text(text) => property(&mut out, name, &escaped(text)),
                    Cell::Number(number) => property(&mut out, name, &number.to_string()),
                    Cell::BreakDown(parts) => {
                        let mut inner = String::new();
                        for (name, number) in parts {
                            property(&mut inner, name, &number.to_string());
                        }
                        property(&mut out, name, &inner);
                    }
                }
            }
            out.push_str("</Object>");
        }
        out.push_str("</Objects>");
        out
    }

    fn csv(&self) -> String {
        let mut out = format!("{}\r\n", self.fields.join(","));
        for row in self.named() {
            let line: Vec<String> = row.map(|(_, cell)| csv_field(cell)).collect();
            out.push_str(&line.join(","));
            out.push_str("\r\n");
        }
        out
    }

    fn list(&self) -> String {
        let width = self.fields.iter().map(|name| name.len()).max().unwrap_or_default();
        let rows: Vec<String> = self
            .named()
            .map(|row| {
                row.fold(String::new(), |mut lines, (name, cell)| {
                    // Writing to a string cannot fail.
                    let _ = writeln!(lines, "{name:width$} : {}", list_value(cell));
                    lines
                })
            })
            .collect();
        rows.join("\n")
    }
}

/// `<Property Name="…">…</Property>`; `inner` is XML already.
fn property(out: &mut String, name: &str, inner: &str) {
    out.push_str("<Property Name=\"");
    out.push_str(&escaped(name));
    if inner.is_empty() {
        out.push_str("\" />");
        return;
    }
    out.push_str("\">");
    out.push_str(inner);
    out.push_str("</Property>");
}

/// A text as XML holds it, also inside of quotes. Characters that XML 1.0 has not become U+FFFD.
fn escaped(text: &str) -> String {
    text.chars().fold(String::with_capacity(text.len()), |mut out, c| {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\u{fffe}' | '\u{ffff}' => out.push(char::REPLACEMENT_CHARACTER),
            c if c.is_control() => out.push(char::REPLACEMENT_CHARACTER),
            c => out.push(c),
        }
        out
    })
}

/// A value as CSV holds it: a breakdown as the text of its JSON object, quotes only where needed.
fn csv_field(cell: &Cell) -> String {
    let text = match cell {
        Cell::Null => String::new(),
        Cell::Text(text) => text.clone(),
        Cell::Number(number) => number.to_string(),
        Cell::BreakDown(parts) => serde_json::to_string(parts).unwrap_or_default(),
    };
    if text.contains(['"', ',', '\r', '\n']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text }
}

/// A value as PowerShell's name–value list shows it.
fn list_value(cell: &Cell) -> String {
    match cell {
        Cell::Null => String::new(),
        Cell::Text(text) => text.replace(char::is_control, " "),
        Cell::Number(number) => number.to_string(),
        Cell::BreakDown(parts) => {
            let parts: Vec<String> = parts.iter().map(|(name, number)| format!("{name}={number}")).collect();
            format!("@{{{}}}", parts.join("; ").replace(char::is_control, " "))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows() -> Rows {
        let row = |day: &str, parts: &[(&str, u64)]| {
            let parts: BTreeMap<String, u64> = parts.iter().map(|(name, n)| ((*name).to_owned(), *n)).collect();
            vec![Cell::Text(day.to_owned()), Cell::Number(parts.values().sum()), Cell::BreakDown(parts)]
        };
        Rows {
            fields: &["Date", "AuthenticationCount", "AuthFlowTypeBreakDown"],
            rows: vec![
                row("2016-10-15T00:00:00Z", &[("hybrid", 2), ("a<\"&\u{1}>b", 1)]),
                row("2016-10-16T00:00:00Z", &[]),
            ],
        }
    }

    #[test]
    fn every_format() {
        let encode = |format| rows().encode(format, "http://h/t/$metadata#r", None).unwrap();
        assert_eq!(
            encode(Format::Json),
            concat!(
                r#"{"odata.metadata":"http://h/t/$metadata#r","@odata.context":"http://h/t/$metadata#r","value":["#,
                r#"{"Date":"2016-10-15T00:00:00Z","AuthenticationCount":3,"#,
                r#""AuthFlowTypeBreakDown":{"a<\"&\u0001>b":1,"hybrid":2}},"#,
                r#"{"Date":"2016-10-16T00:00:00Z","AuthenticationCount":0,"AuthFlowTypeBreakDown":{}}]}"#
            )
        );
        assert_eq!(
            encode(Format::Xml),
            concat!(
                r#"<?xml version="1.0" encoding="utf-8"?><Objects><Object>"#,
                r#"<Property Name="Date">2016-10-15T00:00:00Z</Property>"#,
                r#"<Property Name="AuthenticationCount">3</Property><Property Name="AuthFlowTypeBreakDown">"#,
                "<Property Name=\"a&lt;&quot;&amp;\u{fffd}&gt;b\">1</Property><Property Name=\"hybrid\">2</Property>",
                r#"</Property></Object><Object><Property Name="Date">2016-10-16T00:00:00Z</Property>"#,
                r#"<Property Name="AuthenticationCount">0</Property><Property Name="AuthFlowTypeBreakDown" />"#,
                "</Object></Objects>"
            )
        );
        assert_eq!(
            encode(Format::Csv),
            concat!(
                "Date,AuthenticationCount,AuthFlowTypeBreakDown\r\n",
                "2016-10-15T00:00:00Z,3,\"{\"\"a<\\\"\"&\\u0001>b\"\":1,\"\"hybrid\"\":2}\"\r\n",
                "2016-10-16T00:00:00Z,0,{}\r\n"
            )
        );
        assert_eq!(
            encode(Format::List),
            concat!(
                "Date                  : 2016-10-15T00:00:00Z\n",
                "AuthenticationCount   : 3\n",
                "AuthFlowTypeBreakDown : @{a<\"& >b=1; hybrid=2}\n",
                "\n",
                "Date                  : 2016-10-16T00:00:00Z\n",
                "AuthenticationCount   : 0\n",
                "AuthFlowTypeBreakDown : @{}\n"
            )
        );
    }

    #[test]
    fn next_links_only_where_something_follows() {
        let next = Next { relative: "skiptoken=x".to_owned(), absolute: "http://h/t?skiptoken=x".to_owned() };
        let body = rows().encode(Format::Json, "c", Some(&next)).unwrap();
        assert!(body.ends_with(r#"],"odata.nextLink":"skiptoken=x","@odata.nextLink":"http://h/t?skiptoken=x"}"#));
    }
}
