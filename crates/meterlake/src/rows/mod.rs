//! Rows of an answer: names with JSON values kept as the text that came, so that no number loses a digit; and the
//! forms that they are printed in.

mod csv;
mod json;
mod list;
mod table;
mod xml;

use std::fmt;
use std::io::{self, Write};
use std::str::FromStr;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

/// A row: its fields in the order in which they came.
#[derive(Debug, Default)]
pub(crate) struct Row(pub(crate) Vec<(String, Box<RawValue>)>);

impl Row {
    /// The value of a field.
    pub(crate) fn get(&self, name: &str) -> Option<&RawValue> {
        self.0.iter().find(|(field, _)| field == name).map(|(_, value)| value.as_ref())
    }

    /// Adds a field.
    pub(crate) fn put(&mut self, name: &str, value: &impl serde::Serialize) -> serde_json::Result<()> {
        self.0.push((name.to_owned(), serde_json::value::to_raw_value(value)?));
        Ok(())
    }

    /// Adds a number of which `text` is the exact JSON form.
    pub(crate) fn put_number(&mut self, name: &str, text: &str) -> serde_json::Result<()> {
        self.0.push((name.to_owned(), RawValue::from_string(text.to_owned())?));
        Ok(())
    }
}

impl<'de> Deserialize<'de> for Row {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Fields;
        impl<'de> Visitor<'de> for Fields {
            type Value = Row;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Row, A::Error> {
                let mut row = Row::default();
                while let Some(field) = map.next_entry()? {
                    row.0.push(field);
                }
                Ok(row)
            }
        }
        deserializer.deserialize_map(Fields)
    }
}

/// A value as people read it: a string without its quotes, nothing for null, anything else as the JSON it came as.
pub(crate) fn plain(value: &RawValue) -> String {
    match value.get() {
        "null" => String::new(),
        text if text.starts_with('"') => serde_json::from_str(text).unwrap_or_else(|_| text.to_owned()),
        text => text.to_owned(),
    }
}

/// How rows are printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum RowFormat {
    #[default]
    Table,
    Json,
    Csv,
    Xml,
    List,
}

impl FromStr for RowFormat {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        [("table", Self::Table), ("json", Self::Json), ("csv", Self::Csv), ("xml", Self::Xml), ("list", Self::List)]
            .into_iter()
            .find(|(name, _)| name.eq_ignore_ascii_case(text))
            .map(|(_, format)| format)
            .ok_or_else(|| format!("{text:?} is not a format; expected table, json, csv, xml or list"))
    }
}

/// Prints rows one after the other; only a table waits for the last one, to know its widths.
pub(crate) trait RowPrinter {
    /// Prints a row.
    fn row(&mut self, row: &Row) -> io::Result<()>;
    /// Prints what follows the last row.
    fn end(&mut self) -> io::Result<()>;
}

/// The printer of a format. `fields` head a CSV that no row comes for.
pub(crate) fn printer<'a>(format: RowFormat, fields: &[&str], out: &'a mut dyn Write) -> Box<dyn RowPrinter + 'a> {
    match format {
        RowFormat::Table => Box::new(table::Table::new(out)),
        RowFormat::Json => Box::new(json::Json::new(out)),
        RowFormat::Csv => Box::new(csv::Csv::new(fields, out)),
        RowFormat::Xml => Box::new(xml::Xml::new(out)),
        RowFormat::List => Box::new(list::List::new(out)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn printed(format: RowFormat, rows: &str) -> String {
        let rows: Vec<Row> = serde_json::from_str(rows).unwrap();
        let mut out = Vec::new();
        {
            let mut printer = printer(format, &["a", "b \"c\""], &mut out);
            for row in &rows {
                printer.row(row).unwrap();
            }
            printer.end().unwrap();
        }
        String::from_utf8(out).unwrap()
    }

    const ROWS: &str = r#"[{"Date":"2016-10-03","Count":12345678901234567890.123456789,"By":{"implicit":7}},
        {"Date":"a \"b\", <c>","Count":0,"By":null}]"#;

    #[test]
    fn numbers_keep_every_digit_in_every_format() {
        for format in [RowFormat::Table, RowFormat::Json, RowFormat::Csv, RowFormat::Xml, RowFormat::List] {
            assert!(printed(format, ROWS).contains("12345678901234567890.123456789"), "{format:?}");
        }
    }

    #[test]
    fn forms() {
        assert_eq!(
            printed(RowFormat::Csv, ROWS),
            "Date,Count,By\r\n2016-10-03,12345678901234567890.123456789,\"{\"\"implicit\"\":7}\"\r\n\"a \"\"b\"\", <c>\",0,\r\n"
        );
        assert_eq!(
            printed(RowFormat::List, ROWS),
            "Date  : 2016-10-03\nCount : 12345678901234567890.123456789\nBy    : @{implicit=7}\n\nDate  : a \"b\", <c>\nCount : 0\nBy    : \n"
        );
        let xml = printed(RowFormat::Xml, ROWS);
        assert!(xml.starts_with("<Objects><Object><Property Name=\"Date\">2016-10-03</Property>"), "{xml}");
        assert!(xml.contains("<Property Name=\"By\"><Property Name=\"implicit\">7</Property></Property>"), "{xml}");
        assert!(xml.contains("<Property Name=\"Date\">a \"b\", &lt;c&gt;</Property>"), "{xml}");
        let table = printed(RowFormat::Table, ROWS);
        assert!(table.trim_start().starts_with("Date"), "{table}");
        let json: serde_json::Value = serde_json::from_str(&printed(RowFormat::Json, ROWS)).unwrap();
        assert_eq!(json[0]["By"]["implicit"], 7);
    }

    #[test]
    fn no_rows() {
        assert_eq!(printed(RowFormat::Json, "[]"), "[]\n");
        assert_eq!(printed(RowFormat::Xml, "[]"), "<Objects></Objects>\n");
        assert_eq!(printed(RowFormat::Csv, "[]"), "a,\"b \"\"c\"\"\"\r\n");
        assert_eq!(printed(RowFormat::List, "[]"), "");
        assert_eq!(printed(RowFormat::Table, "[]"), "no rows\n");
    }

    #[test]
    fn a_field_that_the_header_lacks_is_never_dropped_silently() {
        let mut out = Vec::new();
        let mut csv = printer(RowFormat::Csv, &[], &mut out);
        let rows: Vec<Row> = serde_json::from_str(r#"[{"a":1},{"a":1,"b":2}]"#).unwrap();
        csv.row(&rows[0]).unwrap();
        assert!(csv.row(&rows[1]).unwrap_err().to_string().contains("\"b\""));
    }
}
