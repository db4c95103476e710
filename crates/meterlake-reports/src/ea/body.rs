//! Pages of rows that are written while they are sent.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::chain::Prepared;
use crate::encode::Buffers;

/// About how many bytes are written at a time: the client takes them while the next ones are written.
const PIECE: usize = 256 << 10;
/// Pages that are written while they are sent. Each keeps its row groups in memory until its client has taken it, so
/// all others are written whole at once.
const AT_ONCE: usize = 2;

/// Row groups that one page keeps: where few rows of each are wanted, it has rows of many.
const GROUPS: usize = 2;

/// The right to keep row groups while a page is sent.
#[derive(Clone, Debug)]
pub(crate) struct Turns(Arc<Semaphore>);

impl Default for Turns {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(AT_ONCE)))
    }
}

/// A page: what stands before its rows, then these, then what follows them. As an iterator it gives its bytes in
/// pieces, each made when it is asked for.
#[derive(Debug)]
pub struct EaBody {
    parts: VecDeque<Part>,
    /// Whether rows have been written, so that the next ones come after a comma.
    begun: bool,
    buffers: Buffers,
    turn: Option<OwnedSemaphorePermit>,
}

#[derive(Debug)]
enum Part {
    Bytes(Vec<u8>),
    /// Rows at these places of what is picked of a row group.
    Rows(Arc<Prepared>, Range<usize>),
}

impl EaBody {
    pub(super) fn new(buffers: Buffers, start: &[u8]) -> Self {
        Self { parts: VecDeque::from([Part::Bytes(start.to_vec())]), begun: false, buffers, turn: None }
    }

    /// Appends bytes.
    pub fn push(&mut self, bytes: &[u8]) {
        match self.parts.back_mut() {
            Some(Part::Bytes(last)) => last.extend_from_slice(bytes),
            _ => self.parts.push_back(Part::Bytes(bytes.to_vec())),
        }
    }

    /// Appends rows, after a comma where there are some before.
    pub(super) fn push_rows(&mut self, prepared: Arc<Prepared>, places: Range<usize>) {
        if self.parts.iter().filter(|part| matches!(part, Part::Rows(..))).count() == GROUPS {
            self.write_all();
        }
        self.parts.push_back(Part::Rows(prepared, places));
    }

    /// Writes all of it now, unless there is a turn to write it while it is sent.
    pub(super) fn settle(mut self, turns: &Turns) -> Self {
        self.turn = Arc::clone(&turns.0).try_acquire_owned().ok();
        if self.turn.is_none() {
            self.write_all();
        }
        self
    }

    /// Writes what there is so far, so that no row group is needed for it any more.
    fn write_all(&mut self) {
        let mut out = match self.parts.pop_front() {
            // What was written before stays where it is.
            Some(Part::Bytes(bytes)) => bytes,
            Some(rows) => {
                self.parts.push_front(rows);
                Vec::new()
            }
            None => return,
        };
        let filled = out.len();
        let end = self.write(&mut out, filled, usize::MAX);
        out.truncate(end);
        self.parts.push_back(Part::Bytes(out));
    }

    /// Whether everything has been given.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.parts.is_empty()
    }

    /// Writes to `out`, which grows by itself, from `end` until about `most`; where it ends.
    fn write(&mut self, out: &mut Vec<u8>, mut end: usize, most: usize) -> usize {
        while end < most
            && let Some(part) = self.parts.pop_front()
        {
            match part {
                Part::Bytes(bytes) => end = put(out, end, &bytes),
                Part::Rows(prepared, places) => {
                    let step = ((most - end) / prepared.rows.row_bytes()).max(1);
                    let here = places.start..places.end.min(places.start.saturating_add(step));
                    let rest = here.end..places.end;
                    if !here.is_empty() {
                        if self.begun {
                            end = put(out, end, b",");
                        }
                        self.begun = true;
                        end = prepared.rows.write(&prepared.picked, here, out, end);
                    }
                    if !rest.is_empty() {
                        self.parts.push_front(Part::Rows(prepared, rest));
                    }
                }
            }
        }
        end
    }
}

/// Puts bytes at `end` of a buffer whose bytes beyond are of no meaning.
fn put(out: &mut Vec<u8>, end: usize, bytes: &[u8]) -> usize {
    let after = end + bytes.len();
    if out.len() < after {
        out.resize(after, 0);
    }
    out[end..after].copy_from_slice(bytes);
    after
}

impl Iterator for EaBody {
    type Item = Bytes;

    fn next(&mut self) -> Option<Bytes> {
        if self.parts.is_empty() {
            return None;
        }
        let mut out = self.buffers.take();
        let end = self.write(&mut out, 0, PIECE);
        Some(self.buffers.bytes(out, end))
    }
}
