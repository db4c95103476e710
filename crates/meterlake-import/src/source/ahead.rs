//! Reading ahead: unpacking and hashing on a thread of its own.

use std::io::{Error, ErrorKind, Read, Result};
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};

/// Bytes of a block.
const BLOCK: usize = 256 << 10;

/// Blocks that wait to be taken: as much as a batch of rows takes, or the thread would stand still while one is looked at.
const WAITING: usize = 16;

/// Some bytes of the source: as many as are told of the buffer.
type Block = (Vec<u8>, usize);

/// Reads a source on a thread of its own, some blocks ahead.
pub(crate) struct Ahead {
    blocks: Receiver<Result<Block>>,
    /// Buffers on their way back.
    spent: Sender<Vec<u8>>,
    block: Block,
    at: usize,
    ended: bool,
}

impl Ahead {
    /// Starts to read. The thread ends with the source, with its first error, or when this value is dropped.
    pub(crate) fn new(source: Box<dyn Read + Send>) -> Result<Self> {
        let (sender, blocks) = sync_channel(WAITING);
        let (spent, spares) = channel();
        std::thread::Builder::new().name("read ahead".to_owned()).spawn(move || read_all(source, &sender, &spares))?;
        Ok(Self { blocks, spent, block: (Vec::new(), 0), at: 0, ended: false })
    }
}

fn read_all(mut source: Box<dyn Read + Send>, sender: &SyncSender<Result<Block>>, spares: &Receiver<Vec<u8>>) {
    loop {
        let mut block = spares.try_recv().unwrap_or_default();
        block.resize(BLOCK, 0);
        let mut length = 0;
        let mut failed = None;
        while length < BLOCK {
            match source.read(&mut block[length..]) {
                Ok(0) => break,
                Ok(read) => length += read,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => {
                    failed = Some(error);
                    break;
                }
            }
        }
        let last = length < BLOCK;
        if length > 0 && sender.send(Ok((block, length))).is_err() {
            return;
        }
        if let Some(error) = failed {
            drop(sender.send(Err(error)));
            return;
        }
        if last {
            // An empty block says that the source ended by itself.
            drop(sender.send(Ok((Vec::new(), 0))));
            return;
        }
    }
}

impl Read for Ahead {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize> {
        while self.at == self.block.1 {
            if self.ended {
                return Ok(0);
            }
            match self.blocks.recv() {
                Ok(Ok(block)) => {
                    self.ended = block.1 == 0;
                    let (spent, _) = std::mem::replace(&mut self.block, block);
                    self.at = 0;
                    // The thread may have ended.
                    drop(self.spent.send(spent));
                }
                Ok(Err(error)) => {
                    self.ended = true;
                    return Err(error);
                }
                // An empty block or an error comes before the thread ends, unless it panicked.
                Err(_) => return Err(Error::new(ErrorKind::InvalidData, "reading ahead broke off")),
            }
        }
        let count = buffer.len().min(self.block.1 - self.at);
        buffer[..count].copy_from_slice(&self.block.0[self.at..self.at + count]);
        self.at += count;
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Yields so many bytes, a few at a time, and then an error if it has one.
    struct Source(usize, Option<ErrorKind>);

    impl Read for Source {
        fn read(&mut self, buffer: &mut [u8]) -> Result<usize> {
            let count = self.0.min(buffer.len()).min(70_001);
            for (at, byte) in buffer[..count].iter_mut().enumerate() {
                *byte = u8::try_from((self.0 - at) % 251).unwrap();
            }
            self.0 -= count;
            match self.1.take_if(|_| count == 0) {
                Some(kind) => Err(kind.into()),
                None => Ok(count),
            }
        }
    }

    #[test]
    fn all_bytes_and_the_error_come_in_order() {
        for length in [0, 1, BLOCK - 1, BLOCK, BLOCK + 1, 5 * BLOCK] {
            for error in [None, Some(ErrorKind::UnexpectedEof)] {
                let mut ahead = Ahead::new(Box::new(Source(length, error))).unwrap();
                let mut read = Vec::new();
                let outcome = ahead.read_to_end(&mut read);
                assert_eq!(outcome.err().map(|e| e.kind()), error, "{length}");
                let mut expected = Vec::new();
                Source(length, None).read_to_end(&mut expected).unwrap();
                assert_eq!(read, expected);
            }
        }
        drop(Ahead::new(Box::new(Source(usize::MAX / 2, None))).unwrap());
    }
}
