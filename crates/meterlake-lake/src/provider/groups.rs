//! Dividing files into groups, each of which is read front to back and therefore in order.

use crate::snapshot::TableFile;

/// With more chains than this, an ordered read would hold too many files open; the engine sorts instead.
const MOST_ORDERED_GROUPS: usize = 256;

/// Files by group.
pub(super) struct Planned<'a> {
    pub(super) groups: Vec<Vec<&'a TableFile>>,
    /// Whether every group yields its rows in the order of a file.
    pub(super) ordered: bool,
}

/// Chains files whose days (or instants) follow each other without overlap, into as few chains as possible; then halves the largest
/// chains until there is work for every thread.
pub(super) fn plan<'a>(files: &[&'a TableFile], threads: usize) -> Planned<'a> {
    let mut sorted = files.to_vec();
    sorted.sort_by(|a, b| (a.span, &a.path).cmp(&(b.span, &b.path)));

    // Taking the files by first value, any chain that has ended will do; the count is then the greatest overlap.
    let mut chains: Vec<Vec<&TableFile>> = Vec::new();
    let mut ends = std::collections::BinaryHeap::new();
    for file in sorted {
        let free = ends.peek().is_some_and(|(std::cmp::Reverse(end), _)| *end < file.span.0);
        let chain = match if free { ends.pop() } else { None } {
            Some((_, chain)) => chain,
            None => {
                chains.push(Vec::new());
                chains.len() - 1
            }
        };
        chains[chain].push(file);
        ends.push((std::cmp::Reverse(file.span.1), chain));
    }

    if chains.len() > MOST_ORDERED_GROUPS {
        return balanced(files, threads);
    }
    while chains.len() < threads {
        let Some(largest) =
            (0..chains.len()).filter(|chain| chains[*chain].len() > 1).max_by_key(|chain| size(&chains[*chain]))
        else {
            break;
        };
        let half = size(&chains[largest]) / 2;
        let mut seen = 0;
        let at = chains[largest]
            .iter()
            .position(|file| {
                seen += file.size;
                seen > half
            })
            .unwrap_or(1)
            .clamp(1, chains[largest].len() - 1);
        let rest = chains[largest].split_off(at);
        chains.push(rest);
    }
    Planned { groups: chains, ordered: true }
}

/// As many groups of about equal size as there are threads, without regard to order.
pub(super) fn balanced<'a>(files: &[&'a TableFile], threads: usize) -> Planned<'a> {
    Planned { groups: by_size(files, threads.max(1)), ordered: false }
}

fn size(files: &[&TableFile]) -> u64 {
    files.iter().map(|file| file.size).sum()
}

/// The files in groups of about equal size, without regard to order.
fn by_size<'a>(files: &[&'a TableFile], count: usize) -> Vec<Vec<&'a TableFile>> {
    let mut sorted = files.to_vec();
    sorted.sort_by(|a, b| b.size.cmp(&a.size).then_with(|| a.path.cmp(&b.path)));
    let mut groups: Vec<(u64, Vec<&TableFile>)> = vec![(0, Vec::new()); count.min(files.len())];
    for file in sorted {
        if let Some(smallest) = groups.iter_mut().min_by_key(|(size, _)| *size) {
            smallest.0 += file.size;
            smallest.1.push(file);
        }
    }
    groups.into_iter().map(|(_, files)| files).collect()
}
