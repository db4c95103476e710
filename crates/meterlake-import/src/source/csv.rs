//! Separated values. Stricter than the usual readers: a quote that does not close, or text behind a closing quote,
//! is a fault of its row and the next line is read as a row again, so that one broken line does not swallow others.

use std::collections::BTreeSet;

use crate::ImportError;
use crate::mapping;

use super::batch::{self, BATCH_BYTES, BATCH_ROWS, Fault, TextBatch, raw_bytes, raw_text};
use super::damage;
use super::window::{MAX_ROW, Window};

/// Lines that may stand before the header, such as the title of an EA usage download.
const PREAMBLE_LINES: usize = 10;

/// Where a field lies in the window.
#[derive(Clone, Copy)]
struct Span {
    start: usize,
    end: usize,
    /// Whether doubled quotes must be undone.
    doubled: bool,
}

/// What the bytes at the start of a row are.
enum Scan {
    /// A whole row of so many bytes, line end included.
    Row(usize),
    /// The row goes on behind the window.
    More,
    /// Not a row.
    Fault(&'static str),
}

/// Finds the fields of the row at the start of `bytes`.
fn scan(bytes: &[u8], at_end: bool, separator: u8, spans: &mut Vec<Span>) -> Scan {
    spans.clear();
    let mut at = 0;
    loop {
        let (span, after) = if bytes.get(at) == Some(&b'"') {
            match quoted(bytes, at, at_end) {
                Ok(found) => found,
                Err(scan) => return scan,
            }
        } else {
            match find_end(separator, &bytes[at..]) {
                Some(length) => (Span { start: at, end: at + length, doubled: false }, at + length),
                None if at_end => (Span { start: at, end: bytes.len(), doubled: false }, bytes.len()),
                None => return Scan::More,
            }
        };
        spans.push(span);
        match bytes.get(after) {
            Some(&b) if b == separator => at = after + 1,
            Some(b'\n') => return Scan::Row(after + 1),
            Some(b'\r') => match bytes.get(after + 1) {
                Some(b'\n') => return Scan::Row(after + 2),
                None if !at_end => return Scan::More,
                _ => return Scan::Row(after + 1),
            },
            Some(_) => return Scan::Fault("text behind the closing quote of a field"),
            None if at_end => return Scan::Row(after),
            None => return Scan::More,
        }
    }
}

/// The separator or line end that comes first. Fields are short, so that eight bytes at a time without a call is
/// quicker than wider steps.
fn find_end(separator: u8, bytes: &[u8]) -> Option<usize> {
    const LOW: u64 = 0x7F7F_7F7F_7F7F_7F7F;
    const ONES: u64 = 0x0101_0101_0101_0101;
    // The highest bit of each byte that is zero.
    let zeros = |word: u64| !(((word & LOW) + LOW) | word | LOW);
    let separators = ONES * u64::from(separator);
    let (words, rest) = bytes.as_chunks::<8>();
    for (at, word) in words.iter().enumerate() {
        let word = u64::from_le_bytes(*word);
        let found = zeros(word ^ separators) | zeros(word ^ (ONES * 10)) | zeros(word ^ (ONES * 13));
        if found != 0 {
            return Some(at * 8 + (found.trailing_zeros() / 8) as usize);
        }
    }
    let found = rest.iter().position(|byte| matches!(byte, b'\n' | b'\r') || *byte == separator)?;
    Some(words.len() * 8 + found)
}

/// The quoted field that opens at `open`, and the place behind its closing quote.
fn quoted(bytes: &[u8], open: usize, at_end: bool) -> Result<(Span, usize), Scan> {
    let start = open + 1;
    let mut from = start;
    let mut doubled = false;
    loop {
        let Some(length) = memchr::memchr(b'"', &bytes[from..]) else {
            return Err(if at_end { Scan::Fault("a quote that opens a field is never closed") } else { Scan::More });
        };
        let quote = from + length;
        match bytes.get(quote + 1) {
            Some(b'"') => {
                doubled = true;
                from = quote + 2;
            }
            None if !at_end => return Err(Scan::More),
            _ => return Ok((Span { start, end: quote, doubled }, quote + 1)),
        }
    }
}

/// Reads a file of separated values in batches.
pub(crate) struct CsvReader {
    file: String,
    window: Window,
    separator: u8,
    header: Vec<String>,
    spans: Vec<Span>,
    /// By column; all that are not named are.
    wanted: Vec<bool>,
    /// Bytes of text of the largest batch so far, and a little more.
    batch_text: usize,
}

impl CsvReader {
    /// Finds the header, behind a preamble if there is one, and the separator.
    pub(crate) fn open(file: &str, window: Window) -> Result<Self, ImportError> {
        let (header, spans, wanted) = (Vec::new(), Vec::new(), Vec::new());
        let mut reader = Self { file: file.to_owned(), window, separator: b',', header, spans, wanted, batch_text: 0 };
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

    /// The next rows; none at the end.
    pub(crate) fn next_batch(&mut self) -> Result<Option<TextBatch>, ImportError> {
        let width = self.header.len();
        self.wanted.resize(width, true);
        let column = |wanted: &bool| if *wanted { Vec::with_capacity(BATCH_ROWS) } else { Vec::new() };
        let mut columns: Vec<Vec<batch::Span>> = self.wanted.iter().map(column).collect();
        let kept: Vec<usize> = (0..width).filter(|at| self.wanted[*at]).collect();
        let mut text = String::with_capacity(self.batch_text);
        let (mut raw, mut lines) = (Vec::with_capacity(BATCH_ROWS), Vec::with_capacity(BATCH_ROWS));
        let (mut short, mut faults) = (Vec::new(), Vec::new());
        while lines.len() + faults.len() < BATCH_ROWS && text.len() < BATCH_BYTES {
            if self.fill(|b| matches!(b, b'\n' | b'\r'))?.is_none() {
                break;
            }
            let line = self.window.line;
            let length = match self.scan()? {
                Ok(length) => length,
                Err(reason) => {
                    let broken = self.window.take_line().map_err(|e| damage(&self.file, line, &e))?;
                    faults.push(Fault { line, reason, raw: raw_text(&broken) });
                    continue;
                }
            };
            let row = &self.window.bytes()[..length];
            let row = match self.fit(row) {
                Ok(row) => row,
                Err(reason) => {
                    faults.push(Fault { line, reason, raw: raw_text(row) });
                    self.window.consume(length);
                    continue;
                }
            };
            let start = text.len();
            for &at in &kept {
                let span = self.spans.get(at).map_or(batch::Span::EMPTY, |span| {
                    batch::Span::new(start + span.start, start + span.end, span.doubled)
                });
                columns[at].push(span);
            }
            lines.push(line);
            if self.spans.len() < width {
                short.push((lines.len() - 1, self.spans.len()));
            }
            raw.push(batch::Span::new(start, start + raw_bytes(row.as_bytes()).len(), false));
            text.push_str(row);
            self.window.consume(length);
        }
        if lines.is_empty() && faults.is_empty() {
            return Ok(None);
        }
        self.batch_text = self.batch_text.max(text.len() + text.len() / 8);
        Ok(Some(TextBatch { text, columns, lines, short, raw: Some(raw), faults }))
    }

    /// Lets the columns of the other places be passed over.
    pub(crate) fn want(&mut self, places: &BTreeSet<usize>) {
        self.wanted = (0..self.header.len()).map(|at| places.contains(&at)).collect();
    }

    /// A whole row as text, or why it cannot be taken.
    fn fit<'a>(&self, row: &'a [u8]) -> Result<&'a str, String> {
        if self.spans.len() > self.header.len() {
            return Err(format!("{} fields, expected {}", self.spans.len(), self.header.len()));
        }
        std::str::from_utf8(row).map_err(|e| format!("not UTF-8 at byte {} of the row", e.valid_up_to() + 1))
    }

    fn fill(&mut self, skip: impl Fn(u8) -> bool) -> Result<Option<u8>, ImportError> {
        self.window.skip(skip).map_err(|e| damage(&self.file, self.window.line, &e))
    }

    /// Finds the row at the start of the window, or says why there is none.
    fn scan(&mut self) -> Result<Result<usize, String>, ImportError> {
        loop {
            match scan(self.window.bytes(), self.window.at_end(), self.separator, &mut self.spans) {
                Scan::Row(length) => return Ok(Ok(length)),
                Scan::Fault(reason) => return Ok(Err(reason.to_owned())),
                Scan::More if self.window.bytes().len() >= MAX_ROW => {
                    return Ok(Err(format!(
                        "no end of the row within {} MiB; a quote may not be closed",
                        MAX_ROW >> 20
                    )));
                }
                Scan::More => self.window.more().map_err(|e| damage(&self.file, self.window.line, &e))?,
            }
        }
    }
}

/// Splits a header line at the separator that stands in it most often.
fn header_of(text: &str) -> (u8, Vec<String>) {
    let line = text.trim_end_matches(['\n', '\r']);
    let mut spans = Vec::new();
    let mut best = (b',', 0, Vec::new());
    for separator in [b',', b';', b'\t', b'|'] {
        let whole = matches!(scan(line.as_bytes(), true, separator, &mut spans), Scan::Row(_));
        if whole && spans.len() > best.1 {
            let fields = spans.iter().map(|s| clean(&line[s.start..s.end])).collect();
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
    use super::*;

    #[test]
    fn the_first_end_is_found() {
        let mut state = 3u64;
        for length in 0..400 {
            let bytes: Vec<u8> = (0..length % 40)
                .map(|_| {
                    state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                    // All bytes beside the wanted ones, and few of those.
                    if state >> 60 == 0 { b",\r\n"[(state >> 40) as usize % 3] } else { (state >> 48) as u8 }
                })
                .collect();
            assert_eq!(find_end(b',', &bytes), memchr::memchr3(b',', b'\n', b'\r', &bytes), "{bytes:?}");
        }
    }
}
