//! Byte-order marks: UTF-8's is cut, UTF-16 becomes UTF-8.

use std::io::{Error, ErrorKind, Read, Result};

/// Turns UTF-16 into UTF-8.
pub(crate) struct Utf16Reader<R> {
    inner: R,
    big_endian: bool,
    pending: Vec<u8>,
    high: Option<u16>,
    out: Vec<u8>,
    at: usize,
}

impl<R: Read> Utf16Reader<R> {
    /// `inner` stands behind the byte-order mark.
    pub(crate) fn new(inner: R, big_endian: bool) -> Self {
        Self { inner, big_endian, pending: Vec::new(), high: None, out: Vec::new(), at: 0 }
    }

    fn refill(&mut self) -> Result<()> {
        let mut buffer = [0u8; 16 << 10];
        let read = self.inner.read(&mut buffer)?;
        self.out.clear();
        self.at = 0;
        if read == 0 {
            if !self.pending.is_empty() || self.high.is_some() {
                return Err(Error::new(ErrorKind::UnexpectedEof, "UTF-16 text breaks off within a character"));
            }
            return Ok(());
        }
        self.pending.extend_from_slice(&buffer[..read]);
        let whole = self.pending.len() / 2 * 2;
        let units: Vec<u16> = self.pending[..whole]
            .chunks_exact(2)
            .map(|p| if self.big_endian { u16::from_be_bytes([p[0], p[1]]) } else { u16::from_le_bytes([p[0], p[1]]) })
            .collect();
        self.pending.drain(..whole);
        let mut text = String::with_capacity(units.len());
        let mut units: Vec<u16> = self.high.take().into_iter().chain(units).collect();
        if units.last().is_some_and(|u| (0xD800..0xDC00).contains(u)) {
            self.high = units.pop();
        }
        for decoded in char::decode_utf16(units) {
            text.push(decoded.map_err(|_| Error::new(ErrorKind::InvalidData, "not UTF-16: half a character"))?);
        }
        self.out = text.into_bytes();
        Ok(())
    }
}

impl<R: Read> Read for Utf16Reader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize> {
        while self.at == self.out.len() {
            self.refill()?;
            if self.out.is_empty() && self.high.is_none() && self.pending.is_empty() {
                return Ok(0);
            }
        }
        let count = buffer.len().min(self.out.len() - self.at);
        buffer[..count].copy_from_slice(&self.out[self.at..self.at + count]);
        self.at += count;
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_byte_orders() {
        let text = "Größe;Preis\n🙂;1,5\n".repeat(5_000);
        for big_endian in [false, true] {
            let bytes: Vec<u8> =
                text.encode_utf16().flat_map(|u| if big_endian { u.to_be_bytes() } else { u.to_le_bytes() }).collect();
            let mut read = String::new();
            Utf16Reader::new(bytes.as_slice(), big_endian).read_to_string(&mut read).unwrap();
            assert_eq!(read, text);
            let cut = Utf16Reader::new(&bytes[..bytes.len() - 1], big_endian).read_to_string(&mut read);
            assert_eq!(cut.unwrap_err().kind(), ErrorKind::UnexpectedEof);
        }
    }
}
