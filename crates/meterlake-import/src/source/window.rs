//! A sliding window over a stream of bytes: readers look at whole rows in it without copying them first.

use std::io::Read;

/// The longest row that is taken; a longer one is taken for a quote or brace that is never closed.
pub(crate) const MAX_ROW: usize = 4 << 20;

/// Bytes of a window at first.
const FIRST: usize = 256 << 10;

/// The bytes from the reader's position on, as far as they have been read.
pub(crate) struct Window {
    source: Box<dyn Read + Send>,
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    eof: bool,
    /// Why reading on failed, until someone needs what could not be read.
    failed: Option<std::io::Error>,
    /// Line of the first byte of the window, from 1.
    pub(crate) line: u64,
}

impl Window {
    pub(crate) fn new(source: Box<dyn Read + Send>) -> Self {
        Self { source, buffer: vec![0; FIRST], start: 0, end: 0, eof: false, failed: None, line: 1 }
    }

    /// What has been read and not consumed.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.buffer[self.start..self.end]
    }

    /// All bytes that are held, those of [`Self::bytes`] from [`Self::position`] on.
    pub(super) fn buffer(&self) -> &[u8] {
        &self.buffer[..self.end]
    }

    /// Where in [`Self::buffer`] the reader stands.
    pub(super) fn position(&self) -> usize {
        self.start
    }

    /// Up to where in [`Self::buffer`] what was not consumed is known to be UTF-8.
    pub(super) fn valid_text(&self) -> usize {
        match std::str::from_utf8(self.bytes()) {
            Ok(_) => self.end,
            Err(error) => self.start + error.valid_up_to(),
        }
    }

    /// Reads on until so many bytes are there, or the stream ends. A failure is told by [`Self::more`], when all that
    /// could be read is consumed.
    pub(super) fn fill_to(&mut self, wanted: usize) {
        if self.buffer.len() < wanted {
            self.buffer.resize(wanted, 0);
        }
        while !self.eof && self.failed.is_none() && self.end - self.start < wanted {
            self.failed = self.more().err();
        }
    }

    /// Gives the buffer away as far as it was consumed, and goes on in another one.
    pub(super) fn detach(&mut self, mut spare: Vec<u8>) -> Vec<u8> {
        let left = self.end - self.start;
        let length = left.max(FIRST);
        if spare.len() < length {
            spare.resize(length, 0);
        }
        spare[..left].copy_from_slice(&self.buffer[self.start..self.end]);
        let mut bytes = std::mem::replace(&mut self.buffer, spare);
        bytes.truncate(self.start);
        (self.start, self.end) = (0, left);
        bytes
    }

    /// Replaces bytes that were consumed, from a place of [`Self::buffer`] on, by blanks.
    pub(super) fn blank(&mut self, from: usize) {
        let from = from.min(self.start);
        self.buffer[from..self.start].fill(b' ');
    }

    /// Whether the window reaches the end of the stream.
    pub(crate) fn at_end(&self) -> bool {
        self.eof
    }

    /// Reads more behind the window; does nothing at the end of the stream.
    pub(crate) fn more(&mut self) -> std::io::Result<()> {
        if let Some(error) = self.failed.take() {
            return Err(error);
        }
        if self.start > 0 {
            self.buffer.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.start = 0;
        }
        if self.end == self.buffer.len() {
            self.buffer.resize(self.buffer.len() * 2, 0);
        }
        while !self.eof {
            match self.source.read(&mut self.buffer[self.end..]) {
                Ok(0) => self.eof = true,
                Ok(read) => {
                    self.end += read;
                    return Ok(());
                }
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Moves past `count` bytes and counts their line ends (`\n`, `\r\n` or a lone `\r`).
    pub(crate) fn consume(&mut self, count: usize) {
        let passed = &self.buffer[self.start..self.start + count];
        let mut lines = memchr::memchr_iter(b'\n', passed).count();
        for at in memchr::memchr_iter(b'\r', passed) {
            if self.buffer[..self.end].get(self.start + at + 1) != Some(&b'\n') {
                lines += 1;
            }
        }
        self.line += lines as u64;
        self.start += count;
    }

    /// Moves past `count` bytes of which the last ones are the only line end.
    pub(super) fn pass_line(&mut self, count: usize) {
        self.line += 1;
        self.start += count;
    }

    /// Moves past line ends, as far as the window reaches; whether anything is behind them.
    pub(super) fn skip_line_ends(&mut self) -> bool {
        let mut count = self.bytes().iter().take_while(|byte| matches!(byte, b'\n' | b'\r')).count();
        if count == self.bytes().len() && !self.eof && self.bytes().ends_with(b"\r") {
            // What follows may belong to it.
            count -= 1;
        }
        self.consume(count);
        self.start < self.end
    }

    /// Whether the next line lies in the window as a whole.
    pub(super) fn holds_line(&self) -> bool {
        match memchr::memchr2(b'\n', b'\r', self.bytes()) {
            Some(at) => self.eof || at + 1 < self.bytes().len(),
            None => self.eof,
        }
    }

    /// Moves past bytes that satisfy `skip`, reading on as needed; returns the byte that stopped it.
    pub(crate) fn skip(&mut self, skip: impl Fn(u8) -> bool) -> std::io::Result<Option<u8>> {
        loop {
            let passed = self.bytes().iter().take_while(|&&b| skip(b)).count();
            let next = self.bytes().get(passed).copied();
            self.consume(passed);
            if next.is_some() || self.eof {
                return Ok(next);
            }
            self.more()?;
        }
    }

    /// Moves behind the next line end and returns the line, cut at the longest row.
    pub(crate) fn take_line(&mut self) -> std::io::Result<Vec<u8>> {
        let mut line = Vec::new();
        loop {
            let found = memchr::memchr2(b'\n', b'\r', self.bytes());
            let mut count = found.map_or(self.bytes().len(), |at| at + 1);
            if found.is_some() && self.bytes()[count - 1] == b'\r' {
                if self.bytes().len() == count && !self.eof {
                    self.more()?;
                    continue;
                }
                if self.bytes().get(count) == Some(&b'\n') {
                    count += 1;
                }
            }
            if line.len() < MAX_ROW {
                line.extend_from_slice(&self.bytes()[..count]);
            }
            self.consume(count);
            if found.is_some() || self.eof {
                return Ok(line);
            }
            self.more()?;
        }
    }
}
