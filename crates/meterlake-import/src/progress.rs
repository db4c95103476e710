//! How far a long read has come.

/// Told of progress while files are read; the program draws a bar from it.
pub trait Progress: Send + Sync {
    /// A new stage begins over `total` bytes of input, `None` when unknown. `what` names stage and file.
    fn stage(&self, what: &str, total: Option<u64>);
    /// `bytes` more of the stage's input (as stored, compressed) have been read.
    fn advance(&self, bytes: u64);
    /// Something the user should see now, for example waiting for another import.
    fn message(&self, text: &str);
}

/// Progress that nobody watches.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoProgress;

impl Progress for NoProgress {
    fn stage(&self, _what: &str, _total: Option<u64>) {}

    fn advance(&self, _bytes: u64) {}

    fn message(&self, _text: &str) {}
}
