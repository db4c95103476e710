//! The distinct texts of an import.

use std::borrow::Cow;
use std::collections::HashMap;
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use meterlake_lake::coded::{Cells, EMPTY, TextDictionary};

use crate::source::batch::{Span, TextBatch};

/// Rows from which a second thread is worth its start.
const WORTH_A_THREAD: usize = 2_000;

/// Dictionaries of source columns and of columns that are worked out, for all files of an import.
#[derive(Default)]
pub(crate) struct Distinct {
    /// The dictionaries that codes refer to by their places.
    pub(crate) dictionaries: Vec<TextDictionary>,
    /// For each dictionary the codes of cells in which quotes are doubled, so that few cells have them undone.
    doubled: Vec<Doubled>,
    by_name: HashMap<String, usize>,
    /// The one dictionary of each column of charges that is text.
    targets: HashMap<&'static str, usize>,
    /// Grows when all codes are forgotten.
    generation: u32,
}

#[derive(Default)]
struct Doubled {
    raw: TextDictionary,
    codes: Vec<u32>,
}

impl Distinct {
    /// The dictionary of this name.
    pub(super) fn named(&mut self, name: &str) -> usize {
        if let Some(number) = self.by_name.get(name) {
            return *number;
        }
        let number = self.dictionaries.len();
        self.dictionaries.push(TextDictionary::default());
        self.doubled.push(Doubled::default());
        self.by_name.insert(name.to_owned(), number);
        number
    }

    /// The dictionary of a column of charges: `source` if it has none yet.
    pub(super) fn of_target(&mut self, target: &'static str, source: usize) -> usize {
        *self.targets.entry(target).or_insert(source)
    }

    pub(super) fn get(&self, number: usize, code: u32) -> &str {
        self.dictionaries.get(number).map_or("", |dictionary| dictionary.text(code))
    }

    pub(super) fn intern(&mut self, number: usize, text: &str) -> u32 {
        self.dictionaries.get_mut(number).map_or(EMPTY, |dictionary| dictionary.intern(text.as_bytes()))
    }

    /// Memory of all texts, in bytes.
    pub(crate) fn memory(&self) -> usize {
        let doubled = self.doubled.iter().map(|d| d.raw.memory() + d.codes.capacity() * 4);
        self.dictionaries.iter().map(TextDictionary::memory).chain(doubled).sum()
    }

    /// Forgets all texts: codes that were given are void.
    pub(crate) fn forget(&mut self) {
        self.dictionaries.iter_mut().for_each(|dictionary| *dictionary = TextDictionary::default());
        self.doubled.iter_mut().for_each(|doubled| *doubled = Doubled::default());
        self.generation += 1;
    }

    /// Which codes are valid.
    pub(crate) fn generation(&self) -> u32 {
        self.generation
    }

    /// Codes of the cells of several columns, each of which has a dictionary of its own, beside one another.
    pub(super) fn codes(&mut self, batch: &TextBatch, columns: &[(usize, &[Span])]) -> Vec<Cells<u32>> {
        let jobs: Vec<Mutex<Job>> = columns
            .iter()
            .map(|(number, _)| {
                let dictionary = self.dictionaries.get_mut(*number).map(std::mem::take).unwrap_or_default();
                let doubled = self.doubled.get_mut(*number).map(std::mem::take).unwrap_or_default();
                Mutex::new(Job { dictionary, doubled, codes: Cells::Same(EMPTY) })
            })
            .collect();
        let next = AtomicUsize::new(0);
        let work = || {
            loop {
                let at = next.fetch_add(1, Ordering::Relaxed);
                let (Some(job), Some((_, spans))) = (jobs.get(at), columns.get(at)) else { break };
                job.lock().unwrap_or_else(PoisonError::into_inner).run(batch, spans);
            }
        };
        let threads = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
        if threads > 1 && batch.rows() >= WORTH_A_THREAD {
            std::thread::scope(|scope| {
                scope.spawn(work);
                work();
            });
        } else {
            work();
        }
        let mut all = Vec::with_capacity(columns.len());
        for (job, (number, _)) in jobs.into_iter().zip(columns) {
            let job = job.into_inner().unwrap_or_else(PoisonError::into_inner);
            if let (Some(dictionary), Some(doubled)) =
                (self.dictionaries.get_mut(*number), self.doubled.get_mut(*number))
            {
                (*dictionary, *doubled) = (job.dictionary, job.doubled);
            }
            all.push(job.codes);
        }
        all
    }
}

/// One column of a batch.
struct Job {
    dictionary: TextDictionary,
    doubled: Doubled,
    codes: Cells<u32>,
}

impl Job {
    fn run(&mut self, batch: &TextBatch, spans: &[Span]) {
        let mut codes = Vec::with_capacity(spans.len());
        let mut last = (Span::EMPTY, EMPTY);
        for &span in spans {
            // A cell that repeats the one before mostly has its place, too.
            if span != last.0 {
                let code = if span.is_empty() {
                    EMPTY
                } else if span.is_doubled() {
                    self.doubled.code(batch.raw_cell(span), &mut self.dictionary)
                } else {
                    self.dictionary.intern(batch.raw_cell(span).as_bytes())
                };
                last = (span, code);
            }
            codes.push(last.1);
        }
        if !codes.is_empty() {
            self.codes = cells(codes);
        }
    }
}

impl Doubled {
    fn code(&mut self, raw: &str, dictionary: &mut TextDictionary) -> u32 {
        let at = self.raw.intern(raw.as_bytes()) as usize;
        while self.codes.len() <= at {
            let text = raw.replace("\"\"", "\"");
            let code = if self.codes.is_empty() { EMPTY } else { dictionary.intern(text.as_bytes()) };
            self.codes.push(code);
        }
        self.codes[at]
    }
}

/// The cells, as one where all are the same.
pub(super) fn cells<T: Copy + PartialEq>(values: Vec<T>) -> Cells<T> {
    match values.first() {
        Some(first) if values.iter().all(|value| value == first) => Cells::Same(*first),
        _ => Cells::Each(values),
    }
}

/// What was worked out of each text of a dictionary, once.
#[derive(Debug)]
pub(super) struct Memo<T> {
    generation: u32,
    values: Vec<T>,
}

impl<T> Default for Memo<T> {
    fn default() -> Self {
        Self { generation: 0, values: Vec::new() }
    }
}

impl<T> Memo<T> {
    /// Works out what is not known yet; the values are in the order of the codes.
    pub(super) fn learn(&mut self, distinct: &Distinct, number: usize, of: impl Fn(&str) -> T) -> &[T] {
        if self.generation != distinct.generation {
            self.generation = distinct.generation;
            self.values.clear();
        }
        if let Some(dictionary) = distinct.dictionaries.get(number) {
            for code in self.values.len()..dictionary.len() {
                let code = u32::try_from(code).unwrap_or(u32::MAX);
                self.values.push(of(dictionary.text(code)));
            }
        }
        &self.values
    }
}

impl Memo<u32> {
    /// The same for texts of another dictionary, of which the values are codes.
    pub(super) fn translate(
        &mut self,
        distinct: &mut Distinct,
        from: usize,
        to: usize,
        of: impl Fn(&str) -> Cow<'_, str>,
    ) -> &[u32] {
        if self.generation != distinct.generation {
            self.generation = distinct.generation;
            self.values.clear();
        }
        let known = distinct.dictionaries.get(from).map_or(0, TextDictionary::len);
        for code in self.values.len()..known {
            let text = of(distinct.get(from, u32::try_from(code).unwrap_or(u32::MAX))).into_owned();
            self.values.push(distinct.intern(to, &text));
        }
        &self.values
    }
}
