//! How data files of one partition and scope lie over each other.

use crate::snapshot::TableFile;

/// Whether a file follows another without overlap. Where a single day is cut into several files, one ends with the
/// day that the next begins with; files of one writer are in order all the same.
pub(super) fn follows(before: &TableFile, after: &TableFile) -> bool {
    before.span.1 < after.span.0 || (before.span.1 == after.span.0 && before.written_by == after.written_by)
}

/// Files by their first value.
pub(super) fn by_span<'a>(files: impl IntoIterator<Item = &'a TableFile>) -> Vec<&'a TableFile> {
    let mut sorted: Vec<&TableFile> = files.into_iter().collect();
    sorted.sort_by(|a, b| (a.span, number(a), &a.path).cmp(&(b.span, number(b), &b.path)));
    sorted
}

/// The number in the file's name, which is the order in which its writer wrote it.
fn number(file: &TableFile) -> u64 {
    let name = file.path.strip_suffix(".parquet").and_then(|name| name.rsplit_once('-'));
    name.and_then(|(_, number)| number.parse().ok()).unwrap_or(u64::MAX)
}

/// Chains of files each of which follows the one before, as few as possible. The reader takes files that share a day
/// for overlapping, and so does this.
pub(super) fn chains<'a>(files: impl IntoIterator<Item = &'a TableFile>) -> Vec<Vec<&'a TableFile>> {
    let mut chains: Vec<Vec<&TableFile>> = Vec::new();
    for file in by_span(files) {
        let ended = |chain: &&mut Vec<&TableFile>| chain.last().is_some_and(|last| last.span.1 < file.span.0);
        match chains.iter_mut().find(ended) {
            Some(chain) => chain.push(file),
            None => chains.push(vec![file]),
        }
    }
    chains
}
