//! Which data files are worth merging.

use std::collections::{BTreeMap, BTreeSet};

use super::layers::{by_span, chains, follows};
use crate::{scope::ScopeKey, snapshot::TableFile, writer::WriterOptions};

/// Memory that the readers of one merge may take together, by estimate.
const READERS: u64 = 192 << 20;
/// What a reader takes at least: buffers and rows on their way.
const READER: u64 = 3 << 20;
/// What it takes at most: a row group as stored, the part of it that is decoded, and rows on their way.
const LARGEST_READER: u64 = 40 << 20;

/// Files of one partition and scope that are to become few, sorted and without overlap.
#[derive(Clone, Debug)]
pub struct Merge {
    /// The number `yyyymm` of the partition; none in a table without one.
    pub partition: Option<i32>,
    /// Key of the scope.
    pub scope_key: ScopeKey,
    /// The files, by their first day.
    pub files: Vec<TableFile>,
}

impl Merge {
    /// Bytes of the files.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.files.iter().map(|file| file.size).sum()
    }

    /// Rows of the files.
    #[must_use]
    pub fn rows(&self) -> u64 {
        self.files.iter().map(|file| file.rows).sum()
    }
}

/// The merges that are worth doing now. When they are done, the same question may find more: files that overlap more
/// deeply than can be read at once become fewer in several rounds.
pub(super) fn merges(files: &[TableFile], options: &WriterOptions) -> Vec<Merge> {
    let mut parts: BTreeMap<(Option<i32>, ScopeKey), Vec<&TableFile>> = BTreeMap::new();
    for file in files {
        parts.entry((file.partition, file.scope_key)).or_default().push(file);
    }
    let mut found = Vec::new();
    for ((partition, scope_key), files) in parts {
        for run in runs(by_span(files), options) {
            for files in within_memory(run) {
                found.push(Merge { partition, scope_key, files: files.into_iter().cloned().collect() });
            }
        }
    }
    found
}

/// Neighbours that are worth becoming one run of new files.
fn runs<'a>(files: Vec<&'a TableFile>, options: &WriterOptions) -> Vec<Vec<&'a TableFile>> {
    let large = |file: &TableFile| file.size >= options.file_bytes / 2 || file.rows >= options.file_rows / 2;
    let mut runs = Vec::new();
    let mut open: Vec<&TableFile> = Vec::new();
    for cluster in clusters(files) {
        if cluster.len() == 1 && large(cluster[0]) {
            runs.push(std::mem::take(&mut open));
        } else {
            open.extend(cluster);
        }
    }
    runs.push(open);
    runs.retain(|run| is_worth(run, options));
    runs
}

/// Files that overlap each other, directly or through others.
fn clusters(files: Vec<&TableFile>) -> Vec<Vec<&TableFile>> {
    let mut clusters: Vec<Vec<&TableFile>> = Vec::new();
    let mut last: Option<&TableFile> = None;
    for file in files {
        match (clusters.last_mut(), last) {
            (Some(cluster), Some(end)) if !follows(end, file) => cluster.push(file),
            _ => {
                clusters.push(vec![file]);
                last = None;
            }
        }
        if last.is_none_or(|end| end.span.1 <= file.span.1) {
            last = Some(file);
        }
    }
    clusters
}

/// Files that one writer wrote one after the other are as large as it could make them, unless together they are
/// small. So what a merge has written is not merged again by itself.
fn is_worth(run: &[&TableFile], options: &WriterOptions) -> bool {
    if run.len() < 2 {
        return false;
    }
    let writers: BTreeSet<_> = run.iter().map(|file| file.written_by).collect();
    let overlap = run.windows(2).any(|pair| !follows(pair[0], pair[1]));
    let bytes: u64 = run.iter().map(|file| file.size).sum();
    let rows: u64 = run.iter().map(|file| file.rows).sum();
    overlap || writers.len() > 1 || (bytes < options.file_bytes / 2 && rows < options.file_rows / 2)
}

/// The files in as many merges as are needed so that each can be read in its memory.
fn within_memory(run: Vec<&TableFile>) -> Vec<Vec<&TableFile>> {
    let mut parts: Vec<Vec<&TableFile>> = Vec::new();
    let (mut part, mut memory, mut readers) = (Vec::new(), 0, 0);
    for chain in chains(run) {
        let largest = chain.iter().map(|file| file.size).max().unwrap_or(0);
        let reader = largest.saturating_mul(4).clamp(READER, LARGEST_READER);
        // Two at least, or nothing would ever become one.
        if readers >= 2 && memory + reader > READERS {
            parts.push(std::mem::take(&mut part));
            (memory, readers) = (0, 0);
        }
        part.extend(chain);
        memory += reader;
        readers += 1;
    }
    match parts.last_mut() {
        // A single one that is left over joins the last merge.
        Some(last) if readers == 1 => last.extend(part),
        _ => parts.push(part),
    }
    parts.retain(|part| part.len() > 1);
    parts
}
