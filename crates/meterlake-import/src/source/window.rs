//! A sliding window over a stream of bytes: readers look at whole rows in it without copying them first.

use std::io::Read;

/// The longest row that is taken; a longer one is taken for a quote or brace that is never closed.
pub(crate) const MAX_ROW: usize = 4 << 20;

/// The bytes from the reader's position on, as far as they have been read.
pub(crate) struct Window {
    source: Box<dyn Read + Send>,
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    eof: bool,
    /// Line of the first byte of the window, from 1.
    pub(crate) line: u64,
}

impl Window {
    pub(crate) fn new(source: Box<dyn Read + Send>) -> Self {
        Self { source, buffer: vec![0; 256 << 10], start: 0, end: 0, eof: false, line: 1 }
    }

    /// What has been read and not consumed.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.buffer[self.start..self.end]
    }

    /// Whether the window reaches the end of the stream.
    pub(crate) fn at_end(&self) -> bool {
        self.eof
    }

    /// Reads more behind the window; does nothing at the end of the stream.
    pub(crate) fn more(&mut self) -> std::io::Result<()> {
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
