//! Separated values. Stricter than the usual readers: a quote that does not close, or text behind a closing quote,
//! is a fault of its row and the next line is read as a row again, so that one broken line does not swallow others.

use std::collections::BTreeSet;

use crate::ImportError;
use crate::mapping;

use super::batch::{BATCH_ROWS, Fault, Span, Spares, TextBatch, raw_bytes, raw_text};
use super::damage;
use super::fields::{Field, Scan, scan};
use super::window::{MAX_ROW, Window};

/// Bytes of a batch, about: few enough to stay near to the processor while a batch passes through all stages.
const BATCH_TEXT: usize = 4 << 20;

/// Lines that may stand before the header, such as the title of an EA usage download.
const PREAMBLE_LINES: usize = 10;

/// Reads a file of separated values in batches.
pub(crate) struct CsvReader {
    file: String,
    window: Window,
    separator: u8,
    header: Vec<String>,
    /// The row that is looked at, and the one before.
    fields: Vec<Field>,
    before: Vec<Field>,
    /// By column; all that are not named are.
    wanted: Vec<bool>,
    /// Bytes of as many rows as a batch takes, as far as is known.
    batch_text: usize,
    spares: Spares,
}

/// A row found at the start of the window, or what is there instead.
enum Found {
    Row {
        length: usize,
        one_line: bool,
    },
    Fault(String),
    /// The window ends before the row does.
    Part,
}

impl CsvReader {
    /// Finds the header, behind a preamble if there is one, and the separator.
    pub(crate) fn open(file: &str, window: Window) -> Result<Self, ImportError> {
        let mut reader = Self {
            file: file.to_owned(),
            window,
            separator: b',',
            header: Vec::new(),
            fields: Vec::new(),
            before: Vec::new(),
            wanted: Vec::new(),
            batch_text: BATCH_TEXT / 4,
            spares: Spares::default(),
        };
        let mut first: Option<(u8, Vec<String>)> = None;
        for _ in 0..PREAMBLE_LINES {
            let line = reader.window.take_line().map_err(|e| damage(&reader.file, reader.window.line, &e))?;
            let text = std::str::from_utf8(&line).map_err(|_| ImportError::Unrecognised {
                file: file.to_owned(),
                reason: "not UTF-8 text; expected CSV, JSON or Parquet, plain, gzip or zip".to_owned(),
            })?;
            if text.trim().is_empty() {
                if reader.window.at_end() && reader.window.bytes().is_empty() {
                    break;
                }
                continue;
            }
            let (separator, fields) = header_of(text);
            if mapping::known_headers(&fields) >= 2 {
                first = Some((separator, fields));
                break;
            }
            // Only a title that stands alone is skipped: a line of several fields is the header.
            let several = fields.len() > 1 && fields.iter().filter(|f| !f.is_empty()).count() > 1;
            first.get_or_insert((separator, fields));
            if several {
                break;
            }
        }
        let Some((separator, header)) = first else {
            return Err(ImportError::Unrecognised {
                file: file.to_owned(),
                reason: "there is no header line; the file is empty".to_owned(),
            });
        };
        reader.separator = separator;
        reader.header = header;
        Ok(reader)
    }

    /// The headers, blanks cut.
    pub(crate) fn header(&self) -> &[String] {
        &self.header
    }

    /// The separator that the header shows.
    pub(crate) fn separator(&self) -> u8 {
        self.separator
    }

    /// Takes batches that are done with, so that their memory is used again.
    pub(crate) fn spares(&self) -> Spares {
        self.spares.clone()
    }

    /// The next rows; none at the end. The cells lie where they were read: the batch takes the window's buffer.
    pub(crate) fn next_batch(&mut self) -> Result<Option<TextBatch>, ImportError> {
        let width = self.header.len();
        self.wanted.resize(width, true);
        let kept: Vec<usize> = (0..width).filter(|at| self.wanted[*at]).collect();
        let (mut batch, spare) = self.spares.take(width);
        let mut raw = batch.raw.take().unwrap_or_default();
        // The cells of the row before, by column. Cells that repeat share one place.
        let mut shown = vec![Span::EMPTY; width];
        self.before.clear();
        self.window.fill_to(self.batch_text);
        let mut valid = self.window.valid_text();
        while batch.lines.len() < BATCH_ROWS && batch.faults.len() < BATCH_ROWS {
            let found = if self.window.skip_line_ends() { self.find() } else { Found::Part };
            let line = self.window.line;
            let (length, one_line) = match found {
                Found::Row { length, one_line } => (length, one_line),
                Found::Part => {
                    // Reading on moves the bytes, to whose places cells refer.
                    let ended = self.window.at_end() && self.window.bytes().is_empty();
                    if ended || !batch.lines.is_empty() {
                        break;
                    }
                    self.more()?;
                    valid = self.window.valid_text();
                    continue;
                }
                Found::Fault(reason) => {
                    if !batch.lines.is_empty() && !self.window.holds_line() {
                        break;
                    }
                    let stays = self.window.holds_line();
                    let from = if stays { self.window.position() } else { 0 };
                    let broken = self.window.take_line().map_err(|e| damage(&self.file, line, &e))?;
                    self.window.blank(from);
                    if !stays {
                        valid = self.window.valid_text();
                    }
                    batch.faults.push(Fault { line, reason, raw: raw_text(&broken) });
                    continue;
                }
            };
            let start = self.window.position();
            if let Err(reason) = self.fit(length, start + length <= valid) {
                batch.faults.push(Fault { line, reason, raw: raw_text(&self.window.bytes()[..length]) });
                self.window.consume(length);
                self.window.blank(start);
                continue;
            }
            if self.fields.len() < width {
                batch.short.push((batch.lines.len(), self.fields.len()));
            }
            for &at in &kept {
                match self.fields.get(at) {
                    Some(field) if field.same => {}
                    Some(field) => shown[at] = Span::new(field.start(), field.end(), field.doubled),
                    None => shown[at] = Span::EMPTY,
                }
                batch.columns[at].push(shown[at]);
            }
            batch.lines.push(line);
            let bare = raw_bytes(&self.window.bytes()[..length]).len();
            raw.push(Span::new(start, start + bare, false));
            if one_line {
                self.window.pass_line(length)
            } else {
                self.window.consume(length)
            }
            std::mem::swap(&mut self.fields, &mut self.before);
        }
        if batch.lines.is_empty() && batch.faults.is_empty() {
            return Ok(None);
        }
        let bytes = self.window.detach(spare);
        if batch.lines.len() >= BATCH_ROWS / 16 {
            self.batch_text = (bytes.len() / batch.lines.len() * BATCH_ROWS).clamp(BATCH_TEXT / 16, BATCH_TEXT);
        }
        batch.text = String::from_utf8(bytes).map_err(|error| {
            damage(&self.file, self.window.line, &std::io::Error::new(std::io::ErrorKind::InvalidData, error))
        })?;
        batch.raw = Some(raw);
        Ok(Some(batch))
    }

    /// Lets the columns of the other places be passed over.
    pub(crate) fn want(&mut self, places: &BTreeSet<usize>) {
        self.wanted = (0..self.header.len()).map(|at| places.contains(&at)).collect();
    }

    /// Whether a whole row at the start of the window can be taken, of which it may be known that it is text.
    fn fit(&self, length: usize, is_text: bool) -> Result<(), String> {
        if self.fields.len() > self.header.len() {
            return Err(format!("{} fields, expected {}", self.fields.len(), self.header.len()));
        }
        if is_text {
            return Ok(());
        }
        match std::str::from_utf8(&self.window.bytes()[..length]) {
            Ok(_) => Ok(()),
            Err(e) => Err(format!("not UTF-8 at byte {} of the row", e.valid_up_to() + 1)),
        }
    }

    fn more(&mut self) -> Result<(), ImportError> {
        self.window.more().map_err(|e| damage(&self.file, self.window.line, &e))
    }

    /// Finds the row at the start of the window.
    fn find(&mut self) -> Found {
        let (buffer, at_end) = (self.window.buffer(), self.window.at_end());
        match scan(buffer, self.window.position(), at_end, self.separator, &self.before, &mut self.fields) {
            Scan::Row { length, one_line } => Found::Row { length, one_line },
            Scan::Fault(reason) => Found::Fault(reason.to_owned()),
            Scan::More if self.window.bytes().len() >= MAX_ROW => {
                Found::Fault(format!("no end of the row within {} MiB; a quote may not be closed", MAX_ROW >> 20))
            }
            Scan::More => Found::Part,
        }
    }
}

/// Splits a header line at the separator that stands in it most often.
fn header_of(text: &str) -> (u8, Vec<String>) {
    let line = text.trim_end_matches(['\n', '\r']);
    let mut spans: Vec<Field> = Vec::new();
    let mut best = (b',', 0, Vec::new());
    for separator in [b',', b';', b'\t', b'|'] {
        let whole = matches!(scan(line.as_bytes(), 0, true, separator, &[], &mut spans), Scan::Row { .. });
        if whole && spans.len() > best.1 {
            let fields = spans.iter().map(|s| clean(&line[s.start()..s.end()])).collect();
            best = (separator, spans.len(), fields);
        }
    }
    if best.1 == 0 {
        best.2.push(clean(line));
    }
    (best.0, best.2)
}

fn clean(field: &str) -> String {
    field.trim_matches(|c: char| c.is_whitespace() || c == '\u{feff}').replace("\"\"", "\"")
}

#[cfg(test)]
mod tests {
    use std::io::{Cursor, ErrorKind, Read};

    use super::*;

    /// Fails at once.
    struct Broken;

    impl Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
            Err(ErrorKind::UnexpectedEof.into())
        }
    }

    fn reader(source: impl Read + Send + 'static) -> CsvReader {
        CsvReader::open("f.csv", Window::new(Box::new(source))).unwrap()
    }

    #[test]
    fn what_could_be_read_comes_before_the_damage_with_its_line() {
        let text = "Date,Cost\n2024-11-01,1\n\n2024-11-02,\"2\n\"\n2024-11-0";
        let mut reader = reader(Cursor::new(text).chain(Broken));
        let batch = reader.next_batch().unwrap().unwrap();
        assert_eq!((batch.lines.as_slice(), batch.value(1, 1).as_ref()), (&[2, 4][..], "2\n"));
        let error = reader.next_batch().unwrap_err().to_string();
        assert!(error.contains("line 6") && error.contains("breaks off"), "{error}");
    }

    /// Batches that begin in buffers used before, with faults of all kinds between the rows.
    #[test]
    fn buffers_that_are_used_again_change_nothing() {
        let mut text = b"Date,Cost,Tags\n".to_vec();
        let (mut good, mut bad) = (Vec::new(), Vec::new());
        for n in 0..60_000u64 {
            let line = n + 2;
            match n % 97 {
                5 => text.extend_from_slice(b"2024-11-01,\xff,broken\n"),
                6 => text.extend_from_slice(b"1,2,3,4\n"),
                7 => text.extend_from_slice(b"2024-11-01,\"1\"x,y\n"),
                _ => text.extend(format!("2024-11-{:02},{},\"a \"\"{}\"\"\"\n", n / 7 % 30, n / 3, n / 5).bytes()),
            }
            if (5..8).contains(&(n % 97)) { bad.push(line) } else { good.push((line, n)) }
        }
        let mut reader = reader(Cursor::new(text));
        let spares = reader.spares();
        let (mut rows, mut faults) = (good.iter(), Vec::new());
        while let Some(batch) = reader.next_batch().unwrap() {
            for (row, line) in batch.lines.iter().enumerate() {
                let (expected, n) = rows.next().unwrap();
                let cells = [0, 1, 2].map(|at| batch.value(at, row).into_owned());
                let day = format!("2024-11-{:02}", n / 7 % 30);
                assert_eq!((line, cells), (expected, [day, (n / 3).to_string(), format!("a \"{}\"", n / 5)]));
            }
            faults.extend(batch.faults.iter().map(|fault| fault.line));
            spares.give(batch);
        }
        assert!(rows.next().is_none());
        assert_eq!(faults, bad);
    }
}
