//! The fields of a row of separated values.

/// Where a field of a row lies in its buffer.
#[derive(Clone, Copy)]
pub(super) struct Field {
    /// The first byte, the opening quote if it has one.
    from: usize,
    /// The separator or line end behind it.
    after: usize,
    /// Whether it stands in quotes.
    quoted: bool,
    /// Whether doubled quotes must be undone.
    pub(super) doubled: bool,
    /// Whether it is, byte for byte, the field of the row before.
    pub(super) same: bool,
}

impl Field {
    /// Place of the first byte of the cell.
    pub(super) fn start(&self) -> usize {
        self.from + usize::from(self.quoted)
    }

    /// Place behind the last byte of the cell.
    pub(super) fn end(&self) -> usize {
        self.after - usize::from(self.quoted)
    }
}

/// What the bytes at a place are.
pub(super) enum Scan {
    /// A whole row.
    Row {
        /// Its bytes, line end included.
        length: usize,
        /// Whether it ends with the only line end that is in it.
        one_line: bool,
    },
    /// The row goes on behind the buffer.
    More,
    /// Not a row.
    Fault(&'static str),
}

/// Finds the fields of the row that starts at a place of `bytes`. `before` are fields of the row before in the same
/// bytes, if it is known: neighbouring fields that repeat are found by one comparison.
pub(super) fn scan(
    bytes: &[u8],
    row: usize,
    at_end: bool,
    separator: u8,
    before: &[Field],
    fields: &mut Vec<Field>,
) -> Scan {
    fields.clear();
    let mut at = row;
    let mut quotes = false;
    loop {
        let mut alike = 0;
        if let Some(first) = before.get(fields.len()).map(|field| field.from) {
            alike = equal_bytes(&bytes[at..], &bytes[first..row]);
            let shift = at - first;
            for field in &before[fields.len()..] {
                // The separator must be alike, too, or the field may go on.
                if field.after - first >= alike || bytes[field.after] != separator {
                    break;
                }
                fields.push(Field { from: field.from + shift, after: field.after + shift, same: true, ..*field });
                quotes |= field.quoted;
                at = field.after + shift + 1;
            }
            alike -= at - shift - first;
        }
        let field = if bytes.get(at) == Some(&b'"') {
            match quoted(bytes, at, at_end) {
                Ok(field) => field,
                Err(scan) => return scan,
            }
        } else {
            // What is alike has no separator, or it would have ended the field of the row before.
            let known = if before.get(fields.len()).is_some_and(|field| !field.quoted) { alike } else { 0 };
            let known = at + before.get(fields.len()).map_or(0, |field| known.min(field.after - field.from));
            let after = match find_end(separator, &bytes[known..]) {
                Some(length) => known + length,
                None if at_end => bytes.len(),
                None => return Scan::More,
            };
            Field { from: at, after, quoted: false, doubled: false, same: false }
        };
        quotes |= field.quoted;
        let after = field.after;
        fields.push(field);
        let length = match bytes.get(after) {
            Some(&b) if b == separator => {
                at = after + 1;
                continue;
            }
            Some(b'\n') => after + 1 - row,
            Some(b'\r') => match bytes.get(after + 1) {
                Some(b'\n') => after + 2 - row,
                None if !at_end => return Scan::More,
                _ => after + 1 - row,
            },
            Some(_) => return Scan::Fault("text behind the closing quote of a field"),
            None if at_end => return Scan::Row { length: after - row, one_line: false },
            None => return Scan::More,
        };
        return Scan::Row { length, one_line: !quotes };
    }
}

/// How many bytes the texts begin with alike.
fn equal_bytes(a: &[u8], b: &[u8]) -> usize {
    let (words_a, words_b) = (a.as_chunks::<8>().0, b.as_chunks::<8>().0);
    for (at, (x, y)) in words_a.iter().zip(words_b).enumerate() {
        let differ = u64::from_le_bytes(*x) ^ u64::from_le_bytes(*y);
        if differ != 0 {
            return at * 8 + (differ.trailing_zeros() / 8) as usize;
        }
    }
    let whole = words_a.len().min(words_b.len()) * 8;
    whole + a[whole..].iter().zip(&b[whole..]).take_while(|(x, y)| x == y).count()
}

/// The separator or line end that comes first. Fields are short, so that eight bytes at a time without a call is
/// quicker than wider steps.
fn find_end(separator: u8, bytes: &[u8]) -> Option<usize> {
    const LOW: u64 = 0x7F7F_7F7F_7F7F_7F7F;
    const ONES: u64 = 0x0101_0101_0101_0101;
    // The highest bit of each byte that is zero.
    let zeros = |word: u64| !(((word & LOW) + LOW) | word | LOW);
    let separators = ONES * u64::from(separator);
    let (words, rest) = bytes.as_chunks::<8>();
    for (at, word) in words.iter().enumerate() {
        let word = u64::from_le_bytes(*word);
        let found = zeros(word ^ separators) | zeros(word ^ (ONES * 10)) | zeros(word ^ (ONES * 13));
        if found != 0 {
            return Some(at * 8 + (found.trailing_zeros() / 8) as usize);
        }
    }
    let found = rest.iter().position(|byte| matches!(byte, b'\n' | b'\r') || *byte == separator)?;
    Some(words.len() * 8 + found)
}

/// The quoted field that opens at `open`.
fn quoted(bytes: &[u8], open: usize, at_end: bool) -> Result<Field, Scan> {
    let mut from = open + 1;
    let mut doubled = false;
    loop {
        let Some(length) = memchr::memchr(b'"', &bytes[from..]) else {
            return Err(if at_end { Scan::Fault("a quote that opens a field is never closed") } else { Scan::More });
        };
        let quote = from + length;
        match bytes.get(quote + 1) {
            Some(b'"') => {
                doubled = true;
                from = quote + 2;
            }
            None if !at_end => return Err(Scan::More),
            _ => return Ok(Field { from: open, after: quote + 1, quoted: true, doubled, same: false }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn random(state: &mut u64) -> u64 {
        *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        *state >> 33
    }

    #[test]
    fn the_first_end_is_found() {
        let mut state = 3u64;
        for length in 0..400 {
            let bytes: Vec<u8> = (0..length % 40)
                .map(|_| {
                    // All bytes beside the wanted ones, and few of those.
                    let n = random(&mut state);
                    if n.is_multiple_of(16) { b",\r\n"[(n >> 8) as usize % 3] } else { (n >> 8) as u8 }
                })
                .collect();
            assert_eq!(find_end(b',', &bytes), memchr::memchr3(b',', b'\n', b'\r', &bytes), "{bytes:?}");
        }
    }

    /// Rows of few letters, so that neighbours repeat one another in all ways, found with and without the row before.
    #[test]
    fn the_row_before_changes_nothing_but_speed() {
        let mut state = 11u64;
        let (mut found, mut repeated) = (0, 0);
        for _ in 0..20_000 {
            let mut bytes = Vec::new();
            for _ in 0..random(&mut state) % 60 {
                bytes.push(b"aaaabb,,,,\"\"\n\r"[random(&mut state) as usize % 14]);
            }
            if random(&mut state).is_multiple_of(2) {
                // The same bytes again, one of them changed.
                let mut again = bytes.clone();
                if let Some(byte) = again.get_mut(random(&mut state) as usize % bytes.len().max(1)) {
                    *byte = b"ab,\"\n"[random(&mut state) as usize % 5];
                }
                bytes.extend(again);
            }
            let at_end = random(&mut state).is_multiple_of(2);
            let (mut at, mut before, mut fields, mut plain) = (0, Vec::new(), Vec::new(), Vec::new());
            while at < bytes.len() {
                let with = scan(&bytes, at, at_end, b',', &before, &mut fields);
                let without = scan(&bytes, at, at_end, b',', &[], &mut plain);
                let (length, one_line) = match (with, without) {
                    (Scan::Row { length, one_line }, Scan::Row { length: other, one_line: also }) => {
                        assert_eq!((length, one_line), (other, also), "{:?}", String::from_utf8_lossy(&bytes));
                        (length, one_line)
                    }
                    (Scan::More, Scan::More) => break,
                    (Scan::Fault(a), Scan::Fault(b)) if a == b => break,
                    _ => panic!("{:?} at {at}", String::from_utf8_lossy(&bytes)),
                };
                let text = |f: &Field| &bytes[f.start()..f.end()];
                let places =
                    |fields: &[Field]| fields.iter().map(|f| (f.start(), f.end(), f.doubled)).collect::<Vec<_>>();
                assert_eq!(places(&fields), places(&plain));
                for (n, field) in fields.iter().enumerate().filter(|(_, field)| field.same) {
                    let old: &Field = &before[n];
                    assert_eq!((text(field), field.doubled), (text(old), old.doubled));
                    repeated += 1;
                }
                let ends = bytes[at..at + length].iter().filter(|b| matches!(b, b'\n' | b'\r')).count();
                assert!(!one_line || ends == 1 || bytes[..at + length].ends_with(b"\r\n"));
                found += 1;
                at += length;
                std::mem::swap(&mut before, &mut fields);
            }
        }
        assert!(found > 5_000 && repeated > 5_000, "{found} {repeated}");
    }
}
