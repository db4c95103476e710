//! What a file is, by its first bytes.

/// Bytes that are looked at.
pub(crate) const HEAD: usize = 8 << 10;

/// What the first bytes say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Signature {
    /// No bytes but blanks.
    Empty,
    /// Apache Parquet.
    Parquet,
    /// Text: `skip` bytes of byte-order mark, then UTF-16 of a byte order, or UTF-8.
    Text { skip: u64, utf16: Option<bool>, json: bool },
    /// Something that is no source of charges.
    Other(&'static str),
}

const KNOWN: &[(&[u8], &str)] = &[
    (b"%PDF", "a PDF document"),
    (b"\x89PNG", "a PNG image"),
    (b"\xFF\xD8\xFF", "a JPEG image"),
    (b"GIF8", "a GIF image"),
    (b"PK\x03\x04", "a zip archive inside another file"),
    (b"PK\x05\x06", "an empty zip archive"),
    (b"\xD0\xCF\x11\xE0", "an old Office document"),
    (b"7z\xBC\xAF\x27\x1C", "a 7-Zip archive"),
    (b"Rar!", "a RAR archive"),
    (b"BZh", "a bzip2 file"),
    (b"\xFD7zXZ", "an xz file"),
    (b"\x1f\x8b", "gzip inside gzip"),
    (b"SQLite format 3", "an SQLite database"),
    (b"ORC", "an ORC file"),
    (b"Obj\x01", "an Avro file"),
    (b"ARROW1", "an Arrow file"),
    (b"\x7FELF", "a program"),
    (b"MZ", "a program"),
    (b"version https://git-lfs", "a Git LFS pointer, not the file itself"),
    (b"{\\rtf", "a rich text document"),
];

/// Judges the first bytes of unpacked content; `head` holds all of a short file.
pub(crate) fn of(head: &[u8]) -> Signature {
    if head.starts_with(b"PAR1") {
        return Signature::Parquet;
    }
    let (skip, utf16) = match head {
        [0xEF, 0xBB, 0xBF, ..] => (3, None),
        [0xFF, 0xFE, ..] => (2, Some(false)),
        [0xFE, 0xFF, ..] => (2, Some(true)),
        _ => (0, None),
    };
    if utf16.is_none() {
        let known = KNOWN.iter().find(|(magic, _)| head.starts_with(magic));
        // The short magics could also begin a header line.
        if let Some((magic, what)) = known.filter(|(magic, _)| magic.len() > 3 || head.contains(&0)) {
            return Signature::Other(if magic == b"MZ" { "a program" } else { what });
        }
        if head.contains(&0) {
            return Signature::Other("a binary file of an unknown kind");
        }
    }
    let text: Vec<u8> =
        head[usize::try_from(skip).unwrap_or(0)..].iter().copied().filter(|&b| b != 0).take(512).collect();
    let text = text.trim_ascii();
    if text.is_empty() {
        return Signature::Empty;
    }
    let lower = text[..text.len().min(16)].to_ascii_lowercase();
    if lower.starts_with(b"<?xml")
        || lower.starts_with(b"<!doctype")
        || lower.starts_with(b"<html")
        || lower.starts_with(b"<")
    {
        return Signature::Other("an XML or HTML document");
    }
    Signature::Text { skip, utf16, json: matches!(text[0], b'{' | b'[') }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds() {
        assert_eq!(of(b""), Signature::Empty);
        assert_eq!(of(b"\xEF\xBB\xBF \r\n"), Signature::Empty);
        assert_eq!(of(b"PAR1..."), Signature::Parquet);
        assert_eq!(of(b"%PDF-1.7"), Signature::Other("a PDF document"));
        assert_eq!(of(b"Date,\0"), Signature::Other("a binary file of an unknown kind"));
        assert_eq!(of(b"ORCHARD,Date\n"), Signature::Text { skip: 0, utf16: None, json: false });
        assert_eq!(of(b"\xEF\xBB\xBF{\"a\":1}"), Signature::Text { skip: 3, utf16: None, json: true });
        assert_eq!(of(b"\xFF\xFEa\0,\0"), Signature::Text { skip: 2, utf16: Some(false), json: false });
        assert_eq!(of(b"  [\n"), Signature::Text { skip: 0, utf16: None, json: true });
    }
}
