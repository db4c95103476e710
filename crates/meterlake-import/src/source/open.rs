//! From a file on disk to the bytes of its rows: unpacked, hashed, without byte-order mark, of a known format.

use std::fs::File;
use std::io::{BufReader, Cursor, Error, ErrorKind, Read, Seek, SeekFrom};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use sha2::{Digest, Sha256};

use super::encoding::Utf16Reader;
use super::signature::{self, Signature};
use super::{Compression, Format, SourceFile};
use crate::ImportError;

/// The bytes of a file's rows.
pub(crate) struct Opened {
    pub(crate) compression: Compression,
    pub(crate) content: Content,
    pub(crate) taps: Taps,
}

/// What the unpacked bytes are.
pub(crate) enum Content {
    /// Text without byte-order mark.
    Text(Format, Box<dyn Read + Send>),
    /// A Parquet file, which needs random access.
    Parquet(File),
}

/// Counters and hashes of what has been read so far.
#[derive(Clone, Default)]
pub(crate) struct Taps {
    read: Arc<AtomicU64>,
    stored: Option<Arc<Mutex<Sha256>>>,
    unpacked: Option<Arc<Mutex<Sha256>>>,
}

impl Taps {
    /// Bytes read from disk since the last call.
    pub(crate) fn advanced(&self) -> u64 {
        self.read.swap(0, Ordering::Relaxed)
    }

    /// SHA-256 of the stored and of the unpacked bytes, once all have been read.
    pub(crate) fn digests(&self) -> (String, String) {
        let hex = |hash: &Option<Arc<Mutex<Sha256>>>| {
            hash.as_ref().map(|h| hex::encode(h.lock().unwrap_or_else(PoisonError::into_inner).clone().finalize()))
        };
        let stored = hex(&self.stored).unwrap_or_default();
        let unpacked = hex(&self.unpacked).unwrap_or_else(|| stored.clone());
        (stored, unpacked)
    }
}

/// Counts and hashes what passes.
struct Tap<R> {
    inner: R,
    read: Option<Arc<AtomicU64>>,
    hash: Option<Arc<Mutex<Sha256>>>,
}

impl<R: Read> Read for Tap<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let count = self.inner.read(buffer)?;
        if let Some(read) = &self.read {
            read.fetch_add(count as u64, Ordering::Relaxed);
        }
        if let Some(hash) = &self.hash {
            hash.lock().unwrap_or_else(PoisonError::into_inner).update(&buffer[..count]);
        }
        Ok(count)
    }
}

/// Opens a file or zip member. With `hashing`, [`Taps::digests`] is meaningful after the last byte was read.
pub(crate) fn open(file: &SourceFile, hashing: bool) -> Result<Opened, ImportError> {
    let io = |error| ImportError::Io { path: file.path.clone(), error };
    let new_hash = || hashing.then(|| Arc::new(Mutex::new(Sha256::new())));
    let mut taps = Taps { read: Arc::default(), stored: new_hash(), unpacked: None };
    let bytes: Box<dyn Read + Send> = match &file.member {
        Some(member) => member_reader(file, member)?,
        None => Box::new(File::open(&file.path).map_err(io)?),
    };
    let stored = Tap { inner: bytes, read: Some(Arc::clone(&taps.read)), hash: taps.stored.clone() };
    let (head, stored) = peek(Box::new(stored)).map_err(|e| super::damage(&file.name, 1, &e))?;
    let compression = match head.as_slice() {
        [0x1f, 0x8b, ..] => Compression::Gzip,
        [0x28, 0xb5, 0x2f, 0xfd, ..] => Compression::Zstd,
        _ => Compression::None,
    };
    let (head, content) = if compression == Compression::None {
        (head, stored)
    } else {
        let unpacked: Box<dyn Read + Send> = match compression {
            Compression::Zstd => Box::new(zstd::stream::read::Decoder::new(stored).map_err(io)?),
            _ => Box::new(flate2::read::MultiGzDecoder::new(BufReader::with_capacity(128 << 10, stored))),
        };
        taps.unpacked = new_hash();
        let tapped = Tap { inner: unpacked, read: None, hash: taps.unpacked.clone() };
        peek(Box::new(tapped)).map_err(|e| super::damage(&file.name, 1, &e))?
    };
    let content = classify(file, &head, content, compression, hashing)?;
    Ok(Opened { compression, content, taps })
}

/// Decides what the unpacked bytes are by how they begin.
fn classify(
    file: &SourceFile,
    head: &[u8],
    bytes: Box<dyn Read + Send>,
    compression: Compression,
    hashing: bool,
) -> Result<Content, ImportError> {
    let unrecognised = |reason: String| ImportError::Unrecognised { file: file.name.clone(), reason };
    match signature::of(head) {
        Signature::Empty => Err(unrecognised(if file.size == 0 || compression != Compression::None {
            "the file is empty".to_owned()
        } else {
            "the file holds nothing but blanks".to_owned()
        })),
        Signature::Parquet => spool(file, bytes, compression, hashing).map(Content::Parquet),
        Signature::Other(what) => {
            Err(unrecognised(format!("this is {what}; expected CSV, JSON or Parquet, plain, gzip, zstd or zip")))
        }
        Signature::Text { skip, utf16, json } => {
            let mut bytes = bytes;
            std::io::copy(&mut bytes.by_ref().take(skip), &mut std::io::sink())
                .map_err(|e| super::damage(&file.name, 1, &e))?;
            let text: Box<dyn Read + Send> = match utf16 {
                Some(big_endian) => Box::new(Utf16Reader::new(bytes, big_endian)),
                None => bytes,
            };
            Ok(Content::Text(if json { Format::Json } else { Format::Csv }, text))
        }
    }
}

/// A plain Parquet file is read where it lies (and once through, if it is hashed); a packed one is unpacked to a
/// temporary file first.
fn spool(
    file: &SourceFile,
    mut bytes: Box<dyn Read + Send>,
    compression: Compression,
    hashing: bool,
) -> Result<File, ImportError> {
    let io = |error| ImportError::Io { path: file.path.clone(), error };
    if compression == Compression::None && file.member.is_none() {
        if hashing {
            std::io::copy(&mut bytes, &mut std::io::sink()).map_err(io)?;
        }
        return File::open(&file.path).map_err(io);
    }
    let mut spooled = tempfile::tempfile().map_err(io)?;
    std::io::copy(&mut bytes, &mut spooled).map_err(|e| super::damage(&file.name, 1, &e))?;
    spooled.seek(SeekFrom::Start(0)).map_err(io)?;
    Ok(spooled)
}

/// Reads the first bytes and puts them back.
fn peek(mut bytes: Box<dyn Read + Send>) -> std::io::Result<(Vec<u8>, Box<dyn Read + Send>)> {
    let mut head = Vec::with_capacity(signature::HEAD);
    bytes.by_ref().take(signature::HEAD as u64).read_to_end(&mut head)?;
    Ok((head.clone(), Box::new(Cursor::new(head).chain(bytes))))
}

/// The unpacked bytes of a zip member, checked against its checksum at the end.
fn member_reader(file: &SourceFile, member: &str) -> Result<Box<dyn Read + Send>, ImportError> {
    let io = |error| ImportError::Io { path: file.path.clone(), error };
    let damaged = |reason: String| ImportError::Damaged { file: file.name.clone(), place: "zip".to_owned(), reason };
    let mut archive = zip::ZipArchive::new(BufReader::new(File::open(&file.path).map_err(io)?))
        .map_err(|e| damaged(e.to_string()))?;
    let (start, stored, crc, size, method) = {
        let entry = archive.by_name(member).map_err(|e| damaged(e.to_string()))?;
        (entry.data_start(), entry.compressed_size(), entry.crc32(), entry.size(), entry.compression())
    };
    let mut bytes = File::open(&file.path).map_err(io)?;
    bytes.seek(SeekFrom::Start(start)).map_err(io)?;
    let bytes = BufReader::with_capacity(128 << 10, bytes.take(stored));
    let unpacked: Box<dyn Read + Send> = match method {
        zip::CompressionMethod::Stored => Box::new(bytes),
        zip::CompressionMethod::Deflated => Box::new(flate2::bufread::DeflateDecoder::new(bytes)),
        other => return Err(damaged(format!("packed by {other}; expected stored or deflated"))),
    };
    Ok(Box::new(Checked { inner: unpacked, crc: flate2::Crc::new(), expected: (crc, size), read: 0 }))
}

/// Compares length and checksum at the end.
struct Checked<R> {
    inner: R,
    crc: flate2::Crc,
    expected: (u32, u64),
    read: u64,
}

impl<R: Read> Read for Checked<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.crc.update(&buffer[..count]);
        self.read += count as u64;
        if count == 0 && !buffer.is_empty() && (self.crc.sum(), self.read) != self.expected {
            return Err(Error::new(ErrorKind::InvalidData, "the zip member's checksum or length does not agree"));
        }
        Ok(count)
    }
}
