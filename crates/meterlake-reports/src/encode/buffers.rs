//! Output buffers that are used again: new memory of this size costs the system a fault for every page of it.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;

/// Buffers kept for later use.
const KEPT: usize = 24;
/// Larger buffers are not kept.
const LARGEST: usize = 4 << 20;

/// Buffers of encoders and of readers of files. Cheap to clone.
#[derive(Clone, Default)]
pub struct Buffers(Arc<Mutex<Vec<Vec<u8>>>>);

impl Buffers {
    /// A buffer with bytes of no meaning in it, as long as it was before.
    #[must_use]
    pub fn take(&self) -> Vec<u8> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).pop().unwrap_or_default()
    }

    /// The first `length` bytes of the buffer, which comes back when they are dropped.
    #[must_use]
    pub fn bytes(&self, buffer: Vec<u8>, length: usize) -> Bytes {
        Bytes::from_owner(Filled { length: length.min(buffer.len()), buffer, home: self.clone() })
    }
}

impl fmt::Debug for Buffers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Buffers")
    }
}

struct Filled {
    buffer: Vec<u8>,
    length: usize,
    home: Buffers,
}

impl AsRef<[u8]> for Filled {
    fn as_ref(&self) -> &[u8] {
        &self.buffer[..self.length]
    }
}

impl Drop for Filled {
    fn drop(&mut self) {
        let buffer = std::mem::take(&mut self.buffer);
        let mut kept = self.home.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() < KEPT && buffer.len() <= LARGEST {
            kept.push(buffer);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_comes_back_when_its_last_bytes_go() {
        let buffers = Buffers::default();
        let bytes = buffers.bytes(b"abcdef".to_vec(), 3);
        let part = bytes.slice(1..);
        drop(bytes);
        assert_eq!((part.as_ref(), buffers.take().len()), (&b"bc"[..], 0));
        drop(part);
        assert_eq!(buffers.take(), b"abcdef");
        for _ in 0..2 * KEPT {
            drop(buffers.bytes(vec![0; LARGEST + 1], 1));
        }
        assert!(buffers.take().is_empty());
        drop((0..2 * KEPT).map(|_| buffers.bytes(vec![0; 10], 1)).collect::<Vec<_>>());
        assert_eq!(buffers.0.lock().unwrap().len(), KEPT);
    }
}
