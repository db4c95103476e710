//! Headers as they are compared.

use std::collections::{BTreeMap, BTreeSet, HashMap};

/// A header as it is compared: the case, blanks, hyphens and underscores do not count (`x_SkuMeterId` =
/// `xSkuMeterId`, `Meter Sub-Category` = `MeterSubCategory`), nor does a byte-order mark.
pub(crate) fn normalise(header: &str) -> String {
    header
        .chars()
        .filter(|c| !matches!(c, '\u{feff}' | '-' | '_') && !c.is_whitespace())
        .flat_map(char::to_lowercase)
        .collect()
}

/// The invariant name of a localised header `Kosten (Cost)`.
fn invariant(header: &str) -> Option<&str> {
    let inner = header.trim_end().strip_suffix(')')?;
    let at = inner.rfind('(')?;
    (at > 0 && at + 1 < inner.len()).then(|| &inner[at + 1..])
}

/// The names that a header may be known by.
pub(crate) fn spellings(header: &str) -> impl Iterator<Item = String> {
    std::iter::once(normalise(header)).chain(invariant(header).map(normalise))
}

/// Names that several headers go by, with the positions of those headers.
pub(crate) fn repeated(header: &[String]) -> BTreeMap<String, Vec<usize>> {
    let mut found: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for (at, name) in header.iter().enumerate() {
        for spelling in spellings(name).filter(|s| !s.is_empty()).collect::<BTreeSet<_>>() {
            found.entry(spelling).or_default().push(at);
        }
    }
    found.retain(|_, positions| positions.len() > 1);
    found
}

/// Position of each header, found by any accepted name.
#[derive(Debug, Clone, Default)]
pub(crate) struct HeaderIndex {
    positions: HashMap<String, usize>,
}

impl HeaderIndex {
    /// The index of a header line. A name that stands twice counts at its first place.
    pub(crate) fn new(header: &[String]) -> Self {
        let mut positions = HashMap::new();
        for (at, name) in header.iter().enumerate() {
            positions.entry(normalise(name)).or_insert(at);
        }
        for (at, name) in header.iter().enumerate() {
            if let Some(inner) = invariant(name) {
                positions.entry(normalise(inner)).or_insert(at);
            }
        }
        Self { positions }
    }

    /// Where the header of one of the names stands.
    pub(crate) fn find(&self, name: &str) -> Option<usize> {
        self.positions.get(&normalise(name)).copied()
    }

    /// Where the first of the names stands that the file has.
    pub(crate) fn first(&self, names: &[&str]) -> Option<usize> {
        names.iter().find_map(|n| self.find(n))
    }

    /// All positions of the names that the file has, in order of preference.
    pub(crate) fn all(&self, names: &[&str]) -> Vec<usize> {
        let mut found = Vec::new();
        for at in names.iter().filter_map(|n| self.find(n)) {
            if !found.contains(&at) {
                found.push(at);
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_spelling_is_found() {
        let header =
            ["\u{feff}Kosten (Cost)", "Meter Sub-Category", "x_SkuMeterId", "Preis (netto) (UnitPrice)", "date"];
        let index = HeaderIndex::new(&header.map(str::to_owned));
        for (name, at) in [("Cost", 0), ("MeterSubCategory", 1), ("x_SkuMeterId", 2), ("UnitPrice", 3), ("Date", 4)] {
            assert_eq!(index.find(name), Some(at), "{name}");
        }
        assert_eq!(index.find("netto"), None);
        assert_eq!(index.all(&["Nothing", "Date", "date", "Cost"]), [4, 0]);
    }
}
