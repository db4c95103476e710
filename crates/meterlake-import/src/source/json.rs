//! JSON lines, an array of records, or an object that holds the array in `value` or `items`. Numbers keep the text
//! they are written in.

use std::borrow::Cow;
use std::collections::HashMap;

use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::batch::{BATCH_BYTES, BATCH_ROWS, Fault, TextBatch, TextColumn, raw_bytes, raw_text};
use super::damage;
use super::window::{MAX_ROW, Window};
use crate::ImportError;

/// Members of an envelope that hold the records.
const RECORDS: [&str; 2] = ["value", "items"];
/// Objects that are read into, as `resource.id`; all others stay JSON text.
const FLATTENED: [&str; 2] = ["resource", "instanceData"];

/// How records follow one another.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Shape {
    /// One after the other, usually one a line.
    Lines,
    /// In an array.
    Array,
    /// In an array inside an object.
    Envelope,
    /// No more records.
    Done,
}

/// The texts of the records read so far, by key.
#[derive(Default)]
struct Records {
    header: Vec<String>,
    positions: HashMap<String, usize>,
    columns: Vec<TextColumn>,
    rows: usize,
}

impl Records {
    fn put(&mut self, prefix: &str, key: &str, text: &[u8]) {
        let name: Cow<'_, str> =
            if prefix.is_empty() { Cow::Borrowed(key) } else { Cow::Owned(format!("{prefix}.{key}")) };
        let at = match self.positions.get(name.as_ref()) {
            Some(&at) => at,
            None => {
                let at = self.header.len();
                self.header.push(name.to_string());
                self.positions.insert(name.into_owned(), at);
                self.columns.push(TextColumn::default());
                at
            }
        };
        let column = &mut self.columns[at];
        column.pad(self.rows);
        if column.len() == self.rows {
            column.push(text);
        }
    }

    fn finish_row(&mut self, keep: bool) {
        if keep {
            self.rows += 1;
        } else {
            self.columns.iter_mut().for_each(|c| c.truncate(self.rows));
        }
    }
}

/// Puts one record's members into the columns.
struct Members<'a> {
    records: &'a mut Records,
    prefix: &'a str,
}

#[derive(serde::Deserialize)]
struct Key<'a>(#[serde(borrow)] Cow<'a, str>);

impl<'de> Visitor<'de> for Members<'_> {
    type Value = ();

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(Key(key)) = map.next_key::<Key<'de>>()? {
            let value: &'de RawValue = map.next_value()?;
            let text = value.get();
            if self.prefix.is_empty() && text.starts_with('{') && FLATTENED.contains(&key.as_ref()) {
                let inner = Members { records: &mut *self.records, prefix: &key };
                inner.deserialize(&mut serde_json::Deserializer::from_str(text)).map_err(A::Error::custom)?;
                continue;
            }
            let text = scalar(text).map_err(A::Error::custom)?;
            self.records.put(self.prefix, &key, text.as_bytes());
        }
        Ok(())
    }
}

impl<'de> DeserializeSeed<'de> for Members<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

/// The text of a value: strings unescaped, `null` and what is empty as nothing, all else as written.
pub(crate) fn scalar(text: &str) -> Result<Cow<'_, str>, serde_json::Error> {
    match text.as_bytes() {
        [b'"', inner @ .., b'"'] if !inner.contains(&b'\\') => Ok(Cow::Borrowed(&text[1..text.len() - 1])),
        [b'"', ..] => serde_json::from_str::<String>(text).map(Cow::Owned),
        b"null" | b"{}" | b"[]" => Ok(Cow::Borrowed("")),
        _ => Ok(Cow::Borrowed(text)),
    }
}

/// The length of the value at the start of the bytes, if it ends within them.
pub(crate) fn value_length(bytes: &[u8], at_end: bool) -> Option<usize> {
    let mut depth = 0usize;
    let mut at = 0;
    while at < bytes.len() {
        match bytes[at] {
            b'"' => {
                at += 1;
                loop {
                    at += memchr::memchr2(b'"', b'\\', bytes.get(at..)?)?;
                    if bytes[at] == b'"' {
                        break;
                    }
                    at += 2;
                }
                if depth == 0 {
                    return Some(at + 1);
                }
            }
            b'{' | b'[' => depth += 1,
            b'}' | b']' if depth == 0 => return Some(at),
            b'}' | b']' => {
                depth -= 1;
                if depth == 0 {
                    return Some(at + 1);
                }
            }
            b',' | b' ' | b'\n' | b'\r' | b'\t' if depth == 0 && at > 0 => return Some(at),
            _ => {}
        }
        at += 1;
    }
    (at_end && depth == 0 && at > 0).then_some(at)
}

/// Reads a file of JSON records in batches.
pub(crate) struct JsonReader {
    file: String,
    window: Window,
    shape: Shape,
    records: Records,
    /// Scalars that stand before the records in an envelope.
    defaults: Vec<(String, String)>,
}

impl JsonReader {
    /// Finds the shape. `header` is what an earlier pass found, so that columns keep their places.
    pub(crate) fn open(file: &str, window: Window, header: &[String]) -> Result<Self, ImportError> {
        let mut records = Records::default();
        for (at, name) in header.iter().enumerate() {
            records.positions.insert(name.clone(), at);
        }
        records.header = header.to_vec();
        records.columns = vec![TextColumn::default(); header.len()];
        let mut reader = Self { file: file.to_owned(), window, shape: Shape::Lines, records, defaults: Vec::new() };
        if reader.blank()? == Some(b'[') {
            reader.window.consume(1);
            reader.shape = Shape::Array;
        } else {
            reader.envelope()?;
        }
        Ok(reader)
    }

    /// The keys seen so far.
    pub(crate) fn header(&self) -> &[String] {
        &self.records.header
    }

    /// Looks whether the first object holds the records; leaves the window untouched if it is a record itself.
    fn envelope(&mut self) -> Result<(), ImportError> {
        let mut at = 1;
        let mut defaults = Vec::new();
        loop {
            let Some(member) = self.member(&mut at)? else { return Ok(()) };
            let (key, value) = member;
            if RECORDS.contains(&key.as_str()) && self.window.bytes().get(value.start) == Some(&b'[') {
                self.window.consume(value.start + 1);
                self.shape = Shape::Envelope;
                self.defaults = defaults;
                return Ok(());
            }
            let Some(end) = value.end else { return Ok(()) };
            let text = String::from_utf8_lossy(&self.window.bytes()[value.start..end]).into_owned();
            at = end;
            let plain = !text.starts_with(['{', '[']) && !key.starts_with('@') && key != "totalCount";
            if let (true, Ok(text)) = (plain, scalar(&text)) {
                defaults.push((key, text.into_owned()));
            }
        }
    }

    /// The next member of the object that the window starts with: its key, and where its value lies.
    fn member(&mut self, at: &mut usize) -> Result<Option<(String, ValuePlace)>, ImportError> {
        loop {
            let bytes = self.window.bytes();
            let skip = |from: usize, also: u8| {
                from + bytes[from.min(bytes.len())..]
                    .iter()
                    .take_while(|&&b| b.is_ascii_whitespace() || b == also)
                    .count()
            };
            let key = skip(*at, b',');
            let key_length = bytes.get(key).filter(|&&b| b == b'"').and_then(|_| value_length(&bytes[key..], false));
            if let Some(length) = key_length {
                let start = skip(key + length, b':');
                // The records must be seen to begin; other values must be seen whole.
                let name: Option<String> = serde_json::from_slice(&bytes[key..key + length]).ok();
                let opens = bytes.get(start) == Some(&b'[') && name.as_deref().is_some_and(|n| RECORDS.contains(&n));
                let end =
                    if start < bytes.len() { value_length(&bytes[start..], false).map(|l| start + l) } else { None };
                if let (Some(name), true) = (name, opens || end.is_some()) {
                    return Ok(Some((name, ValuePlace { start, end })));
                }
            } else if bytes.get(key).is_some_and(|&b| b != b'"') {
                return Ok(None);
            }
            if self.window.at_end() || self.window.bytes().len() >= MAX_ROW {
                return Ok(None);
            }
            self.window.more().map_err(|e| damage(&self.file, self.window.line, &e))?;
        }
    }

    fn blank(&mut self) -> Result<Option<u8>, ImportError> {
        let comma = self.shape != Shape::Lines;
        let skip = |b: u8| b.is_ascii_whitespace() || comma && b == b',';
        self.window.skip(skip).map_err(|e| damage(&self.file, self.window.line, &e))
    }

    /// The next rows; none at the end.
    pub(crate) fn next_batch(&mut self) -> Result<Option<TextBatch>, ImportError> {
        let mut raw = TextColumn::default();
        let (mut lines, mut faults, mut bytes) = (Vec::new(), Vec::new(), 0);
        while self.shape != Shape::Done && lines.len() + faults.len() < BATCH_ROWS && bytes < BATCH_BYTES {
            let Some(next) = self.blank()? else {
                if self.shape != Shape::Lines {
                    return Err(self.broken("the array of records is never closed: the file breaks off"));
                }
                self.shape = Shape::Done;
                break;
            };
            if next == b']' && self.shape != Shape::Lines {
                self.shape = Shape::Done;
                self.drain()?;
                break;
            }
            let line = self.window.line;
            let length = self.record_length()?;
            let outcome = match length {
                Some(length) => self.take(length),
                None => Err("the record is never closed".to_owned()),
            };
            match (outcome, length) {
                (Ok(()), Some(length)) => {
                    lines.push(line);
                    raw.push(raw_bytes(&self.window.bytes()[..length]));
                    bytes += length;
                    self.window.consume(length);
                }
                (Err(reason), _) if self.shape == Shape::Lines => {
                    let broken = self.window.take_line().map_err(|e| damage(&self.file, line, &e))?;
                    faults.push(Fault { line, reason, raw: raw_text(&broken) });
                }
                (Err(reason), _) => return Err(self.broken(&reason)),
                (Ok(()), None) => return Err(self.broken("the record is never closed")),
            }
        }
        if lines.is_empty() && faults.is_empty() {
            return Ok(None);
        }
        self.batch(lines, raw, faults).map(Some)
    }

    fn batch(&mut self, lines: Vec<u64>, raw: TextColumn, faults: Vec<Fault>) -> Result<TextBatch, ImportError> {
        let rows = std::mem::take(&mut self.records.rows);
        let mut columns = Vec::with_capacity(self.records.columns.len());
        for column in &mut self.records.columns {
            let mut column = std::mem::take(column);
            column.pad(rows);
            columns.push(column);
        }
        let finish = |c: TextColumn| c.finish().map_err(|e| self.broken(&e.to_string()));
        let columns = columns.into_iter().map(finish).collect::<Result<Vec<_>, _>>()?;
        Ok(TextBatch::of_columns(&columns, Some(&finish(raw)?), lines, faults))
    }

    /// The length of the record that the window starts with; none if it never ends.
    fn record_length(&mut self) -> Result<Option<usize>, ImportError> {
        loop {
            if let Some(length) = value_length(self.window.bytes(), self.window.at_end()) {
                return Ok(Some(length));
            }
            if self.window.at_end() || self.window.bytes().len() >= MAX_ROW {
                return Ok(None);
            }
            self.window.more().map_err(|e| damage(&self.file, self.window.line, &e))?;
        }
    }

    /// Parses the record of the given length into the columns.
    fn take(&mut self, length: usize) -> Result<(), String> {
        let record = &self.window.bytes()[..length];
        let text = std::str::from_utf8(record).map_err(|e| format!("not UTF-8 at byte {}", e.valid_up_to() + 1))?;
        let mut parser = serde_json::Deserializer::from_str(text);
        let parsed = Members { records: &mut self.records, prefix: "" }
            .deserialize(&mut parser)
            .and_then(|()| parser.end())
            .map_err(|e| format!("not a JSON object: {e}"));
        if parsed.is_ok() {
            for (key, value) in &self.defaults {
                self.records.put("", key, value.as_bytes());
            }
        }
        self.records.finish_row(parsed.is_ok());
        parsed
    }

    /// Reads what is left, so that the hash covers the whole file.
    fn drain(&mut self) -> Result<(), ImportError> {
        self.window.skip(|_| true).map(|_| ()).map_err(|e| damage(&self.file, self.window.line, &e))
    }

    fn broken(&self, reason: &str) -> ImportError {
        ImportError::Damaged {
            file: self.file.clone(),
            place: format!("line {}", self.window.line),
            reason: reason.to_owned(),
        }
    }
}

/// Where a member's value begins in the window, and where it ends if that is in the window too.
struct ValuePlace {
    start: usize,
    end: Option<usize>,
}
