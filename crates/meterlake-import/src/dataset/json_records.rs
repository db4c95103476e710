//! JSON records whole, one at a time: lines, arrays, pages (`{"value":[…]}`) one after the other or in an array, and
//! query results (`{"tables":[{"columns":…,"rows":…}]}`).

use serde_json::{Map, Value};

use super::records::Entry;
use crate::ImportError;
use crate::source::damage;
use crate::source::json::value_length;
use crate::source::window::{MAX_ROW, Window};

/// Members of a page that hold its records.
const RECORDS: [&str; 3] = ["value", "items", "records"];

/// What the reader is inside of.
enum Level {
    Array,
    /// The array of records in a page.
    Page,
    /// The rows of a query result with these columns.
    Table(Vec<String>),
}

/// What an object turned out to be.
enum Opened {
    Record,
    /// A page or table, of which so many bytes lead to its first record.
    Level(Level, usize),
}

/// Reads records in constant memory.
pub(super) struct JsonRecords {
    file: String,
    window: Window,
    levels: Vec<Level>,
    /// Pages seen, and pages that name a next one.
    pub(super) pages: u64,
    pub(super) unfinished: u64,
    /// Whether the last page names a next one.
    pub(super) goes_on: bool,
    /// `@odata.context` of the last page.
    pub(super) context: String,
    /// `links.self.uri` of the last page, as Partner Center writes it.
    pub(super) self_link: String,
    next_link: bool,
}

impl JsonRecords {
    pub(super) fn new(file: &str, window: Window) -> Self {
        Self {
            file: file.to_owned(),
            window,
            levels: Vec::new(),
            pages: 0,
            unfinished: 0,
            goes_on: false,
            context: String::new(),
            self_link: String::new(),
            next_link: false,
        }
    }

    pub(super) fn next(&mut self) -> Result<Option<Entry>, ImportError> {
        loop {
            let Some(byte) = self.blank()? else {
                return if self.levels.is_empty() {
                    Ok(None)
                } else {
                    Err(self.broken("the array of records is never closed: the file breaks off"))
                };
            };
            match (self.levels.last(), byte) {
                (Some(_), b']') => {
                    self.window.consume(1);
                    match self.levels.pop() {
                        Some(Level::Page) => self.close_page()?,
                        Some(Level::Table(_)) => self.close(3)?,
                        _ => {}
                    }
                }
                (Some(Level::Table(_)), _) | (Some(Level::Page), b'{') => return self.record().map(Some),
                (None | Some(Level::Array), b'[') => {
                    self.window.consume(1);
                    self.levels.push(Level::Array);
                }
                (None | Some(Level::Array), b'{') => match self.opened()? {
                    Opened::Record => return self.record().map(Some),
                    Opened::Level(level, skip) => {
                        self.window.consume(skip);
                        self.levels.push(level);
                    }
                },
                _ => return self.record().map(Some),
            }
        }
    }

    /// The record that the window starts with. Between records that stand alone, a broken one costs its line only.
    fn record(&mut self) -> Result<Entry, ImportError> {
        let line = self.window.line;
        let length = self.length_at(0)?;
        let parsed = match length {
            Some(length) => self.parse(length),
            None => Err("the record is never closed".to_owned()),
        };
        match (parsed, length) {
            (Ok(fields), Some(length)) => {
                self.window.consume(length);
                Ok(Entry::Record { line, fields })
            }
            (Err(reason), _) if self.levels.is_empty() => {
                self.window.take_line().map_err(|e| damage(&self.file, line, &e))?;
                Ok(Entry::Fault { line, reason })
            }
            (Err(reason), _) => Err(self.broken(&reason)),
            (Ok(_), None) => Err(self.broken("the record is never closed")),
        }
    }

    fn parse(&self, length: usize) -> Result<Map<String, Value>, String> {
        let bytes = &self.window.bytes()[..length];
        match (serde_json::from_slice(bytes), self.levels.last()) {
            (Ok(Value::Object(fields)), _) => Ok(fields),
            (Ok(Value::Array(cells)), Some(Level::Table(columns))) if cells.len() == columns.len() => {
                Ok(columns.iter().cloned().zip(cells).collect())
            }
            (Ok(Value::Array(cells)), Some(Level::Table(columns))) => {
                Err(format!("a row of {} values where {} columns are", cells.len(), columns.len()))
            }
            (Ok(_), _) => Err("not a JSON object".to_owned()),
            (Err(error), _) => Err(format!("not a JSON object: {error}")),
        }
    }

    /// Looks whether the object that the window starts with is a page, a query result or a record.
    fn opened(&mut self) -> Result<Opened, ImportError> {
        self.next_link = false;
        let mut at = 1;
        while let Some((key, start)) = self.key(at)? {
            let array = self.window.bytes().get(start) == Some(&b'[');
            if array && RECORDS.contains(&key.as_str()) {
                self.pages += 1;
                return Ok(Opened::Level(Level::Page, start + 1));
            }
            if array && key == "tables" {
                return self.table(start + 1);
            }
            // A page says only plain things before its records.
            if array || self.window.bytes().get(start) == Some(&b'{') {
                return Ok(Opened::Record);
            }
            let Some(end) = self.length_at(start)? else { return Ok(Opened::Record) };
            self.note(&key, start, start + end);
            at = start + end;
        }
        Ok(Opened::Record)
    }

    /// The first table of a query result, up to its first row.
    fn table(&mut self, mut at: usize) -> Result<Opened, ImportError> {
        let mut columns = Vec::new();
        at = self.skip_blank(at, b'{')?;
        while let Some((key, start)) = self.key(at)? {
            if key == "rows" && self.window.bytes().get(start) == Some(&b'[') {
                return Ok(Opened::Level(Level::Table(columns), start + 1));
            }
            let Some(length) = self.length_at(start)? else { break };
            if key == "columns" {
                let value: Value =
                    serde_json::from_slice(&self.window.bytes()[start..start + length]).unwrap_or_default();
                let name = |column: &Value| column["name"].as_str().unwrap_or_default().to_owned();
                columns = value.as_array().map(|all| all.iter().map(name).collect()).unwrap_or_default();
            }
            at = start + length;
        }
        Err(self.broken("a query result without rows; expected \"columns\" and \"rows\" in its first table"))
    }

    /// Keeps what a page says of itself.
    fn note(&mut self, key: &str, start: usize, end: usize) {
        let value: Value = serde_json::from_slice(&self.window.bytes()[start..end]).unwrap_or_default();
        let text = value.as_str().unwrap_or_default();
        match key {
            "@odata.context" | "odata.metadata" => text.clone_into(&mut self.context),
            "links" => value["self"]["uri"].as_str().unwrap_or_default().clone_into(&mut self.self_link),
            "@odata.nextLink" | "odata.nextLink" | "nextLink" => self.next_link |= !text.is_empty(),
            _ => {}
        }
    }

    /// Reads what stands behind the records of a page.
    fn close_page(&mut self) -> Result<(), ImportError> {
        while let Some((key, start)) = self.key(0)? {
            let Some(length) = self.length_at(start)? else {
                return Err(self.broken("the page is never closed: the file breaks off"));
            };
            self.note(&key, start, start + length);
            self.window.consume(start + length);
        }
        self.unfinished += u64::from(self.next_link);
        self.goes_on = self.next_link;
        self.close(1)
    }

    /// Moves behind the end of as many objects and arrays as `depth` says.
    fn close(&mut self, mut depth: usize) -> Result<(), ImportError> {
        while depth > 0 {
            let Some(byte) = self.blank()? else {
                return Err(self.broken("the page is never closed: the file breaks off"));
            };
            let length = match byte {
                b'}' | b']' => {
                    depth -= 1;
                    1
                }
                b':' => 1,
                _ => self.length_at(0)?.ok_or_else(|| self.broken("the page is never closed: the file breaks off"))?,
            };
            self.window.consume(length);
        }
        Ok(())
    }

    /// The next member's key behind `at`, and where its value starts; none at the end of the object.
    fn key(&mut self, at: usize) -> Result<Option<(String, usize)>, ImportError> {
        let key = self.skip_blank(at, b',')?;
        if self.window.bytes().get(key) != Some(&b'"') {
            return Ok(None);
        }
        let Some(length) = self.length_at(key)? else { return Ok(None) };
        let Ok(name) = serde_json::from_slice::<String>(&self.window.bytes()[key..key + length]) else {
            return Ok(None);
        };
        let value = self.skip_blank(key + length, b':')?;
        Ok(Some((name, value)))
    }

    /// The first place behind `at` that is neither blank nor `also`.
    fn skip_blank(&mut self, mut at: usize, also: u8) -> Result<usize, ImportError> {
        loop {
            match self.window.bytes().get(at) {
                Some(b) if b.is_ascii_whitespace() || *b == also => at += 1,
                Some(_) => return Ok(at),
                None if self.full() => return Ok(at),
                None => self.more()?,
            }
        }
    }

    /// The length of the value at `at`; none when it never ends.
    fn length_at(&mut self, at: usize) -> Result<Option<usize>, ImportError> {
        loop {
            let bytes = self.window.bytes().get(at..).unwrap_or_default();
            if let Some(length) = value_length(bytes, self.window.at_end()) {
                return Ok(Some(length));
            }
            if self.full() {
                return Ok(None);
            }
            self.more()?;
        }
    }

    fn full(&self) -> bool {
        self.window.at_end() || self.window.bytes().len() >= MAX_ROW
    }

    fn more(&mut self) -> Result<(), ImportError> {
        self.window.more().map_err(|e| damage(&self.file, self.window.line, &e))
    }

    /// Moves over blanks and commas; 0x1E begins the records of a JSON text sequence.
    fn blank(&mut self) -> Result<Option<u8>, ImportError> {
        let skip = |b: u8| b.is_ascii_whitespace() || b == b',' || b == 0x1e;
        self.window.skip(skip).map_err(|e| damage(&self.file, self.window.line, &e))
    }

    fn broken(&self, reason: &str) -> ImportError {
        ImportError::Damaged {
            file: self.file.clone(),
            place: format!("line {}", self.window.line),
            reason: reason.to_owned(),
        }
    }
}
